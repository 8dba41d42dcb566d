create table if not exists read.checkpoint (
    model text not null,
    revision integer not null,
    generation integer not null,
    position bigint not null,
    event_id uuid,
    content_hash bytea,
    epoch bigint not null,
    blocked text,
    updated_at timestamptz not null default clock_timestamp(),
    constraint checkpoint_pkey primary key (model)
) with (fillfactor = 50);
comment on table read.checkpoint is 'How far each read model has come; moves in the transaction that writes its rows.';
comment on column read.checkpoint.generation is 'Which of the model''s tables the view shows; rises with each rebuild.';
comment on column read.checkpoint.position is 'The last event that the rows hold, 0 for none.';
comment on column read.checkpoint.content_hash is 'The hash of that event: another one at the position means a forked history.';
comment on column read.checkpoint.blocked is 'Why the model does not go on, or null.';

create table if not exists read.parked (
    model text not null,
    key uuid not null,
    position bigint not null,
    error text not null,
    skipped bigint not null default 0,
    constraint parked_pkey primary key (model, key)
);
comment on table read.parked is 'Rows that did not fit an event. Their later events are counted here and skipped.';

create table if not exists read.fact_name (
    id integer generated always as identity,
    model text not null,
    fact text collate "C" not null,
    constraint fact_name_pkey primary key (id),
    constraint fact_name_fact_key unique (model, fact)
);
comment on table read.fact_name is 'The names of the figures in the models'' rollups. Kept for good: rebuilt models have the same numbers.';

grant select on read.checkpoint, read.parked, read.fact_name to carelog_query;
