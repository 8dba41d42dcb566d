-- Settings of one kind.
select
    c.position,
    t.*
from read.checkpoint c
left join lateral (
    select t.*
    from read.{model} t
    where {version:t}
      and ($3::uuid is null or (t.{column}, t.key) {beyond} ($2::text::{kind}, $3::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $4::bigint
) t on true
where c.model = '{model}'
order by t.{column} {direction}, t.key {direction}
