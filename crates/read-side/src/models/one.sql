-- One row by its id.
select
    c.position,
    t.*
from read.checkpoint c
left join lateral (
    select t.*
    from read.{model} t
    where t.key = $2::uuid
      and {version:t}
) t on true
where c.model = '{model}'
