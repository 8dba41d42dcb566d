//! Bad input: every message gets its documented code, and nothing is appended.

use carelog_tests::{System, TestDatabase, nats_url};
use serde_json::{Value, json};
use uuid::Uuid;

/// A valid command with one text in it replaced.
fn spoilt(from: &str, to: &str) -> Vec<u8> {
    let body = System::body(Uuid::from_u128(7), &json!({"name": "First line", "routing": "manual"}));
    let text = body.to_string();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replace(from, to).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_its_documented_code_and_appends_nothing() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let long = "x".repeat(201);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let big = "x".repeat(1_000_000);
    let tomorrow = format!(r#""occurred_at":"{}","data""#, chrono::Utc::now() + chrono::TimeDelta::days(1));
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("team.form", b"".to_vec(), "malformed", ""),
        ("team.form", b"{".to_vec(), "malformed", ""),
        ("team.form", b"\xff\xfe".to_vec(), "malformed", ""),
        ("team.form", b"[]".to_vec(), "validation", ""),
        ("team.form", spoilt(r#""First line""#, &deep), "malformed", ""),
        ("team.form", spoilt("First line", r"a\u0000b"), "malformed", ""),
        ("team.form", spoilt("First line", r"\ud800"), "malformed", ""),
        ("team.form", spoilt(r#""name":"#, r#""name":"a","name":"#), "malformed", ""),
        ("team.form", spoilt(r#""First line""#, "1e400"), "malformed", ""),
        ("team.form", spoilt("First line", &big), "payload_too_large", ""),
        ("team.form", spoilt("First line", &long), "validation", "/data/name"),
        ("team.form", spoilt("First line", " "), "validation", "/data/name"),
        ("team.form", spoilt(r#""First line""#, "5"), "validation", "/data/name"),
        ("team.form", spoilt(r#""First line""#, "null"), "validation", "/data/name"),
        ("team.form", spoilt("manual", "by magic"), "validation", "/data/routing"),
        ("team.form", spoilt(r#""name""#, r#""nmae""#), "validation", "/data/nmae"),
        ("team.form", spoilt(r#""actor""#, r#""actr""#), "validation", "/actr"),
        ("team.form", spoilt("service", "wizard"), "validation", "/actor/kind"),
        ("team.form", spoilt(r#""data""#, &tomorrow), "clock_skew", ""),
        ("team.form", spoilt(r#""data""#, r#""expected_version":3,"data""#), "version_conflict", ""),
        ("team.form", spoilt(r#""data""#, r#""expected_version":-1,"data""#), "validation", "/expected_version"),
        (
            "team.form",
            spoilt(r#""data""#, r#""occurred_at":"-100000-01-01T00:00:00Z","data""#),
            "validation",
            "/occurred_at",
        ),
        ("team.fly", spoilt("First", "First"), "unknown_command", ""),
        ("dragon.form", spoilt("First", "First"), "unknown_command", ""),
        ("team.form.more", spoilt("First", "First"), "unknown_command", ""),
        ("team.rename", System::body(Uuid::now_v7(), &json!({"name": "a"})).to_string().into(), "not_found", ""),
        (
            "agent.register",
            System::body(Uuid::now_v7(), &json!({"name": "a", "capacity": 0})).to_string().into(),
            "validation",
            "/data/capacity",
        ),
        (
            "agent.register",
            System::body(Uuid::now_v7(), &json!({"name": "a", "capacity": 99_999_999_999_u64})).to_string().into(),
            "validation",
            "/data/capacity",
        ),
    ];
    for (name, bytes, code, pointer) in cases {
        let shown = String::from_utf8_lossy(bytes.get(..120).unwrap_or(&bytes)).into_owned();
        let mut bytes = bytes;
        if code == "clock_skew" || code == "version_conflict" {
            // Decided rejections are kept under their id: each case has its own.
            let text = String::from_utf8(bytes).unwrap();
            let mut body: Value = serde_json::from_str(&text).unwrap();
            body["command_id"] = json!(Uuid::now_v7());
            bytes = body.to_string().into_bytes();
        }
        let reply = system.ask(name, bytes).await.unwrap_or_else(|| panic!("no reply to {name} {shown}"));
        assert_eq!(reply["code"], code, "{name} {shown}: {reply}");
        assert_eq!(reply["outcome"], "rejected");
        if !pointer.is_empty() {
            assert_eq!(reply["errors"][0]["pointer"], pointer, "{name} {shown}: {reply}");
        }
    }
    assert_eq!(system.reader().await.head().await.unwrap().position, 0);
    system.accepted("team.form", Uuid::now_v7(), &json!({"name": "and the next command is fine"})).await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_tells_its_status_in_the_headers() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let subject = format!("{}.command.web.team.form", system.prefix);
    let reply = system.nats.request(subject, "{".into()).await.unwrap();
    let headers = reply.headers.unwrap();
    assert_eq!(headers.get("Nats-Service-Error-Code").map(ToString::to_string).as_deref(), Some("400"));
    assert!(headers.get("Nats-Service-Error").is_some());
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_publishes_as_carelogs_own_automation() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    for publisher in ["timer", "policy"] {
        let subject = format!("{}.command.{publisher}.team.form", system.prefix);
        let body = System::body(Uuid::now_v7(), &json!({"name": "a"}));
        let reply = system.nats.request(subject, body.to_string().into()).await.unwrap();
        let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!(reply["code"], "forbidden", "{reply}");
    }
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_command_that_cannot_be_read_is_set_aside_sealed_and_does_not_block_others() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let jetstream = async_nats::jetstream::new(system.nats.clone());
    let subject = format!("{}.inbox.web.team.form", system.prefix);
    jetstream.publish(subject.clone(), r#"{"command_id":"王小明"}"#.into()).await.unwrap().await.unwrap();
    let outcomes = format!("{}.outcome.web.a", system.prefix);
    let mut outcome = system.nats.subscribe(outcomes.clone()).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Carelog-Reply-To", outcomes.as_str());
    let good = System::body(Uuid::now_v7(), &json!({"name": "a"})).to_string();
    jetstream.publish_with_headers(subject, headers, good.into()).await.unwrap().await.unwrap();
    assert!(futures_util::StreamExt::next(&mut outcome).await.is_some());
    let pool = database.pool(event_store::pool::PoolRole::Append).await;
    let letters = event_store::DeadLetters::new(pool.clone(), carelog_tests::keys());
    let kept = async {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(letter) = letters.latest(10).await.unwrap().pop() {
                return letter;
            }
        }
    };
    let letter = tokio::time::timeout(std::time::Duration::from_secs(10), kept).await.unwrap();
    assert_eq!(letter.message.as_deref(), Some(r#"{"command_id":"王小明"}"#.as_bytes()));
    assert!(!letter.detail.contains("王小明"), "{}", letter.detail);
    let (sealed,): (Vec<u8>,) = sqlx::query_as("select sealed from log.dead_letter").fetch_one(&pool).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("王小明"));
    system.stop().await;
    database.remove().await;
}
