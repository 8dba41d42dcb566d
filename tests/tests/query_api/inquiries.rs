//! Inquiries as a desk looks for them.

use super::*;

fn asked(channel: &str, language: &str) -> Value {
    json!({"from": {"anonymous": {"name": "王小明", "phone": "138 0013 8000"}}, "channel": channel,
           "subject": "发票怎么开？", "body": "买了两台打印机。", "language": language})
}

#[tokio::test(flavor = "multi_thread")]
async fn inquiries_are_found_by_what_they_are() {
    let world = World::new().await;
    let [survivor, loser, agent, team] = [(); 4].map(|()| Uuid::now_v7());
    for customer in [survivor, loser] {
        world.send("customer.register", customer, register("Li")).await;
    }
    world.send("agent.register", agent, json!({"name": "Chen", "capacity": 5})).await;
    world.send("team.form", team, json!({"name": "First line"})).await;
    world.send("team.add_member", team, json!({"agent": agent})).await;
    let [unknown, known, urgent] = [(); 3].map(|()| Uuid::now_v7());
    let first = world.send("inquiry.receive", unknown, asked("wechat", "zh-CN")).await;
    world.send("inquiry.receive", known, asked("web", "en")).await;
    world.send("inquiry.identify", known, json!({"customer": loser})).await;
    let mut third = asked("web", "en");
    third["from"] = json!({"customer": survivor});
    third["priority"] = json!("P1");
    third["team"] = json!(team);
    world.send("inquiry.receive", urgent, third).await;
    world.send("inquiry.assign", urgent, json!({"agent": agent})).await;
    world.send("inquiry.close", known, json!({"outcome": "withdrawn"})).await;
    let position = world.send("customer.merge", survivor, json!({"loser": loser})).await;

    let history = world.get(&format!("/v1/inquiries/{known}/history"), position).await;
    let second_at = history["items"][0]["occurred_at"].as_str().unwrap().to_owned();
    for (query, expected) in [
        ("sort=received_at".to_owned(), vec![unknown, known, urgent]),
        ("sort=priority&limit=1".to_owned(), vec![urgent]),
        (format!("customer={loser}"), vec![urgent, known]),
        (format!("customer={survivor}"), vec![urgent, known]),
        ("anonymous=true".to_owned(), vec![unknown]),
        ("anonymous=false".to_owned(), vec![urgent, known]),
        ("status=received,closed".to_owned(), vec![known, unknown]),
        ("channel=wechat".to_owned(), vec![unknown]),
        ("priority=P1".to_owned(), vec![urgent]),
        (format!("team={team}"), vec![urgent]),
        (format!("assignee={agent}"), vec![urgent]),
        ("language=zh-CN".to_owned(), vec![unknown]),
        (format!("received_from={second_at}"), vec![urgent, known]),
        (format!("received_to={second_at}"), vec![unknown]),
        (format!("as_of={first}"), vec![unknown]),
    ] {
        assert_eq!(ids(&world.get(&format!("/v1/inquiries?{query}"), position).await), expected, "{query}");
    }
    let summary = world.get("/v1/inquiries/summary", position).await;
    let expected = json!({"total": 3, "unfinished": 2, "by_status": {"received": 1, "assigned": 1, "closed": 1},
        "by_channel": {"wechat": {"total": 1, "unfinished": 1}, "web": {"total": 2, "unfinished": 1}}});
    assert_eq!(summary, expected);
    let then = world.get(&format!("/v1/inquiries/summary?as_of={first}"), position).await;
    assert_eq!((&then["total"], &then["by_channel"]["web"]), (&json!(1), &Value::Null));
    let timeline = world.get(&format!("/v1/customers/{survivor}/timeline?limit=200"), position).await;
    let of_inquiries = timeline["items"].as_array().unwrap().iter().filter(|event| event["category"] == "inquiry");
    assert_eq!(of_inquiries.count(), 5);
    assert_eq!(world.problem("/v1/inquiries?status=new").await, (400, "validation".to_owned()));
    assert_eq!(world.problem(&format!("/v1/inquiries/{agent}")).await, (404, "not_found".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_shows_every_field_as_it_was_given() {
    let world = World::new().await;
    let inquiry = Uuid::now_v7();
    let mut data = asked("wechat", "zh-CN");
    data["product_ref"] = json!("printer \"X2\"");
    world.send("inquiry.receive", inquiry, data).await;
    let position = world.send("inquiry.answer", inquiry, json!({"body": "请问", "awaits_customer": true})).await;
    let shown = world.get(&format!("/v1/inquiries/{inquiry}"), position).await;
    let history = world.get(&format!("/v1/inquiries/{inquiry}/history"), position).await;
    let (received, answered) = (&history["items"][0], &history["items"][1]);
    assert_eq!(
        shown,
        json!({
            "id": inquiry, "customer": null, "anonymous": {"name": "王小明", "phone": "138 0013 8000"},
            "channel": "wechat", "subject": "发票怎么开？", "body": "买了两台打印机。", "language": "zh-CN",
            "product_ref": "printer \"X2\"", "priority": "P3", "team": null, "assignee": null,
            "status": "awaiting_customer", "outcome": null, "ticket": null,
            "messages": {"answers": 1, "customer_replies": 0}, "reopen_count": 0,
            "received_at": received["occurred_at"], "first_answered_at": null, "closed_at": null,
            "updated_at": answered["recorded_at"], "version": 2
        })
    );
    assert_eq!(answered["data"]["body"], "请问");
    world.end().await;
}
