-- Needs that match: by customer $2 with all its aliases, status $3, source $4, a level of the category $5, owner $6,
-- product $7, importance from $8 to $9, wanted by a time from $10 to before $11.
{aliases}
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'need'
       or (c.model = 'customer_alias' and $2::uuid is not null)
) c
left join lateral (
    select t.*
    from read.need t
    where {version:t}
      and ($2::uuid is null or t.customer = any (array(select alias.customer from alias)))
      and ($3::text[] is null or t.status = any ($3::text[]))
      and ($4::text[] is null or t.source = any ($4::text[]))
      and ($5::text is null or t.category @> array[$5::text])
      and ($6::uuid is null or t.owner = $6::uuid)
      and ($7::text is null or t.product_ref = $7::text)
      and ($8::bigint is null or t.importance >= $8::bigint)
      and ($9::bigint is null or t.importance <= $9::bigint)
      and ($10::timestamptz is null or t.wanted_by >= $10::timestamptz)
      and ($11::timestamptz is null or t.wanted_by < $11::timestamptz)
      and ($13::uuid is null or (t.{column}, t.key) {beyond} ($12::text::{kind}, $13::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $14::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
