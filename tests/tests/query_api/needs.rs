//! Needs: found by what they are, in every order, as they were, and through merges.

use super::*;

fn capture(customer: Uuid, title: &str) -> Value {
    json!({"customer": customer, "title": title, "description": "在飞机上也要能用。", "source": "sales"})
}

#[tokio::test(flavor = "multi_thread")]
async fn needs_are_found_by_what_they_are_then_and_now() {
    let world = World::new().await;
    let [survivor, loser, owner, ticket] = [(); 4].map(|()| Uuid::now_v7());
    let [offline, export, dark] = [(); 3].map(|()| Uuid::now_v7());
    world.send("customer.register", survivor, register("Li")).await;
    world.send("customer.register", loser, register("Li X.")).await;
    world.send("agent.register", owner, json!({"name": "Anna", "capacity": 5})).await;
    world.send("ticket.open", ticket, open(survivor, "打不开")).await;
    let evidence = json!({"kind": "ticket", "id": ticket});
    let mut first = capture(survivor, "Offline mode 离线模式");
    first["category"] = json!(["app", "sync, offline"]);
    first["evidence"] = json!([evidence]);
    first["source"] = json!("ticket");
    first["product_ref"] = json!("APP-2");
    first["importance"] = json!(5);
    first["wanted_by"] = json!("2026-06-01T00:00:00Z");
    first["est_value"] = json!({"currency": "CNY", "amount_minor": 9_007_199_254_740_993_i64});
    first["owner"] = json!(owner);
    world.send("need.capture", offline, first).await;
    let mut second = capture(loser, "Export");
    second["importance"] = json!(2);
    second["category"] = json!(["app"]);
    world.send("need.capture", export, second).await;
    let then = world.send("need.capture", dark, capture(loser, "Dark mode")).await;
    world.send("need.qualify", offline, json!({})).await;
    world.send("need.decline", export, json!({"reason": "there is one"})).await;
    let sorted = json!({"category": ["web/app"], "by": "topics@2026-03"});
    world.send("need.categorize", dark, sorted).await;
    let now = world.send("customer.merge", survivor, json!({"loser": loser})).await;

    let shown = world.get(&format!("/v1/needs/{offline}"), now).await;
    let history = world.get(&format!("/v1/needs/{offline}/history"), now).await;
    let events = history["items"].as_array().unwrap();
    assert_eq!(
        shown,
        json!({
            "id": offline, "customer": survivor, "title": "Offline mode 离线模式", "description": "在飞机上也要能用。",
            "category": ["app", "sync, offline"], "categorized_by": null, "product_ref": "APP-2", "source": "ticket",
            "evidence": [evidence], "importance": 5, "satisfaction": null, "wanted_by": "2026-06-01T00:00:00Z",
            "est_currency": "CNY", "est_value_minor": 9_007_199_254_740_993_i64, "owner": owner,
            "status": "qualified", "target": null, "due": null, "fulfilled_by": null, "end_reason": null, "merged": [],
            "merged_into": null, "captured_at": events[0]["occurred_at"], "updated_at": events[1]["recorded_at"],
            "version": 2
        })
    );
    let found = async |query: &str| ids(&world.get(&format!("/v1/needs?sort=captured_at&{query}"), now).await);
    for customer in [survivor, loser] {
        assert_eq!(found(&format!("customer={customer}")).await, [offline, export, dark]);
    }
    let only = [
        "status=qualified,planned",
        "source=ticket",
        "category=sync,%20offline",
        &format!("owner={owner}"),
        "product_ref=APP-2",
        "importance_from=3",
        "importance_from=5&importance_to=5&category=app",
        "wanted_from=2026-06-01T00:00:00Z&wanted_to=2026-06-01T00:00:00.000001Z",
    ];
    for query in only {
        assert_eq!(found(query).await, [offline], "{query}");
    }
    assert_eq!(found("category=app").await, [offline, export]);
    assert_eq!(found("importance_to=4").await, [export]);
    assert_eq!(found("wanted_to=2026-06-01T00:00:00Z").await, [] as [Uuid; 0]);
    assert_eq!(found(&format!("status=captured&as_of={then}")).await, [offline, export, dark]);

    let summary = world.get("/v1/needs/summary", now).await;
    let by_category = json!({"app": {"total": 2, "unfinished": 1}, "web/app": {"total": 1, "unfinished": 1}});
    let by_status = json!({"captured": 1, "declined": 1, "qualified": 1});
    let expected = json!({"total": 3, "unfinished": 2, "by_status": by_status, "by_category": by_category});
    assert_eq!(summary, expected);
    let summary = world.get(&format!("/v1/needs/summary?as_of={then}"), now).await;
    assert_eq!(summary["by_category"], json!({"app": {"total": 2, "unfinished": 2}}));
    let timeline = world.get(&format!("/v1/customers/{loser}/timeline?limit=200"), now).await;
    let needs = timeline["items"].as_array().unwrap().iter().filter(|item| item["category"] == "need");
    assert_eq!(needs.count(), 6);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn needs_that_lack_what_they_are_sorted_by_come_last_and_are_paged_without_loss_or_repetition() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    world.send("customer.register", customer, register("Ada")).await;
    let mut position = 0;
    for number in 0..9_i64 {
        let mut data = capture(customer, "x");
        if number % 3 != 0 {
            data["importance"] = json!(1 + number % 2);
            data["wanted_by"] = json!(format!("{}-01-01T00:00:00Z", if number == 8 { 9999 } else { 2026 + number }));
            let amount = if number == 8 { i64::MAX } else { number % 4 };
            data["est_value"] = json!({"currency": "CNY", "amount_minor": amount});
        }
        position = world.send("need.capture", Uuid::now_v7(), data).await;
    }
    for column in ["importance", "wanted_by", "est_value_minor", "captured_at", "updated_at"] {
        for sort in [column.to_owned(), format!("-{column}")] {
            let whole = world.get(&format!("/v1/needs?sort={sort}"), position).await;
            let values: Vec<&Value> = whole["items"].as_array().unwrap().iter().map(|item| &item[column]).collect();
            let given = values.iter().position(|value| value.is_null()).unwrap_or(9);
            assert!(values[given..].iter().all(|value| value.is_null()), "{sort}: {values:?}");
            let by = |value: &&Value| (value.as_i64(), value.as_str().map(str::to_owned));
            let mut sorted = values[..given].to_vec();
            sorted.sort_by_key(by);
            if sort.starts_with('-') {
                sorted.reverse();
            }
            assert_eq!(sorted.iter().map(by).collect::<Vec<_>>(), values[..given].iter().map(by).collect::<Vec<_>>());
            for limit in [1, 2, 4] {
                let mut paged = Vec::new();
                let mut path = format!("/v1/needs?sort={sort}&limit={limit}");
                loop {
                    let page = world.get(&path, position).await;
                    paged.extend(ids(&page));
                    let Some(cursor) = page["next_cursor"].as_str() else { break };
                    path = format!("/v1/needs?sort={sort}&limit={limit}&cursor={cursor}");
                }
                assert_eq!((paged.len(), &paged), (9, &ids(&whole)), "{sort} by {limit}");
            }
        }
    }
    for wrong in ["sort=title", "status=open", "source=rumour", "importance_from=-1", "wanted_to=soon", "owner=x"] {
        assert_eq!(world.problem(&format!("/v1/needs?{wrong}")).await, (400, "validation".to_owned()), "{wrong}");
    }
    for (sort, value) in [("captured_at", "infinity"), ("wanted_by", "-infinity"), ("-importance", "null")] {
        let cursor = Cursor::new(sort, value.to_owned(), customer).encode();
        let path = format!("/v1/needs?sort={sort}&cursor={cursor}");
        assert_eq!(world.problem(&path).await, (400, "validation".to_owned()), "{sort} {value}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customers_need_is_empty_then_and_now_and_is_wound_up() {
    let world = World::new().await;
    let (customer, need) = (Uuid::now_v7(), Uuid::now_v7());
    world.send("customer.register", customer, register("Ada")).await;
    let captured = world.send("need.capture", need, capture(customer, "Offline mode")).await;
    world.send("customer.request_erasure", customer, json!({})).await;
    world.send("customer.erase", customer, json!({})).await;
    let ended = world.send("need.withdraw", need, json!({})).await;
    for query in [String::new(), format!("?as_of={captured}")] {
        let shown = world.get(&format!("/v1/needs/{need}{query}"), ended).await;
        assert_eq!((&shown["title"], &shown["description"]), (&json!("Offline mode"), &Value::Null));
    }
    let history = world.get(&format!("/v1/needs/{need}/history"), ended).await;
    assert_eq!(history["items"][0]["data"]["description"], json!({"erased": true}));
    assert_eq!(world.get(&format!("/v1/needs/{need}"), ended).await["status"], "withdrawn");
    world.end().await;
}
