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
    select n.fact, f.n1, f.n2, f.n3, f.n4
    from (select 'customer/' || alias.customer::text || '/' as prefix from alias) wanted
    join read.fact_name n
        on n.model = 'transaction'
       and n.fact >= wanted.prefix
       and n.fact < wanted.prefix || chr(1114111)
    cross join lateral (
        select f.n1, f.n2, f.n3, f.n4
        from read.transaction_fact f
        where f.fact_id = n.id
          and f.position <= coalesce($1::bigint, 9223372036854775807)
        order by f.position desc
        limit 1
    ) f
) v on true
order by v.fact
