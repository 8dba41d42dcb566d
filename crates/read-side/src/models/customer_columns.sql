kind text not null
display_name jsonb not null
contact_points jsonb not null
addresses jsonb not null
external_refs jsonb not null
organization_links jsonb not null
tags text[] not null
locale text
timezone text
owner uuid
consents jsonb not null
lifecycle text not null
lifecycle_before_merge text
blocked boolean not null
blocked_reason jsonb
merged_into uuid
aliases uuid[] not null
erasure_requested_at timestamptz
erased_at timestamptz
registered_at timestamptz not null
updated_at timestamptz not null
version bigint not null
