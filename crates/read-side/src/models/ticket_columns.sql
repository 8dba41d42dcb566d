number bigint not null
customer uuid not null
requester uuid
type text not null
subject json not null
description json
channel text not null
category text[] not null
tags text[] not null
impact smallint not null
urgency smallint not null
priority text not null
priority_reason text
priority_overridden boolean not null
team uuid
assignee uuid
watchers uuid[] not null
status text not null
pending_reason text
pending_until timestamptz
flagged boolean not null
escalation_level smallint
resolution json
closed_by text
plan uuid
plan_revision integer
product text
sla json
sla_policy uuid
sla_due_at timestamptz
sla_at_risk_at timestamptz
sla_breached boolean not null
links json not null
reopen_count integer not null
time_spent_s bigint not null
messages json not null
opened_at timestamptz not null
first_replied_at timestamptz
resolved_at timestamptz
closed_at timestamptz
updated_at timestamptz not null
version bigint not null
