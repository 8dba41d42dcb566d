customer uuid not null
title text not null
description json not null
category text[] not null
categorized_by text
product_ref text
source text not null
evidence json not null
importance smallint
satisfaction smallint
wanted_by timestamptz
est_currency text
est_value_minor bigint
owner uuid
status text not null
target text
due timestamptz
fulfilled_by json
end_reason text
merged uuid[] not null
merged_into uuid
captured_at timestamptz not null
updated_at timestamptz not null
version bigint not null
