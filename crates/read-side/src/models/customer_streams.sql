-- The streams of a customer's timeline: the customer $2 with all its aliases, and whatever is theirs; of that the $3 that
-- changed last.
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
stream as (
    select 'customer' as category, alias.customer as id, 9223372036854775807 as changed
    from alias
    union all
    select 'ticket', t.key, t.from_position
    from read.ticket t
    where t.customer = any (array(select alias.customer from alias))
      and {version:t}
    union all
    select 'inquiry', t.key, t.from_position
    from read.inquiry t
    where t.customer = any (array(select alias.customer from alias))
      and {version:t}
    union all
    select 'feedback', f.key, f.from_position
    from read.feedback f
    where f.customer = any (array(select alias.customer from alias))
      and {version:f}
    union all
    select 'service_execution', t.key, t.from_position
    from read.service_execution t
    where t.customer = any (array(select alias.customer from alias))
      and {version:t}
    union all
    select 'transaction', t.key, t.from_position
    from read.transaction t
    where t.customer = any (array(select alias.customer from alias))
      and {version:t}
    union all
    select 'need', t.key, t.from_position
    from read.need t
    where t.customer = any (array(select alias.customer from alias))
      and {version:t}
    union all
    select 'service_plan', t.key, t.from_position
    from read.service_plan t
    where t.customer = any (array(select alias.customer from alias))
      and {version:t}
)
select
    c.position,
    s.category,
    s.id
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model in
        ('customer_alias', 'transaction', 'need', 'inquiry', 'feedback', 'ticket', 'service_plan', 'service_execution')
) c
left join lateral (
    select stream.category, stream.id, stream.changed
    from stream
    order by stream.changed desc, stream.id
    limit $3::bigint
) s on true
order by s.changed desc, s.id
