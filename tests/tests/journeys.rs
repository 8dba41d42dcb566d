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

#[tokio::test(flavor = "multi_thread")]
async fn a_need_goes_from_its_evidence_through_a_merge_to_its_fulfilment() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let [customer, stranger, ticket, sale, need, doubled] = [(); 6].map(|()| Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    system.accepted("customer.register", stranger, &json!({"display_name": "李雷"})).await;
    system.accepted("ticket.open", ticket, &open(customer)).await;
    let source = json!({"system": "shop", "order_no": "1"});
    let recorded = json!({"customer": customer, "source": source, "currency": "CNY", "amount_minor": 100});
    system.accepted("transaction.record", sale, &recorded).await;
    let evidence = json!({"kind": "ticket", "id": ticket});
    let mut wanted = json!({"customer": stranger, "title": "Offline mode", "description": "在飞机上也要能用。",
                            "source": "ticket", "evidence": [evidence]});
    let refused = system.send("need.capture", need, &wanted).await;
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["pointer"]),
        (&json!("customer_mismatch"), &json!("/data/evidence/0"))
    );
    wanted["customer"] = json!(customer);
    for id in [need, doubled] {
        system.accepted("need.capture", id, &wanted).await;
    }
    system.accepted("need.qualify", doubled, &json!({})).await;
    let merged = system.accepted("need.merge", need, &json!({"loser": doubled})).await;
    assert_eq!(merged["events"], json!(["NeedMerged", "NeedMergedInto"]));
    let refused = system.send("need.rate", doubled, &json!({"importance": 5})).await;
    assert_eq!((&refused["code"], &refused["survivor"]), (&json!("merged_into"), &json!(need)));
    for (name, data) in [
        ("need.qualify", json!({})),
        ("need.plan", json!({"target": "2026.2", "due": "2026-09-01T00:00:00Z"})),
        ("need.fulfil", json!({"by": {"kind": "transaction", "id": sale}})),
    ] {
        system.accepted(name, need, &data).await;
    }
    let apart = system.accepted("need.unmerge", need, &json!({"loser": doubled})).await;
    let (_, row) = system.get(&format!("/v1/needs/{need}"), &apart["position"]).await;
    assert_eq!((&row["status"], &row["merged"]), (&json!("fulfilled"), &json!([])), "{row}");
    assert_eq!(row["fulfilled_by"], json!({"kind": "transaction", "id": sale}));
    let (_, row) = system.get(&format!("/v1/needs/{doubled}"), &apart["position"]).await;
    assert_eq!((&row["status"], &row["merged_into"]), (&json!("qualified"), &Value::Null), "{row}");
    let (_, then) = system.get(&format!("/v1/needs/{doubled}?as_of={}", merged["position"]), &Value::Null).await;
    assert_eq!((&then["status"], &then["merged_into"]), (&json!("merged"), &json!(need)));
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_of_somebody_unknown_becomes_a_ticket_and_its_words_go_with_the_customer() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let (customer, inquiry, ticket) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let asked = json!({"from": {"anonymous": {"name": "Canary Grünspan", "email": "canary@example.com"}},
                       "channel": "email", "subject": "canary subject", "body": "canary body", "priority": "P2"});
    system.accepted("inquiry.receive", inquiry, &asked).await;
    let refused = system.send("inquiry.convert", inquiry, &json!({"ticket": ticket})).await;
    assert_eq!(refused["code"], "not_identified", "{refused}");
    system.accepted("inquiry.answer", inquiry, &json!({"body": "canary answer"})).await;
    system.accepted("customer.register", customer, &json!({"display_name": "Canary Grünspan"})).await;
    system.accepted("inquiry.identify", inquiry, &json!({"customer": customer})).await;
    system.accepted("inquiry.receive_customer_reply", inquiry, &json!({"body": "canary reply"})).await;
    let converted = system.accepted("inquiry.convert", inquiry, &json!({"ticket": ticket})).await;
    let told = json!(["InquiryConverted", "TicketOpened"]);
    assert_eq!((&converted["events"], &converted["ordinal"]), (&told, &json!(1)), "{converted}");

    let (_, row) = system.get(&format!("/v1/inquiries/{inquiry}"), &converted["position"]).await;
    assert_eq!((&row["status"], &row["ticket"]), (&json!("converted"), &json!(ticket)), "{row}");
    let (_, row) = system.get(&format!("/v1/tickets/{ticket}"), &converted["position"]).await;
    assert_eq!((&row["number"], &row["priority"], &row["customer"]), (&json!(1), &json!("P2"), &json!(customer)));
    assert_eq!((&row["subject"], &row["description"]), (&json!("canary subject"), &json!("canary body")), "{row}");

    system.accepted("customer.request_erasure", customer, &json!({})).await;
    let erased = system.accepted("customer.erase", customer, &json!({})).await;
    system.caught_up().await;
    let pool = database.pool(event_store::pool::PoolRole::Project).await;
    for table in ["customer", "inquiry", "ticket"] {
        let statement = format!("select count(*) from read.{table} r where r::text ~* 'canary'");
        let (found,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(statement)).fetch_one(&pool).await.unwrap();
        assert_eq!(found, 0, "{table}");
    }
    for resource in ["inquiries", "tickets"] {
        let id = if resource == "tickets" { ticket } else { inquiry };
        let (status, history) = system.get(&format!("/v1/{resource}/{id}/history"), &erased["position"]).await;
        assert_eq!(status, 200, "{history}");
        assert!(!history.to_string().to_lowercase().contains("canary"), "{history}");
        let first = &history["items"][0]["data"];
        assert_eq!(first["subject"], json!({"erased": true}), "{history}");
    }
    let (claims,): (i64,) = sqlx::query_as("select count(*) from log.claim")
        .fetch_one(&database.pool(event_store::pool::PoolRole::Append).await)
        .await
        .unwrap();
    assert_eq!(claims, 0);
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_identified_while_its_customer_is_erased_is_erased_as_well_or_refused() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let customer = Uuid::now_v7();
    system.accepted("customer.register", customer, &json!({"display_name": "Canary"})).await;
    system.accepted("customer.request_erasure", customer, &json!({})).await;
    let asked = json!({"from": {"anonymous": {"name": "Canary"}}, "channel": "web", "subject": "a", "body": "b"});
    let ids: Vec<Uuid> = (0..40).map(|_| Uuid::now_v7()).collect();
    for id in &ids {
        system.accepted("inquiry.receive", *id, &asked).await;
    }
    let whose = json!({"customer": customer});
    let identify = |id: &Uuid| system.send("inquiry.identify", *id, &whose);
    let identified = futures_util::future::join_all(ids.iter().map(identify));
    let nothing = json!({});
    let erase = system.send("customer.erase", customer, &nothing);
    let (identified, erased) = futures_util::future::join(identified, erase).await;
    assert_eq!(erased["outcome"], "accepted", "{erased}");
    system.caught_up().await;
    for (id, reply) in ids.iter().zip(&identified) {
        assert!(reply["outcome"] == "accepted" || reply["code"] == "subject_erased", "{reply}");
        let (_, row) = system.get(&format!("/v1/inquiries/{id}"), &Value::Null).await;
        assert_eq!(row["anonymous"] == Value::Null, reply["outcome"] == "accepted", "{row}");
    }
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolution_asks_for_a_score_and_the_answer_rates_who_had_the_ticket_then() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let [customer, anna, boris, team, ticket] = [(); 5].map(|()| Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    system.accepted("team.form", team, &json!({"name": "First line"})).await;
    for (agent, name) in [(anna, "Anna"), (boris, "Boris")] {
        system.accepted("agent.register", agent, &json!({"name": name, "capacity": 5})).await;
        system.accepted("team.add_member", team, &json!({"agent": agent})).await;
    }
    system.accepted("ticket.open", ticket, &open(customer)).await;
    system.accepted("ticket.assign", ticket, &json!({"team": team, "agent": anna})).await;
    let resolved = system.accepted("ticket.resolve", ticket, &json!({"code": "assistance"})).await;
    assert_eq!(resolved["events"], json!(["TicketResolved", "SurveyRequested"]));
    system.accepted("ticket.reopen", ticket, &json!({})).await;
    let reassigned = system.accepted("ticket.assign", ticket, &json!({"agent": boris})).await;
    let (_, found) = system.get(&format!("/v1/feedback?ticket={ticket}"), &reassigned["position"]).await;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let survey: Uuid = found["items"][0]["id"].as_str().unwrap().parse().unwrap();

    let mut answer = System::body(survey, &json!({"score": 5, "comment": "很满意"}));
    answer["actor"] = json!({"kind": "customer", "id": customer});
    let answered = system.send_body("feedback.submit", &answer).await;
    assert_eq!(answered["events"], json!(["FeedbackSubmitted"]), "{answered}");
    let (_, row) = system.get(&format!("/v1/feedback/{survey}"), &answered["position"]).await;
    assert_eq!((&row["agent"], &row["team"], &row["ticket"]), (&json!(anna), &json!(team), &json!(ticket)), "{row}");
    assert_eq!((&row["status"], &row["score"], &row["comment"]), (&json!("responded"), &json!(5), &json!("很满意")));
    let again = system.send("feedback.submit", survey, &json!({"score": 1})).await;
    assert_eq!(again["code"], "already_answered", "{again}");
    let timers: Vec<(String,)> = sqlx::query_as("select name from log.timer")
        .fetch_all(&database.pool(event_store::pool::PoolRole::Append).await)
        .await
        .unwrap();
    assert!(timers.is_empty(), "the ticket is open again and the survey answered: {timers:?}");
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_that_nobody_answers_expires_once_though_two_processes_fire_its_timer() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.run(carelog::roles::Role::Automation).await;
    let [customer, team, survey] = [(); 3].map(|()| Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    system.accepted("team.form", team, &json!({"name": "First line"})).await;
    let request = json!({"customer": customer, "metric": "nps", "rated": {"team": team}, "expires_after_s": 3_600});
    let mut body = System::body(survey, &request);
    body["occurred_at"] = json!("2026-03-02T09:00:00Z");
    let requested = system.send_body("feedback.request_survey", &body).await;
    assert_eq!(requested["events"], json!(["SurveyRequested"]), "{requested}");
    let expired = json!(requested["position"].as_u64().unwrap() + 1);
    let (_, row) = system.get(&format!("/v1/feedback/{survey}"), &expired).await;
    assert_eq!((&row["status"], &row["expires_at"]), (&json!("expired"), &json!("2026-03-02T10:00:00Z")), "{row}");
    let late = system.send("feedback.submit", survey, &json!({"score": 9})).await;
    assert_eq!(late["code"], "invalid_transition", "{late}");
    let (timers,): (i64,) = sqlx::query_as("select count(*) from log.timer")
        .fetch_one(&database.pool(event_store::pool::PoolRole::Append).await)
        .await
        .unwrap();
    assert_eq!(timers, 0);
    assert_eq!(json!(system.reader().await.head().await.unwrap().position), expired);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plans_visits_are_planned_and_its_follower_begins_once_though_two_processes_fire_its_timers() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.run(carelog::roles::Role::Automation).await;
    let (customer, visits, ended) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let day = |days: i64| {
        let at = chrono::Utc::now() + chrono::TimeDelta::days(days);
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    let terms = |start: i64, end: i64| {
        json!({"name": "Care 关怀", "content": "We come each day.",
            "allocation": {"unit": "visits", "total": 25, "consume_on": "complete"},
            "period": {"start": day(start), "end": day(end), "zone": "Europe/Berlin"}})
    };
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    let mut daily = terms(1, 300);
    daily["recurrence"] =
        json!({"rrule": "FREQ=DAILY;COUNT=25", "early_s": 3_600, "late_s": 3_600, "lead_s": 90 * 86_400});
    system.accepted("service_plan.draft", visits, &json!({"customer": customer, "terms": daily})).await;
    let active = system.accepted("service_plan.activate", visits, &json!({})).await;
    let planned = active["position"].as_u64().unwrap() + 50;
    let (_, row) = system.get(&format!("/v1/service-plans/{visits}"), &json!(planned)).await;
    let numbers: Vec<_> = row["occurrences"].as_array().unwrap().iter().map(|one| one["n"].clone()).collect();
    assert_eq!(numbers, (1..=25).map(|n| json!(n)).collect::<Vec<_>>(), "{row}");
    assert_eq!(row["next_occurrence_at"], row["period_start"]);
    let path = format!("/v1/service-executions?plan={visits}&sort=scheduled_start&limit=200");
    let (_, found) = system.get(&path, &json!(planned)).await;
    let occurrences: Vec<_> = found["items"].as_array().unwrap().iter().map(|one| one["occurrence"].clone()).collect();
    assert_eq!(occurrences, numbers, "{found}");

    let mut renewing = terms(-40, -5);
    renewing["auto_renew"] = json!(true);
    system.accepted("service_plan.draft", ended, &json!({"customer": customer, "terms": renewing})).await;
    let active = system.accepted("service_plan.activate", ended, &json!({})).await;
    let renewed = json!(active["position"].as_u64().unwrap() + 4);
    let (_, old) = system.get(&format!("/v1/service-plans/{ended}"), &renewed).await;
    assert_eq!(old["status"], "expired", "{old}");
    let (_, new) = system.get(&format!("/v1/service-plans/{}", old["renewed_by"].as_str().unwrap()), &renewed).await;
    assert_eq!((&new["status"], &new["renews"]), (&json!("active"), &json!(ended)), "{new}");
    assert_eq!(new["period_start"], old["period_end"]);
    // Of each plan in force the timer for its end, and nothing else.
    let (timers,): (i64,) = sqlx::query_as("select count(*) from log.timer")
        .fetch_one(&database.pool(event_store::pool::PoolRole::Append).await)
        .await
        .unwrap();
    assert_eq!(timers, 2);
    assert_eq!(json!(system.reader().await.head().await.unwrap().position), renewed);
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_fails_is_followed_by_one_that_is_booked_travelled_to_done_and_signed_for() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let [customer, agent, ticket, visit, next] = [(); 5].map(|()| Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    let skilled = json!({"name": "Anna", "capacity": 5, "skills": ["electric"]});
    system.accepted("agent.register", agent, &skilled).await;
    system.accepted("ticket.open", ticket, &open(customer)).await;
    let plan = json!({"name": "空调维修", "customer": customer, "ticket": ticket, "site": "南京西路 1 号",
        "window": {"earliest": "2026-03-02T00:00:00Z", "latest": "2026-03-03T00:00:00Z"}, "skills": ["electric"],
        "checklist": [{"id": "power", "name": "Power is off", "mandatory": true}]});
    let at = async |time: &str, name: &str, id: Uuid, data: Value| {
        let mut body = System::body(id, &data);
        body["occurred_at"] = json!(format!("2026-03-02T{time}Z"));
        let reply = system.send_body(&format!("service_execution.{name}"), &body).await;
        assert_eq!(reply["outcome"], "accepted", "{name}: {reply}");
        reply
    };
    let booked = |from: &str, to: &str| json!({"start": format!("2026-03-02T{from}Z"), "end": format!("2026-03-02T{to}Z"), "resources": [agent]});
    at("08:00:00", "plan", visit, plan).await;
    at("08:00:00", "schedule", visit, booked("09:00:00", "12:00:00")).await;
    at("09:00:00", "start", visit, json!({})).await;
    let failed = at("09:10:00", "fail", visit, json!({"reason": "wrong part", "follow_up": next})).await;
    assert_eq!(
        failed["events"],
        json!(["ServiceExecutionFailed", "FollowUpScheduled", "ServiceExecutionPlanned"]),
        "{failed}"
    );
    at("09:11:00", "schedule", next, booked("10:00:00", "12:00:00")).await;
    at("09:12:00", "dispatch", next, json!({})).await;
    at("09:30:00", "start_travel", next, json!({})).await;
    at("10:00:00", "start", next, json!({})).await;
    at("10:20:00", "pause", next, json!({"reason": "lunch"})).await;
    at("10:50:00", "resume", next, json!({})).await;
    at("11:00:00", "complete_item", next, json!({"item": "power", "result": "done"})).await;
    at("11:00:00", "use_part", next, json!({"sku": "CMP-7", "qty_milli": 1_000})).await;
    at("11:10:00", "complete", next, json!({"outcome": "It cools again."})).await;
    let signed = at("11:15:00", "sign_off", next, json!({"by": "王小明"})).await;

    let (_, row) = system.get(&format!("/v1/service-executions/{next}"), &signed["position"]).await;
    assert_eq!((&row["status"], &row["signed_off_by"]), (&json!("verified"), &json!("王小明")), "{row}");
    assert_eq!((&row["labour_s"], &row["travel_s"]), (&json!(2_400), &json!(1_800)), "{row}");
    assert_eq!((&row["follow_up_of"], &row["site"]), (&json!(visit), &json!("南京西路 1 号")), "{row}");
    let (_, first) = system.get(&format!("/v1/service-executions/{visit}"), &signed["position"]).await;
    assert_eq!((&first["follow_up"], &first["labour_s"]), (&json!(next), &json!(600)), "{first}");
    let (_, timeline) = system.get(&format!("/v1/customers/{customer}/timeline?limit=200"), &signed["position"]).await;
    let of_visits = |event: &&Value| event["category"] == "service_execution";
    assert_eq!(timeline["items"].as_array().unwrap().iter().filter(of_visits).count(), 16, "{timeline}");

    system.accepted("customer.request_erasure", customer, &json!({})).await;
    let erased = system.accepted("customer.erase", customer, &json!({})).await;
    for path in [format!("{next}"), format!("{next}?as_of={}", signed["position"])] {
        let (_, row) = system.get(&format!("/v1/service-executions/{path}"), &erased["position"]).await;
        assert_eq!((&row["site"], &row["signed_off_by"]), (&Value::Null, &Value::Null), "{row}");
    }
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_is_rated_appeals_and_a_supervisor_decides_by_the_scorecard_of_the_draft() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let [visits, anna, boris, vera, customer, ticket, evaluation] = std::array::from_fn(|_| Uuid::now_v7());
    for (agent, role) in [(anna, "agent"), (boris, "agent"), (vera, "supervisor")] {
        system.accepted("agent.register", agent, &json!({"name": "a", "role": role, "capacity": 5})).await;
    }
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    system.accepted("ticket.open", ticket, &open(customer)).await;
    system.accepted("ticket.assign", ticket, &json!({"agent": boris})).await;
    let card = |pass_from: u8| {
        let criteria = json!([{"id": "polite", "name": "礼貌", "weight_permille": 400, "scale": 5},
                              {"id": "right", "name": "正确", "weight_permille": 600, "scale": 7}]);
        json!({"criteria": criteria, "pass_from": pass_from})
    };
    let defined = system.accepted("scorecard.define", visits, &json!({"name": "Replies", "card": card(91)})).await;
    let by = async |agent: Uuid, command: &str, data: Value| {
        let mut body = System::body(evaluation, &data);
        body["actor"] = json!({"kind": "agent", "id": agent});
        system.send_body(&format!("service_evaluation.{command}"), &body).await
    };
    let period = json!({"start": "2026-03-01T00:00:00.123456789Z", "end": "2026-04-01T00:00:00Z"});
    let draft = json!({"name": "Replies 回复", "content": "Ten of them.\n", "subject": {"kind": "ticket", "id": ticket},
                       "period": period, "scorecard": visits, "as_of_position": defined["position"]});
    assert_eq!(by(boris, "draft", draft.clone()).await["code"], "evaluator_is_rated");
    assert_eq!(by(anna, "draft", draft).await["events"], json!(["EvaluationDrafted"]));
    system.accepted("scorecard.revise", visits, &json!({"card": card(99)})).await;
    let seen = by(anna, "score", json!({"criterion": "polite", "score": 5})).await["position"].clone();
    let missing = by(anna, "submit", json!({"as_of_position": seen})).await;
    assert_eq!((&missing["code"], &missing["criteria"]), (&json!("scores_missing"), &json!(["right"])), "{missing}");
    by(anna, "score", json!({"criterion": "right", "score": 5, "evidence": [Uuid::now_v7()]})).await;
    by(anna, "submit", json!({"as_of_position": seen})).await;
    assert_eq!(by(anna, "appeal", json!({"reason": "x"})).await["code"], "forbidden");
    by(boris, "appeal", json!({"reason": "The answer was right."})).await;
    let scores = json!([{"criterion": "right", "score": 6}]);
    by(vera, "decide_appeal", json!({"outcome": "revised", "scores": scores, "reason": "It was."})).await;
    let done = by(anna, "finalize", json!({})).await;
    let (status, row) = system.get(&format!("/v1/service-evaluations/{evaluation}"), &done["position"]).await;
    assert_eq!(status, 200, "{row}");
    // 400 · 5/5 + 600 · 6/7 of 1,000 is 91.428571…
    let told = ["status", "result_hundredths", "verdict", "as_of_position"].map(|field| row[field].clone());
    assert_eq!(told, [json!("finalized"), json!(9_143), json!("pass"), seen], "{row}");
    assert_eq!((&row["period_start"], &row["card"]["pass_from"]), (&json!("2026-03-01T00:00:00.123456Z"), &json!(91)));
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}
