//! Faults: servers and roles are stopped, killed, emptied and set back; afterwards nothing accepted is lost and every
//! model is what a rebuild makes of the history.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests: where they fail, the test fails")]

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use bus::Bus;
use carelog::local::{LocalServers, Options};
use carelog::roles::Role;
use carelog_tests::{Process, System, TestDatabase, nats_url};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

/// Servers of one test alone, so that it may stop them.
struct OwnServers {
    servers: LocalServers,
    directory: PathBuf,
}

impl OwnServers {
    async fn start() -> Self {
        let directory = PathBuf::from(format!("/var/tmp/carelog-fault-{}", Uuid::new_v4().simple()));
        let mut options = Options::from_environment().unwrap();
        options.state_dir = directory.clone();
        Self { servers: LocalServers::start(&options).await.unwrap(), directory }
    }

    async fn remove(self) {
        self.servers.stop().await.unwrap();
        std::fs::remove_dir_all(self.directory).unwrap();
    }
}

/// Registers `count` customers at once and gives the bodies of the accepted commands: all of them.
async fn register(system: &System, count: usize) -> Vec<Value> {
    let bodies: Vec<Value> =
        (0..count).map(|n| System::body(Uuid::now_v7(), &json!({"display_name": format!("客户 {n}")}))).collect();
    let replies = join_all(bodies.iter().map(|body| system.send_body("customer.register", body))).await;
    replies.iter().for_each(|reply| assert_eq!(reply["outcome"], "accepted", "{reply}"));
    bodies
}

/// Every accepted command is in the history exactly once, and answers the same again.
async fn assert_nothing_lost(system: &System, accepted: &[Value]) {
    let mut found = std::collections::HashMap::new();
    let (reader, mut position) = (system.reader().await, 0);
    loop {
        let page = reader.after(position, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        position = last.position;
        for event in page {
            *found.entry(event.metadata.command_id).or_insert(0) += 1;
        }
    }
    for body in accepted {
        let id: Uuid = body["command_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(found.get(&id), Some(&1), "{body}");
    }
    for body in accepted.iter().take(20) {
        let again = system.send_body("customer.register", body).await;
        assert_eq!((&again["outcome"], &again["replayed"]), (&json!("accepted"), &json!(true)), "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_down_commands_and_reads_say_so_and_then_go_on_by_themselves() {
    let mut own = OwnServers::start().await;
    let database = TestDatabase::create_on(&own.servers.database_url).await;
    let system = System::start(&database.url, &own.servers.nats_url).await;
    let before = register(&system, 20).await;
    system.caught_up().await;
    own.servers.postgres.kill().await.unwrap();
    let body = System::body(Uuid::now_v7(), &json!({"display_name": "while away"}));
    let reply =
        system.ask("customer.register", body.to_string().into_bytes()).await.expect("an answer in bounded time");
    assert_eq!((&reply["code"], &reply["status"]), (&json!("unavailable"), &json!(503)), "{reply}");
    let (status, problem) = system.get("/v1/customers", &Value::Null).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{problem}");
    own.servers.postgres.start().await.unwrap();
    let reply = system.send_body("customer.register", &body).await;
    assert_eq!(reply["outcome"], "accepted", "{reply}");
    let (status, row) =
        system.get(&format!("/v1/customers/{}", body["id"].as_str().unwrap()), &reply["position"]).await;
    assert_eq!((status, &row["display_name"]), (200, &json!("while away")));
    assert_nothing_lost(&system, &before).await;
    system.assert_models_equal_rebuilt().await;
    system.assert_stream_equals_history().await;
    system.stop().await;
    own.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_frozen_commands_are_answered_in_bounded_time_and_decided_once_afterwards() {
    let own = OwnServers::start().await;
    let database = TestDatabase::create_on(&own.servers.database_url).await;
    let system = System::start(&database.url, &own.servers.nats_url).await;
    let before = register(&system, 5).await;
    own.servers.postgres.pause();
    let body = System::body(Uuid::now_v7(), &json!({"display_name": "while frozen"}));
    let reply =
        system.ask("customer.register", body.to_string().into_bytes()).await.expect("an answer in bounded time");
    assert_eq!(reply["code"], "unavailable", "{reply}");
    own.servers.postgres.resume();
    let reply = system.send_body("customer.register", &body).await;
    assert_eq!(reply["outcome"], "accepted", "{reply}");
    assert_nothing_lost(&system, &before).await;
    assert_nothing_lost(&system, &[body]).await;
    system.stop().await;
    own.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nats_loses_everything_the_relay_refills_the_stream_and_nothing_accepted_is_lost() {
    let mut own = OwnServers::start().await;
    let database = TestDatabase::create_on(&own.servers.database_url).await;
    let system = System::start(&database.url, &own.servers.nats_url).await;
    let mut accepted = register(&system, 50).await;
    system.caught_up().await;
    own.servers.nats.kill().await.unwrap();
    own.servers.nats.wipe_store().unwrap();
    own.servers.nats.start().await.unwrap();
    accepted.extend(register(&system, 50).await);
    assert_nothing_lost(&system, &accepted).await;
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    own.remove().await;
}

/// How many commands wait in the inbox, once NATS answers.
async fn waiting(bus: &Bus) -> u64 {
    loop {
        if let Ok(stream) = bus.jetstream.get_stream(bus.subjects.inbox_stream()).await {
            return stream.cached_info().state.messages;
        }
    }
}

async fn decided(bus: &Bus) {
    let none = async { while waiting(bus).await > 0 {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), none).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").args(["--archive", "--"]).args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// Puts commands into the inbox while nobody reads it, lets `read` acknowledge some, and sets the stream alone back to
/// what it was before: it holds all of them again, and its consumer takes some for acknowledged. Then the role `commands`
/// must decide all.
async fn all_is_decided_where_the_consumer_takes_for_acknowledged_what(
    read: impl AsyncFn(&mut System, &Bus),
    count: usize,
) {
    let mut own = OwnServers::start().await;
    let database = TestDatabase::create_on(&own.servers.database_url).await;
    let mut system = System::start(&database.url, &own.servers.nats_url).await;
    let bus = Bus::connect(&bus::BusConfig::new(&own.servers.nats_url, &system.prefix, "tests")).await.unwrap();
    system.stop_role(Role::Commands).await;
    let bodies: Vec<Value> =
        (0..count).map(|n| System::body(Uuid::now_v7(), &json!({"display_name": format!("赵敏 {n}")}))).collect();
    for body in &bodies {
        let subject = bus.subjects.inbox("web", "customer", "register");
        bus.jetstream.publish(subject, body.to_string().into()).await.unwrap().await.unwrap();
    }

    let stream = own.directory.join("nats/store/jetstream/$G/streams").join(bus.subjects.inbox_stream()).join("msgs");
    let before = own.directory.join("before");
    own.servers.nats.stop().await.unwrap();
    copy(&stream, &before);
    own.servers.nats.start().await.unwrap();
    read(&mut system, &bus).await;
    own.servers.nats.stop().await.unwrap();
    std::fs::remove_dir_all(&stream).unwrap();
    copy(&before, &stream);
    own.servers.nats.start().await.unwrap();
    assert_eq!(waiting(&bus).await, count as u64, "the stream remembers what its consumer has forgotten");

    system.run(Role::Commands).await;
    decided(&bus).await;
    assert_nothing_lost(&system, &bodies).await;
    system.stop().await;
    database.remove().await;
    own.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_commands_that_their_consumer_takes_for_acknowledged_are_decided_all_the_same() {
    let decide_all = async |system: &mut System, bus: &Bus| {
        system.run(Role::Commands).await;
        decided(bus).await;
        system.stop_role(Role::Commands).await;
    };
    all_is_decided_where_the_consumer_takes_for_acknowledged_what(decide_all, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_commands_behind_one_that_is_not_acknowledged_are_decided_all_the_same() {
    let acknowledge_all_but_the_first = async |_: &mut System, bus: &Bus| {
        let mut inbox = bus::Inbox::open(bus).await.unwrap();
        let first = inbox.next().await;
        for _ in 1..3 {
            inbox.next().await.ack().await.unwrap();
        }
        assert_eq!(first.deliveries, 1);
    };
    all_is_decided_where_the_consumer_takes_for_acknowledged_what(acknowledge_all_but_the_first, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_and_a_purged_stream_heal_while_commands_flow() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let mut accepted = register(&system, 50).await;
    system.assert_stream_equals_history().await;
    let jetstream = async_nats::jetstream::new(system.nats.clone());
    let stream = format!("{}_EVENTS", system.prefix.to_uppercase());
    jetstream.delete_stream(&stream).await.unwrap();
    accepted.extend(register(&system, 50).await);
    system.assert_stream_equals_history().await;
    jetstream.get_stream(&stream).await.unwrap().purge().await.unwrap();
    accepted.extend(register(&system, 50).await);
    system.assert_stream_equals_history().await;
    assert_nothing_lost(&system, &accepted).await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_every_role_make_one_history_one_stream_and_one_set_of_models() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    for role in Role::ALL {
        system.run(role).await;
    }
    for role in [Role::Commands, Role::Commands, Role::Relay] {
        system.run(role).await;
    }
    let accepted = register(&system, 300).await;
    assert_nothing_lost(&system, &accepted).await;
    assert_eq!(system.caught_up().await, 300);
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_killed_at_any_moment_lose_nothing_that_was_accepted() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let kinds = Role::ALL;
    let mut processes: Vec<(Role, Process)> =
        kinds.iter().chain(&kinds).map(|role| (*role, system.spawn(&[*role]))).collect();
    let mut accepted = Vec::new();
    for _ in 0..12 {
        let kill = async {
            // While the commands of this round are under way.
            for _ in 0..random.random_range(0..200) {
                tokio::task::yield_now().await;
            }
            let role = *kinds.choose(&mut random).unwrap();
            let index = processes.iter().position(|(kind, _)| *kind == role).unwrap();
            let (_, process) = processes.remove(index);
            process.kill();
            processes.push((role, system.spawn(&[role])));
        };
        let (registered, ()) = futures_util::future::join(register(&system, 40), kill).await;
        accepted.extend(registered);
    }
    assert_nothing_lost(&system, &accepted).await;
    assert_eq!(system.caught_up().await, accepted.len() as u64);
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    drop(processes);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_older_backup_halts_relay_and_projector_until_the_recovery_is_done() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    register(&system, 10).await;
    system.assert_stream_equals_history().await;
    system.caught_up().await;
    for role in Role::ALL {
        system.stop_role(role).await;
    }
    let backup = backup_of(&database.url).await;
    for role in [Role::Commands, Role::Relay, Role::Projector] {
        system.run(role).await;
    }
    register(&system, 10).await;
    system.assert_stream_equals_history().await;
    for role in [Role::Commands, Role::Relay, Role::Projector] {
        system.stop_role(role).await;
    }
    system.environment = system.environment.clone().with("DATABASE_URL", &backup);
    system.database_url = backup;
    for role in [Role::Relay, Role::Projector] {
        system.run(role).await;
        let halted = format!("{:#}", system.end_of(role).await.unwrap_err());
        assert!(halted.contains("history_forked"), "{}: {halted}", role.name());
    }
    let recover = carelog::recover::RecoverArgs { yes: true };
    carelog::recover::run(&system.environment, &recover, &Default::default()).await.unwrap();
    for role in Role::ALL {
        system.run(role).await;
    }
    let accepted = register(&system, 10).await;
    assert_nothing_lost(&system, &accepted).await;
    assert_eq!(system.caught_up().await, 20);
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

/// A copy of a database as it is now, and its URL.
async fn backup_of(url: &str) -> String {
    let options = PgConnectOptions::from_str(url).unwrap();
    let name = options.get_database().unwrap().to_owned();
    let server = std::env::var("DATABASE_URL").unwrap();
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    sqlx::query(others).bind(&name).execute(&mut connection).await.unwrap();
    let copy = format!("create database {name}b template {name}");
    sqlx::query(AssertSqlSafe(copy)).execute(&mut connection).await.unwrap();
    sqlx::ConnectOptions::to_url_lossy(&options.database(&format!("{name}b"))).to_string()
}
