customer uuid not null
source_system text not null
order_no text not null
type text not null
status text not null
occurred_at timestamptz not null
currency text not null
amount_minor bigint not null
refunded_minor bigint not null
lines json not null
refunds json not null
channel text
plan uuid
corrections integer not null
void_reason text
updated_at timestamptz not null
version bigint not null
