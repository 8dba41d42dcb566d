//! Many writers over four handler processes of the binary: one history, one receipt per command, everybody answered.

use std::collections::HashMap;

use carelog::roles::Role;
use carelog_tests::{System, TestDatabase, nats_url};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use uuid::Uuid;

const PROCESSES: usize = 4;
const WRITERS: usize = 32;
const COMMANDS: usize = 30;

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
