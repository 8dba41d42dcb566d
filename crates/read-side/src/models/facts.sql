-- The figures whose names begin with one of the prefixes $2, as they stood at $1. Names are found one after the other
-- on the index, so that the many positions of each are never read.
with recursive named as (
    select wanted.prefix, first.fact
    from unnest($2::text[]) as wanted (prefix)
    cross join lateral (
        select f.fact
        from read.{model}_fact f
        where f.fact >= wanted.prefix
        order by f.fact
        limit 1
    ) first
    where starts_with(first.fact, wanted.prefix)
    union all
    select named.prefix, following.fact
    from named
    cross join lateral (
        select f.fact
        from read.{model}_fact f
        where f.fact > named.fact
        order by f.fact
        limit 1
    ) following
    where starts_with(following.fact, named.prefix)
)
select
    c.position,
    v.fact,
    v.n1,
    v.n2,
    v.n3,
    v.n4
from read.checkpoint c
left join lateral (
    select named.fact, f.n1, f.n2, f.n3, f.n4
    from named
    cross join lateral (
        select f.n1, f.n2, f.n3, f.n4
        from read.{model}_fact f
        where f.fact = named.fact
          and f.position <= coalesce($1::bigint, 9223372036854775807)
        order by f.position desc
        limit 1
    ) f
) v on true
where c.model = '{model}'
order by v.fact
