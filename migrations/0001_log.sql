-- The history and what the append function keeps beside it.

create schema log;
create schema vault;

create table log.event (
    position bigint not null,
    event_id uuid not null,
    category text not null,
    stream_id uuid not null,
    version bigint not null,
    type text not null,
    schema_version smallint not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    ordinal bigint,
    metadata json not null,
    payload json not null,
    content_hash bytea not null,
    constraint event_pkey primary key (position),
    constraint event_stream_version_key unique (category, stream_id, version),
    constraint event_position_positive check (position > 0),
    constraint event_version_positive check (version > 0)
);
create index event_type_position_idx on log.event (type, position);

comment on table log.event is 'The history. Only log.append inserts; nothing updates or deletes.';
comment on column log.event.position is 'The place in the one history: 1, 2, 3 … without gaps, in commit order.';
comment on column log.event.version is 'The place in the stream: 1, 2, 3 … without gaps.';
comment on column log.event.recorded_at is 'When it was recorded; rises strictly with the position.';
comment on column log.event.ordinal is 'The gap-free number among the events of its type, for types that are counted.';
comment on column log.event.metadata is 'Who caused it and by what, byte for byte as hashed. No personal data.';
comment on column log.event.payload is 'The content, byte for byte as hashed; personal values are sealed.';
comment on column log.event.content_hash is 'SHA-256 over event id, stream, version, type, schema version, occurred_at, metadata, payload.';

create table log.stream (
    category text not null,
    stream_id uuid not null,
    version bigint not null,
    constraint stream_pkey primary key (category, stream_id)
) with (fillfactor = 70);
comment on table log.stream is 'The version of each stream, which guards appends.';

create table log.receipt (
    publisher text not null,
    command_id uuid not null,
    fingerprint bytea not null,
    category text not null,
    stream_id uuid not null,
    version bigint not null,
    position bigint not null,
    event_types text[] not null,
    ordinal bigint,
    rejection json,
    recorded_at timestamptz not null,
    constraint receipt_pkey primary key (publisher, command_id)
);
comment on table log.receipt is 'The one decided outcome of each command, kept for ever.';
comment on column log.receipt.fingerprint is 'HMAC of the command''s content: the same id with other content is refused.';
comment on column log.receipt.rejection is 'Why it was rejected, or null where it was accepted.';

create table log.claim (
    key bytea not null,
    holder_category text not null,
    holder_id uuid not null,
    weight bigint not null,
    starts_at timestamptz,
    ends_at timestamptz,
    constraint claim_pkey primary key (key, holder_category, holder_id)
);
comment on table log.claim is 'What streams hold: unique keys, weighted shares, time ranges. Keys are HMACs.';
create index claim_holder_idx on log.claim (holder_category, holder_id);

create table log.timer (
    category text not null,
    stream_id uuid not null,
    name text not null,
    due_at timestamptz not null,
    command_id uuid not null,
    command json not null,
    constraint timer_pkey primary key (category, stream_id, name)
);
create index timer_due_idx on log.timer (due_at);
comment on table log.timer is 'Commands to be sent when due. A row goes with the receipt of its command.';
comment on column log.timer.command is '{"name": …, "data": …} for the aggregate of the stream.';

create table log.ordinal (
    event_type text not null,
    count bigint not null,
    constraint ordinal_pkey primary key (event_type)
);
comment on table log.ordinal is 'How many events of each counted type there are.';

create table log.epoch (
    only_one boolean not null default true,
    epoch bigint not null,
    constraint epoch_pkey primary key (only_one),
    constraint epoch_only_one check (only_one)
);
insert into log.epoch (epoch) values (1);
comment on table log.epoch is 'Raised when the history was restored from a backup and its readers must start over.';

create table log.dead_letter (
    id bigint generated always as identity,
    received_at timestamptz not null default clock_timestamp(),
    subject text not null,
    code text not null,
    detail text not null,
    sealed bytea not null,
    constraint dead_letter_pkey primary key (id)
);
comment on table log.dead_letter is 'Durable commands that could not be read, sealed as they came.';

create table vault.subject_key (
    subject uuid not null,
    key_version integer not null,
    master_version integer not null,
    wrapped bytea,
    erased_at timestamptz,
    constraint subject_key_pkey primary key (subject),
    constraint subject_key_present_or_erased check ((wrapped is null) = (erased_at is not null))
);
comment on table vault.subject_key is 'The key of each data subject, wrapped by the master key; erased ones leave a tombstone.';

create table vault.master_check (
    only_one boolean not null default true,
    digest bytea not null,
    constraint master_check_pkey primary key (only_one),
    constraint master_check_only_one check (only_one)
);
comment on table vault.master_check is 'Tells whether a process was given the oldest master key, from which fingerprints and claims come.';

create function log.refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception 'history is never edited: % on %.%', tg_op, tg_table_schema, tg_table_name
        using errcode = 'raise_exception';
end
$$;
create trigger event_is_never_changed
    before update or delete or truncate on log.event
    for each statement execute function log.refuse_change();
create trigger receipt_is_never_changed
    before update or delete or truncate on log.receipt
    for each statement execute function log.refuse_change();

create function log.position_at(moment timestamptz) returns bigint
language plpgsql stable as $$
declare
    low bigint := 0;
    high bigint := coalesce((select max(position) from log.event), 0);
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select recorded_at from log.event where position = middle) <= moment then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;
comment on function log.position_at is 'The last position recorded at or before a moment, by binary search; 0 if there is none.';
