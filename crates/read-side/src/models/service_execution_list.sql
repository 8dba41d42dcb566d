-- Service executions that match: by customer $2 with all its aliases, ticket $3, status $4, resource $5, skill $6, booked
-- for some time from $7 to before $8, with a window that is open some time from $9 to before $10,
-- under the service plan $11.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'service_execution'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.service_execution t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::uuid is null or t.ticket = $3::uuid)
      and ($4::text[] is null or t.status = any ($4::text[]))
      and ($5::uuid is null or t.resources @> array[$5::uuid])
      and ($6::text is null or t.skills @> array[$6::text])
      and ($7::timestamptz is null or t.scheduled_end > $7::timestamptz)
      and ($8::timestamptz is null or t.scheduled_start < $8::timestamptz)
      and ($9::timestamptz is null or t.window_latest > $9::timestamptz)
      and ($10::timestamptz is null or t.window_earliest < $10::timestamptz)
      and ($11::uuid is null or t.plan = $11::uuid)
      and ($13::uuid is null or (t.{column}, t.key) {beyond} ($12::text::{kind}, $13::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $14::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
