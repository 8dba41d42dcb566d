-- Transactions that match: by customer $2 with all its aliases, type $3, status $4, currency $5, source system $6,
-- occurred from $7 to before $8.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'transaction'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.transaction t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::text[] is null or t.type = any ($3::text[]))
      and ($4::text[] is null or t.status = any ($4::text[]))
      and ($5::text is null or t.currency = $5::text)
      and ($6::text is null or t.source_system = $6::text)
      and ($7::timestamptz is null or t.occurred_at >= $7::timestamptz)
      and ($8::timestamptz is null or t.occurred_at < $8::timestamptz)
      and ($10::uuid is null or (t.{column}, t.key) {beyond} ($9::text::{kind}, $10::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $11::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
