name text not null
content text
subject_kind text not null
subject_id uuid not null
period_start timestamptz not null
period_end timestamptz not null
scorecard uuid not null
scorecard_revision integer not null
card json not null
evaluator uuid not null
executor uuid
status text not null
scores json not null
as_of_position bigint
result_hundredths smallint
verdict text
appeal json
actions json not null
drafted_at timestamptz not null
submitted_at timestamptz
finalized_at timestamptz
updated_at timestamptz not null
version bigint not null
