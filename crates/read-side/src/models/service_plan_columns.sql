customer uuid not null
status text not null
reason text
name text not null
content text not null
revision integer not null
covered json not null
sla_policy uuid
sla_policy_revision integer
unit text not null
consume_on text not null
overage boolean not null
total bigint
added bigint not null
used bigint not null
remaining bigint
period_start timestamptz not null
period_end timestamptz not null
zone text not null
recurrence json
checklist json not null
auto_renew boolean not null
occurrences json not null
occurrences_planned integer not null
occurrences_skipped integer not null
next_occurrence_at timestamptz
last_evaluation json
renews uuid
renewed_by uuid
drafted_at timestamptz not null
activated_at timestamptz
ended_at timestamptz
updated_at timestamptz not null
version bigint not null
