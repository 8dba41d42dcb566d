-- The figures of needs as they stood at $1: by status, and by top category the $2 with the most needs.
select
    c.position,
    v.fact,
    v.n1,
    v.n2,
    v.n3,
    v.n4
from read.checkpoint c
left join lateral (
    select
        n.fact,
        f.n1,
        f.n2,
        f.n3,
        f.n4,
        row_number() over (partition by split_part(n.fact, '/', 1) order by f.n1 desc, n.fact) as place
    from read.fact_name n
    cross join lateral (
        select f.n1, f.n2, f.n3, f.n4
        from read.need_fact f
        where f.fact_id = n.id
          and f.position <= coalesce($1::bigint, 9223372036854775807)
        order by f.position desc
        limit 1
    ) f
    where n.model = c.model
) v on v.place <= $2::bigint
where c.model = 'need'
order by v.fact
