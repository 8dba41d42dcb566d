-- The one way into the history. Every step is linear in the batch.
--
-- Commands come in groups. A group is refused whole when one of its commands has a receipt already, when a stream it
-- looked at has moved on, or when a claim is not as it was seen; the other groups go in together. Guards and claims
-- speak of the state before the batch.

create function log.append(
    -- commands, in order
    c_publisher text[], c_id uuid[], c_fingerprint bytea[], c_group integer[], c_category text[], c_stream uuid[],
    c_version bigint[], c_rejection text[],
    -- events, in order; e_command is the ordinal of the command, from 1
    e_command integer[], e_id uuid[], e_category text[], e_stream uuid[], e_version bigint[], e_type text[],
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
    -- answers: one row per command that was refused because of a receipt or whose group went in
    out command integer, out known boolean, out fingerprint bytea, out version bigint, out "position" bigint,
    out event_types text[], out ordinal bigint, out rejection text, out recorded_at timestamptz
) returns setof record
language plpgsql as $$
#variable_conflict use_column
declare
    refused integer[];
    head bigint;
    head_at timestamptz;
    counted_types text[];
    counts_before bigint[];
begin
    perform pg_advisory_xact_lock(7310001);

    return query
        select c.n::integer, true, r.fingerprint, r.version, r.position, r.event_types, r.ordinal, r.rejection::text,
               r.recorded_at
          from unnest(c_publisher, c_id) with ordinality as c (publisher, id, n)
          join log.receipt r on r.publisher = c.publisher and r.command_id = c.id;

    refused := array(
        select c.group_n
          from unnest(c_publisher, c_id, c_group) as c (publisher, id, group_n)
          join log.receipt r on r.publisher = c.publisher and r.command_id = c.id
        union
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

    counted_types := array(
        select distinct e.type from unnest(e_type, e_counted) as e (type, counted) where e.counted);
    if cardinality(counted_types) > 0 then
        insert into log.ordinal (event_type, count)
        select t, 0 from unnest(counted_types) as t
            on conflict do nothing;
        counts_before := array(
            select o.count from unnest(counted_types) with ordinality as t (type, n)
              join log.ordinal o on o.event_type = t.type order by t.n);
    end if;

    return query
    with going as materialized (
        select e.n, e.command, e.id, e.category, e.stream, e.version, e.type, e.schema, e.occurred_at, e.metadata,
               e.payload, e.hash, e.counted, row_number() over (order by e.n) as place,
               case when e.counted then counts_before[array_position(counted_types, e.type)]
                    + row_number() over (partition by e.counted, e.type order by e.n) end as ordinal
          from unnest(e_command, e_id, e_category, e_stream, e_version, e_type, e_schema, e_occurred_at, e_metadata,
                      e_payload, e_hash, e_counted) with ordinality
               as e (command, id, category, stream, version, type, schema, occurred_at, metadata, payload, hash,
                     counted, n)
         where not (c_group[e.command] = any (refused))
    ), per_command as materialized (
        select g.command, max(head + g.place) as position, array_agg(g.type order by g.n) as types,
               max(g.ordinal) as ordinal
          from going g
         group by g.command
    ), decided as materialized (
        select c.n::integer as n, c.publisher, c.id, c.fingerprint, c.category, c.stream, c.version,
               coalesce(max(p.position) over (order by c.n), head) as position, coalesce(p.types, '{}') as types,
               p.ordinal, c.rejection
          from unnest(c_publisher, c_id, c_fingerprint, c_group, c_category, c_stream, c_version, c_rejection)
               with ordinality
               as c (publisher, id, fingerprint, group_n, category, stream, version, rejection, n)
          left join per_command p on p.command = c.n
         where not (c.group_n = any (refused))
    ), event_rows as (
        insert into log.event (position, event_id, category, stream_id, version, type, schema_version, occurred_at,
                               recorded_at, ordinal, metadata, payload, content_hash)
        select head + g.place, g.id, g.category, g.stream, g.version, g.type, g.schema, g.occurred_at,
               head_at + (g.place - 1) * interval '1 microsecond', g.ordinal, g.metadata::json, g.payload::json, g.hash
          from going g
         order by g.n
    ), stream_rows as (
        insert into log.stream (category, stream_id, version)
        select s.category, s.stream, s.version
          from unnest(s_group, s_category, s_stream, s_version) as s (group_n, category, stream, version)
         where not (s.group_n = any (refused))
            on conflict (category, stream_id) do update set version = excluded.version
    ), ordinal_rows as (
        update log.ordinal o
           set count = g.highest
          from (select type, max(ordinal) as highest from going where counted group by type) g
         where o.event_type = g.type
    ), receipt_rows as (
        insert into log.receipt (publisher, command_id, fingerprint, category, stream_id, version, position,
                                 event_types, ordinal, rejection, recorded_at)
        select d.publisher, d.id, d.fingerprint, d.category, d.stream, d.version, d.position, d.types, d.ordinal,
               d.rejection::json, head_at
          from decided d
    ), fired as (
        delete from log.timer t
         using decided d
         where d.publisher = 'timer' and t.category = d.category and t.stream_id = d.stream and t.command_id = d.id
    ), told as (
        select pg_notify('carelog_log', max(head + g.place)::text) from going g having count(*) > 0
    )
    select d.n, false, null::bytea, d.version, d.position, d.types, d.ordinal, d.rejection,
           head_at + greatest(d.position - head - 1, 0) * interval '1 microsecond'
      from decided d
      left join told on true;

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
