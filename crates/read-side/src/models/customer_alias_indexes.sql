create index on {table} (survivor);
comment on table {table} is 'Customers that are aliases of others, as long as they are. One row per version.';
comment on column {table}.key is 'The alias.';
comment on column {table}.customer is 'The alias again, by its name in other tables.';
comment on column {table}.survivor is 'Of whom; may be an alias in turn.';
