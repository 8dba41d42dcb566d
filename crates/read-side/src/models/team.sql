create index on {table} (name, key) where to_position = 9223372036854775807;
create index on {table} using gin (members) where to_position = 9223372036854775807;
comment on table {table} is 'Teams: agents who work on tickets together.';
comment on column {table}.routing is 'How tickets find an agent: round_robin, least_busy or manual.';
