-- Teams, all or those with the member $2.
select
    c.position,
    t.*
from read.checkpoint c
left join lateral (
    select t.*
    from read.team t
    where {version:t}
      and ($2::uuid is null or t.members @> array[$2::uuid])
      and ($4::uuid is null or (t.{column}, t.key) {beyond} ($3::text::{kind}, $4::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $5::bigint
) t on true
where c.model = 'team'
order by t.{column} {direction}, t.key {direction}
