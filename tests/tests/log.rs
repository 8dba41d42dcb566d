//! The log on a real database: what the append function guards, and that history is never edited.

#![expect(clippy::unwrap_used, reason = "helpers of tests: where they fail, the test fails")]

use carelog_tests::{TestDatabase, keys};
use chrono::{DateTime, TimeDelta, Utc};
use domain::aggregates::{Category, Command};
use domain::decider::{ClaimChange, ClaimKey, ClaimKind, ClaimQuery, Holding, TimeRange, TimerChange};
use domain::envelope::{Actor, Metadata, Publisher};
use domain::{StreamId, ticket};
use event_store::pool::PoolRole;
use event_store::{
    Answer, Batch, ClaimLook, CommandEntry, EventEntry, Expected, Guard, MasterKeys, Outcome, Seen, StoreError, Vault,
    Verdict, due_timers, load_claims,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

fn team() -> StreamId {
    StreamId { category: Category::Team, id: Uuid::now_v7() }
}

fn metadata(command_id: Uuid) -> Metadata {
    let publisher = Publisher::parse("test").unwrap();
    Metadata { publisher, command_id, actor: Actor::automation(), correlation_id: None, causation_id: None }
}

/// A batch with one command a group, each appending one `TeamRenamed` at a version.
fn batch(commands: &[(StreamId, u64)]) -> Batch {
    let mut batch = Batch::default();
    for (index, (stream, version)) in commands.iter().enumerate() {
        let (group, command_id) = (index as i32, Uuid::now_v7());
        batch.commands.push(CommandEntry {
            group,
            publisher: Publisher::parse("test").unwrap(),
            command_id,
            fingerprint: [7; 32],
            stream: *stream,
            version: *version,
            rejection: None,
        });
        batch.events.push(EventEntry {
            command: index,
            event_id: Uuid::now_v7(),
            stream: *stream,
            version: *version,
            event_type: "TeamRenamed".to_owned(),
            payload: r#"{"name":"a"}"#.to_owned(),
            occurred_at: Utc::now(),
            metadata: metadata(command_id),
            counted: false,
        });
        batch.guards.push(Guard { group, stream: *stream, version: version - 1 });
    }
    batch
}

struct Store {
    database: TestDatabase,
    connection: sqlx::pool::PoolConnection<sqlx::Postgres>,
    vault: Vault,
}

impl Store {
    async fn create() -> Self {
        let database = TestDatabase::create().await;
        let pool = database.pool(PoolRole::Append).await;
        Self { database, connection: pool.acquire().await.unwrap(), vault: Vault::new(pool, keys()) }
    }

    async fn append(&mut self, batch: Batch) -> Vec<Answer> {
        self.verdict(batch).await.answers
    }

    async fn verdict(&mut self, batch: Batch) -> Verdict {
        batch.append(&mut self.connection, &self.vault).await.unwrap()
    }

    async fn remove(self) {
        drop(self.connection);
        self.database.remove().await;
    }
}

fn positions(answers: &[Answer]) -> Vec<Option<u64>> {
    let position = |answer: &Answer| match answer {
        Answer::Decided { outcome: Outcome::Accepted { position, .. }, .. } => Some(*position),
        Answer::Decided { .. } | Answer::Known { .. } | Answer::Mismatch | Answer::Refused => None,
    };
    answers.iter().map(position).collect()
}

#[tokio::test]
async fn a_group_whose_guard_fails_is_refused_whole_and_the_others_go_in_without_a_gap() {
    let mut store = Store::create().await;
    let (a, b, c) = (team(), team(), team());
    let mut batch = batch(&[(a, 1), (b, 2), (c, 1)]);
    batch.guards[1].version = 1;
    assert_eq!(positions(&store.append(batch).await), [Some(1), None, Some(2)]);
    store.remove().await;
}

#[tokio::test]
async fn a_stream_that_was_only_read_is_guarded_too() {
    let mut store = Store::create().await;
    let (read, written) = (team(), team());
    store.append(batch(&[(read, 1)])).await;
    let mut stale = batch(&[(written, 1)]);
    stale.guards.push(Guard { group: 0, stream: read, version: 0 });
    assert_eq!(store.append(stale).await, [Answer::Refused]);
    let mut fresh = batch(&[(written, 1)]);
    fresh.guards.push(Guard { group: 0, stream: read, version: 1 });
    assert_eq!(positions(&store.append(fresh).await), [Some(2)]);
    store.remove().await;
}

#[tokio::test]
async fn what_changed_after_the_event_seen_is_told_and_refuses_whoever_read_it_before() {
    let mut store = Store::create().await;
    let (changed, unchanged) = (team(), team());
    let seen = store.verdict(batch(&[(changed, 1), (unchanged, 1)])).await.seen;
    store.append(batch(&[(changed, 2)])).await;
    let verdict = store.verdict(Batch { seen, ..batch(&[(changed, 2), (unchanged, 2), (team(), 1)]) }).await;
    assert_eq!(positions(&verdict.answers), [None, Some(4), Some(5)]);
    assert_eq!(verdict.changed, Some(vec![(changed, 2)]));
    let mut again = batch(&[(changed, 3)]);
    again.seen = verdict.seen;
    let verdict = store.verdict(again).await;
    assert_eq!((positions(&verdict.answers), verdict.changed), (vec![Some(6)], Some(vec![])));
    store.remove().await;
}

#[tokio::test]
async fn a_state_that_was_read_after_the_event_seen_holds_although_its_stream_changed_since() {
    let mut store = Store::create().await;
    let stream = team();
    let seen = store.verdict(batch(&[(stream, 1)])).await.seen;
    store.append(batch(&[(stream, 2)])).await;
    let verdict = store.verdict(Batch { seen, ..batch(&[(stream, 3)]) }).await;
    assert_eq!(positions(&verdict.answers), [Some(3)]);
    assert_eq!(verdict.changed, Some(vec![(stream, 2)]));
    store.remove().await;
}

#[tokio::test]
async fn a_stream_taken_for_new_is_refused_if_it_was_made_long_before_the_event_seen() {
    let mut store = Store::create().await;
    let stream = team();
    store.append(batch(&[(stream, 1)])).await;
    let seen = store.verdict(batch(&[(team(), 1)])).await.seen;
    assert_eq!(store.append(Batch { seen, ..batch(&[(stream, 1)]) }).await, [Answer::Refused]);
    store.remove().await;
}

#[tokio::test]
async fn whoever_saw_another_history_appends_nothing() {
    let mut store = Store::create().await;
    let stream = team();
    let seen = store.verdict(batch(&[(stream, 1)])).await.seen.unwrap();
    let elsewhere = [Seen { event_id: Uuid::now_v7(), ..seen }, Seen { position: seen.position + 7, ..seen }];
    for seen in elsewhere {
        let batch = Batch { seen: Some(seen), ..batch(&[(stream, 2), (team(), 1)]) };
        let refused = batch.append(&mut store.connection, &store.vault).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(positions(&store.append(batch(&[(stream, 2)])).await), [Some(2)]);
    store.remove().await;
}

#[tokio::test]
async fn whoever_has_not_seen_many_events_is_told_no_changes_and_guarded_all_the_same() {
    let mut store = Store::create().await;
    let read = team();
    let seen = store.verdict(batch(&[(read, 1)])).await.seen;
    let reading = |version| {
        let mut reading = batch(&[(team(), 1)]);
        reading.guards.push(Guard { group: 0, stream: read, version });
        Batch { seen, ..reading }
    };
    // With two guards, 264 events may have come since.
    let more: Vec<_> = std::iter::once((read, 2)).chain((1..264).map(|_| (team(), 1))).collect();
    store.append(batch(&more)).await;
    let verdict = store.verdict(reading(1)).await;
    assert_eq!((&verdict.answers[..], verdict.changed.map(|all| all.len())), (&[Answer::Refused][..], Some(264)));
    store.append(batch(&[(team(), 1)])).await;
    for (version, goes_in) in [(1, false), (2, true)] {
        let verdict = store.verdict(reading(version)).await;
        assert_eq!((positions(&verdict.answers)[0].is_some(), verdict.changed), (goes_in, None));
    }
    store.remove().await;
}

#[tokio::test]
async fn an_event_of_a_category_of_later_programs_disturbs_no_append() {
    let mut store = Store::create().await;
    let stream = team();
    let seen = store.verdict(batch(&[(stream, 1)])).await.seen;
    let mut owner = PgConnection::connect(&store.database.url).await.unwrap();
    let later = "insert into log.event select position + 1, gen_random_uuid(), 'of_tomorrow', stream_id, version, type, \
                 schema_version, occurred_at, recorded_at + interval '1 us', ordinal, metadata, payload, content_hash \
                 from log.event";
    sqlx::query(later).execute(&mut owner).await.unwrap();
    let verdict = store.verdict(Batch { seen, ..batch(&[(stream, 2)]) }).await;
    assert_eq!((positions(&verdict.answers), verdict.changed), (vec![Some(3)], Some(vec![])));
    drop(owner);
    store.remove().await;
}

#[tokio::test]
async fn a_stream_that_is_written_is_looked_up_whatever_was_seen() {
    let mut store = Store::create().await;
    let stream = team();
    let seen = store.verdict(batch(&[(stream, 1)])).await.seen;
    // Whoever remembers an event that was never appended would leave a gap.
    assert_eq!(store.append(Batch { seen, ..batch(&[(stream, 3)]) }).await, [Answer::Refused]);
    store.remove().await;
}

#[tokio::test]
async fn a_command_that_was_decided_before_leaves_its_batch_and_gets_its_first_answer() {
    let mut store = Store::create().await;
    let first = batch(&[(team(), 1)]);
    store.append(first.clone()).await;
    let mut second = batch(&[(team(), 1), (team(), 1)]);
    second.commands[0].command_id = first.commands[0].command_id;
    let answers = store.append(second.clone()).await;
    assert!(matches!(&answers[0], Answer::Known { outcome: Outcome::Accepted { position: 1, .. }, .. }), "{answers:?}");
    assert_eq!(positions(&answers), [None, Some(2)]);
    second.commands[0].fingerprint = [8; 32];
    assert!(matches!(store.append(second).await[..], [Answer::Mismatch, Answer::Known { .. }]));
    store.remove().await;
}

#[tokio::test]
async fn one_command_on_two_streams_goes_in_whole_or_not_at_all() {
    let mut store = Store::create().await;
    let (a, b) = (team(), team());
    store.append(batch(&[(b, 1)])).await;
    let mut both = batch(&[(a, 1), (b, 1)]);
    both.commands.iter_mut().for_each(|command| command.group = 0);
    both.guards.iter_mut().for_each(|guard| guard.group = 0);
    assert_eq!(store.append(both).await, [Answer::Refused, Answer::Refused]);
    let reader = store.database.reader().await;
    assert_eq!(reader.head().await.unwrap().position, 1);
    store.remove().await;
}

fn counted(holder: StreamId, limit: u32, expected: Expected) -> (ClaimLook, ClaimChange) {
    let key = ClaimKey::new("agent.capacity", "anna");
    let look = ClaimLook { group: 0, key: key.clone(), range: None, expected };
    (look, ClaimChange::Take { key, holder, kind: ClaimKind::Counted { weight: 1, limit } })
}

#[tokio::test]
async fn a_counted_claim_takes_holders_up_to_its_limit() {
    let mut store = Store::create().await;
    let mut positions_seen = Vec::new();
    for _ in 0..3 {
        let holder = team();
        let (look, take) = counted(holder, 2, Expected::Room { added: 1, limit: 2 });
        let mut batch = batch(&[(holder, 1)]);
        batch.looks.push(look);
        batch.claims.push((0, take));
        positions_seen.extend(positions(&store.append(batch).await));
    }
    assert_eq!(positions_seen, [Some(1), Some(2), None]);
    store.remove().await;
}

#[tokio::test]
async fn a_unique_claim_is_refused_while_held_and_free_after_its_release() {
    let mut store = Store::create().await;
    let key = ClaimKey::new("customer.email", "anna@example.com");
    let (first, second) = (team(), team());
    let take = |holder| ClaimChange::Take { key: key.clone(), holder, kind: ClaimKind::Unique };
    let look = |holders| ClaimLook { group: 0, key: key.clone(), range: None, expected: Expected::Holders(holders) };
    let with = |batch: Batch, look: ClaimLook, change: ClaimChange| Batch {
        looks: vec![look],
        claims: vec![(0, change)],
        ..batch
    };
    assert_eq!(positions(&store.append(with(batch(&[(first, 1)]), look(vec![]), take(first))).await), [Some(1)]);
    assert_eq!(store.append(with(batch(&[(second, 1)]), look(vec![]), take(second))).await, [Answer::Refused]);
    let query = ClaimQuery { key: key.clone(), range: None };
    let held = load_claims(&mut store.connection, &keys(), &[query]).await.unwrap();
    let holding = Holding { holder: first, weight: 1, range: None };
    assert_eq!(held[&key], [holding]);
    let release = ClaimChange::Release { key: key.clone(), holder: first };
    assert_eq!(positions(&store.append(with(batch(&[(first, 2)]), look(vec![holding]), release)).await), [Some(2)]);
    assert_eq!(positions(&store.append(with(batch(&[(second, 1)]), look(vec![]), take(second))).await), [Some(3)]);
    store.remove().await;
}

#[tokio::test]
async fn interval_claims_of_one_resource_never_overlap() {
    let mut store = Store::create().await;
    let key = ClaimKey::new("resource", "van 7");
    let start: DateTime<Utc> = "2026-03-02T09:00:00Z".parse().unwrap();
    let hours =
        |from: i64, to: i64| TimeRange { start: start + TimeDelta::hours(from), end: start + TimeDelta::hours(to) };
    let mut seen = Vec::new();
    for range in [hours(0, 2), hours(1, 3), hours(2, 4), hours(-1, 1)] {
        let holder = team();
        let mut booking = batch(&[(holder, 1)]);
        booking.looks.push(ClaimLook {
            group: 0,
            key: key.clone(),
            range: Some(range),
            expected: Expected::Holders(vec![]),
        });
        booking.claims.push((0, ClaimChange::Take { key: key.clone(), holder, kind: ClaimKind::Interval(range) }));
        seen.extend(positions(&store.append(booking).await));
    }
    assert_eq!(seen, [Some(1), None, Some(2), None]);
    let queries = [ClaimQuery { key: key.clone(), range: Some(hours(0, 1)) }];
    let held = load_claims(&mut store.connection, &keys(), &queries).await.unwrap();
    assert_eq!(held[&key].iter().map(|held| held.range).collect::<Vec<_>>(), [Some(hours(0, 2))]);
    store.remove().await;
}

#[tokio::test]
async fn a_timer_is_set_replaced_and_gone_with_the_receipt_of_its_command() {
    let mut store = Store::create().await;
    let ticket = StreamId { category: Category::Ticket, id: Uuid::now_v7() };
    let set = |due_at| {
        let command = Box::new(Command::from(ticket::Command::Resume { wake_up: true }));
        TimerChange::Set { stream: ticket, name: "wake_up", due_at, command }
    };
    let mut first = batch(&[(ticket, 1)]);
    first.timers.push((0, Uuid::now_v7(), set(Utc::now() + TimeDelta::hours(1))));
    store.append(first).await;
    let pool = store.database.pool(PoolRole::Append).await;
    assert_eq!(due_timers(&pool, 10).await.unwrap(), []);
    let mut second = batch(&[(ticket, 2)]);
    second.timers.push((0, Uuid::now_v7(), set(Utc::now() - TimeDelta::hours(1))));
    store.append(second).await;
    let due = due_timers(&pool, 10).await.unwrap();
    assert_eq!(
        due.iter().map(|timer| (timer.stream, timer.command.as_str())).collect::<Vec<_>>(),
        [(ticket, "resume")]
    );
    let mut fired = batch(&[(ticket, 3)]);
    fired.commands[0].publisher = Publisher::timer();
    fired.commands[0].command_id = due[0].command_id;
    store.append(fired).await;
    assert_eq!(due_timers(&pool, 10).await.unwrap(), []);
    store.remove().await;
}

#[tokio::test]
async fn a_counted_event_gets_the_next_number_of_its_type_and_refused_ones_leave_no_gap() {
    let mut store = Store::create().await;
    let numbers = |answers: &[Answer]| -> Vec<Option<u64>> {
        let number = |answer: &Answer| match answer {
            Answer::Decided { outcome: Outcome::Accepted { ordinal, .. }, .. } => *ordinal,
            Answer::Decided { .. } | Answer::Known { .. } | Answer::Mismatch | Answer::Refused => None,
        };
        answers.iter().map(number).collect()
    };
    let counted = |mut batch: Batch| {
        batch.events.iter_mut().for_each(|event| event.counted = true);
        batch
    };
    let mut three = counted(batch(&[(team(), 1), (team(), 1), (team(), 1)]));
    three.guards[1].version = 9;
    assert_eq!(numbers(&store.append(three).await), [Some(1), None, Some(2)]);
    assert_eq!(numbers(&store.append(counted(batch(&[(team(), 1)]))).await), [Some(3)]);
    let mut of_two_types = counted(batch(&[(team(), 1), (team(), 1), (team(), 1), (team(), 1)]));
    of_two_types.events[0].event_type = "TeamFormed".to_owned();
    of_two_types.events[2].event_type = "TeamFormed".to_owned();
    of_two_types.events[3].event_type = "TeamFormed".to_owned();
    of_two_types.guards[2].version = 9;
    assert_eq!(numbers(&store.append(of_two_types).await), [Some(1), Some(4), None, Some(2)]);
    store.remove().await;
}

#[tokio::test]
async fn history_is_never_edited_not_even_by_the_owner() {
    let mut store = Store::create().await;
    store.append(batch(&[(team(), 1)])).await;
    let mut owner = PgConnection::connect(&store.database.url).await.unwrap();
    for table in ["event", "receipt"] {
        let changes = [
            format!("update log.{table} set version = 2"),
            format!("delete from log.{table}"),
            format!("truncate log.{table}"),
        ];
        for change in changes {
            let error = sqlx::query(AssertSqlSafe(change.clone())).execute(&mut owner).await.unwrap_err();
            assert!(error.to_string().contains("history is never edited"), "{change}: {error}");
            let error = sqlx::query(AssertSqlSafe(change.clone())).execute(&mut *store.connection).await.unwrap_err();
            assert!(error.to_string().contains("permission denied"), "{change}: {error}");
        }
    }
    drop(owner);
    store.remove().await;
}

#[tokio::test]
async fn a_moment_is_turned_into_the_last_position_recorded_by_then() {
    let mut store = Store::create().await;
    for _ in 0..5 {
        store.append(batch(&[(team(), 1), (team(), 1)])).await;
    }
    let reader = store.database.reader().await;
    let events = reader.after(0, 100).await.unwrap();
    for event in &events {
        assert_eq!(reader.position_at(event.recorded_at).await.unwrap(), event.position);
        let just_before = event.recorded_at - TimeDelta::microseconds(1);
        assert_eq!(reader.position_at(just_before).await.unwrap(), event.position - 1);
    }
    assert_eq!(reader.position_at(DateTime::UNIX_EPOCH).await.unwrap(), 0);
    store.remove().await;
}

#[tokio::test]
async fn a_database_opens_under_its_own_master_key_only() {
    let mut store = Store::create().await;
    let customer = StreamId { category: Category::Customer, id: Uuid::now_v7() };
    let mut sealed = batch(&[(customer, 1)]);
    sealed.events[0].payload =
        format!(r#"{{"name":{{"$personal":{{"subject":"{}","value":"王小明"}}}}}}"#, customer.id);
    store.append(sealed).await;
    let reader = store.database.reader().await;
    let events = reader.after(0, 1).await.unwrap();
    assert!(events[0].payload.contains("$sealed") && !events[0].payload.contains("王小明"));
    assert!(store.vault.unseal(&events).await.unwrap()[0].contains("王小明"));
    let other = MasterKeys::parse(&"11".repeat(32)).unwrap();
    let stranger = Vault::new(store.database.pool(PoolRole::Query).await, other);
    assert!(matches!(stranger.unseal(&events).await, Err(StoreError::Unsafe(_))));
    let mut swapped = events.clone();
    swapped[0].event_id = Uuid::now_v7();
    assert!(matches!(store.vault.unseal(&swapped).await, Err(StoreError::Corrupt(_))));
    store.remove().await;
}

#[tokio::test]
async fn what_is_sealed_under_a_key_that_another_group_makes_waits_for_it() {
    let mut store = Store::create().await;
    let customer = StreamId { category: Category::Customer, id: Uuid::now_v7() };
    let sealed = |mut batch: Batch| {
        let payload = format!(r#"{{"name":{{"$personal":{{"subject":"{}","value":"x"}}}}}}"#, customer.id);
        batch.events.iter_mut().for_each(|event| event.payload.clone_from(&payload));
        batch
    };
    let other = team();
    // The group that is stale and the one that waits leave one after the other.
    let mut three = sealed(batch(&[(customer, 1), (other, 1), (team(), 1)]));
    three.events[2].payload = "{}".to_owned();
    three.guards[2].version = 4;
    assert_eq!(positions(&store.append(three).await), [Some(1), None, None]);
    assert_eq!(positions(&store.append(sealed(batch(&[(other, 1)]))).await), [Some(2)]);
    store.remove().await;
}

#[tokio::test]
async fn an_erased_subject_never_gets_a_second_key() {
    let mut store = Store::create().await;
    let customer = StreamId { category: Category::Customer, id: Uuid::now_v7() };
    let sealed = |version: u64| {
        let mut sealed = batch(&[(customer, version)]);
        sealed.events[0].payload = format!(r#"{{"name":{{"$personal":{{"subject":"{}","value":"x"}}}}}}"#, customer.id);
        sealed
    };
    store.append(sealed(1)).await;
    let mut erase = batch(&[(customer, 2)]);
    erase.erased_subjects.push((0, customer.id));
    assert_eq!(positions(&store.append(erase).await), [Some(2)]);
    let fresh = Vault::new(store.database.pool(PoolRole::Append).await, keys());
    let verdict = sealed(3).append(&mut store.connection, &fresh).await.unwrap();
    assert_eq!(verdict.answers, [Answer::Refused]);
    store.remove().await;
}

#[tokio::test]
async fn a_server_that_could_lose_commits_is_refused() {
    let store = Store::create().await;
    let unsafe_pool = event_store::pool::connect(&store.database.url, PoolRole::Append, 1).await.unwrap();
    let mut connection = unsafe_pool.acquire().await.unwrap();
    sqlx::query("set synchronous_commit = off").execute(&mut *connection).await.unwrap();
    drop(connection);
    let refused = event_store::pool::require_durable(&unsafe_pool).await;
    assert!(matches!(refused, Err(StoreError::Unsafe(_))), "{refused:?}");
    store.remove().await;
}

#[tokio::test]
async fn rotated_master_keys_must_keep_the_oldest() {
    let store = Store::create().await;
    let pool = store.database.pool(PoolRole::Append).await;
    keys().require_oldest(&pool).await.unwrap();
    let (oldest, newer) = ("5a".repeat(32), "11".repeat(32));
    MasterKeys::parse(&format!("1:{oldest}\n2:{newer}")).unwrap().require_oldest(&pool).await.unwrap();
    let dropped = MasterKeys::parse(&format!("2:{newer}")).unwrap().require_oldest(&pool).await;
    assert!(matches!(dropped, Err(StoreError::Unsafe(_))), "{dropped:?}");
    store.remove().await;
}

#[tokio::test]
async fn a_lost_key_is_a_damaged_vault_and_not_an_erasure() {
    let mut store = Store::create().await;
    let customer = StreamId { category: Category::Customer, id: Uuid::now_v7() };
    let mut sealed = batch(&[(customer, 1)]);
    sealed.events[0].payload = format!(r#"{{"name":{{"$personal":{{"subject":"{}","value":"x"}}}}}}"#, customer.id);
    store.append(sealed).await;
    let mut owner = PgConnection::connect(&store.database.url).await.unwrap();
    sqlx::query("delete from vault.subject_key").execute(&mut owner).await.unwrap();
    let events = store.database.reader().await.after(0, 1).await.unwrap();
    let fresh = Vault::new(store.database.pool(PoolRole::Query).await, keys());
    assert!(matches!(fresh.unseal(&events).await, Err(StoreError::Corrupt(_))));
    drop(owner);
    store.remove().await;
}

#[tokio::test]
async fn the_position_of_a_moment_waits_for_appends_that_are_under_way() {
    let mut store = Store::create().await;
    store.append(batch(&[(team(), 1)])).await;
    let pool = store.database.pool(PoolRole::Append).await;
    let mut under_way = pool.begin().await.unwrap();
    event_store::lock(&mut under_way).await.unwrap();
    let appended = batch(&[(team(), 1)]).append(&mut under_way, &store.vault).await.unwrap();
    let moment = Utc::now();
    let reader = store.database.reader().await;
    let asked = tokio::spawn({
        let reader = reader.clone();
        async move { reader.position_at(moment).await.unwrap() }
    });
    // The question waits for the lock: PostgreSQL says so.
    let waits = "select exists (select 1 from pg_locks where locktype = 'advisory' and not granted \
                 and database = (select oid from pg_database where datname = current_database()))";
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(10));
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await.unwrap() {
        pause.tick().await;
    }
    under_way.commit().await.unwrap();
    assert_eq!(positions(&appended.answers), [Some(2)]);
    assert_eq!(asked.await.unwrap(), 2);
    store.remove().await;
}

#[tokio::test]
async fn a_server_that_only_reads_is_one_that_is_away() {
    let database = TestDatabase::create().await;
    let pool = database.pool(PoolRole::Append).await;
    let mut tx = pool.begin_with("begin read only").await.unwrap();
    let refused = sqlx::query("insert into log.ordinal (event_type, count) values ('x', 1)").execute(&mut *tx).await;
    assert!(event_store::StoreError::from(refused.unwrap_err()).is_passing());
    tx.rollback().await.unwrap();
    database.remove().await;
}
