//! One customer's story through all areas: from an inquiry to the evaluation of the plan.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::generator::Planned;
use super::narrative::heading;
use super::stage::Stage;
use crate::output::say;

/// How long a timer's work is waited for.
const TIMER_PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Who acts, as kind and id.
type Who = (&'static str, String);

/// Those who appear.
struct Cast {
    customer: Uuid,
    anna: Uuid,
    vera: Uuid,
    plan: Uuid,
    scorecard: Uuid,
}

impl Cast {
    fn customer(&self) -> Who {
        ("customer", self.customer.to_string())
    }

    fn anna(&self) -> Who {
        ("agent", self.anna.to_string())
    }

    fn vera(&self) -> Who {
        ("agent", self.vera.to_string())
    }
}

fn desk() -> Who {
    ("service", "demo".to_owned())
}

fn written(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Sends a command, says what it brought about, and gives the position.
async fn act(stage: &mut Stage, name: &'static str, id: Uuid, actor: Who, data: Value) -> anyhow::Result<u64> {
    let planned = Planned { name, id, command_id: Uuid::now_v7(), actor, occurred_at: None, data, refused: None };
    let (accepted, _) = stage.send(&planned).await?;
    say!("  {name} → {}", accepted.events.join(", "))?;
    Ok(accepted.position)
}

/// Tells it.
///
/// # Errors
/// Something is not as it should be.
pub async fn tell(stage: &mut Stage) -> anyhow::Result<()> {
    heading("One customer's story, through all areas")?;
    let cast = agree(stage).await?;
    let ticket = ask(stage, &cast).await?;
    work(stage, &cast, ticket).await?;
    complain(stage, &cast, ticket).await?;
    visit(stage, &cast).await?;
    evaluate(stage, &cast).await
}

/// Settings, people, a customer and a plan.
async fn agree(stage: &mut Stage) -> anyhow::Result<Cast> {
    let [customer, anna, vera, plan, scorecard, calendar, policy] = std::array::from_fn(|_| Uuid::now_v7());
    let cast = Cast { customer, anna, vera, plan, scorecard };
    say!("what is agreed on: hours, promises, and a plan of two cases and a visit a week")?;
    let day = json!([{"start": "00:00", "end": "24:00"}]);
    let week = json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day});
    let hours = json!({"zone": "Asia/Shanghai", "weekly": week});
    act(stage, "calendar.define", calendar, desk(), json!({"name": "Always 全天", "hours": hours})).await?;
    let promise = |first_s: u32| json!({"first_response_s": first_s, "total_resolution_s": 24 * first_s});
    let terms = json!({"calendar": calendar, "targets": {"P2": promise(900), "P3": promise(3_600)},
        "pauses": {"pending": ["total_resolution"]}});
    act(stage, "sla_policy.define", policy, desk(), json!({"name": "Gold 金牌", "terms": terms})).await?;
    let card = json!({"criteria": [
        {"id": "promises", "name": "守约 Promises kept", "weight_permille": 600, "scale": 10},
        {"id": "visits", "name": "上门 Visits made", "weight_permille": 400, "scale": 5}]});
    act(stage, "scorecard.define", scorecard, desk(), json!({"name": "Care", "card": card})).await?;
    for (agent, name, role) in [(anna, "Anna", "agent"), (vera, "Vera", "supervisor")] {
        let data = json!({"name": name, "role": role, "capacity": 5, "skills": ["electric"]});
        act(stage, "agent.register", agent, desk(), data).await?;
    }
    act(stage, "customer.register", customer, desk(), json!({"display_name": "王小明"})).await?;
    let since = Utc::now() - TimeDelta::days(1);
    let terms = json!({"name": "安心保 Care", "content": "Two cases, and a visit each week.", "sla_policy": policy,
        "allocation": {"unit": "cases", "total": 2, "consume_on": "open"},
        "period": {"start": written(since), "end": written(since + TimeDelta::days(365)), "zone": "Asia/Shanghai"},
        "recurrence": {"rrule": "FREQ=WEEKLY", "early_s": 604_800, "late_s": 86_400, "duration_s": 7_200,
            "lead_s": 604_800},
        "checklist": [{"id": "filter", "name": "清洗滤网 Clean the filter", "mandatory": true}]});
    act(stage, "service_plan.draft", plan, desk(), json!({"customer": customer, "terms": terms})).await?;
    act(stage, "service_plan.activate", plan, cast.vera(), json!({})).await?;
    Ok(cast)
}

/// Somebody unknown asks, is identified, and gets a ticket under the plan.
async fn ask(stage: &mut Stage, cast: &Cast) -> anyhow::Result<Uuid> {
    let (inquiry, ticket) = (Uuid::now_v7(), Uuid::now_v7());
    say!("somebody unknown asks; it is the customer, and becomes a ticket under the plan in one append")?;
    let asked = json!({"from": {"anonymous": {"phone": "+86 138 0013 8000"}}, "channel": "phone", "priority": "P3",
        "subject": "空调不制冷", "body": "The air conditioner does not cool any more."});
    act(stage, "inquiry.receive", inquiry, desk(), asked).await?;
    act(stage, "inquiry.identify", inquiry, cast.anna(), json!({"customer": cast.customer})).await?;
    let convert = json!({"ticket": ticket, "type": "incident", "plan": cast.plan});
    let at = act(stage, "inquiry.convert", inquiry, cast.anna(), convert).await?;
    let plan = stage.get(&format!("/v1/service-plans/{}", cast.plan), at).await?;
    let part = |name: &str| plan.get(name).cloned().unwrap_or_default();
    say!("  of the plan's {} cases {} is left", part("total"), part("remaining"))?;
    ensure!(part("remaining") == 1, "the ticket took no case of the plan");
    Ok(ticket)
}

/// The ticket waits for the customer, becomes more important, and is resolved.
async fn work(stage: &mut Stage, cast: &Cast, ticket: Uuid) -> anyhow::Result<()> {
    say!("its clocks pause while it waits for the customer, and get new targets with its priority")?;
    act(stage, "ticket.assign", ticket, cast.vera(), json!({"agent": cast.anna})).await?;
    act(stage, "ticket.await_customer", ticket, cast.anna(), json!({"reason": "model number"})).await?;
    act(stage, "ticket.receive_customer_reply", ticket, cast.customer(), json!({"body": "KFR-35"})).await?;
    act(stage, "ticket.change_priority", ticket, cast.anna(), json!({"urgency": 1})).await?;
    let reply = json!({"body": "Somebody comes today.", "public": true});
    act(stage, "ticket.reply", ticket, cast.anna(), reply).await?;
    let at = act(stage, "ticket.resolve", ticket, cast.anna(), json!({"code": "hardware_repair"})).await?;
    let clocks = stage.get(&format!("/v1/tickets/{ticket}/clocks"), at).await?;
    say!(
        "  why it was due then, GET /v1/tickets/{ticket}/clocks: {}",
        super::narrative::shortened(&clocks.to_string())
    )?;
    Ok(())
}

/// The customer answers the survey, complains, and the complaint becomes a need.
async fn complain(stage: &mut Stage, cast: &Cast, ticket: Uuid) -> anyhow::Result<()> {
    say!("the customer is asked, is not content, and complains; the complaint becomes a need")?;
    let found = stage.get(&format!("/v1/feedback?ticket={ticket}"), stage.head().await?).await?;
    let survey = found.pointer("/items/0/id").and_then(Value::as_str).context("nobody asked the customer")?.parse()?;
    act(stage, "feedback.submit", survey, cast.customer(), json!({"score": 2, "comment": "等了两天"})).await?;
    let (complaint, need) = (Uuid::now_v7(), Uuid::now_v7());
    let filed = json!({"customer": cast.customer, "severity": 2, "subject": "等太久", "about": {"ticket": ticket},
        "body": "I want to see in the app when somebody comes."});
    act(stage, "feedback.file_complaint", complaint, cast.customer(), filed).await?;
    act(stage, "feedback.acknowledge", complaint, cast.vera(), json!({})).await?;
    let raise = json!({"need": need, "title": "See in the app when somebody comes"});
    act(stage, "feedback.raise_need", complaint, cast.vera(), raise).await?;
    act(stage, "need.qualify", need, cast.vera(), json!({})).await?;
    act(stage, "need.plan", need, cast.vera(), json!({"target": "App 5.0"})).await?;
    Ok(())
}

/// The visit that the plan's timer has planned is made.
async fn visit(stage: &mut Stage, cast: &Cast) -> anyhow::Result<()> {
    say!("the plan's timer has planned the next visit with its checklist; it is made")?;
    let begun = Instant::now();
    let path = format!("/v1/service-executions?plan={}", cast.plan);
    let execution: Uuid = loop {
        let found = stage.get(&path, stage.head().await?).await?;
        if let Some(id) = found.pointer("/items/0/id").and_then(Value::as_str) {
            break id.parse()?;
        }
        ensure!(begun.elapsed() < TIMER_PATIENCE, "the plan's timer has planned no visit");
        tokio::time::sleep(POLL).await;
    };
    let now = Utc::now();
    let booking = json!({"start": written(now), "end": written(now + TimeDelta::hours(2)), "resources": [cast.anna]});
    act(stage, "service_execution.schedule", execution, cast.vera(), booking).await?;
    for (name, data) in [
        ("service_execution.dispatch", json!({})),
        ("service_execution.start_travel", json!({})),
        ("service_execution.start", json!({})),
        ("service_execution.complete_item", json!({"item": "filter", "result": "done"})),
        ("service_execution.complete", json!({"outcome": "It cools again."})),
    ] {
        act(stage, name, execution, cast.anna(), data).await?;
    }
    act(stage, "service_execution.sign_off", execution, cast.customer(), json!({"by": "王小明"})).await?;
    Ok(())
}

/// A supervisor judges the plan by what the history says so far.
async fn evaluate(stage: &mut Stage, cast: &Cast) -> anyhow::Result<()> {
    say!("a supervisor judges the plan by the scorecard's revision of today, and the plan's history tells the result")?;
    let (evaluation, now) = (Uuid::now_v7(), Utc::now());
    let period = json!({"start": written(now - TimeDelta::days(1)), "end": written(now)});
    let draft = json!({"name": "The first week", "subject": {"kind": "plan", "id": cast.plan}, "period": period,
        "scorecard": cast.scorecard});
    act(stage, "service_evaluation.draft", evaluation, cast.vera(), draft).await?;
    for (criterion, score) in [("promises", 6), ("visits", 5)] {
        let data = json!({"criterion": criterion, "score": score});
        act(stage, "service_evaluation.score", evaluation, cast.vera(), data).await?;
    }
    let seen = json!({"as_of_position": stage.head().await?});
    act(stage, "service_evaluation.submit", evaluation, cast.vera(), seen).await?;
    let at = act(stage, "service_evaluation.finalize", evaluation, cast.vera(), json!({})).await?;
    let plan = stage.get(&format!("/v1/service-plans/{}", cast.plan), at).await?;
    let told = plan.get("last_evaluation").cloned().unwrap_or_default();
    say!("  the plan's last evaluation: {told}")?;
    let part = |name: &str| told.get(name).cloned().unwrap_or_default();
    ensure!(part("verdict") == "conditional" && part("result_hundredths") == 7_600, "another verdict: {told}");
    Ok(())
}
