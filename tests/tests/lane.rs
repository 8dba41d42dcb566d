//! The lane over a real database: receipts, groups, claims, several processes at once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: where they fail, the test fails")]

use std::collections::HashSet;

use carelog_tests::{TestDatabase, command, command_with_id, keys};
use command_side::lane::{Lane, Reply};
use domain::StreamId;
use domain::aggregates::Category;
use domain::envelope::CommandMessage;
use domain::rejection::Code;
use event_store::pool::PoolRole;
use event_store::{Outcome, Reader, Vault};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use uuid::Uuid;

async fn lane(database: &TestDatabase) -> Lane {
    let pool = database.pool(PoolRole::Append).await;
    Lane::start(pool.clone(), Vault::new(pool, keys()), 4_096).0
}

async fn send(lane: &Lane, message: CommandMessage) -> Reply {
    lane.submit(message, None).unwrap().await.unwrap()
}

async fn accepted(lane: &Lane, message: CommandMessage) -> (u64, u64) {
    let reply = send(lane, message).await;
    let Reply::Decided { outcome: Outcome::Accepted { version, position, .. }, .. } = reply else {
        panic!("not accepted: {reply:?}")
    };
    (version, position)
}

fn code(reply: &Reply) -> Option<Code> {
    match reply {
        Reply::Decided { outcome: Outcome::Rejected(rejection), .. } | Reply::Undecided(rejection) => {
            Some(rejection.code)
        }
        Reply::Decided { outcome: Outcome::Accepted { .. }, .. } => None,
    }
}

fn form(id: Uuid) -> CommandMessage {
    command("team.form", id, &json!({"name": "First line"}))
}

fn rename(id: Uuid, name: &str) -> CommandMessage {
    command("team.rename", id, &json!({"name": name}))
}

/// The history is one: positions and versions without gaps, `recorded_at` rising strictly, hashes as stored.
async fn assert_one_history(reader: &Reader) -> u64 {
    let mut versions = std::collections::HashMap::new();
    let (mut position, mut recorded_at) = (0, None);
    loop {
        let page = reader.after(position, 1_000).await.unwrap();
        if page.is_empty() {
            return position;
        }
        for event in page {
            position += 1;
            assert_eq!(event.position, position);
            let version = versions.entry(event.stream).or_insert(0);
            *version += 1;
            assert_eq!(event.version, *version, "{}", event.stream);
            assert!(recorded_at < Some(event.recorded_at), "position {position}");
            recorded_at = Some(event.recorded_at);
            let metadata = serde_json::to_string(&event.metadata).unwrap();
            let hash = event_store::content_hash(
                event.event_id,
                event.stream,
                event.version,
                &event.event_type,
                event.schema_version,
                event.occurred_at.timestamp_micros(),
                &metadata,
                &event.payload,
            );
            assert_eq!(hash, event.content_hash, "position {position}");
        }
    }
}

#[tokio::test]
async fn an_accepted_command_is_in_the_history_when_it_is_answered() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let id = Uuid::now_v7();
    assert_eq!(accepted(&lane, form(id)).await, (1, 1));
    let event = database.reader().await.at(1).await.unwrap().unwrap();
    assert_eq!((event.event_type.as_str(), event.stream.id), ("TeamFormed", id));
    database.remove().await;
}

#[tokio::test]
async fn a_redelivered_command_returns_the_first_outcome() {
    let database = TestDatabase::create().await;
    let (one, other) = (lane(&database).await, lane(&database).await);
    let (id, command_id) = (Uuid::now_v7(), Uuid::now_v7());
    let form = || command_with_id(command_id, "team.form", id, &json!({"name": "a"}));
    let rename = rename(id, "b");
    let missing = command("team.rename", Uuid::now_v7(), &json!({"name": "b"}));
    let first = send(&one, form()).await;
    accepted(&one, rename).await;
    let rejected = send(&one, missing.clone()).await;
    assert_eq!(code(&rejected), Some(Code::NotFound));
    for lane in [&one, &other] {
        for (message, first) in [(form(), &first), (missing.clone(), &rejected)] {
            let Reply::Decided { outcome: first, .. } = first else { panic!("{first:?}") };
            let again = send(lane, message).await;
            assert!(matches!(&again, Reply::Decided { outcome, replayed: true, .. } if outcome == first), "{again:?}");
        }
    }
    assert_eq!(assert_one_history(&database.reader().await).await, 2);
    database.remove().await;
}

#[tokio::test]
async fn a_command_id_with_other_content_is_refused_and_changes_nothing() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let (id, command_id) = (Uuid::now_v7(), Uuid::now_v7());
    let form = |name: &str| command_with_id(command_id, "team.form", id, &json!({"name": name}));
    accepted(&lane, form("a")).await;
    assert_eq!(code(&send(&lane, form("b")).await), Some(Code::CommandMismatch));
    let together = [form("a"), form("b")].map(|message| lane.submit(message, None).unwrap());
    let replies = join_all(together).await.into_iter().map(|reply| code(&reply.unwrap())).collect::<Vec<_>>();
    assert_eq!(replies, [None, Some(Code::CommandMismatch)]);
    // Also where the other content is the first of a batch.
    let together = [form("b"), form("c"), form("a")].map(|message| lane.submit(message, None).unwrap());
    let replies = join_all(together).await.into_iter().map(|reply| code(&reply.unwrap())).collect::<Vec<_>>();
    assert_eq!(replies, [Some(Code::CommandMismatch), Some(Code::CommandMismatch), None]);
    assert_eq!(assert_one_history(&database.reader().await).await, 1);
    database.remove().await;
}

#[tokio::test]
async fn an_expected_version_refuses_what_others_have_changed() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let id = Uuid::now_v7();
    accepted(&lane, form(id)).await;
    let expecting = |version: u64, name: &str| {
        let mut message = rename(id, name);
        message.expected_version = Some(version);
        message
    };
    assert_eq!(accepted(&lane, expecting(1, "b")).await, (2, 2));
    let conflict = send(&lane, expecting(1, "c")).await;
    assert_eq!(code(&conflict), Some(Code::VersionConflict));
    assert_eq!(code(&send(&lane, expecting(7, "c")).await), Some(Code::VersionConflict));
    database.remove().await;
}

#[tokio::test]
async fn a_time_more_than_five_minutes_ahead_is_refused() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let mut message = form(Uuid::now_v7());
    message.occurred_at = Some(chrono::Utc::now() + chrono::TimeDelta::minutes(6));
    assert_eq!(code(&send(&lane, message).await), Some(Code::ClockSkew));
    let mut message = form(Uuid::now_v7());
    message.occurred_at = Some(chrono::Utc::now() + chrono::TimeDelta::minutes(4));
    accepted(&lane, message).await;
    database.remove().await;
}

#[tokio::test]
async fn a_command_past_its_deadline_is_not_decided() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let past = chrono::Utc::now() - chrono::TimeDelta::seconds(1);
    let reply = lane.submit(form(Uuid::now_v7()), Some(past)).unwrap().await.unwrap();
    assert_eq!(code(&reply), Some(Code::DeadlinePassed));
    assert_eq!(assert_one_history(&database.reader().await).await, 0);
    database.remove().await;
}

#[tokio::test]
async fn commands_of_one_batch_see_each_other() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let id = Uuid::now_v7();
    let messages = [form(id), rename(id, "b"), rename(id, "b"), form(id)];
    let replies: Vec<_> = messages.into_iter().map(|message| lane.submit(message, None).unwrap()).collect();
    let replies: Vec<_> = join_all(replies).await.into_iter().map(Result::unwrap).collect();
    let seen: Vec<_> = replies
        .iter()
        .map(|reply| match reply {
            Reply::Decided { outcome: Outcome::Accepted { version, position, events, .. }, .. } => {
                Ok((*version, *position, events.len()))
            }
            Reply::Decided { outcome: Outcome::Rejected(_), .. } | Reply::Undecided(_) => Err(code(reply)),
        })
        .collect();
    assert_eq!(seen, [Ok((1, 1, 1)), Ok((2, 2, 1)), Ok((2, 2, 0)), Err(Some(Code::AlreadyExists))]);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_writers_over_four_processes_make_one_history_with_one_receipt_per_command() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let database = TestDatabase::create().await;
    let mut lanes = Vec::new();
    for _ in 0..4 {
        lanes.push(lane(&database).await);
    }
    let shared: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    for id in &shared {
        accepted(&lanes[0], form(*id)).await;
    }
    let writers = (0..32).map(|writer| {
        let (lane, shared) = (lanes[writer % 4].clone(), shared.clone());
        let mut random = StdRng::seed_from_u64(seed ^ writer as u64);
        tokio::spawn(async move {
            let own = Uuid::now_v7();
            accepted(&lane, form(own)).await;
            let mut answered = 0;
            for n in 0..40 {
                let id = if random.random_bool(0.5) { *shared.choose(&mut random).unwrap() } else { own };
                let reply = send(&lane, rename(id, &format!("{writer}-{n}"))).await;
                assert_eq!(code(&reply), None, "{reply:?}");
                answered += 1;
                // Staggered: some writers give way between commands, so that batches of all sizes meet.
                for _ in 0..random.random_range(0..4) {
                    tokio::task::yield_now().await;
                }
            }
            answered
        })
    });
    let answered: usize = join_all(writers).await.into_iter().map(Result::unwrap).sum();
    let reader = database.reader().await;
    assert_eq!(assert_one_history(&reader).await, (4 + 32 + answered) as u64);
    let pool = database.pool(PoolRole::Query).await;
    let (receipts,): (i64,) = sqlx::query_as("select count(*) from log.receipt").fetch_one(&pool).await.unwrap();
    assert_eq!(receipts as usize, 4 + 32 + answered);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_an_answer_on_one_hot_stream_under_four_processes() {
    let database = TestDatabase::create().await;
    let mut lanes = Vec::new();
    for _ in 0..4 {
        lanes.push(lane(&database).await);
    }
    let hot = Uuid::now_v7();
    accepted(&lanes[0], form(hot)).await;
    let commands: Vec<_> = (0..400).map(|n| rename(hot, &format!("name {n}"))).collect();
    let replies = commands.iter().enumerate().map(|(n, message)| lanes[n % 4].submit(message.clone(), None).unwrap());
    let replies = join_all(replies.collect::<Vec<_>>()).await;
    let versions: HashSet<u64> = replies
        .into_iter()
        .map(|reply| {
            let reply = reply.unwrap();
            let Reply::Decided { outcome: Outcome::Accepted { version, .. }, .. } = reply else { panic!("{reply:?}") };
            version
        })
        .collect();
    assert_eq!(versions.len(), 400);
    assert_eq!(assert_one_history(&database.reader().await).await, 401);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_sent_to_four_processes_at_once_has_one_effect() {
    let database = TestDatabase::create().await;
    let mut lanes = Vec::new();
    for _ in 0..4 {
        lanes.push(lane(&database).await);
    }
    for _ in 0..50 {
        let message = form(Uuid::now_v7());
        let replies =
            lanes.iter().flat_map(|lane| [lane, lane]).map(|lane| lane.submit(message.clone(), None).unwrap());
        let replies = join_all(replies.collect::<Vec<_>>()).await;
        let outcomes: Vec<_> = replies
            .into_iter()
            .map(|reply| match reply.unwrap() {
                Reply::Decided { outcome, .. } => outcome,
                other @ Reply::Undecided(_) => panic!("{other:?}"),
            })
            .collect();
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
    }
    assert_eq!(assert_one_history(&database.reader().await).await, 50);
    database.remove().await;
}

#[tokio::test]
async fn a_full_queue_refuses_and_does_not_grow() {
    let database = TestDatabase::create().await;
    let pool = database.pool(PoolRole::Append).await;
    let mut blocker = pool.begin().await.unwrap();
    event_store::lock(&mut blocker).await.unwrap();
    let (lane, _) = Lane::start(pool.clone(), Vault::new(pool.clone(), keys()), 8);
    let mut waiting = Vec::new();
    let refused = loop {
        match lane.submit(form(Uuid::now_v7()), None) {
            Ok(reply) => waiting.push(reply),
            Err(rejection) => break rejection,
        }
        assert!(waiting.len() <= 8 + 1_024, "the queue grows");
        tokio::task::yield_now().await;
    };
    assert_eq!(refused.code, Code::Overloaded);
    blocker.rollback().await.unwrap();
    for reply in waiting {
        assert_eq!(code(&reply.await.unwrap()), None);
    }
    database.remove().await;
}

#[tokio::test]
async fn a_unique_claim_goes_to_one_of_two_who_want_it_at_once() {
    let database = TestDatabase::create().await;
    let lanes = [lane(&database).await, lane(&database).await];
    for round in 0..20 {
        let register = || {
            let email = json!({"kind": "email", "value": format!("anna{round}@example.com")});
            let data = json!({"display_name": "Anna", "contact_points": [email]});
            command("customer.register", Uuid::now_v7(), &data)
        };
        let (first, second) = (register(), register());
        let replies =
            [(&lanes[0], first), (&lanes[1], second)].map(|(lane, message)| lane.submit(message, None).unwrap());
        let codes: Vec<_> = join_all(replies).await.into_iter().map(|reply| code(&reply.unwrap())).collect();
        let taken = Some(Code::ContactPointTaken);
        assert!(codes == [None, taken] || codes == [taken, None], "{codes:?}");
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_never_given_more_than_the_capacity_by_four_processes_at_once() {
    let database = TestDatabase::create().await;
    let mut lanes = Vec::new();
    for _ in 0..4 {
        lanes.push(lane(&database).await);
    }
    let (agent, customer) = (Uuid::now_v7(), Uuid::now_v7());
    accepted(&lanes[0], command("agent.register", agent, &json!({"name": "Anna", "capacity": 10}))).await;
    accepted(&lanes[0], command("customer.register", customer, &json!({"display_name": "王小明"}))).await;
    let tickets: Vec<Uuid> = (0..32).map(|_| Uuid::now_v7()).collect();
    for ticket in &tickets {
        let data = json!({"customer": customer, "type": "incident", "subject": "打不开", "channel": "web",
                          "impact": 3, "urgency": 2});
        accepted(&lanes[0], command("ticket.open", *ticket, &data)).await;
    }
    let assigns = tickets.iter().enumerate().map(|(n, ticket)| {
        let message = command("ticket.assign", *ticket, &json!({"agent": agent}));
        lanes[n % 4].submit(message, None).unwrap()
    });
    let replies = join_all(assigns.collect::<Vec<_>>()).await;
    let codes: Vec<_> = replies.into_iter().map(|reply| code(&reply.unwrap())).collect();
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 10, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Some(Code::Capacity)).count(), 22, "{codes:?}");
    database.remove().await;
}

#[tokio::test]
async fn a_ticket_that_another_process_took_from_an_agent_needs_room_to_come_back() {
    let database = TestDatabase::create().await;
    let (one, other) = (lane(&database).await, lane(&database).await);
    // Even ids go to one worker of a lane.
    let [agent, customer, first, second] = [0; 4].map(|_| Uuid::from_u128(Uuid::now_v7().as_u128() & !1));
    accepted(&one, command("agent.register", agent, &json!({"name": "Anna", "capacity": 1}))).await;
    accepted(&one, command("customer.register", customer, &json!({"display_name": "王小明"}))).await;
    let open = |ticket| {
        let data = json!({"customer": customer, "type": "incident", "subject": "打不开", "channel": "web",
                          "impact": 3, "urgency": 2});
        command("ticket.open", ticket, &data)
    };
    let assign = |ticket| command("ticket.assign", ticket, &json!({"agent": agent}));
    accepted(&one, open(first)).await;
    accepted(&one, assign(first)).await;
    accepted(&other, command("ticket.unassign", first, &json!({}))).await;
    accepted(&other, open(second)).await;
    accepted(&other, assign(second)).await;
    // It learns that the ticket was changed elsewhere, and remembers that the agent holds it.
    accepted(&one, form(Uuid::from_u128(Uuid::now_v7().as_u128() & !1))).await;
    assert_eq!(code(&send(&one, assign(first)).await), Some(Code::Capacity));
    database.remove().await;
}

#[tokio::test]
async fn an_erased_customers_words_are_unreadable_and_the_hashes_still_hold() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let customer = Uuid::now_v7();
    let register = json!({"display_name": "王小明", "contact_points": [{"kind": "email", "value": "x@example.com"}]});
    accepted(&lane, command("customer.register", customer, &register)).await;
    let pool = database.pool(PoolRole::Query).await;
    let stored: Vec<(String,)> =
        sqlx::query_as("select payload::text || metadata::text from log.event").fetch_all(&pool).await.unwrap();
    assert!(stored.iter().all(|(text,)| !text.contains("王小明") && !text.contains("x@example.com")));
    accepted(&lane, command("customer.request_erasure", customer, &json!({}))).await;
    accepted(&lane, command("customer.erase", customer, &json!({}))).await;
    let reader = database.reader().await;
    let events = reader.stream(StreamId { category: Category::Customer, id: customer }, 0, 10).await.unwrap();
    let payloads = database.vault().await.unseal(&events).await.unwrap();
    assert!(payloads[0].contains("$erased") && !payloads[0].contains("王小明"), "{}", payloads[0]);
    assert_one_history(&reader).await;
    assert_eq!(
        code(&send(&lane, command("customer.rename", customer, &json!({"display_name": "a"}))).await),
        Some(Code::SubjectErased)
    );
    // The address is free again.
    accepted(&lane, command("customer.register", Uuid::now_v7(), &register)).await;
    database.remove().await;
}

#[tokio::test]
async fn a_command_that_cannot_be_appended_does_not_fail_its_companions() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let mut broken = form(Uuid::now_v7());
    broken.occurred_at = Some(chrono::DateTime::<chrono::Utc>::MIN_UTC);
    let messages = [form(Uuid::now_v7()), broken, form(Uuid::now_v7())];
    let replies: Vec<_> = messages.into_iter().map(|message| lane.submit(message, None).unwrap()).collect();
    let codes: Vec<_> = join_all(replies).await.into_iter().map(|reply| code(&reply.unwrap())).collect();
    assert_eq!(codes, [None, Some(Code::Unavailable), None]);
    assert_eq!(assert_one_history(&database.reader().await).await, 2);
    database.remove().await;
}

#[tokio::test]
async fn a_command_that_was_forbidden_can_be_asked_again_with_its_id() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let (team, anna) = (Uuid::now_v7(), Uuid::now_v7());
    accepted(&lane, form(team)).await;
    accepted(&lane, command("agent.register", anna, &json!({"name": "Anna", "capacity": 1}))).await;
    let mut message = rename(team, "b");
    message.actor.kind = domain::envelope::ActorKind::Agent;
    message.actor.id = domain::text::Name::parse(&anna.to_string()).unwrap();
    assert_eq!(code(&send(&lane, message.clone()).await), Some(Code::Forbidden));
    accepted(&lane, command("agent.change_role", anna, &json!({"role": "supervisor"}))).await;
    accepted(&lane, message).await;
    database.remove().await;
}

#[tokio::test]
async fn a_right_that_was_given_in_another_process_holds_at_once() {
    let database = TestDatabase::create().await;
    let (one, other) = (lane(&database).await, lane(&database).await);
    let (team, anna) = (Uuid::now_v7(), Uuid::now_v7());
    let by_anna = |name: &str| {
        let mut message = rename(team, name);
        message.actor.kind = domain::envelope::ActorKind::Agent;
        message.actor.id = domain::text::Name::parse(&anna.to_string()).unwrap();
        message
    };
    accepted(&one, form(team)).await;
    accepted(&one, command("agent.register", anna, &json!({"name": "Anna", "capacity": 1}))).await;
    // The other process remembers her from now on.
    assert_eq!(code(&send(&other, by_anna("b")).await), Some(Code::Forbidden));
    accepted(&one, command("agent.change_role", anna, &json!({"role": "supervisor"}))).await;
    accepted(&other, by_anna("b")).await;
    database.remove().await;
}

#[tokio::test]
async fn whoever_has_lost_a_right_still_gets_the_first_outcome_again() {
    let database = TestDatabase::create().await;
    let (one, other) = (lane(&database).await, lane(&database).await);
    let (team, anna) = (Uuid::now_v7(), Uuid::now_v7());
    accepted(&one, form(team)).await;
    accepted(&one, command("agent.register", anna, &json!({"name": "A", "capacity": 1, "role": "supervisor"}))).await;
    let mut message = rename(team, "b");
    message.actor.kind = domain::envelope::ActorKind::Agent;
    message.actor.id = domain::text::Name::parse(&anna.to_string()).unwrap();
    let first = accepted(&one, message.clone()).await;
    accepted(&one, command("agent.change_role", anna, &json!({"role": "agent"}))).await;
    for lane in [&one, &other] {
        assert_eq!(accepted(lane, message.clone()).await, first);
        let mut mismatched = message.clone();
        mismatched.canonical.push(' ');
        assert_eq!(code(&send(lane, mismatched).await), Some(Code::CommandMismatch));
    }
    database.remove().await;
}

#[tokio::test]
async fn organizations_close_no_circle_over_one_that_another_process_has_changed() {
    let database = TestDatabase::create().await;
    let (one, other) = (lane(&database).await, lane(&database).await);
    // Even ids go to one worker of a lane, which remembers what it has read.
    let [a, b, c] = [0; 3].map(|_| Uuid::from_u128(Uuid::now_v7().as_u128() & !1));
    let data = json!({"display_name": "a", "kind": "organization"});
    for organization in [a, b, c] {
        accepted(&one, command("customer.register", organization, &data)).await;
    }
    let link = |from: Uuid, to: Uuid| command("customer.link_organization", from, &json!({"organization": to}));
    // The other process remembers it without an organization from now on.
    accepted(&other, command("customer.rename", c, &json!({"display_name": "c"}))).await;
    accepted(&one, link(b, c)).await;
    accepted(&one, link(c, a)).await;
    assert_eq!(code(&send(&other, link(a, b)).await), Some(Code::OrganizationCycle));
    database.remove().await;
}

#[tokio::test]
async fn a_lane_builds_on_what_others_append_to_a_stream_that_it_knows() {
    let database = TestDatabase::create().await;
    let lanes = [lane(&database).await, lane(&database).await, lane(&database).await];
    let team = Uuid::now_v7();
    accepted(&lanes[0], form(team)).await;
    // More turns than it takes until the stream counts as contested.
    for turn in 0..30_usize {
        let (version, position) = accepted(&lanes[turn % 3], rename(team, &format!("Line {turn}"))).await;
        assert_eq!((version, position), (turn as u64 + 2, turn as u64 + 2));
        // "Already so" rests on the name that another lane gave.
        let (same, _) = accepted(&lanes[(turn + 1) % 3], rename(team, &format!("Line {turn}"))).await;
        assert_eq!(same, version);
    }
    assert_eq!(assert_one_history(&Reader::new(database.pool(PoolRole::Query).await)).await, 31);
    database.remove().await;
}

#[tokio::test]
async fn a_change_that_is_refused_leaves_nothing_behind_with_those_who_read_before_it() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    // Even ids go to one worker of a lane.
    let [organization, person, team] = [0; 3].map(|_| Uuid::from_u128(Uuid::now_v7().as_u128() & !1));
    let named = |name: &str| command("customer.rename", organization, &json!({"display_name": name}));
    let data = json!({"display_name": "a", "kind": "organization"});
    accepted(&lane, command("customer.register", organization, &data)).await;
    accepted(&lane, command("customer.register", person, &json!({"display_name": "p"}))).await;
    let first = named("b");
    accepted(&lane, first.clone()).await;
    accepted(&lane, named("c")).await;
    // While one command waits for the append lock, the next batch gathers: one that reads the organization, and then
    // one that would change it, but was decided before.
    let pool = database.pool(PoolRole::Append).await;
    let mut held = pool.begin().await.unwrap();
    event_store::lock(&mut held).await.unwrap();
    let waiting = lane.submit(form(team), None).unwrap();
    let waits = "select exists (select 1 from pg_locks where locktype = 'advisory' and not granted \
                 and database = (select oid from pg_database where datname = current_database()))";
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(10));
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&pool).await.unwrap() {
        pause.tick().await;
    }
    let link = command("customer.link_organization", person, &json!({"organization": organization}));
    let (linked, again) = (lane.submit(link, None).unwrap(), lane.submit(first, None).unwrap());
    held.commit().await.unwrap();
    assert_eq!(code(&waiting.await.unwrap()), None);
    assert_eq!(code(&linked.await.unwrap()), None);
    assert!(matches!(again.await.unwrap(), Reply::Decided { replayed: true, .. }));
    let (version, _) = accepted(&lane, named("d")).await;
    assert_eq!(version, 4);
    assert_one_history(&Reader::new(database.pool(PoolRole::Query).await)).await;
    database.remove().await;
}

#[tokio::test]
async fn the_longest_waiting_sender_of_a_command_decides_its_deadline() {
    let database = TestDatabase::create().await;
    let lane = lane(&database).await;
    let message = form(Uuid::now_v7());
    let past = chrono::Utc::now() - chrono::TimeDelta::seconds(1);
    let replies = [Some(past), None].map(|deadline| lane.submit(message.clone(), deadline).unwrap());
    for reply in join_all(replies).await {
        assert_eq!(code(&reply.unwrap()), None);
    }
    database.remove().await;
}

#[tokio::test]
async fn an_aggregate_that_exists_is_not_made_again_by_a_lane_that_has_not_read_it() {
    let database = TestDatabase::create().await;
    let team = Uuid::now_v7();
    accepted(&lane(&database).await, form(team)).await;
    let fresh = lane(&database).await;
    assert_eq!(code(&send(&fresh, form(team)).await), Some(Code::AlreadyExists));
    let (version, _) = accepted(&fresh, rename(team, "Second line")).await;
    assert_eq!(version, 2);
    database.remove().await;
}
