-- Feedback that matches: by customer $2 with all its aliases, kind $3, status $4, metric $5, ticket $6, agent $7, team $8,
-- severity $9, score from $10 to $11, created from $12 to before $13, answered from $14 to before $15, plan $16.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'feedback'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.feedback t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::text[] is null or t.kind = any ($3::text[]))
      and ($4::text[] is null or t.status = any ($4::text[]))
      and ($5::text[] is null or t.metric = any ($5::text[]))
      and ($6::uuid is null or t.ticket = $6::uuid)
      and ($7::uuid is null or t.agent = $7::uuid)
      and ($8::uuid is null or t.team = $8::uuid)
      and ($9::bigint is null or t.severity = $9::bigint)
      and ($10::bigint is null or t.score >= $10::bigint)
      and ($11::bigint is null or t.score <= $11::bigint)
      and ($12::timestamptz is null or t.created_at >= $12::timestamptz)
      and ($13::timestamptz is null or t.created_at < $13::timestamptz)
      and ($14::timestamptz is null or t.responded_at >= $14::timestamptz)
      and ($15::timestamptz is null or t.responded_at < $15::timestamptz)
      and ($16::uuid is null or t.plan = $16::uuid)
      and ($18::uuid is null or (t.{column}, t.key) {beyond} ($17::text::{kind}, $18::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $19::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
