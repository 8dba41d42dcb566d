-- The customer $2 with all that were merged into it: begins a list that can be asked for a customer's rows.
with recursive up as (
    select $2::uuid as customer, 0 as depth
    where $2::uuid is not null
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
