-- Agents that match: by role $2, availability $3, skill $4, team $5.
select
    c.position,
    t.*
from (
    select min(c.position) as position
    from read.checkpoint c
    where c.model = 'agent'
       or (c.model = 'team' and $5::uuid is not null)
) c
left join lateral (
    select t.*
    from read.agent t
    where {version:t}
      and ($2::text is null or t.role = $2::text)
      and ($3::text is null or t.availability = $3::text)
      and ($4::text is null or t.skills @> array[$4::text])
      and (
          $5::uuid is null
          or t.key = any (array(select unnest(m.members) from read.team m where m.key = $5::uuid and {version:m}))
      )
      and ($7::uuid is null or (t.{column}, t.key) {beyond} ($6::text::{kind}, $7::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $8::bigint
) t on true
order by t.{column} {direction}, t.key {direction}
