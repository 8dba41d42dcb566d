-- The figures of the transactions of the customer $2 and all its aliases, as they stood at $1.
with recursive up as (
    select $2::uuid as customer, 0 as depth
    union all
    select a.survivor, up.depth + 1
    from up
    join read.customer_alias a on a.key = up.customer
    where {version:a}
      and up.depth < 64
),
alias as (
    (select up.customer from up order by up.depth desc limit 1)
    union
    select a.key
    from alias
    join read.customer_alias a on a.survivor = alias.customer
    where {version:a}
),
named as (
    select wanted.prefix, first.fact
    from (select 'customer/' || alias.customer::text || '/' as prefix from alias) wanted
    cross join lateral (
        select f.fact
        from read.transaction_fact f
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
        from read.transaction_fact f
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
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model in ('transaction', 'customer_alias')
) c
left join lateral (
    select named.fact, f.n1, f.n2, f.n3, f.n4
    from named
    cross join lateral (
        select f.n1, f.n2, f.n3, f.n4
        from read.transaction_fact f
        where f.fact = named.fact
          and f.position <= coalesce($1::bigint, 9223372036854775807)
        order by f.position desc
        limit 1
    ) f
) v on true
order by v.fact
