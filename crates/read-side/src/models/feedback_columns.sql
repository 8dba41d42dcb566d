kind text not null
status text not null
customer uuid not null
metric text
ticket uuid
agent uuid
team uuid
plan uuid
plan_revision integer
score smallint
comment json
severity smallint
subject json
body json
channel text
remedy json
objection json
escalation_reason text
outcome text
needs uuid[] not null
created_at timestamptz not null
expires_at timestamptz
responded_at timestamptz
amend_until timestamptz
closed_at timestamptz
updated_at timestamptz not null
version bigint not null
