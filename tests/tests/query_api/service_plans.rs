//! Service plans: how they are found, and that no rule holds up the lane.

use super::*;

fn terms(name: &str, unit: &str, period: [&str; 2]) -> Value {
    let total = if unit == "unlimited" { Value::Null } else { json!(10) };
    json!({"name": name, "content": "What is agreed on.",
        "allocation": {"unit": unit, "total": total, "consume_on": if unit == "visits" { "complete" } else { "open" }},
        "period": {"start": period[0], "end": period[1], "zone": "Asia/Shanghai"}})
}

const THIS_YEAR: [&str; 2] = ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"];
const NEXT_YEAR: [&str; 2] = ["2027-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];
const FOR_LONG: [&str; 2] = ["2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"];

#[tokio::test(flavor = "multi_thread")]
async fn service_plans_are_found_by_customer_state_unit_policy_and_time() {
    let world = World::new().await;
    let [survivor, loser, stranger] = [(); 3].map(|()| Uuid::now_v7());
    for (customer, name) in [(survivor, "Li"), (loser, "Li X."), (stranger, "Xu")] {
        world.send("customer.register", customer, register(name)).await;
    }
    let [desk, gold] = [(); 2].map(|()| Uuid::now_v7());
    let hours = json!({"zone": "Asia/Shanghai", "weekly": {"mon": [{"start": "09:00", "end": "17:00"}]}});
    world.send("calendar.define", desk, json!({"name": "Desk", "hours": hours})).await;
    let promise = json!({"calendar": desk, "targets": {"P1": {"first_response_s": 900}}});
    world.send("sla_policy.define", gold, json!({"name": "Gold", "terms": promise})).await;

    let [basic, care, other] = [(); 3].map(|()| Uuid::now_v7());
    let draft = |customer: Uuid, terms: Value| json!({"customer": customer, "terms": terms});
    let mut golden = terms("Care 关怀", "visits", FOR_LONG);
    golden["sla_policy"] = json!(gold);
    world.send("service_plan.draft", basic, draft(loser, terms("Basic", "unlimited", NEXT_YEAR))).await;
    let drafted = world.send("service_plan.draft", care, draft(survivor, golden)).await;
    world.send("service_plan.draft", other, draft(stranger, terms("Other", "cases", THIS_YEAR))).await;
    world.send("service_plan.activate", care, json!({})).await;
    world.send("service_plan.top_up", care, json!({"units": 5, "reason": "goodwill"})).await;
    world.send("service_plan.terminate", other, json!({"reason": "moved away"})).await;
    let last = world.send("customer.merge", survivor, json!({"loser": loser})).await;

    for (query, found) in [
        ("sort=period_end", vec![other, basic, care]),
        ("sort=-period_end&limit=2", vec![care, basic]),
        ("sort=name", vec![basic, care, other]),
        ("status=active", vec![care]),
        ("status=draft,terminated&sort=name", vec![basic, other]),
        ("unit=visits,unlimited&sort=name", vec![basic, care]),
        ("active_at=2026-06-01T00:00:00Z", vec![care]),
        ("active_at=2019-06-01T00:00:00Z", vec![]),
        ("ends_from=2027-01-01T00:00:00Z&ends_to=2100-01-01T00:00:01Z&sort=id", vec![other, basic]),
        ("next_occurrence_to=2100-01-01T00:00:00Z", vec![]),
    ] {
        let mut list = ids(&world.get(&format!("/v1/service-plans?{query}"), last).await);
        let mut found = found;
        if query.ends_with("sort=id") {
            list.sort_unstable();
            found.sort_unstable();
        }
        assert_eq!(list, found, "{query}");
    }
    assert_eq!(ids(&world.get(&format!("/v1/service-plans?sla_policy={gold}"), last).await), [care]);
    for customer in [survivor, loser] {
        let list = world.get(&format!("/v1/service-plans?customer={customer}&sort=name"), last).await;
        assert_eq!(ids(&list), [basic, care]);
    }
    let shown = world.get(&format!("/v1/service-plans/{care}"), last).await;
    let books = ["total", "added", "used", "remaining", "sla_policy_revision"].map(|field| shown[field].clone());
    assert_eq!(books, [json!(15), json!(5), json!(0), json!(15), json!(1)]);
    let summary = world.get("/v1/service-plans/summary", last).await;
    assert_eq!(summary, json!({"total": 3, "by_status": {"active": 1, "draft": 1, "terminated": 1}}));
    let then = world.get(&format!("/v1/service-plans/{care}?as_of={drafted}"), last).await;
    assert_eq!((&then["status"], &then["total"]), (&json!("draft"), &json!(10)));
    let history = world.get(&format!("/v1/service-plans/{care}/history"), last).await;
    assert_eq!(history["items"][2]["type"], "EntitlementToppedUp");
    let timeline = world.get(&format!("/v1/customers/{survivor}/timeline"), last).await;
    let of_plans = timeline["items"].as_array().unwrap().iter().filter(|item| item["category"] == "service_plan");
    assert_eq!(of_plans.count(), 4, "{timeline}");
    assert_eq!(world.problem("/v1/service-plans?unit=weeks").await, (400, "validation".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_never_comes_or_comes_too_often_is_refused_in_bounded_time() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    world.send("customer.register", customer, register("Li")).await;
    for rrule in [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;INTERVAL=61;BYHOUR=3;BYMINUTE=5;BYSECOND=7",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5;BYSECOND=1,2,3,4,5",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31",
        "FREQ=YEARLY;BYMONTH=1;BYSETPOS=366,-366",
        "FREQ=DAILY;COUNT=4294967295",
    ] {
        let mut terms = terms("Care", "visits", FOR_LONG);
        terms["recurrence"] = json!({"rrule": rrule, "early_s": 0, "late_s": 0, "lead_s": 0});
        let data = json!({"customer": customer, "terms": terms});
        let sent = world.lane.submit(command("service_plan.draft", Uuid::now_v7(), &data), None).unwrap();
        let reply = timeout(Duration::from_secs(2), sent).await.expect(rrule).unwrap();
        let Reply::Decided { outcome: Outcome::Rejected(rejection), .. } = reply else { panic!("{rrule}: {reply:?}") };
        assert_eq!(rejection.code.as_str(), "rrule_invalid", "{rrule}");
    }
    world.end().await;
}
