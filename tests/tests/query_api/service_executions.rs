//! Service executions: what each field shows, and the questions of a dispatcher.

use super::*;

/// An agent with a skill.
async fn agent(world: &World, skill: &str) -> Uuid {
    let id = Uuid::now_v7();
    world.send("agent.register", id, json!({"name": "Anna", "capacity": 1, "skills": [skill]})).await;
    id
}

fn plan(customer: Uuid, skill: &str) -> Value {
    json!({"name": "空调维修", "customer": customer, "skills": [skill],
        "window": {"earliest": "2026-03-02T08:00:00Z", "latest": "2026-03-02T20:00:00Z"}})
}

fn booked(from: &str, to: &str, agents: &[Uuid]) -> Value {
    json!({"start": format!("2026-03-02T{from}Z"), "end": format!("2026-03-02T{to}Z"), "resources": agents})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_execution_shows_every_field_as_it_was_given() {
    let world = World::new().await;
    let (customer, visit) = (Uuid::now_v7(), Uuid::now_v7());
    world.send("customer.register", customer, register("李雷")).await;
    let anna = agent(&world, "electric").await;
    let mut planned = plan(customer, "electric");
    planned["content"] = json!("Replace the \"compressor\".");
    planned["site"] = json!("南京西路 1 号");
    planned["checklist"] = json!([{"id": "power", "name": "Power is off", "mandatory": true}]);
    let before = world.send("service_execution.plan", visit, planned).await;
    let after = world.send("service_execution.schedule", visit, booked("09:00:00", "11:30:00.5", &[anna])).await;
    let path = format!("/v1/service-executions/{visit}");
    let shown = world.get(&path, after).await;
    let history = world.get(&format!("{path}/history"), after).await;
    let [first, second] = [&history["items"][0], &history["items"][1]];
    assert_eq!(
        shown,
        json!({
            "id": visit, "name": "空调维修", "content": "Replace the \"compressor\".", "customer": customer,
            "ticket": null, "plan": null, "plan_revision": null, "occurrence": null, "site": "南京西路 1 号", "window_earliest": "2026-03-02T08:00:00Z",
            "window_latest": "2026-03-02T20:00:00Z", "skills": ["electric"],
            "checklist": [{"id": "power", "name": "Power is off", "mandatory": true, "result": null, "note": null}],
            "status": "scheduled", "begins_at": "2026-03-02T09:00:00Z", "scheduled_start": "2026-03-02T09:00:00Z",
            "scheduled_end": "2026-03-02T11:30:00.500Z", "resources": [anna], "overridden": false, "parts": [],
            "travel_started_at": null, "started_at": null, "pauses": [], "ended_at": null, "labour_s": null,
            "travel_s": null, "outcome": null, "end_reason": null, "signed_off_by": null, "follow_up": null,
            "follow_up_of": null, "planned_at": first["occurred_at"], "updated_at": second["recorded_at"], "version": 2
        })
    );
    let earlier = world.get(&format!("{path}?as_of={before}"), after).await;
    assert_eq!((&earlier["status"], &earlier["begins_at"]), (&json!("planned"), &json!("2026-03-02T08:00:00Z")));
    assert_eq!(world.problem(&format!("/v1/service-executions/{customer}")).await, (404, "not_found".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_executions_are_found_by_whose_they_are_who_does_them_and_when() {
    let world = World::new().await;
    let [li, old_li, mei, ticket] = [(); 4].map(|()| Uuid::now_v7());
    for customer in [li, old_li, mei] {
        world.send("customer.register", customer, register("somebody")).await;
    }
    world.send("ticket.open", ticket, open(li, "hot")).await;
    let (anna, boris) = (agent(&world, "electric").await, agent(&world, "gas").await);
    let [early, late, both, unbooked] = [(); 4].map(|()| Uuid::now_v7());
    for (id, customer, skill) in
        [(early, li, "electric"), (late, old_li, "electric"), (both, mei, "gas"), (unbooked, mei, "gas")]
    {
        let mut planned = plan(customer, skill);
        if id == early {
            planned["ticket"] = json!(ticket);
        }
        if id == unbooked {
            planned["window"] = json!({"earliest": "2026-03-02T10:30:00Z", "latest": "2026-03-05T00:00:00Z"});
        }
        world.send("service_execution.plan", id, planned).await;
    }
    let schedule = async |id, data| world.send("service_execution.schedule", id, data).await;
    schedule(early, booked("09:00:00", "10:00:00", &[anna])).await;
    schedule(late, booked("12:00:00", "13:00:00", &[anna])).await;
    schedule(both, booked("10:00:00", "12:00:00", &[anna, boris])).await;
    world.send("customer.merge", li, json!({"loser": old_li})).await;
    let now = world.send("service_execution.dispatch", early, json!({})).await;

    let found = async |query: &str| ids(&world.get(&format!("/v1/service-executions?{query}"), now).await);
    assert_eq!(found("").await, [early, both, unbooked, late], "what has no time stands where its window begins");
    assert_eq!(found("sort=-scheduled_start").await, [late, unbooked, both, early]);
    assert_eq!(found("sort=planned_at").await, [early, late, both, unbooked]);
    assert_eq!(found(&format!("customer={li}")).await, [early, late], "those of the alias, too");
    assert_eq!(found(&format!("ticket={ticket}")).await, [early]);
    assert_eq!(found("status=dispatched,planned").await, [early, unbooked]);
    assert_eq!(found("skill=gas").await, [both, unbooked]);
    assert_eq!(found(&format!("resource={boris}")).await, [both]);
    let bookings = async |from: &str, to: &str| {
        found(&format!("resource={anna}&scheduled_from=2026-03-02T{from}Z&scheduled_to=2026-03-02T{to}Z")).await
    };
    assert_eq!(bookings("00:00:00", "23:00:00").await, [early, both, late]);
    assert_eq!(bookings("09:30:00", "10:30:00").await, [early, both]);
    assert_eq!(bookings("10:00:00", "12:00:00").await, [both], "times are half-open");
    assert_eq!(found("window_from=2026-03-03T00:00:00Z").await, [unbooked]);
    assert_eq!(found("window_to=2026-03-02T10:00:00Z").await, [early, both, late]);

    let mut paged = Vec::new();
    let mut path = "/v1/service-executions?limit=1".to_owned();
    loop {
        let page = world.get(&path, now).await;
        paged.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/service-executions?limit=1&cursor={cursor}");
    }
    assert_eq!(paged, [early, both, unbooked, late]);
    let summary = world.get("/v1/service-executions/summary", now).await;
    let by_status = json!({"planned": 1, "scheduled": 2, "dispatched": 1});
    assert_eq!(summary, json!({"total": 4, "unfinished": 4, "by_status": by_status}));
    let ended = world.send("service_execution.cancel", late, json!({})).await;
    let summary = world.get("/v1/service-executions/summary", ended).await;
    assert_eq!((&summary["unfinished"], &summary["by_status"]["cancelled"]), (&json!(3), &json!(1)));
    assert_eq!(world.problem("/v1/service-executions?status=open").await, (400, "validation".to_owned()));
    world.end().await;
}
