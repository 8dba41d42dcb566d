-- The figures whose names begin with one of the prefixes $2, as they stood at $1.
select
    c.position,
    v.fact,
    v.n1,
    v.n2,
    v.n3,
    v.n4
from read.checkpoint c
left join lateral (
    select n.fact, f.n1, f.n2, f.n3, f.n4
    from unnest($2::text[]) as wanted (prefix)
    join read.fact_name n
        on n.model = c.model
       and n.fact >= wanted.prefix
       and n.fact < wanted.prefix || chr(1114111)
    cross join lateral (
        select f.n1, f.n2, f.n3, f.n4
        from read.{model}_fact f
        where f.fact_id = n.id
          and f.position <= coalesce($1::bigint, 9223372036854775807)
        order by f.position desc
        limit 1
    ) f
) v on true
where c.model = '{model}'
order by v.fact
