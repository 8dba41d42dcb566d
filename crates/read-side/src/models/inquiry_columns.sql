customer uuid
anonymous json
channel text not null
subject json not null
body json not null
language text
product_ref text
priority text not null
team uuid
assignee uuid
status text not null
outcome text
ticket uuid
messages json not null
reopen_count integer not null
received_at timestamptz not null
first_answered_at timestamptz
closed_at timestamptz
updated_at timestamptz not null
version bigint not null
