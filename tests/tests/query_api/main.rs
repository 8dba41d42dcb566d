//! The query API over a real database: freshness, time travel, aliases, erasure, limits and bad input.

#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: where they fail, the test fails"
)]

mod feedback;
mod history;
mod inquiries;
mod limits;
mod needs;
mod service_evaluations;
mod service_executions;
mod service_plans;

use std::sync::Arc;
use std::time::Duration;

use carelog_tests::{TestDatabase, command, keys};
use command_side::lane::{Lane, Reply};
use event_store::pool::PoolRole;
use event_store::{Outcome, Reader, Vault};
use query_api::paging::Cursor;
use query_api::{Api, BearerKeys, ServeError, serve};
use read_side::feed::Feed;
use read_side::models::questions;
use read_side::projector;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(20);

/// A database with a lane, a projector and the API.
struct World {
    database: TestDatabase,
    lane: Lane,
    client: Client,
    address: std::net::SocketAddr,
    projecting: CancellationToken,
    serving: CancellationToken,
    projector: JoinHandle<()>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl World {
    async fn new() -> Self {
        Self::with_keys(None).await
    }

    async fn with_keys(bearer_keys: Option<BearerKeys>) -> Self {
        let database = TestDatabase::create().await;
        let append = database.pool(PoolRole::Append).await;
        let (lane, _) = Lane::start(append.clone(), Vault::new(append, keys()), 1_024);
        let projecting = CancellationToken::new();
        let project = database.pool(PoolRole::Project).await;
        let settings = projector::Settings { poll_every: Duration::from_millis(20), ..Default::default() };
        read_side::schema::prepare(&project, &settings.models).await.unwrap();
        let reader = Reader::new(project.clone());
        let vault = Vault::new(project.clone(), keys());
        let run = projector::run(project, reader, vault, None, settings, projecting.clone());
        let projector = tokio::spawn(async move { run.await.unwrap() });
        let serving = CancellationToken::new();
        let query = database.pool(PoolRole::Query).await;
        let (feed, _) = Feed::start(query.clone(), serving.clone());
        let render = Arc::new(|| "carelog_up 1\n".to_owned());
        let api = Api::new(Reader::new(query.clone()), Vault::new(query, keys()), feed, bearer_keys, render);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, api, serving.clone()));
        Self {
            database,
            lane,
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            address,
            projecting,
            serving,
            projector,
            server,
        }
    }

    async fn end(self) {
        self.projecting.cancel();
        self.projector.await.unwrap();
        self.serving.cancel();
        timeout(LONG, self.server).await.unwrap().unwrap().unwrap();
        self.database.remove().await;
    }

    /// Sends a command that is accepted; gives the position.
    async fn send(&self, name: &str, id: Uuid, data: Value) -> u64 {
        let reply = self.lane.submit(command(name, id, &data), None).unwrap().await.unwrap();
        let Reply::Decided { outcome: Outcome::Accepted { position, .. }, .. } = reply else {
            panic!("{name}: {reply:?}")
        };
        position
    }

    async fn request(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// What a path answers once the models hold a position.
    async fn get(&self, path: &str, position: u64) -> Value {
        let response =
            self.request(path, &[("carelog-min-position", &position.to_string()), ("prefer", "wait=10")]).await;
        let (status, read_at) = (response.status(), header(&response, "carelog-position"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert!(read_at.unwrap().parse::<u64>().unwrap() >= position, "{path}");
        body
    }

    /// The status and the code of a problem, after checking its form.
    async fn problem(&self, path: &str) -> (u16, String) {
        problem(self.request(path, &[]).await).await
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let url = response.url().to_string();
    assert_eq!(header(&response, "content-type").as_deref(), Some("application/problem+json"), "{url}");
    assert_eq!(header(&response, "retry-after").is_some(), status == 503, "{url}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status, "{body}");
    (status, body["code"].as_str().unwrap().to_owned())
}

fn register(name: &str) -> Value {
    json!({"display_name": name})
}

fn record(customer: Uuid, order_no: &str, amount_minor: i64) -> Value {
    let source = json!({"system": "shop", "order_no": order_no});
    json!({"customer": customer, "source": source, "currency": "USD", "amount_minor": amount_minor})
}

fn open(customer: Uuid, subject: &str) -> Value {
    json!({"customer": customer, "type": "incident", "subject": subject, "channel": "web", "impact": 3, "urgency": 2})
}

fn ids(page: &Value) -> Vec<Uuid> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_of_every_question_fits_the_schema() {
    let world = World::new().await;
    let pool = world.database.pool(PoolRole::Query).await;
    let mut connection = pool.acquire().await.unwrap();
    for (number, (name, sql)) in questions::statements().into_iter().enumerate() {
        let prepare = format!("prepare s{number} as {sql}");
        let prepared = sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await;
        assert!(prepared.is_ok(), "{name}: {prepared:?}\n{sql}");
    }
    drop(connection);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_with_other_columns_costs_the_connections_that_knew_the_old_one_and_nothing_else() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    let position = world.send("customer.register", customer, register("王小明")).await;
    let path = format!("/v1/customers/{customer}");
    world.get(&path, position).await;
    let owner = world.database.pool(PoolRole::Migrate).await;
    // What a rebuild of a newer revision does when it shows its rows.
    sqlx::raw_sql(
        "do $$ begin
             execute 'create or replace view read.customer as select v.*, 1 as more from ('
                 || rtrim(pg_get_viewdef('read.customer'::regclass), ';') || ') v';
         end $$",
    )
    .execute(&owner)
    .await
    .unwrap();
    assert_eq!(world.problem(&path).await, (503, "unavailable".to_owned()));
    let shown = world.get(&path, position).await;
    assert_eq!((&shown["display_name"], &shown["more"]), (&json!("王小明"), &json!(1)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_its_own_writes_and_is_told_when_it_cannot() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    for turn in 0..20 {
        let data = if turn == 0 { register("王小明") } else { json!({"display_name": format!("王 {turn}")}) };
        let name = if turn == 0 { "customer.register" } else { "customer.rename" };
        let position = world.send(name, customer, data.clone()).await;
        let shown = world.get(&format!("/v1/customers/{customer}"), position).await;
        assert_eq!(shown["display_name"], data["display_name"]);
        assert_eq!((&shown["id"], &shown["version"]), (&json!(customer), &json!(turn + 1)));
    }
    let beyond = world
        .request(&format!("/v1/customers/{customer}"), &[("carelog-min-position", "1000"), ("prefer", "wait=0")])
        .await;
    assert_eq!(problem(beyond).await, (503, "not_caught_up".to_owned()));
    let beyond = world
        .request(
            &format!("/v1/customers/{customer}/history"),
            &[("carelog-min-position", "1000"), ("prefer", "wait=0")],
        )
        .await;
    assert_eq!(problem(beyond).await, (503, "not_caught_up".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_answered_as_it_was_by_position_and_by_time() {
    let world = World::new().await;
    let (customer, first, second) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    world.send("customer.register", customer, register("Ada")).await;
    let then = world.send("transaction.record", first, record(customer, "1", 1_000)).await;
    world.send("transaction.record", second, record(customer, "2", 250)).await;
    let refund = json!({"refund_id": Uuid::now_v7(), "currency": "USD", "amount_minor": 400});
    world.send("transaction.refund", first, refund).await;
    let now = world.send("customer.rename", customer, json!({"display_name": "Ada L."})).await;

    let history = world.get(&format!("/v1/transactions/{first}/history"), now).await;
    let moment = history["items"][0]["recorded_at"].as_str().unwrap().to_owned();
    for as_of in [then.to_string(), moment] {
        let transaction = world.get(&format!("/v1/transactions/{first}?as_of={as_of}"), now).await;
        assert_eq!((&transaction["status"], &transaction["refunded_minor"]), (&json!("recorded"), &json!(0)));
        let customer_then = world.get(&format!("/v1/customers/{customer}?as_of={as_of}"), now).await;
        assert_eq!(customer_then["display_name"], "Ada");
        let list = world.get(&format!("/v1/customers/{customer}/transactions?as_of={as_of}"), now).await;
        assert_eq!(ids(&list), [first]);
        let summary = world.get(&format!("/v1/transactions/summary?as_of={as_of}"), now).await;
        let usd = json!({"currency": "USD", "count": 1, "amount_minor": 1_000, "refunded_minor": 0});
        assert_eq!(summary, json!({"count": 1, "by_currency": [usd]}));
    }
    let summary = world.get("/v1/transactions/summary", now).await;
    let usd = json!({"currency": "USD", "count": 2, "amount_minor": 1_250, "refunded_minor": 400});
    assert_eq!(summary, json!({"count": 2, "by_currency": [usd]}));
    let missing = world.problem(&format!("/v1/transactions/{second}?as_of={then}")).await;
    assert_eq!(missing, (404, "not_found".to_owned()));
    let future = world.problem("/v1/customers?as_of=2999-01-01T00:00:00Z").await;
    assert_eq!(future, (400, "validation".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_and_its_survivor_show_the_same_transactions_tickets_and_timeline() {
    let world = World::new().await;
    let [survivor, loser, stranger] = [(); 3].map(|()| Uuid::now_v7());
    for (customer, name) in [(survivor, "Li"), (loser, "Li X."), (stranger, "Xu")] {
        world.send("customer.register", customer, register(name)).await;
    }
    let [mine, theirs, other] = [(); 3].map(|()| Uuid::now_v7());
    world.send("transaction.record", mine, record(survivor, "1", 100)).await;
    world.send("transaction.record", theirs, record(loser, "2", 50)).await;
    world.send("transaction.record", other, record(stranger, "3", 7)).await;
    let ticket = Uuid::now_v7();
    let before = world.send("ticket.open", ticket, open(loser, "打不开")).await;
    let merged = world.send("customer.merge", survivor, json!({"loser": loser})).await;

    for customer in [survivor, loser] {
        let list = world.get(&format!("/v1/customers/{customer}/transactions?sort=occurred_at"), merged).await;
        assert_eq!(ids(&list), [mine, theirs]);
        let list = world.get(&format!("/v1/tickets?customer={customer}"), merged).await;
        assert_eq!(ids(&list), [ticket]);
        assert_eq!(list["items"][0]["subject"], "打不开");
        let summary = world.get(&format!("/v1/transactions/summary?customer={customer}"), merged).await;
        assert_eq!((&summary["count"], &summary["by_currency"][0]["amount_minor"]), (&json!(2), &json!(150)));
    }
    let alias = world.get(&format!("/v1/customers/{loser}"), merged).await;
    assert_eq!((&alias["merged_into"], &alias["lifecycle"]), (&json!(survivor), &json!("merged")));
    let before_merge = world.get(&format!("/v1/transactions/summary?customer={survivor}&as_of={before}"), merged).await;
    assert_eq!(before_merge["count"], 1);

    let mut positions = Vec::new();
    let mut path = format!("/v1/customers/{loser}/timeline?limit=2");
    loop {
        let page = world.get(&path, merged).await;
        positions.extend(page["items"].as_array().unwrap().iter().map(|item| item["position"].as_u64().unwrap()));
        assert_eq!(page["complete"], true);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/customers/{loser}/timeline?limit=2&cursor={cursor}");
    }
    // Two registrations, two transactions, a ticket, and the two sides of the merge; nothing of the stranger.
    assert_eq!(positions.len(), 7);
    assert!(positions.is_sorted_by(|a, b| a > b));

    let free = world.send("customer.unmerge", survivor, json!({"loser": loser})).await;
    let list = world.get(&format!("/v1/customers/{survivor}/transactions"), free).await;
    assert_eq!(ids(&list), [mine]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_gone_from_rows_past_rows_and_the_history() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    let named = world.send("customer.register", customer, register("秘密姓名")).await;
    world.send("customer.request_erasure", customer, json!({})).await;
    let erased = world.send("customer.erase", customer, json!({})).await;
    let paths = [
        format!("/v1/customers/{customer}"),
        format!("/v1/customers/{customer}?as_of={named}"),
        "/v1/customers".to_owned(),
    ];
    for path in paths {
        assert!(!world.get(&path, erased).await.to_string().contains("秘密姓名"), "{path}");
    }
    let shown = world.get(&format!("/v1/customers/{customer}"), erased).await;
    assert_eq!((&shown["display_name"], &shown["lifecycle"]), (&Value::Null, &json!("erased")));
    let summary = world.get("/v1/customers/summary", erased).await;
    assert_eq!(summary, json!({"total": 0, "blocked": 0, "by_lifecycle": {"erased": 1}}));
    let history = world.get(&format!("/v1/customers/{customer}/history"), erased).await;
    assert_eq!(history["items"][0]["data"]["display_name"], json!({"erased": true}));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_shows_every_field_as_it_was_given() {
    let world = World::new().await;
    let (customer, ticket) = (Uuid::now_v7(), Uuid::now_v7());
    let said = "\"No\" \\ {\"$personal\": 1} 再见 \u{1f600}";
    let mut registered = register(said);
    registered["external_refs"] = json!([{"system": "crm", "id": "A \"7\""}]);
    world.send("customer.register", customer, registered).await;
    let mut opened = open(customer, said);
    opened["tags"] = json!(["a b", "退款"]);
    opened["category"] = json!(["Billing, fees", "\"Refund\""]);
    let position = world.send("ticket.open", ticket, opened).await;
    let shown = world.get(&format!("/v1/customers/{customer}"), position).await;
    assert_eq!(
        (&shown["display_name"], &shown["external_refs"]),
        (&json!(said), &json!([{"system": "crm", "id": "A \"7\""}]))
    );
    let shown = world.get(&format!("/v1/tickets/{ticket}"), position).await;
    let history = world.get(&format!("/v1/tickets/{ticket}/history"), position).await;
    let event = &history["items"][0];
    assert_eq!(
        shown,
        json!({
            "id": ticket, "number": 1, "customer": customer, "requester": null, "type": "incident", "subject": said,
            "description": null, "channel": "web", "category": ["Billing, fees", "\"Refund\""],
            "tags": ["a b", "退款"], "impact": 3, "urgency": 2, "priority": "P3", "priority_reason": null,
            "priority_overridden": false, "team": null, "assignee": null, "watchers": [], "status": "new",
            "pending_reason": null, "pending_until": null, "flagged": false, "escalation_level": null,
            "plan": null, "plan_revision": null, "product": null, "sla_policy": null, "sla": null, "sla_due_at": null, "sla_at_risk_at": null, "sla_breached": false,
            "resolution": null, "closed_by": null, "links": {}, "reopen_count": 0, "time_spent_s": 0,
            "messages": {"public_replies": 0, "internal_replies": 0, "customer_replies": 0, "notes": 0},
            "opened_at": event["occurred_at"], "first_replied_at": null, "resolved_at": null, "closed_at": null,
            "updated_at": event["recorded_at"], "version": 1
        })
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_paged_in_every_order_without_loss_or_repetition() {
    let world = World::new().await;
    let customer = Uuid::now_v7();
    world.send("customer.register", customer, register("Ada")).await;
    let mut position = 0;
    let mut tickets = Vec::new();
    for number in 0..7 {
        let mut data = open(customer, "x");
        data["urgency"] = json!(1 + number % 4);
        data["tags"] = if number % 2 == 0 { json!(["even"]) } else { json!(["odd"]) };
        tickets.push(Uuid::now_v7());
        position = world.send("ticket.open", tickets[number], data).await;
    }
    let sorts = ["opened_at", "updated_at", "priority", "number"];
    for sort in sorts.iter().flat_map(|sort| [(*sort).to_owned(), format!("-{sort}")]) {
        let whole = ids(&world.get(&format!("/v1/tickets?sort={sort}"), position).await);
        let mut paged = Vec::new();
        let mut path = format!("/v1/tickets?sort={sort}&limit=3");
        loop {
            let page = world.get(&path, position).await;
            paged.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/tickets?sort={sort}&limit=3&cursor={cursor}");
        }
        assert_eq!((paged.len(), &paged), (7, &whole), "{sort}");
    }
    assert_eq!(ids(&world.get("/v1/tickets?sort=number", position).await), tickets);
    assert_eq!(
        ids(&world.get("/v1/tickets?sort=number&tag=odd", position).await),
        [tickets[1], tickets[3], tickets[5]]
    );
    let nothing = world.get(&format!("/v1/tickets?status=closed,pending&assignee={customer}"), position).await;
    assert_eq!(nothing, json!({"items": [], "next_cursor": null}));
    let summary = world.get("/v1/tickets/summary", position).await;
    assert_eq!(
        (&summary["total"], &summary["unfinished"], &summary["by_status"]["new"]),
        (&7.into(), &7.into(), &7.into())
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_teams_are_found_by_what_they_are() {
    let world = World::new().await;
    let (agent, other, team) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let register = |name: &str, skill: &str| json!({"name": name, "role": "agent", "capacity": 5, "skills": [skill]});
    world.send("agent.register", agent, register("Chen", "网络")).await;
    world.send("agent.register", other, register("Bo", "billing")).await;
    world.send("team.form", team, json!({"name": "First line"})).await;
    let position = world.send("team.add_member", team, json!({"agent": agent})).await;
    assert_eq!(ids(&world.get("/v1/agents", position).await), [other, agent]);
    assert_eq!(ids(&world.get("/v1/agents?skill=%E7%BD%91%E7%BB%9C&role=agent", position).await), [agent]);
    assert_eq!(ids(&world.get(&format!("/v1/agents?team={team}&availability=available"), position).await), [agent]);
    assert_eq!(ids(&world.get(&format!("/v1/teams?member={agent}"), position).await), [team]);
    assert_eq!(world.get(&format!("/v1/teams/{team}"), position).await["members"], json!([agent]));
    assert_eq!(world.get(&format!("/v1/agents/{other}"), position).await["name"], "Bo");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_shows_its_latest_revision_and_its_earlier_ones_as_of_their_time() {
    let world = World::new().await;
    let hours = |end: &str| {
        let workday = json!([{"start": "09:00", "end": "12:00"}, {"start": "13:00", "end": end}]);
        let weekly = json!({"mon": workday, "tue": workday, "wed": [], "thu": [], "fri": [], "sat": [], "sun": []});
        json!({"zone": "Asia/Shanghai", "weekly": weekly, "exceptions": {"2025-09-28": workday, "2025-10-01": []}})
    };
    let (desk, night) = (Uuid::now_v7(), Uuid::now_v7());
    let defined = world.send("calendar.define", desk, json!({"name": "服务台", "hours": hours("18:00")})).await;
    world.send("calendar.define", night, json!({"name": "Night", "hours": hours("17:00")})).await;
    let revised = world.send("calendar.revise", desk, json!({"hours": hours("17:30")})).await;
    let path = format!("/v1/calendars/{desk}");
    let now = world.get(&path, revised).await;
    assert_eq!((&now["name"], &now["revision"], &now["hours"]), (&json!("服务台"), &json!(2), &hours("17:30")));
    let before = world.get(&format!("{path}?as_of={defined}"), revised).await;
    assert_eq!((&before["revision"], &before["hours"]), (&json!(1), &hours("18:00")));
    assert_eq!(ids(&world.get("/v1/calendars", revised).await), [night, desk]);
    let history = world.get(&format!("{path}/history"), revised).await;
    let types: Vec<_> = history["items"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["CalendarDefined", "CalendarRevised"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_scorecards_are_shown_with_what_they_say() {
    let world = World::new().await;
    let (desk, gold, visits) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let weekly = json!({"mon": [{"start": "09:00", "end": "17:00"}]});
    let hours = json!({"zone": "Asia/Shanghai", "weekly": weekly});
    world.send("calendar.define", desk, json!({"name": "Desk", "hours": hours})).await;
    let terms = json!({"calendar": desk, "targets": {"P1": {"first_response_s": 900}}});
    world.send("sla_policy.define", gold, json!({"name": "Gold 金牌", "terms": terms})).await;
    let criteria = json!([{"id": "clean", "name": "干净", "weight_permille": 1_000, "scale": 5}]);
    let position =
        world.send("scorecard.define", visits, json!({"name": "Visits", "card": {"criteria": criteria}})).await;
    let policy = world.get(&format!("/v1/sla-policies/{gold}"), position).await;
    assert_eq!((&policy["name"], &policy["terms"]["calendar"]), (&json!("Gold 金牌"), &json!(desk)));
    assert_eq!(policy["terms"]["targets"]["P1"]["first_response_s"], 900);
    let scorecard = world.get(&format!("/v1/scorecards/{visits}"), position).await;
    assert_eq!((&scorecard["revision"], &scorecard["card"]["pass_from"]), (&json!(1), &json!(85)));
    for (list, id) in [("calendars", desk), ("sla-policies", gold), ("scorecards", visits)] {
        assert_eq!(ids(&world.get(&format!("/v1/{list}"), position).await), [id], "{list}");
        assert_eq!(world.get(&format!("/v1/{list}/{id}/history"), position).await["items"][0]["version"], 1);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_shows_its_clocks_and_why_they_are_due() {
    let world = World::new().await;
    let (desk, gold, customer, ticket) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let day = json!([{"start": "00:00", "end": "24:00"}]);
    let weekly: serde_json::Map<String, Value> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .map(|name| (name.to_owned(), day.clone()))
        .into_iter()
        .collect();
    let hours = json!({"zone": "Asia/Shanghai", "weekly": weekly});
    world.send("calendar.define", desk, json!({"name": "Desk", "hours": hours})).await;
    let promised = json!({"first_response_s": 3_600, "total_resolution_s": 7_200});
    let targets = json!({"P1": promised, "P2": promised, "P3": promised, "P4": promised});
    world
        .send("sla_policy.define", gold, json!({"name": "Gold", "terms": {"calendar": desk, "targets": targets}}))
        .await;
    world.send("customer.register", customer, json!({"kind": "person", "display_name": "王芳"})).await;
    let mut opening = open(customer, "打不开");
    opening["sla_policy"] = json!(gold);
    let opened = world.send("ticket.open", ticket, opening).await;

    let shown = world.get(&format!("/v1/tickets/{ticket}"), opened).await;
    assert_eq!(shown["sla"]["policy"], json!({"id": gold, "revision": 1}));
    let first = &shown["sla"]["clocks"]["first_response"];
    assert_eq!((&first["motion"], &first["target_s"]), (&json!("running"), &json!(3_600)));
    assert_eq!(first["due_at"], shown["sla_due_at"], "the first that is due");
    let within = async |query: &str| ids(&world.get(&format!("/v1/tickets?{query}"), opened).await).len();
    assert_eq!(within("sla_due_to=2999-01-01T00:00:00Z&sla_at_risk_to=2999-01-01T00:00:00Z").await, 1);
    assert_eq!(
        (within("sla_due_to=2001-01-01T00:00:00Z").await, within("sla_at_risk_to=2001-01-01T00:00:00Z").await),
        (0, 0)
    );
    assert_eq!((within("sla_breached=false").await, within("sla_breached=true").await), (1, 0));
    assert_eq!(within(&format!("sla_policy={gold}&sort=sla_due_at")).await, 1);
    assert_eq!((within(&format!("sla_policy={desk}")).await, within(&format!("plan={desk}")).await), (0, 0));

    let resolved = world.send("ticket.resolve", ticket, json!({"code": "other"})).await;
    let told = |runs: Value| {
        let name = |run: &Value| format!("{} {} {}", run["clock"], run["began_by"]["type"], run["ended_by"]["type"]);
        runs["items"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    let path = format!("/v1/tickets/{ticket}/clocks");
    let ended = told(world.get(&path, resolved).await);
    let expected =
        ["first_response", "total_resolution"].map(|clock| format!(r#""{clock}" "TicketOpened" "TicketResolved""#));
    assert_eq!(ended, expected);
    let running = told(world.get(&format!("{path}?as_of={opened}"), resolved).await);
    assert_eq!(
        running,
        ["first_response", "total_resolution"].map(|clock| format!(r#""{clock}" "TicketOpened" null"#))
    );
    assert_eq!(world.get(&format!("/v1/tickets/{ticket}"), resolved).await["sla_due_at"], Value::Null);
    let nobody = world.request(&format!("/v1/tickets/{}/clocks", Uuid::now_v7()), &[]).await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    world.end().await;
}
