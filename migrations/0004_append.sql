-- The append without a join of the batch with itself: the caller says how many events each command has, of which types,
-- and how many of them are counted, so that receipts need no look at the events. What it promises is unchanged. The
-- older one stays beside it for processes of the version before.

create function log.append(
    -- commands, in order; c_counted is the one counted type among its events, if there is one, c_counts how many they are
    c_publisher text[], c_id uuid[], c_fingerprint bytea[], c_group integer[], c_category text[], c_stream uuid[],
    c_version bigint[], c_events integer[], c_types text[], c_counted text[], c_counts integer[], c_rejection text[],
    -- events, in order
    e_group integer[], e_id uuid[], e_category text[], e_stream uuid[], e_version bigint[], e_type text[],
    e_schema smallint[], e_occurred_at timestamptz[], e_metadata text[], e_payload text[], e_hash bytea[],
    e_counted boolean[],
    -- guards: the version of each stream that a group looked at
    g_group integer[], g_category text[], g_stream uuid[], g_version bigint[],
    -- the streams' versions afterwards
    s_group integer[], s_category text[], s_stream uuid[], s_version bigint[],
    -- claims looked at: the digest of their holders, or, for counted claims taken, what is added within which limit
    l_group integer[], l_key bytea[], l_starts_at timestamptz[], l_ends_at timestamptz[], l_digest text[],
    l_added bigint[], l_limit bigint[],
    -- claims given back and taken
    r_group integer[], r_key bytea[], r_category text[], r_holder uuid[],
    t_group integer[], t_key bytea[], t_category text[], t_holder uuid[], t_weight bigint[],
    t_starts_at timestamptz[], t_ends_at timestamptz[],
    -- timers set (due_at given) and cancelled
    m_group integer[], m_category text[], m_stream uuid[], m_name text[], m_due_at timestamptz[], m_command_id uuid[],
    m_command text[],
    -- subject keys made and destroyed
    k_group integer[], k_subject uuid[], k_version integer[], k_master integer[], k_wrapped bytea[],
    x_group integer[], x_subject uuid[],
    -- subjects for whom values were sealed
    u_group integer[], u_subject uuid[],
    -- answers: one row per command that was refused because of a receipt, with the receipt's fingerprint, or whose
    -- group went in
    out command integer, out fingerprint bytea, out version bigint, out "position" bigint, out event_types text[],
    out ordinal bigint, out rejection text, out recorded_at timestamptz
) returns setof record
language plpgsql as $$
#variable_conflict use_column
declare
    refused integer[];
    head bigint;
    head_at timestamptz;
    counted_types text[];
    counts_before bigint[];
    appended bigint;
begin
    perform pg_advisory_xact_lock(7310001);

    refused := array(
        select c.group_n
          from unnest(c_publisher, c_id, c_group) as c (publisher, id, group_n)
          join log.receipt r on r.publisher = c.publisher and r.command_id = c.id);
    if cardinality(refused) > 0 then
        return query
            select c.n::integer, r.fingerprint, r.version, r.position, r.event_types, r.ordinal, r.rejection::text,
                   r.recorded_at
              from unnest(c_publisher, c_id) with ordinality as c (publisher, id, n)
              join log.receipt r on r.publisher = c.publisher and r.command_id = c.id;
    end if;

    refused := refused || array(
        select g.group_n
          from unnest(g_group, g_category, g_stream, g_version) as g (group_n, category, stream, version)
          left join log.stream s on s.category = g.category and s.stream_id = g.stream
         where coalesce(s.version, 0) <> g.version);

    if cardinality(l_group) > 0 then
        refused := refused || array(
            select l.group_n
              from unnest(l_group, l_key, l_starts_at, l_ends_at, l_digest, l_added, l_limit)
                   as l (group_n, key, starts_at, ends_at, digest, added, bound)
             cross join lateral (
                select coalesce(sum(h.weight), 0) as used,
                       coalesce(string_agg(h.holder_category || h.holder_id || ':' || h.weight, ','
                                           order by h.holder_category, h.holder_id), '') as digest
                  from log.claim h
                 where h.key = l.key
                   and (l.starts_at is null or (h.starts_at < l.ends_at and l.starts_at < h.ends_at))) h
             where (l.digest is not null and l.digest <> h.digest)
                or (l.bound is not null and h.used + l.added > l.bound));
    end if;

    if cardinality(k_group) > 0 then
        refused := refused || array(
            select k.group_n
              from unnest(k_group, k_subject) as k (group_n, subject)
              join vault.subject_key v on v.subject = k.subject);
    end if;

    if cardinality(u_group) > 0 then
        refused := refused || array(
            select u.group_n
              from unnest(u_group, u_subject) as u (group_n, subject)
              join vault.subject_key v on v.subject = u.subject
             where v.wrapped is null);
    end if;

    select e.position, e.recorded_at into head, head_at from log.event e order by e.position desc limit 1;
    head := coalesce(head, 0);
    head_at := greatest(clock_timestamp(), coalesce(head_at, '-infinity') + interval '1 microsecond');

    if true = any (e_counted) then
        counted_types := array(select distinct c.type from unnest(c_counted) as c (type) where c.type is not null);
        insert into log.ordinal (event_type, count)
        select t, 0 from unnest(counted_types) as t
            on conflict do nothing;
        counts_before := array(
            select o.count from unnest(counted_types) with ordinality as t (type, n)
              join log.ordinal o on o.event_type = t.type order by t.n);
        update log.ordinal o
           set count = o.count + c.counts
          from (select c.type, sum(c.counts) as counts
                  from unnest(c_counted, c_counts, c_group) as c (type, counts, group_n)
                 where c.type is not null and not (c.group_n = any (refused))
                 group by c.type) c
         where o.event_type = c.type;
    end if;

    insert into log.event (position, event_id, category, stream_id, version, type, schema_version, occurred_at,
                           recorded_at, ordinal, metadata, payload, content_hash)
    select head + row_number() over (order by e.n), e.id, e.category, e.stream, e.version, e.type, e.schema,
           e.occurred_at, head_at + (row_number() over (order by e.n) - 1) * interval '1 microsecond',
           case when e.counted then counts_before[array_position(counted_types, e.type)]
                + count(*) filter (where e.counted) over (partition by e.counted, case when e.counted then e.type end
                                                          order by e.n) end,
           e.metadata::json, e.payload::json, e.hash
      from unnest(e_group, e_id, e_category, e_stream, e_version, e_type, e_schema, e_occurred_at, e_metadata,
                  e_payload, e_hash, e_counted) with ordinality
           as e (group_n, id, category, stream, version, type, schema, occurred_at, metadata, payload, hash, counted, n)
     where not (e.group_n = any (refused));
    get diagnostics appended = row_count;

    insert into log.stream (category, stream_id, version)
    select s.category, s.stream, s.version
      from unnest(s_group, s_category, s_stream, s_version) as s (group_n, category, stream, version)
     where not (s.group_n = any (refused))
        on conflict (category, stream_id) do update set version = excluded.version;

    return query
    with decided as materialized (
        select c.n::integer as n, c.publisher, c.id, c.fingerprint, c.category, c.stream, c.version,
               head + sum(c.events) over (order by c.n) as position,
               string_to_array(c.types, ',') as types,
               case when c.counted is not null then counts_before[array_position(counted_types, c.counted)]
                    + sum(c.counts) over (partition by c.counted order by c.n) end as ordinal,
               c.rejection
          from unnest(c_publisher, c_id, c_fingerprint, c_group, c_category, c_stream, c_version, c_events, c_types,
                      c_counted, c_counts, c_rejection) with ordinality
               as c (publisher, id, fingerprint, group_n, category, stream, version, events, types, counted, counts,
                     rejection, n)
         where not (c.group_n = any (refused))
    ), receipt_rows as (
        insert into log.receipt (publisher, command_id, fingerprint, category, stream_id, version, position,
                                 event_types, ordinal, rejection, recorded_at)
        select d.publisher, d.id, d.fingerprint, d.category, d.stream, d.version, d.position, d.types, d.ordinal,
               d.rejection::json, head_at
          from decided d
    )
    select d.n, null::bytea, d.version, d.position, d.types, d.ordinal, d.rejection,
           head_at + greatest(d.position - head - 1, 0) * interval '1 microsecond'
      from decided d;

    if 'timer' = any (c_publisher) then
        delete from log.timer t
         using unnest(c_publisher, c_id, c_group, c_category, c_stream) as c (publisher, id, group_n, category, stream)
         where c.publisher = 'timer' and t.category = c.category and t.stream_id = c.stream and t.command_id = c.id
           and not (c.group_n = any (refused));
    end if;
    if appended > 0 then
        perform pg_notify('carelog_log', (head + appended)::text);
    end if;

    if cardinality(r_group) > 0 then
        delete from log.claim h
         using unnest(r_group, r_key, r_category, r_holder) as r (group_n, key, category, holder)
         where h.key = r.key and h.holder_category = r.category and h.holder_id = r.holder
           and not (r.group_n = any (refused));
    end if;
    if cardinality(t_group) > 0 then
        insert into log.claim (key, holder_category, holder_id, weight, starts_at, ends_at)
        select t.key, t.category, t.holder, t.weight, t.starts_at, t.ends_at
          from unnest(t_group, t_key, t_category, t_holder, t_weight, t_starts_at, t_ends_at)
               as t (group_n, key, category, holder, weight, starts_at, ends_at)
         where not (t.group_n = any (refused))
            on conflict (key, holder_category, holder_id) do update
               set weight = excluded.weight, starts_at = excluded.starts_at, ends_at = excluded.ends_at;
    end if;
    if cardinality(m_group) > 0 then
        delete from log.timer t
         using unnest(m_group, m_category, m_stream, m_name, m_due_at) as m (group_n, category, stream, name, due_at)
         where t.category = m.category and t.stream_id = m.stream and t.name = m.name and m.due_at is null
           and not (m.group_n = any (refused));
        insert into log.timer (category, stream_id, name, due_at, command_id, command)
        select m.category, m.stream, m.name, m.due_at, m.command_id, m.command::json
          from unnest(m_group, m_category, m_stream, m_name, m_due_at, m_command_id, m_command)
               as m (group_n, category, stream, name, due_at, command_id, command)
         where m.due_at is not null and not (m.group_n = any (refused))
            on conflict (category, stream_id, name) do update
               set due_at = excluded.due_at, command_id = excluded.command_id, command = excluded.command;
    end if;
    if cardinality(k_group) > 0 then
        insert into vault.subject_key (subject, key_version, master_version, wrapped)
        select k.subject, k.version, k.master, k.wrapped
          from unnest(k_group, k_subject, k_version, k_master, k_wrapped) as k (group_n, subject, version, master, wrapped)
         where not (k.group_n = any (refused));
    end if;
    if cardinality(x_group) > 0 then
        insert into vault.subject_key (subject, key_version, master_version, wrapped, erased_at)
        select x.subject, 0, 0, null, head_at
          from unnest(x_group, x_subject) as x (group_n, subject)
         where not (x.group_n = any (refused))
            on conflict (subject) do update set wrapped = null, erased_at = excluded.erased_at;
        delete from log.claim h
         using unnest(x_group, x_subject) as x (group_n, subject)
         where h.holder_category = 'customer' and h.holder_id = x.subject and not (x.group_n = any (refused));
        delete from log.timer t
         using unnest(x_group, x_subject) as x (group_n, subject)
         where t.category = 'customer' and t.stream_id = x.subject and not (x.group_n = any (refused));
    end if;
end
$$;

-- The same for a batch of one command: rows by themselves cost PostgreSQL less than sets of one row do. There is one
-- group, so the first thing that does not hold refuses all of it.
create function log.append_one(
    c_publisher text[], c_id uuid[], c_fingerprint bytea[], c_group integer[], c_category text[], c_stream uuid[],
    c_version bigint[], c_events integer[], c_types text[], c_counted text[], c_counts integer[], c_rejection text[],
    e_group integer[], e_id uuid[], e_category text[], e_stream uuid[], e_version bigint[], e_type text[],
    e_schema smallint[], e_occurred_at timestamptz[], e_metadata text[], e_payload text[], e_hash bytea[],
    e_counted boolean[],
    g_group integer[], g_category text[], g_stream uuid[], g_version bigint[],
    s_group integer[], s_category text[], s_stream uuid[], s_version bigint[],
    l_group integer[], l_key bytea[], l_starts_at timestamptz[], l_ends_at timestamptz[], l_digest text[],
    l_added bigint[], l_limit bigint[],
    r_group integer[], r_key bytea[], r_category text[], r_holder uuid[],
    t_group integer[], t_key bytea[], t_category text[], t_holder uuid[], t_weight bigint[],
    t_starts_at timestamptz[], t_ends_at timestamptz[],
    m_group integer[], m_category text[], m_stream uuid[], m_name text[], m_due_at timestamptz[], m_command_id uuid[],
    m_command text[],
    k_group integer[], k_subject uuid[], k_version integer[], k_master integer[], k_wrapped bytea[],
    x_group integer[], x_subject uuid[],
    u_group integer[], u_subject uuid[],
    out command integer, out fingerprint bytea, out version bigint, out "position" bigint, out event_types text[],
    out ordinal bigint, out rejection text, out recorded_at timestamptz
) returns setof record
language plpgsql as $$
#variable_conflict use_column
declare
    head bigint;
    head_at timestamptz;
    tail bigint;
    holders text;
    used bigint;
begin
    perform pg_advisory_xact_lock(7310001);

    select 1, r.fingerprint, r.version, r.position, r.event_types, r.ordinal, r.rejection::text, r.recorded_at
      into command, fingerprint, version, "position", event_types, ordinal, rejection, recorded_at
      from log.receipt r
     where r.publisher = c_publisher[1] and r.command_id = c_id[1];
    if found then
        return next;
        return;
    end if;

    for n in 1 .. cardinality(g_stream) loop
        select s.version into version
          from log.stream s
         where s.category = g_category[n] and s.stream_id = g_stream[n];
        if coalesce(version, 0) <> g_version[n] then
            return;
        end if;
    end loop;
    for n in 1 .. cardinality(l_key) loop
        select coalesce(sum(h.weight), 0),
               coalesce(string_agg(h.holder_category || h.holder_id || ':' || h.weight, ','
                                   order by h.holder_category, h.holder_id), '')
          into used, holders
          from log.claim h
         where h.key = l_key[n]
           and (l_starts_at[n] is null or (h.starts_at < l_ends_at[n] and l_starts_at[n] < h.ends_at));
        if l_digest[n] <> holders or used + l_added[n] > l_limit[n] then
            return;
        end if;
    end loop;
    for n in 1 .. cardinality(k_subject) loop
        perform from vault.subject_key v where v.subject = k_subject[n];
        if found then
            return;
        end if;
    end loop;
    for n in 1 .. cardinality(u_subject) loop
        perform from vault.subject_key v where v.subject = u_subject[n] and v.wrapped is null;
        if found then
            return;
        end if;
    end loop;

    select e.position, e.recorded_at into head, head_at from log.event e order by e.position desc limit 1;
    head := coalesce(head, 0);
    head_at := greatest(clock_timestamp(), coalesce(head_at, '-infinity') + interval '1 microsecond');

    if c_counted[1] is not null then
        insert into log.ordinal as o (event_type, count)
        values (c_counted[1], c_counts[1])
            on conflict (event_type) do update set count = o.count + excluded.count
        returning o.count - c_counts[1] into ordinal;
    end if;
    tail := head;
    for n in 1 .. cardinality(e_id) loop
        tail := tail + 1;
        ordinal := ordinal + e_counted[n]::integer;
        insert into log.event (position, event_id, category, stream_id, version, type, schema_version, occurred_at,
                               recorded_at, ordinal, metadata, payload, content_hash)
        values (tail, e_id[n], e_category[n], e_stream[n], e_version[n], e_type[n], e_schema[n], e_occurred_at[n],
                head_at + (n - 1) * interval '1 microsecond', case when e_counted[n] then ordinal end,
                e_metadata[n]::json, e_payload[n]::json, e_hash[n]);
    end loop;
    for n in 1 .. cardinality(s_stream) loop
        insert into log.stream (category, stream_id, version)
        values (s_category[n], s_stream[n], s_version[n])
            on conflict (category, stream_id) do update set version = excluded.version;
    end loop;

    command := 1;
    version := c_version[1];
    "position" := tail;
    event_types := string_to_array(c_types[1], ',');
    rejection := c_rejection[1];
    recorded_at := head_at + greatest(tail - head - 1, 0) * interval '1 microsecond';
    insert into log.receipt (publisher, command_id, fingerprint, category, stream_id, version, position, event_types,
                             ordinal, rejection, recorded_at)
    values (c_publisher[1], c_id[1], c_fingerprint[1], c_category[1], c_stream[1], c_version[1], tail, event_types,
            ordinal, c_rejection[1]::json, head_at);
    return next;
    if tail > head then
        perform pg_notify('carelog_log', tail::text);
    end if;

    if c_publisher[1] = 'timer' then
        delete from log.timer t
         where t.category = c_category[1] and t.stream_id = c_stream[1] and t.command_id = c_id[1];
    end if;
    for n in 1 .. cardinality(r_key) loop
        delete from log.claim h
         where h.key = r_key[n] and h.holder_category = r_category[n] and h.holder_id = r_holder[n];
    end loop;
    for n in 1 .. cardinality(t_key) loop
        insert into log.claim (key, holder_category, holder_id, weight, starts_at, ends_at)
        values (t_key[n], t_category[n], t_holder[n], t_weight[n], t_starts_at[n], t_ends_at[n])
            on conflict (key, holder_category, holder_id) do update
               set weight = excluded.weight, starts_at = excluded.starts_at, ends_at = excluded.ends_at;
    end loop;
    for n in 1 .. cardinality(m_name) loop
        if m_due_at[n] is null then
            delete from log.timer t
             where t.category = m_category[n] and t.stream_id = m_stream[n] and t.name = m_name[n];
        else
            insert into log.timer (category, stream_id, name, due_at, command_id, command)
            values (m_category[n], m_stream[n], m_name[n], m_due_at[n], m_command_id[n], m_command[n]::json)
                on conflict (category, stream_id, name) do update
                   set due_at = excluded.due_at, command_id = excluded.command_id, command = excluded.command;
        end if;
    end loop;
    for n in 1 .. cardinality(k_subject) loop
        insert into vault.subject_key (subject, key_version, master_version, wrapped)
        values (k_subject[n], k_version[n], k_master[n], k_wrapped[n]);
    end loop;
    for n in 1 .. cardinality(x_subject) loop
        insert into vault.subject_key (subject, key_version, master_version, wrapped, erased_at)
        values (x_subject[n], 0, 0, null, head_at)
            on conflict (subject) do update set wrapped = null, erased_at = excluded.erased_at;
        delete from log.claim h where h.holder_category = 'customer' and h.holder_id = x_subject[n];
        delete from log.timer t where t.category = 'customer' and t.stream_id = x_subject[n];
    end loop;
end
$$;
