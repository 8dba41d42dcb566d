-- One row by its id.
select
    c.position,
    t.key,
    t.row,
    t.stale_since
from read.checkpoint c
left join lateral (
    select t.key, row_to_json(t) as row, t.stale_since
    from read.{model} t
    where t.key = $2::uuid
      and {version:t}
) t on true
where c.model = '{model}'
