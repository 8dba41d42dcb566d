-- Tickets that match: by customer $2 with all its aliases, status $3, priority $4, team $5, assignee $6, tag $7,
-- opened from $8 to before $9, with a clock due before $10, with one at risk before
-- $11, breached or not $12, of the SLA policy $13, under the service plan $14.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'ticket'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.ticket t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::text[] is null or t.status = any ($3::text[]))
      and ($4::text[] is null or t.priority = any ($4::text[]))
      and ($5::uuid is null or t.team = $5::uuid)
      and ($6::uuid is null or t.assignee = $6::uuid)
      and ($7::text is null or t.tags @> array[$7::text])
      and ($8::timestamptz is null or t.opened_at >= $8::timestamptz)
      and ($9::timestamptz is null or t.opened_at < $9::timestamptz)
      and ($10::timestamptz is null or t.sla_due_at < $10::timestamptz)
      and ($11::timestamptz is null or t.sla_at_risk_at < $11::timestamptz)
      and ($12::boolean is null or t.sla_breached = $12::boolean)
      and ($13::uuid is null or t.sla_policy = $13::uuid)
      and ($14::uuid is null or t.plan = $14::uuid)
      and ($16::uuid is null or (t.{column}, t.key) {beyond} ($15::text::{kind}, $16::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $17::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
