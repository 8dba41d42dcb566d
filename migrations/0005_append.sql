-- The append, all or nothing: what does not hold is told by its groups, and the caller asks again without them. So places,
-- numbers and receipts are counted by the caller, and nothing here looks at the batch twice.
--
-- The versions of streams are guarded by the history itself: those that the batch writes or takes for new are looked up;
-- of those that were only read, the ones among the events since the last one that the caller has seen. A caller that has
-- seen too little has every stream looked up. So log.stream, a row written for every event, is not needed.

do $$
declare
    old regprocedure;
begin
    for old in
        select oid from pg_proc
         where pronamespace = 'log'::regnamespace and proname in ('append', 'append_one')
    loop
        execute format('drop function %s', old);
    end loop;
end
$$;
drop table log.stream;

create index subject_key_erased_idx on vault.subject_key (subject) where wrapped is null;

create function log.append(
    -- the last event up to which the caller has seen every change, or null
    seen bigint, seen_id uuid,
    -- commands, in order; c_place is how many events there are up to and with those of the command; c_counted is the one
    -- counted type among its events, if there is one, and c_number the number of the last of these in the batch
    c_publisher text[], c_id uuid[], c_fingerprint bytea[], c_group integer[], c_category text[], c_stream uuid[],
    c_version bigint[], c_place bigint[], c_types text[], c_counted text[], c_number bigint[], c_rejection json[],
    -- events, in order; e_number is the number in the batch among those of a counted type
    e_id uuid[], e_category text[], e_stream uuid[], e_version bigint[], e_type text[], e_schema smallint[],
    e_occurred_at timestamptz[], e_number bigint[], e_metadata json[], e_payload json[], e_hash bytea[],
    -- counted types, and how many events there are of each
    o_type text[], o_count bigint[],
    -- guards: the version of each stream that a group looked at, and whether the batch writes it
    g_group integer[], g_category text[], g_stream uuid[], g_version bigint[], g_written boolean[],
    -- claims looked at: the digest of their holders, or, for counted claims taken, what is added within which limit
    l_group integer[], l_key bytea[], l_starts_at timestamptz[], l_ends_at timestamptz[], l_digest text[],
    l_added bigint[], l_limit bigint[],
    -- claims given back and taken
    r_key bytea[], r_category text[], r_holder uuid[],
    t_key bytea[], t_category text[], t_holder uuid[], t_weight bigint[], t_starts_at timestamptz[],
    t_ends_at timestamptz[],
    -- timers set (due_at given) and cancelled
    m_category text[], m_stream uuid[], m_name text[], m_due_at timestamptz[], m_command_id uuid[], m_command json[],
    -- subject keys made and destroyed
    k_group integer[], k_subject uuid[], k_version integer[], k_master integer[], k_wrapped bytea[],
    x_subject uuid[],
    -- subjects for whom values were sealed
    u_group integer[], u_subject uuid[],
    -- whether the event seen is in this history: if not, nothing was appended
    out is_same boolean,
    -- the last event before the batch; when the first event of the batch is recorded; the last number of each counted
    -- type before the batch
    out head bigint, out head_id uuid, out head_at timestamptz, out numbers bigint[],
    -- the groups because of which nothing was appended; none: all of it was
    out refused integer[],
    -- the streams of the events after the one seen; null where these were not looked at
    out changed_category text[], out changed_stream uuid[], out changed_version bigint[]
)
language plpgsql as $$
#variable_conflict use_column
declare
    is_behind boolean;
    number bigint;
begin
    perform pg_advisory_xact_lock(7310001);

    select e.position, e.event_id, e.recorded_at, seen_id = (select s.event_id from log.event s where s.position = seen)
      into head, head_id, head_at, is_same
      from log.event e
     order by e.position desc limit 1;
    head := coalesce(head, 0);
    head_at := greatest(clock_timestamp(), coalesce(head_at, '-infinity') + interval '1 microsecond');
    is_same := seen is null or coalesce(is_same, false);
    if not is_same then
        return;
    end if;
    -- Looking up a stream costs as much as some events do.
    is_behind := seen is null or head - seen > least(10000, 256 + 4 * cardinality(g_group));

    -- Plans are made while tables are small, and kept: what ends with `limit` is hashed as a whole, or looked up by index
    -- row by row, whatever their size will be. Arrays are unnested side by side in select lists: in a `from` each of them
    -- would be stored first, with 16 kB of memory at least.
    refused := array(
        select c.group_n
          from (select unnest(c_publisher) as publisher, unnest(c_id) as id, unnest(c_group) as group_n) c
          join log.receipt r on r.publisher = c.publisher and r.command_id = c.id
         union all
        select g.group_n
          from (select unnest(g_group) as group_n, unnest(g_category) as category, unnest(g_stream) as stream,
                       unnest(g_version) as version, unnest(g_written) as written) g
         where (is_behind or g.written or g.version = 0
                or ((g.category, g.stream) in (select e.category, e.stream_id from log.event e
                                                where e.position > seen order by e.position limit 10000)) is true)
           and g.version <> coalesce((select e.version from log.event e
                                       where e.category = g.category and e.stream_id = g.stream
                                       order by e.version desc limit 1), 0)
         union all
        select k.group_n
          from (select unnest(k_group) as group_n, unnest(k_subject) as subject) k
          join vault.subject_key v on v.subject = k.subject
         union all
        select u.group_n
          from (select unnest(u_group) as group_n, unnest(u_subject) as subject) u
         where (select v.subject from vault.subject_key v
                 where v.subject = u.subject and v.wrapped is null limit 1) is not null);
    if cardinality(l_group) > 0 then
        refused := refused || array(
            select l.group_n
              from (select unnest(l_group) as group_n, unnest(l_key) as key, unnest(l_starts_at) as starts_at,
                           unnest(l_ends_at) as ends_at, unnest(l_digest) as digest, unnest(l_added) as added,
                           unnest(l_limit) as bound) l
             cross join lateral (
                select coalesce(sum(h.weight), 0) as used,
                       coalesce(string_agg(h.holder_category || h.holder_id || ':' || h.weight, ','
                                           order by h.holder_category, h.holder_id)
                                filter (where l.digest is not null), '') as digest
                  from log.claim h
                 where h.key = l.key
                   and (l.starts_at is null or (h.starts_at < l.ends_at and l.starts_at < h.ends_at))) h
             where (l.digest is not null and l.digest <> h.digest)
                or (l.bound is not null and h.used + l.added > l.bound));
    end if;
    if is_behind then
        null;
    elsif head > seen then
        select array_agg(e.category), array_agg(e.stream_id), array_agg(e.version)
          into changed_category, changed_stream, changed_version
          from log.event e
         where e.position > seen;
    else
        changed_category := '{}';
        changed_stream := '{}';
        changed_version := '{}';
    end if;
    if cardinality(refused) > 0 then
        return;
    end if;

    for n in 1 .. cardinality(o_type) loop
        insert into log.ordinal as o (event_type, count)
        values (o_type[n], o_count[n])
            on conflict (event_type) do update set count = o.count + excluded.count
        returning o.count - o_count[n] into number;
        numbers[n] := number;
    end loop;

    insert into log.event (position, event_id, category, stream_id, version, type, schema_version, occurred_at,
                           recorded_at, ordinal, metadata, payload, content_hash)
    select head + e.n, e.id, e.category, e.stream, e.version, e.type, e.schema, e.occurred_at,
           head_at + (e.n - 1) * interval '1 microsecond', numbers[array_position(o_type, e.type)] + e.number,
           e.metadata, e.payload, e.hash
      from (select generate_series(1, cardinality(e_id)) as n, unnest(e_id) as id, unnest(e_category) as category,
                   unnest(e_stream) as stream, unnest(e_version) as version, unnest(e_type) as type,
                   unnest(e_schema) as schema, unnest(e_occurred_at) as occurred_at, unnest(e_number) as number,
                   unnest(e_metadata) as metadata, unnest(e_payload) as payload, unnest(e_hash) as hash) e;

    insert into log.receipt (publisher, command_id, fingerprint, category, stream_id, version, position, event_types,
                             ordinal, rejection, recorded_at)
    select c.publisher, c.id, c.fingerprint, c.category, c.stream, c.version, head + c.place,
           string_to_array(c.types, ','), numbers[array_position(o_type, c.counted)] + c.number, c.rejection, head_at
      from (select unnest(c_publisher) as publisher, unnest(c_id) as id, unnest(c_fingerprint) as fingerprint,
                   unnest(c_category) as category, unnest(c_stream) as stream, unnest(c_version) as version,
                   unnest(c_place) as place, unnest(c_types) as types, unnest(c_counted) as counted,
                   unnest(c_number) as number, unnest(c_rejection) as rejection) c;

    if 'timer' = any (c_publisher) then
        delete from log.timer t
         using (select unnest(c_publisher) as publisher, unnest(c_id) as id, unnest(c_category) as category,
                       unnest(c_stream) as stream) c
         where c.publisher = 'timer' and t.category = c.category and t.stream_id = c.stream and t.command_id = c.id;
    end if;
    if cardinality(e_id) > 0 then
        perform pg_notify('carelog_log', (head + cardinality(e_id))::text);
    end if;

    if cardinality(r_key) > 0 then
        delete from log.claim h
         using (select unnest(r_key) as key, unnest(r_category) as category, unnest(r_holder) as holder) r
         where h.key = r.key and h.holder_category = r.category and h.holder_id = r.holder;
    end if;
    if cardinality(t_key) > 0 then
        insert into log.claim (key, holder_category, holder_id, weight, starts_at, ends_at)
        select t.key, t.category, t.holder, t.weight, t.starts_at, t.ends_at
          from (select unnest(t_key) as key, unnest(t_category) as category, unnest(t_holder) as holder,
                       unnest(t_weight) as weight, unnest(t_starts_at) as starts_at, unnest(t_ends_at) as ends_at) t
            on conflict (key, holder_category, holder_id) do update
               set weight = excluded.weight, starts_at = excluded.starts_at, ends_at = excluded.ends_at;
    end if;
    if cardinality(m_name) > 0 then
        delete from log.timer t
         using (select unnest(m_category) as category, unnest(m_stream) as stream, unnest(m_name) as name,
                       unnest(m_due_at) as due_at) m
         where t.category = m.category and t.stream_id = m.stream and t.name = m.name and m.due_at is null;
        insert into log.timer (category, stream_id, name, due_at, command_id, command)
        select m.category, m.stream, m.name, m.due_at, m.command_id, m.command
          from (select unnest(m_category) as category, unnest(m_stream) as stream, unnest(m_name) as name,
                       unnest(m_due_at) as due_at, unnest(m_command_id) as command_id,
                       unnest(m_command) as command) m
         where m.due_at is not null
            on conflict (category, stream_id, name) do update
               set due_at = excluded.due_at, command_id = excluded.command_id, command = excluded.command;
    end if;
    if cardinality(k_subject) > 0 then
        insert into vault.subject_key (subject, key_version, master_version, wrapped)
        select k.subject, k.version, k.master, k.wrapped
          from (select unnest(k_subject) as subject, unnest(k_version) as version, unnest(k_master) as master,
                       unnest(k_wrapped) as wrapped) k;
    end if;
    if cardinality(x_subject) > 0 then
        insert into vault.subject_key (subject, key_version, master_version, wrapped, erased_at)
        select x.subject, 0, 0, null, head_at
          from unnest(x_subject) as x (subject)
            on conflict (subject) do update set wrapped = null, erased_at = excluded.erased_at;
        delete from log.claim h
         using unnest(x_subject) as x (subject)
         where h.holder_category = 'customer' and h.holder_id = x.subject;
        delete from log.timer t
         using unnest(x_subject) as x (subject)
         where t.category = 'customer' and t.stream_id = x.subject;
    end if;
end
$$;
comment on function log.append is 'The one way into the history: all of a batch of decided commands, or nothing of it.';
