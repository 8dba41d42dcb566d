//! Feedback: who is rated, what is said, what it comes to, and what an erasure leaves of it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{World, ids, open, register};

/// A customer, an agent, a team with that agent, and a ticket of theirs.
async fn desk(world: &World) -> [Uuid; 4] {
    let [customer, agent, team, ticket] = [(); 4].map(|()| Uuid::now_v7());
    world.send("customer.register", customer, register("王小明")).await;
    world.send("agent.register", agent, json!({"name": "Anna", "capacity": 9})).await;
    world.send("team.form", team, json!({"name": "First line"})).await;
    world.send("team.add_member", team, json!({"agent": agent})).await;
    world.send("ticket.open", ticket, open(customer, "打不开")).await;
    world.send("ticket.assign", ticket, json!({"team": team, "agent": agent})).await;
    [customer, agent, team, ticket]
}

/// Asks for a score and has it given.
async fn answered(world: &World, customer: Uuid, metric: &str, rated: &Value, score: u8) -> (Uuid, u64) {
    let survey = Uuid::now_v7();
    let request = json!({"customer": customer, "metric": metric, "rated": rated});
    world.send("feedback.request_survey", survey, request).await;
    let answer = json!({"score": score, "comment": format!("said {score}")});
    (survey, world.send("feedback.submit", survey, answer).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn surveys_tell_who_is_rated_whoever_has_the_ticket_later_and_what_their_scores_come_to() {
    let world = World::new().await;
    let [customer, anna, team, ticket] = desk(&world).await;
    let boris = Uuid::now_v7();
    world.send("agent.register", boris, json!({"name": "Boris", "capacity": 9})).await;
    world.send("team.add_member", team, json!({"agent": boris})).await;
    let of_ticket = json!({"ticket": ticket});
    let (first, before) = answered(&world, customer, "csat", &of_ticket, 5).await;
    world.send("ticket.assign", ticket, json!({"agent": boris})).await;
    let (second, _) = answered(&world, customer, "csat", &of_ticket, 3).await;
    answered(&world, customer, "nps", &json!({"team": team}), 10).await;
    answered(&world, customer, "nps", &json!({"team": team}), 6).await;
    answered(&world, customer, "ces", &json!({"agent": anna}), 6).await;
    let open = Uuid::now_v7();
    let request = json!({"customer": customer, "metric": "csat", "rated": {"agent": anna}});
    let position = world.send("feedback.request_survey", open, request).await;

    let row = world.get(&format!("/v1/feedback/{first}"), position).await;
    assert_eq!((&row["agent"], &row["team"], &row["ticket"]), (&json!(anna), &json!(team), &json!(ticket)));
    assert_eq!((&row["score"], &row["comment"], &row["status"]), (&json!(5), &json!("said 5"), &json!("responded")));
    let found = |query: &str| {
        let path = format!("/v1/feedback?sort=created_at&{query}");
        let world = &world;
        async move { ids(&world.get(&path, position).await) }
    };
    assert_eq!(found(&format!("agent={anna}&metric=csat")).await, [first, open]);
    assert_eq!(found(&format!("agent={boris}")).await, [second]);
    assert_eq!(found(&format!("ticket={ticket}&score_from=4&score_to=5")).await, [first]);
    assert_eq!(found(&format!("customer={customer}&kind=survey&status=requested,reminded")).await, [open]);
    let at = row["responded_at"].as_str().unwrap();
    assert_eq!(found(&format!("responded_to={at}")).await, Vec::<Uuid>::new());
    assert_eq!(found(&format!("responded_from={at}&metric=csat&team={team}")).await, [first, second]);

    let of = |numerator: i64, denominator: i64| json!({"numerator": numerator, "denominator": denominator});
    let summary = world.get("/v1/feedback/summary", position).await;
    assert_eq!((&summary["total"], &summary["by_kind"]), (&json!(6), &json!({"survey": 6})));
    let csat = json!({"requested": 3, "responded": 2, "expired": 0, "scores": {"3": 1, "5": 1},
        "figures": {"satisfied": of(1, 2)}});
    assert_eq!(summary["surveys"]["csat"], csat);
    let nps = json!({"promoters": of(1, 2), "detractors": of(1, 2), "nps": of(0, 2)});
    assert_eq!(summary["surveys"]["nps"]["figures"], nps);
    assert_eq!(summary["surveys"]["ces"]["figures"], json!({"mean": of(6, 1), "easy": of(1, 1)}));
    let then = world.get(&format!("/v1/feedback/summary?as_of={before}"), position).await;
    assert_eq!(then["surveys"]["csat"]["figures"]["satisfied"], of(1, 1));
    let wrong = world.problem("/v1/feedback?metric=stars").await;
    assert_eq!(wrong, (400, "validation".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_goes_its_way_and_an_erasure_leaves_nothing_that_was_said() {
    let world = World::new().await;
    let [customer, anna, _, ticket] = desk(&world).await;
    let [complaint, praise] = [(); 2].map(|()| Uuid::now_v7());
    let filed = json!({"customer": customer, "severity": 1, "subject": "秘密 subject", "body": "秘密 body",
        "about": {"ticket": ticket}, "channel": "phone"});
    let received = world.send("feedback.file_complaint", complaint, filed).await;
    world
        .send("feedback.praise", praise, json!({"customer": customer, "body": "秘密", "about": {"agent": anna}}))
        .await;
    let none = || json!({});
    for (name, data) in [
        ("feedback.acknowledge", none()),
        ("feedback.start_investigation", none()),
        ("feedback.offer_remedy", json!({"remedy": "秘密 remedy"})),
        ("feedback.reject_remedy", json!({"reason": "秘密 reason"})),
        ("feedback.escalate", json!({"reason": "asks for the manager"})),
    ] {
        world.send(name, complaint, data).await;
    }
    let (survey, position) = answered(&world, customer, "csat", &json!({"ticket": ticket}), 1).await;
    let path = format!("/v1/feedback/{complaint}");
    let row = world.get(&path, position).await;
    assert_eq!((&row["status"], &row["objection"]), (&json!("escalated"), &json!("秘密 reason")));
    assert_eq!(world.get(&format!("{path}?as_of={received}"), position).await["status"], "received");
    assert_eq!(ids(&world.get("/v1/feedback?severity=1&kind=complaint", position).await), [complaint]);
    let summary = world.get("/v1/feedback/summary", position).await;
    assert_eq!(summary["complaints_by_status"], json!({"escalated": 1}));

    world.send("customer.request_erasure", customer, json!({})).await;
    let erased = world.send("customer.erase", customer, json!({})).await;
    for path in [
        format!("/v1/feedback?customer={customer}"),
        format!("{path}?as_of={position}"),
        format!("{path}/history"),
        format!("/v1/feedback/{survey}/history"),
    ] {
        let shown = world.get(&path, erased).await.to_string();
        assert!(!shown.contains("秘密") && !shown.contains("said 1"), "{path}: {shown}");
    }
    let timeline = world.get(&format!("/v1/customers/{customer}/timeline"), erased).await;
    let types: Vec<&str> =
        timeline["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert!(types.contains(&"ComplaintEscalated") && types.contains(&"SurveyRequested"), "{types:?}");
    let row = world.get(&path, erased).await;
    assert_eq!((&row["body"], &row["severity"]), (&Value::Null, &json!(1)));
    let closed = world.send("feedback.close", complaint, json!({"outcome": "withdrawn"})).await;
    let row = world.get(&path, closed).await;
    assert_eq!((&row["status"], &row["outcome"]), (&json!("closed"), &json!("withdrawn")));
    world.end().await;
}
