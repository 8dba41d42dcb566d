kind text not null
display_name json not null
contact_points json not null
addresses json not null
external_refs jsonb not null
organization_links json not null
tags text[] not null
locale text
timezone text
owner uuid
consents json not null
lifecycle text not null
lifecycle_before_merge text
blocked boolean not null
blocked_reason json
merged_into uuid
aliases uuid[] not null
erasure_requested_at timestamptz
erased_at timestamptz
registered_at timestamptz not null
updated_at timestamptz not null
version bigint not null
