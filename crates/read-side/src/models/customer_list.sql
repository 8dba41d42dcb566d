-- Customers that match: by lifecycle $2, tag $3, owner $4, id in another system $5 $6.
select
    c.position,
    t.*
from read.checkpoint c
left join lateral (
    select t.*
    from read.customer t
    where {version:t}
      and ($2::text[] is null or t.lifecycle = any ($2::text[]))
      and ($3::text is null or t.tags @> array[$3::text])
      and ($4::uuid is null or t.owner = $4::uuid)
      and (
          $5::text is null
          or t.external_refs @> jsonb_build_array(jsonb_build_object('system', $5::text, 'id', $6::text))
      )
      and ($8::uuid is null or (t.{column}, t.key) {beyond} ($7::text::{kind}, $8::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $9::bigint
) t on true
where c.model = 'customer'
order by t.{column} {direction}, t.key {direction}
