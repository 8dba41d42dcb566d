//! Many writers over four handler processes of the binary: one history, one receipt per command, everybody answered.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: where they fail, the test fails"
)]

use std::collections::{BTreeSet, HashMap};

use carelog::roles::Role;
use carelog_tests::{System, TestDatabase, nats_url};
use chrono::{DateTime, TimeDelta, Utc};
use domain::decider::TimeRange;
use domain::service_execution::Event as ExecutionEvent;
use domain::service_plan::Event as PlanEvent;
use domain::{Category, Event};
use event_store::Reader;
use event_store::pool::PoolRole;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use uuid::Uuid;

const PROCESSES: usize = 4;
const WRITERS: usize = 32;
const COMMANDS: usize = 30;

/// How many times executions race for the same hours, and how many of them.
const RACES: usize = 40;
const RACERS: usize = 12;
/// The hours that they race for.
const HOURS: i64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_writers_over_four_handler_processes_get_gapless_versions_in_order_and_one_receipt_each() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let processes: Vec<_> = (0..PROCESSES).map(|_| system.spawn(&[Role::Commands])).collect();
    let shared: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    for id in &shared {
        system.accepted("team.form", *id, &json!({"name": "shared"})).await;
    }
    let writers = (0..WRITERS).map(|writer| {
        let (system, shared) = (&system, &shared);
        let mut random = StdRng::seed_from_u64(seed ^ writer as u64);
        async move {
            let own = Uuid::now_v7();
            system.accepted("team.form", own, &json!({"name": "own"})).await;
            let mut own_version = 1;
            for n in 0..COMMANDS {
                let is_shared = random.random_bool(0.5);
                let id = if is_shared { *shared.choose(&mut random).unwrap() } else { own };
                let body = System::body(id, &json!({"name": format!("{writer}/{n}")}));
                let reply = system.send_body("team.rename", &body).await;
                assert_eq!(reply["outcome"], "accepted", "{reply}");
                if !is_shared {
                    own_version += 1;
                    assert_eq!(reply["version"], own_version, "a writer alone on its stream sees its own order");
                }
                if random.random_bool(0.1) {
                    let again = system.send_body("team.rename", &body).await;
                    assert_eq!((&again["position"], &again["replayed"]), (&reply["position"], &json!(true)));
                }
                // Staggered: some writers give way between commands, so that batches of all sizes meet.
                for _ in 0..random.random_range(0..4) {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    join_all(writers).await;
    let expected = shared.len() + WRITERS * (1 + COMMANDS);
    let reader = system.reader().await;
    let (mut position, mut versions) = (0, HashMap::new());
    loop {
        let page = reader.after(position, 1_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        for event in page {
            position += 1;
            assert_eq!(event.position, position);
            let version = versions.entry(event.stream).or_insert(0);
            *version += 1;
            assert_eq!(event.version, *version);
        }
    }
    assert_eq!(position, expected as u64);
    let statement = "select count(*) from log.receipt";
    let (receipts,): (i64,) = sqlx::query_as(statement).fetch_one(reader.pool()).await.unwrap();
    assert_eq!(receipts, expected as i64);
    drop(processes);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_an_answer_on_one_hot_ticket_under_four_handler_processes() {
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let processes: Vec<_> = (0..PROCESSES).map(|_| system.spawn(&[Role::Commands])).collect();
    let (customer, ticket) = (Uuid::now_v7(), Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    let open = json!({"customer": customer, "type": "question", "subject": "hot", "channel": "web", "impact": 3, "urgency": 3});
    system.accepted("ticket.open", ticket, &open).await;
    let notes = (0..500).map(|n| {
        let system = &system;
        async move { system.accepted("ticket.add_note", ticket, &json!({"body": format!("note {n}")})).await }
    });
    let mut versions: Vec<u64> = join_all(notes).await.iter().map(|reply| reply["version"].as_u64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=501).collect::<Vec<_>>());
    drop(processes);
    system.stop().await;
    database.remove().await;
}

/// A command of a race, and the time that it wants.
struct Wish {
    body: Value,
    range: TimeRange,
    name: &'static str,
}

/// Sends a booking, moves it, or drops it, as chance will have it.
fn wish(execution: Uuid, day: DateTime<Utc>, agents: &[Uuid], random: &mut StdRng, is_booked: bool) -> Wish {
    let start = day + TimeDelta::minutes(30 * random.random_range(0..2 * HOURS - 1));
    let range = TimeRange { start, end: start + TimeDelta::minutes(30 * random.random_range(1..4)) };
    let crew_size = random.random_range(1..=2);
    let crew: Vec<_> = agents.sample(random, crew_size).collect();
    let booking = json!({"start": range.start, "end": range.end, "resources": crew});
    let (name, data) = match is_booked {
        false => ("schedule", booking),
        true if random.random_bool(0.7) => ("reschedule", booking),
        true => ("cancel", json!({})),
    };
    Wish { body: System::body(execution, &data), range, name }
}

/// Lets executions race for one day of two agents: all ask at once, then all ask again, move away or give up.
async fn race(system: &System, customer: Uuid, agents: &[Uuid], day: DateTime<Utc>, seed: u64) -> Vec<(Wish, Value)> {
    let racers = (0..RACERS).map(|racer| async move {
        let mut random = StdRng::seed_from_u64(seed ^ racer as u64);
        let execution = Uuid::now_v7();
        let window = json!({"earliest": day, "latest": day + TimeDelta::days(1)});
        let plan = json!({"name": "Repair", "customer": customer, "window": window});
        system.accepted("service_execution.plan", execution, &plan).await;
        let (mut told, mut is_booked) = (Vec::new(), false);
        for _ in 0..4 {
            let wish = wish(execution, day, agents, &mut random, is_booked);
            let reply = system.send_body(&format!("service_execution.{}", wish.name), &wish.body).await;
            is_booked |= reply["outcome"] == "accepted";
            let is_over = reply["outcome"] == "accepted" && wish.name == "cancel";
            told.push((wish, reply));
            if is_over {
                break;
            }
            for _ in 0..random.random_range(0..4) {
                tokio::task::yield_now().await;
            }
        }
        told
    });
    join_all(racers).await.into_iter().flatten().collect()
}

/// Who is booked for which time of which agent, as the history has it up to an event.
#[derive(Default)]
struct Diary(HashMap<Uuid, (TimeRange, BTreeSet<Uuid>)>);

impl Diary {
    /// Notes an event of an execution; nobody may be booked twice after it.
    fn note(&mut self, execution: Uuid, event: &ExecutionEvent) {
        if let ExecutionEvent::ServiceExecutionScheduled { start, end, resources, .. }
        | ExecutionEvent::ServiceExecutionRescheduled { start, end, resources, .. } = event
        {
            let range = TimeRange { start: *start, end: *end };
            let resources: BTreeSet<Uuid> = resources.iter().map(|agent| agent.0).collect();
            for (other, (held, held_by)) in self.0.iter().filter(|(other, _)| **other != execution) {
                let is_twice = held.overlaps(&range) && !held_by.is_disjoint(&resources);
                assert!(!is_twice, "{execution} and {other} have the same agent at the same time");
            }
            self.0.insert(execution, (range, resources));
        }
        if let ExecutionEvent::ServiceExecutionCancelled { .. } = event {
            self.0.remove(&execution);
        }
    }

    /// A refusal must have been right where it stands: the booking that it names was in the way.
    fn check(&self, wish: &Wish, reply: &Value) {
        let id = |name: &str| -> Uuid { reply[name].as_str().unwrap().parse().unwrap() };
        let (held, held_by) = self.0.get(&id("holder")).unwrap_or_else(|| panic!("nobody was in the way: {reply}"));
        assert!(held.overlaps(&wish.range) && held_by.contains(&id("resource")), "not in the way: {held:?}, {reply}");
    }
}

/// The refusals by their places in the history.
async fn refusals<'a>(told: &'a [(Wish, Value)], reader: &Reader) -> HashMap<u64, Vec<&'a (Wish, Value)>> {
    let statement = "select command_id, position from log.receipt where rejection is not null";
    let receipts: Vec<(Uuid, i64)> = sqlx::query_as(statement).fetch_all(reader.pool()).await.unwrap();
    let places: HashMap<String, i64> = receipts.into_iter().map(|(id, position)| (id.to_string(), position)).collect();
    let mut refusals: HashMap<u64, Vec<_>> = HashMap::new();
    for refused in told.iter().filter(|(_, reply)| reply["outcome"] == "rejected") {
        assert_eq!(refused.1["code"], "resource_busy", "{}", refused.1);
        let place = places[refused.1["command_id"].as_str().unwrap()];
        refusals.entry(place.try_into().unwrap()).or_default().push(refused);
    }
    refusals
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_never_booked_twice_though_four_processes_schedule_at_once() {
    let seed = rand::random::<u64>();
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let processes: Vec<_> = (0..PROCESSES).map(|_| system.spawn(&[Role::Commands])).collect();
    let (customer, agents) = (Uuid::now_v7(), [Uuid::now_v7(), Uuid::now_v7()]);
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    for agent in agents {
        system.accepted("agent.register", agent, &json!({"name": "agent", "capacity": 1})).await;
    }
    let first: DateTime<Utc> = "2026-03-02T09:00:00Z".parse().unwrap();
    let races = (0..RACES).map(|race| (first + TimeDelta::days(race as i64), seed ^ ((race as u64) << 32)));
    let mut told = Vec::new();
    for (day, seed) in races {
        told.extend(race(&system, customer, &agents, day, seed).await);
    }
    let reader = system.reader().await;
    let refusals = refusals(&told, &reader).await;
    let refused: usize = refusals.values().map(Vec::len).sum();
    println!("seed {seed}: {RACES} races, {} commands accepted, {refused} refused", told.len() - refused);
    assert!(refused > RACES && told.len() - refused > RACES, "they raced");

    let (mut diary, mut position) = (Diary::default(), 0);
    loop {
        let page = reader.after(position, 1_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        for recorded in page {
            position = recorded.position;
            if recorded.stream.category == Category::ServiceExecution {
                let event = Event::read(Category::ServiceExecution, &recorded.event_type, &recorded.payload).unwrap();
                let Event::ServiceExecution(event) = event else { panic!("{event:?}") };
                diary.note(recorded.stream.id, &event);
            }
            refusals.get(&position).into_iter().flatten().for_each(|(wish, reply)| diary.check(wish, reply));
        }
    }
    let statement = "select count(*) from log.claim where starts_at is not null";
    let pool = database.pool(PoolRole::Append).await;
    let (claims,): (i64,) = sqlx::query_as(statement).fetch_one(&pool).await.unwrap();
    assert_eq!(claims as usize, diary.0.values().map(|(_, agents)| agents.len()).sum::<usize>());
    drop(processes);
    system.stop().await;
    database.remove().await;
}

/// How many times tickets race for the cases of a plan, how many of them, and for how many cases.
const PLANS: usize = 10;
const OPENERS: usize = 32;
const CASES: u32 = 8;

/// Opens a ticket under a plan; whoever gets in may drop it, and whoever does not tries once more with another.
async fn open_under(system: &System, customer: Uuid, plan: Uuid, seed: u64) -> Vec<(Uuid, Value)> {
    let mut random = StdRng::seed_from_u64(seed);
    let data = json!({"customer": customer, "type": "request", "subject": "a", "channel": "web", "impact": 3,
        "urgency": 2, "plan": plan});
    let mut told = Vec::new();
    for _ in 0..2 {
        let ticket = Uuid::now_v7();
        let reply = system.send_body("ticket.open", &System::body(ticket, &data)).await;
        let is_in = reply["outcome"] == "accepted";
        told.push((ticket, reply));
        for _ in 0..random.random_range(0..4) {
            tokio::task::yield_now().await;
        }
        if is_in {
            if random.random_bool(0.3) {
                system.accepted("ticket.cancel", ticket, &json!({})).await;
            }
            break;
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_serves_as_many_tickets_as_it_has_cases_though_four_processes_open_at_once() {
    let seed = rand::random::<u64>();
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let processes: Vec<_> = (0..PROCESSES).map(|_| system.spawn(&[Role::Commands])).collect();
    let (customer, reader) = (Uuid::now_v7(), system.reader().await);
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    let (mut opened, mut refused) = (0, 0);
    for race in 0..PLANS {
        let plan = Uuid::now_v7();
        let terms = json!({"name": "Care", "content": "Eight cases.",
            "allocation": {"unit": "cases", "total": CASES, "consume_on": "open"},
            "period": {"start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z", "zone": "Etc/UTC"}});
        system.accepted("service_plan.draft", plan, &json!({"customer": customer, "terms": terms})).await;
        system.accepted("service_plan.activate", plan, &json!({})).await;
        let seed = seed ^ ((race as u64) << 32);
        let openers = (0..OPENERS).map(|opener| open_under(&system, customer, plan, seed ^ opener as u64));
        let told: Vec<_> = join_all(openers).await.into_iter().flatten().collect();

        let (mut left, mut takers) = (i64::from(CASES), BTreeSet::new());
        let stream = domain::StreamId { category: Category::ServicePlan, id: plan };
        for recorded in reader.stream(stream, 0, 1_000).await.unwrap() {
            let event = Event::read(Category::ServicePlan, &recorded.event_type, &recorded.payload).unwrap();
            if let Event::ServicePlan(PlanEvent::EntitlementConsumed { by, units, remaining, overage }) = event {
                left -= i64::from(units.get());
                assert!(left >= 0 && remaining == Some(left) && !overage, "{left} left, told are {remaining:?}");
                assert!(takers.insert(by.id), "{} took a case twice", by.id);
            } else if let Event::ServicePlan(PlanEvent::EntitlementReleased { by, units, remaining }) = event {
                left += i64::from(units.get());
                assert_eq!(remaining, Some(left));
                assert!(takers.contains(&by.id));
            }
        }
        for (ticket, reply) in &told {
            let is_in = reply["outcome"] == "accepted";
            assert_eq!(takers.contains(ticket), is_in, "{reply}");
            assert!(is_in || reply["code"] == "allocation_exhausted", "{reply}");
            *if is_in { &mut opened } else { &mut refused } += 1;
        }
    }
    println!("seed {seed}: {PLANS} races, {opened} tickets opened, {refused} refused");
    assert!(opened >= PLANS * CASES as usize && refused > PLANS, "they raced");
    drop(processes);
    system.stop().await;
    database.remove().await;
}
