//! What users see, from the command over NATS to the answer over HTTP.

use carelog_tests::{System, TestDatabase, nats_url};
use serde_json::{Value, json};
use uuid::Uuid;

fn open(customer: Uuid) -> Value {
    json!({"customer": customer, "type": "incident", "subject": "售后服务很差 😀", "description": "Can't log in.\n",
           "channel": "web", "impact": 3, "urgency": 2, "tags": ["login"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_goes_from_a_command_over_an_event_to_an_answer() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let (customer, agent, ticket) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    system.accepted("agent.register", agent, &json!({"name": "Anna", "capacity": 5})).await;
    let opened = system.accepted("ticket.open", ticket, &open(customer)).await;
    assert_eq!(opened["ordinal"], 1);
    assert_eq!(opened["events"], json!(["TicketOpened"]));
    system.accepted("ticket.assign", ticket, &json!({"agent": agent})).await;
    system.accepted("ticket.reply", ticket, &json!({"body": "您好，请稍等。", "public": true})).await;
    let done = json!({"code": "assistance", "text": "done"});
    let resolved = system.accepted("ticket.resolve", ticket, &done).await;
    let (status, row) = system.get(&format!("/v1/tickets/{ticket}"), &resolved["position"]).await;
    assert_eq!(status, 200, "{row}");
    assert_eq!(row["status"], "resolved");
    assert_eq!(row["number"], 1);
    assert_eq!(row["subject"], "售后服务很差 😀");
    let (_, earlier) = system.get(&format!("/v1/tickets/{ticket}?as_of={}", opened["position"]), &Value::Null).await;
    assert_eq!(earlier["status"], "new");
    let (_, customers) = system.get(&format!("/v1/customers/{customer}/tickets"), &resolved["position"]).await;
    assert_eq!(customers["items"].as_array().map(Vec::len), Some(1), "{customers}");
    let (_, history) = system.get(&format!("/v1/tickets/{ticket}/history"), &Value::Null).await;
    let types: Vec<_> = history["items"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["TicketOpened", "TicketAssigned", "AgentReplied", "TicketResolved"]);
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_answers_again_over_nats_and_over_http() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let body = System::body(Uuid::now_v7(), &json!({"name": "First line"}));
    let first = system.send_body("team.form", &body).await;
    let mut again = system.send_body("team.form", &body).await;
    assert_eq!(again["replayed"], true);
    let path = format!("/v1/commands/web/{}", body["command_id"].as_str().unwrap());
    let (status, receipt) = system.get(&path, &Value::Null).await;
    assert_eq!((status, &receipt), (200, &again));
    again["replayed"] = json!(false);
    assert_eq!(again, first);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_command_is_decided_once_and_its_outcome_is_found_under_its_id() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let body = System::body(Uuid::now_v7(), &json!({"name": "First line"}));
    let subject = format!("{}.inbox.web.team.form", system.prefix);
    let outcomes = format!("{}.outcome.web.a", system.prefix);
    let mut outcome = system.nats.subscribe(outcomes.clone()).await.unwrap();
    let jetstream = async_nats::jetstream::new(system.nats.clone());
    for _ in 0..2 {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Carelog-Reply-To", outcomes.as_str());
        let sent = jetstream.publish_with_headers(subject.clone(), headers, body.to_string().into()).await.unwrap();
        sent.await.unwrap();
        let told = futures_util::StreamExt::next(&mut outcome).await.unwrap();
        let told: Value = serde_json::from_slice(&told.payload).unwrap();
        assert_eq!(told["outcome"], "accepted", "{told}");
    }
    assert_eq!(system.reader().await.head().await.unwrap().position, 1);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_erased_while_commands_are_in_flight_is_gone_everywhere() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let customer = Uuid::now_v7();
    system.accepted("customer.register", customer, &json!({"display_name": "Canary Grünspan"})).await;
    system.accepted("customer.request_erasure", customer, &json!({})).await;
    let ids: Vec<Uuid> = (0..40).map(|_| Uuid::now_v7()).collect();
    let opens = ids.iter().map(|id| async {
        let data = json!({"customer": customer, "type": "incident", "subject": "canary subject", "channel": "web",
                          "impact": 3, "urgency": 2});
        system.send("ticket.open", *id, &data).await
    });
    let nothing = json!({});
    let erase = system.send("customer.erase", customer, &nothing);
    let (opened, erased) = futures_util::future::join(futures_util::future::join_all(opens), erase).await;
    assert_eq!(erased["outcome"], "accepted", "{erased}");
    for reply in &opened {
        assert!(reply["outcome"] == "accepted" || reply["code"] == "subject_erased", "{reply}");
    }
    system.caught_up().await;
    let (_, row) = system.get(&format!("/v1/customers/{customer}"), &Value::Null).await;
    assert_eq!(row["display_name"], Value::Null, "{row}");
    let pool = database.pool(event_store::pool::PoolRole::Project).await;
    for table in ["customer", "ticket"] {
        let statement = format!("select count(*) from read.{table} r where r::text ~* 'canary'");
        let (found,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(statement)).fetch_one(&pool).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolved_ticket_is_closed_by_its_timer_once_though_two_processes_fire_it() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.run(carelog::roles::Role::Automation).await;
    let (customer, ticket) = (Uuid::now_v7(), Uuid::now_v7());
    let long_ago = chrono::Utc::now() - chrono::TimeDelta::days(30);
    let then = |data: &Value, id: Uuid| {
        let mut body = System::body(id, data);
        body["occurred_at"] = json!(long_ago);
        body
    };
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    system.send_body("ticket.open", &then(&open(customer), ticket)).await;
    let resolve = json!({"code": "assistance", "text": "done"});
    let reply = system.send_body("ticket.resolve", &then(&resolve, ticket)).await;
    assert_eq!(reply["outcome"], "accepted", "{reply}");
    let closed = json!(reply["position"].as_u64().unwrap() + 1);
    let (_, row) = system.get(&format!("/v1/tickets/{ticket}"), &closed).await;
    assert_eq!(row["status"], "closed", "{row}");
    let (timers,): (i64,) = sqlx::query_as("select count(*) from log.timer")
        .fetch_one(&database.pool(event_store::pool::PoolRole::Append).await)
        .await
        .unwrap();
    assert_eq!(timers, 0);
    assert_eq!(system.reader().await.head().await.unwrap().position, 4);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_told_late_with_its_own_instant_and_once_though_two_processes_fire_its_timer() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.run(carelog::roles::Role::Automation).await;
    let (desk, gold, customer, ticket) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let day = json!([{"start": "00:00", "end": "24:00"}]);
    let weekly = json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day});
    let hours = json!({"zone": "Asia/Shanghai", "weekly": weekly});
    system.accepted("calendar.define", desk, &json!({"name": "Always", "hours": hours})).await;
    let rung = json!({"clock": "first_response", "percent": 50, "escalation": {"notify": {}}});
    let terms = json!({"calendar": desk, "targets": {"P3": {"first_response_s": 3_600}}, "ladder": [rung]});
    system.accepted("sla_policy.define", gold, &json!({"name": "Gold", "terms": terms})).await;
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    let mut opening = open(customer);
    opening["sla_policy"] = json!(gold);
    let mut body = System::body(ticket, &opening);
    body["occurred_at"] = json!("2026-03-02T09:00:00Z");
    let opened = system.send_body("ticket.open", &body).await;
    assert_eq!(opened["events"], json!(["TicketOpened", "SlaAttached"]), "{opened}");

    let told = json!(opened["position"].as_u64().unwrap() + 2);
    let (_, row) = system.get(&format!("/v1/tickets/{ticket}"), &told).await;
    let clock = &row["sla"]["clocks"]["first_response"];
    assert_eq!((&row["sla_breached"], &clock["breached_at"]), (&json!(true), &json!("2026-03-02T10:00:00Z")), "{row}");
    let (_, history) = system.get(&format!("/v1/tickets/{ticket}/history"), &told).await;
    let types: Vec<_> = history["items"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["TicketOpened", "SlaAttached", "SlaThresholdReached", "SlaBreached"]);
    let (timers,): (i64,) = sqlx::query_as("select count(*) from log.timer")
        .fetch_one(&database.pool(event_store::pool::PoolRole::Append).await)
        .await
        .unwrap();
    assert_eq!(timers, 0);
    assert_eq!(json!(system.reader().await.head().await.unwrap().position), told);
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_erasure_is_answered_no_cache_opens_the_words_any_more() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let customer = Uuid::now_v7();
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    system.accepted("customer.request_erasure", customer, &json!({})).await;
    let events = system.reader().await.after(0, 1).await.unwrap();
    let vault = database.vault().await;
    assert!(vault.unseal(&events).await.unwrap()[0].contains("王小明"), "the key is in the cache now");
    system.accepted("customer.erase", customer, &json!({})).await;
    assert!(vault.unseal(&events).await.unwrap()[0].contains("$erased"));
    system.stop().await;
    database.remove().await;
}
