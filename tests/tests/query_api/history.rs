//! What was done, as it was recorded: receipts of commands and the events themselves.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_the_reply_again() {
    let world = World::new().await;
    let id = Uuid::now_v7();
    let message = command("team.form", id, &json!({"name": "First line"}));
    let (accepted, rejected) = (message.command_id, command("team.form", id, &json!({"name": "Again"})));
    world.lane.submit(message, None).unwrap().await.unwrap();
    let rejected_id = rejected.command_id;
    world.lane.submit(rejected, None).unwrap().await.unwrap();
    let receipt = world.get(&format!("/v1/commands/test/{accepted}"), 1).await;
    let expected = json!({"outcome": "accepted", "command_id": accepted, "id": id, "version": 1, "position": 1,
        "events": ["TeamFormed"], "replayed": true});
    assert_eq!(receipt, expected);
    let receipt = world.get(&format!("/v1/commands/test/{rejected_id}"), 1).await;
    assert_eq!((&receipt["outcome"], &receipt["code"]), (&json!("rejected"), &json!("already_exists")));
    assert_eq!(world.problem(&format!("/v1/commands/other/{accepted}")).await, (404, "not_found".to_owned()));
    assert_eq!(world.problem(&format!("/v1/commands/No/{accepted}")).await, (400, "validation".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_as_json_as_lines_and_live() {
    let world = World::new().await;
    let team = Uuid::now_v7();
    world.send("team.form", team, json!({"name": "0"})).await;
    for number in 1..10 {
        world.send("team.rename", team, json!({"name": number.to_string()})).await;
    }
    let page = world.get("/v1/events?after=2&limit=3", 10).await;
    let positions = |items: &Value| -> Vec<u64> {
        items.as_array().unwrap().iter().map(|item| item["position"].as_u64().unwrap()).collect()
    };
    assert_eq!((positions(&page["items"]), &page["next_after"]), (vec![3, 4, 5], &json!(5)));
    let formed = world.get(&format!("/v1/events?type=TeamFormed&category=team&stream=team/{team}"), 10).await;
    assert_eq!((positions(&formed["items"]), &formed["next_after"]), (vec![1], &Value::Null));
    let upto = world.get("/v1/events?until=4&as_of=2", 10).await;
    assert_eq!(positions(&upto["items"]), [1, 2]);

    let lines = world.request("/v1/events?limit=1000", &[("accept", "application/x-ndjson")]).await;
    assert_eq!(header(&lines, "content-type").as_deref(), Some("application/x-ndjson"));
    let text = lines.text().await.unwrap();
    let read: Vec<u64> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].as_u64().unwrap()).collect();
    assert_eq!(read, (1..=10).collect::<Vec<_>>());

    let mut live =
        world.request("/v1/events?after=1", &[("accept", "text/event-stream"), ("last-event-id", "8")]).await;
    let mut seen = String::new();
    let mut sent = false;
    while !seen.contains("id: 11\n") {
        let chunk = timeout(LONG, live.chunk()).await.unwrap().unwrap().unwrap();
        seen.push_str(std::str::from_utf8(&chunk).unwrap());
        if seen.contains("id: 10\n") && !sent {
            sent = true;
            world.send("team.rename", team, json!({"name": "live"})).await;
        }
    }
    let ids: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["9", "10", "11"]);
    assert!(seen.contains("event: TeamRenamed\n"));
    // The stream is open while the server is told to stop: it must end, and the server with it.
    world.serving.cancel();
    while let Ok(Some(_)) = timeout(LONG, live.chunk()).await.unwrap() {}
    world.end().await;
}
