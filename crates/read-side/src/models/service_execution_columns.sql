name text not null
content text
customer uuid not null
ticket uuid
plan uuid
plan_revision integer
occurrence integer
site json
window_earliest timestamptz not null
window_latest timestamptz not null
skills text[] not null
checklist json not null
status text not null
begins_at timestamptz not null
scheduled_start timestamptz
scheduled_end timestamptz
resources uuid[] not null
overridden boolean not null
parts json not null
travel_started_at timestamptz
started_at timestamptz
pauses json not null
ended_at timestamptz
labour_s bigint
travel_s bigint
outcome text
end_reason text
signed_off_by json
follow_up uuid
follow_up_of uuid
planned_at timestamptz not null
updated_at timestamptz not null
version bigint not null
