create index on {table} (name, key) where to_position = 9223372036854775807;
comment on table {table} is 'Agents: the people of the support desk.';
comment on column {table}.availability is 'available, away or offline.';
comment on column {table}.capacity is 'How many unfinished tickets at once.';
