-- Evaluations that match: of a kind of subject $2, of the subject $3, by the evaluator $4, of the agent $5, by the
-- scorecard $6, status $7, verdict $8, with a result from $9 to below $10 hundredths, with a period that shares an
-- instant with the time from $11 to before $12, drafted from $13 to before $14.
select
    c.position,
    t.*
from read.checkpoint c
left join lateral (
    select t.*
    from read.service_evaluation t
    where {version:t}
      and ($2::text[] is null or t.subject_kind = any ($2::text[]))
      and ($3::uuid is null or t.subject_id = $3::uuid)
      and ($4::uuid is null or t.evaluator = $4::uuid)
      and ($5::uuid is null or t.executor = $5::uuid)
      and ($6::uuid is null or t.scorecard = $6::uuid)
      and ($7::text[] is null or t.status = any ($7::text[]))
      and ($8::text[] is null or t.verdict = any ($8::text[]))
      and ($9::bigint is null or t.result_hundredths >= $9::bigint)
      and ($10::bigint is null or t.result_hundredths < $10::bigint)
      and ($11::timestamptz is null or t.period_end > $11::timestamptz)
      and ($12::timestamptz is null or t.period_start < $12::timestamptz)
      and ($13::timestamptz is null or t.drafted_at >= $13::timestamptz)
      and ($14::timestamptz is null or t.drafted_at < $14::timestamptz)
      and ($16::uuid is null or (t.{column}, t.key) {beyond} ($15::text::{kind}, $16::uuid))
    order by t.{column} {direction}, t.key {direction}
    limit $17::bigint
) t on true
where c.model = 'service_evaluation'
order by t.{column} {direction}, t.key {direction}
