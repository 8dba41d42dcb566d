-- Inquiries that match: by customer $2 with all its aliases, status $3, channel $4, priority $5, team $6, assignee $7,
-- language $8, of nobody known or of somebody $9, received from $10 to before $11.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'inquiry'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.inquiry t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::text[] is null or t.status = any ($3::text[]))
      and ($4::text[] is null or t.channel = any ($4::text[]))
      and ($5::text[] is null or t.priority = any ($5::text[]))
      and ($6::uuid is null or t.team = $6::uuid)
      and ($7::uuid is null or t.assignee = $7::uuid)
      and ($8::text is null or t.language = $8::text)
      and ($9::boolean is null or (t.customer is null) = $9::boolean)
      and ($10::timestamptz is null or t.received_at >= $10::timestamptz)
      and ($11::timestamptz is null or t.received_at < $11::timestamptz)
      and ($13::uuid is null or (t.{column}, t.key) {beyond} ($12::text::{kind}, $13::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $14::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
