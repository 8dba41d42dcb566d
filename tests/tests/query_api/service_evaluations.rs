//! Service evaluations: what they come to, how they stood before, and how they are found.

use super::*;

/// A scorecard, three agents and a ticket of the second of them.
struct Desk {
    scorecard: Uuid,
    anna: Uuid,
    boris: Uuid,
    carl: Uuid,
    ticket: Uuid,
}

impl Desk {
    async fn new(world: &World) -> Self {
        let [scorecard, anna, boris, carl, customer, ticket] = std::array::from_fn(|_| Uuid::now_v7());
        for agent in [anna, boris, carl] {
            world.send("agent.register", agent, json!({"name": "agent", "capacity": 5})).await;
        }
        world.send("customer.register", customer, register("王芳")).await;
        world.send("ticket.open", ticket, open(customer, "打不开")).await;
        world.send("ticket.assign", ticket, json!({"agent": boris})).await;
        let criteria = json!([
            {"id": "polite", "name": "礼貌", "weight_permille": 400, "scale": 5},
            {"id": "right", "name": "正确", "weight_permille": 600, "scale": 10, "critical_below": 3},
        ]);
        world.send("scorecard.define", scorecard, json!({"name": "Replies", "card": {"criteria": criteria}})).await;
        Self { scorecard, anna, boris, carl, ticket }
    }

    /// Anna's draft about a subject, for one month.
    async fn draft(&self, world: &World, subject: Value, month: u32) -> Uuid {
        let id = Uuid::now_v7();
        let day = |month: u32| format!("2026-{month:02}-01T00:00:00Z");
        let period = json!({"start": day(month), "end": day(month + 1)});
        let draft = json!({"name": "Replies", "subject": subject, "period": period, "scorecard": self.scorecard,
            "evaluator": self.anna});
        world.send("service_evaluation.draft", id, draft).await;
        id
    }

    /// Scores an evaluation, hands it in at a position and gives the position of that.
    async fn submit(world: &World, id: Uuid, polite: u8, right: u8, as_of_position: u64) -> u64 {
        for (criterion, score) in [("polite", polite), ("right", right)] {
            world.send("service_evaluation.score", id, json!({"criterion": criterion, "score": score})).await;
        }
        world.send("service_evaluation.submit", id, json!({"as_of_position": as_of_position})).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_shows_its_result_its_appeal_and_how_it_stood_before() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let id = desk.draft(&world, json!({"kind": "ticket", "id": desk.ticket}), 3).await;
    let submitted = Desk::submit(&world, id, 5, 7, 9).await;
    world.send("service_evaluation.appeal", id, json!({"reason": "The answer was right."})).await;
    let scores = json!([{"criterion": "right", "score": 8, "comment": "So it was."}]);
    let revise = json!({"outcome": "revised", "reason": "Looked up.", "scores": scores});
    world.send("service_evaluation.decide_appeal", id, revise).await;
    let action = json!({"action_id": Uuid::from_u128(7), "text": "Name the source.", "owner": desk.boris,
        "due": "2026-05-01T00:00:00Z"});
    world.send("service_evaluation.raise_action", id, action).await;
    let finalized = world.send("service_evaluation.finalize", id, json!({})).await;

    let path = format!("/v1/service-evaluations/{id}");
    let row = world.get(&path, finalized).await;
    assert_eq!(
        (&row["status"], &row["result_hundredths"], &row["verdict"]),
        (&json!("finalized"), &json!(8_800), &json!("pass"))
    );
    assert_eq!((&row["evaluator"], &row["executor"]), (&json!(desk.anna), &json!(desk.boris)));
    assert_eq!((&row["subject_kind"], &row["subject_id"]), (&json!("ticket"), &json!(desk.ticket)));
    assert_eq!((&row["as_of_position"], &row["scorecard_revision"]), (&json!(9), &json!(1)));
    let scores =
        json!([{"criterion": "polite", "score": 5}, {"criterion": "right", "score": 8, "comment": "So it was."}]);
    assert_eq!(row["scores"], scores);
    assert_eq!(row["appeal"]["decision"]["outcome"], "revised");
    assert_eq!(
        (&row["actions"][0]["text"], &row["actions"][0]["owner"]),
        (&json!("Name the source."), &json!(desk.boris))
    );

    let before = world.get(&format!("{path}?as_of={submitted}"), finalized).await;
    assert_eq!((&before["status"], &before["result_hundredths"]), (&json!("submitted"), &json!(8_200)));
    assert_eq!((&before["verdict"], &before["appeal"]), (&json!("conditional"), &Value::Null));
    let history = world.get(&format!("{path}/history"), finalized).await;
    let types: Vec<_> = history["items"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(
        types,
        [
            "EvaluationDrafted",
            "CriterionScored",
            "CriterionScored",
            "EvaluationSubmitted",
            "EvaluationAppealed",
            "AppealDecided",
            "ImprovementActionRaised",
            "EvaluationFinalized",
        ]
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluations_are_found_by_subject_result_and_period_and_counted() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let of_ticket = desk.draft(&world, json!({"kind": "ticket", "id": desk.ticket}), 3).await;
    let of_boris = desk.draft(&world, json!({"kind": "agent", "id": desk.boris}), 4).await;
    let of_carl = desk.draft(&world, json!({"kind": "agent", "id": desk.carl}), 5).await;
    // 100, and 40 with a critical criterion below its limit.
    Desk::submit(&world, of_ticket, 5, 10, 9).await;
    world.send("service_evaluation.finalize", of_ticket, json!({})).await;
    let position = Desk::submit(&world, of_boris, 5, 0, 9).await;

    for (query, expected) in [
        ("sort=drafted_at".to_owned(), vec![of_ticket, of_boris, of_carl]),
        ("sort=-period_start".to_owned(), vec![of_carl, of_boris, of_ticket]),
        ("subject_kind=agent".to_owned(), vec![of_carl, of_boris]),
        (format!("subject={}", desk.ticket), vec![of_ticket]),
        (format!("executor={}&sort=drafted_at", desk.boris), vec![of_ticket, of_boris]),
        (format!("evaluator={}", desk.boris), vec![]),
        (format!("scorecard={}&status=draft", desk.scorecard), vec![of_carl]),
        ("status=submitted,finalized&verdict=fail".to_owned(), vec![of_boris]),
        ("result_hundredths_from=4000&sort=drafted_at".to_owned(), vec![of_ticket, of_boris]),
        ("result_hundredths_from=4001".to_owned(), vec![of_ticket]),
        ("result_hundredths_to=4000".to_owned(), vec![]),
        ("period_from=2026-04-01T00:00:00Z&period_to=2026-05-01T00:00:00Z".to_owned(), vec![of_boris]),
        ("drafted_to=2026-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        assert_eq!(ids(&world.get(&format!("/v1/service-evaluations?{query}"), position).await), expected, "{query}");
    }
    let first = world.get("/v1/service-evaluations?limit=2", position).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/service-evaluations?limit=2&cursor={cursor}"), position).await;
    assert_eq!((ids(&first), ids(&rest)), (vec![of_carl, of_boris], vec![of_ticket]));

    let summary = world.get("/v1/service-evaluations/summary", position).await;
    let by_verdict = json!({"pass": {"total": 1, "finalized": 1}, "fail": {"total": 1, "finalized": 0}});
    let by_status = json!({"draft": 1, "submitted": 1, "finalized": 1});
    assert_eq!(summary, json!({"total": 3, "by_status": by_status, "by_verdict": by_verdict}));
    world.end().await;
}
