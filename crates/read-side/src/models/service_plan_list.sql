-- Service plans that match: by customer $2 with all its aliases, status $3, unit $4, SLA policy $5, in force at $6, ending
-- from $7 to before $8, with an occurrence that is due before $9.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'service_plan'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.service_plan t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::text[] is null or t.status = any ($3::text[]))
      and ($4::text[] is null or t.unit = any ($4::text[]))
      and ($5::uuid is null or t.sla_policy = $5::uuid)
      and ($6::timestamptz is null or (t.status = 'active' and t.period_start <= $6::timestamptz and t.period_end > $6::timestamptz))
      and ($7::timestamptz is null or t.period_end >= $7::timestamptz)
      and ($8::timestamptz is null or t.period_end < $8::timestamptz)
      and ($9::timestamptz is null or t.next_occurrence_at < $9::timestamptz)
      and ($11::uuid is null or (t.{column}, t.key) {beyond} ($10::text::{kind}, $11::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $12::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
