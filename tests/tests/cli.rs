//! The program on the command line, over real servers: what scripts and people rely on.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use carelog::config::Environment;
use carelog_tests::{System, TestDatabase, nats_url};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use uuid::Uuid;

const MAPPING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/import/cdnow.json");
const PURCHASES: &str = "customer_id,date,quantity,amount_usd\n\
    00001,1997-01-01,1,11.77\n\
    00002,1997-01-12,1,12.00\n\
    00002,1997-01-12,5,77.00\n";
const SETTINGS: [&str; 6] = [
    "DATABASE_URL",
    "NATS_URL",
    "CARELOG_PREFIX",
    "CARELOG_MASTER_KEY",
    "CARELOG_HTTP_ADDR",
    "CARELOG_EVENTS_MAX_BYTES",
];

/// The program that was built together with this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("carelog")
}

fn command(environment: &Environment, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env_remove("CARELOG_MASTER_KEY_FILE").env_remove("CARELOG_LOG");
    for name in SETTINGS {
        match environment.optional(name) {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end, beside the system that runs in this process.
async fn run(environment: &Environment, arguments: &[&str], input: &str) -> Ran {
    let mut command = command(environment, arguments);
    let input = input.to_owned();
    let running = move || {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // One that does not read its input has closed it.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    Ran(tokio::task::spawn_blocking(running).await.unwrap())
}

/// Runs the program with a standard output that nobody reads.
async fn unread(environment: &Environment, arguments: &[&str]) -> Ran {
    let mut command = command(environment, arguments);
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        child.wait_with_output().unwrap()
    });
    Ran(ended.await.unwrap())
}

struct Ran(Output);

impl Ran {
    fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}\n{}", self.stdout(), self.stderr());
        self
    }
}

/// A file that is removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carelog-cli-{}", Uuid::new_v4().simple()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_from_flags_is_answered_and_its_exit_code_tells_how() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let environment = &system.environment;
    let id = Uuid::now_v7().to_string();
    let form = ["send", "team.form", "--publisher", "web", "--id", &id, "--command-id", &id, "--data"];
    let send = |data: &str| [form.to_vec(), vec![data]].concat().iter().map(ToString::to_string).collect::<Vec<_>>();
    let with = async |arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(environment, &arguments, "").await
    };
    let first = with(send(r#"{"name":"一线"}"#)).await.exits_with(0);
    assert_eq!(first.lines()[0]["events"], json!(["TeamFormed"]));
    let again = with(send(r#"{"name":"一线"}"#)).await.exits_with(0);
    assert_eq!(again.lines()[0]["replayed"], true);
    let other = with(send(r#"{"name":"二线"}"#)).await.exits_with(1);
    assert_eq!(other.lines()[0]["code"], "command_mismatch");
    let no_json = with(send("{")).await.exits_with(2);
    assert!(no_json.stderr().contains("not JSON"), "{}", no_json.stderr());
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_about_one_aggregate_are_sent_in_order_and_bad_ones_are_counted() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let mut input = String::new();
    let mut tickets = Vec::new();
    for _ in 0..20 {
        let (customer, ticket) = (Uuid::now_v7(), Uuid::now_v7());
        let open = json!({"customer": customer, "type": "question", "subject": "?", "channel": "web", "impact": 3, "urgency": 3});
        let lines = [
            json!({"command": "customer.register", "id": customer, "data": {"display_name": "王小明"}}),
            json!({"command": "ticket.open", "id": ticket, "data": open}),
            json!({"command": "ticket.reply", "id": ticket, "data": {"body": "!", "public": true}}),
            json!({"command": "ticket.resolve", "id": ticket, "data": {"code": "assistance"}}),
        ];
        input.extend(lines.iter().map(|line| format!("{line}\n")));
        tickets.push(ticket);
    }
    input.push_str("no json\n\n{\"command\":\"team.form\",\"data\":{},\"data\":{}}\n");
    input.push_str("{\"command\":\"team.form\",\"data\":{\"name\":\"\"}}\n");
    let ran = run(&system.environment, &["send", "--stdin", "--publisher", "web"], &input).await.exits_with(1);
    let summary = ran.stderr();
    assert!(summary.contains("83 commands, 100 events appended"), "{summary}");
    assert!(summary.contains("line 81: malformed") && summary.contains("line 83: malformed"), "{summary}");
    assert!(summary.contains("line 84: validation: /data/name "), "{summary}");
    let reader = system.reader().await;
    for ticket in tickets {
        let stream = domain::StreamId { category: domain::Category::Ticket, id: ticket };
        let events = reader.stream(stream, 0, 10).await.unwrap();
        let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(types, ["TicketOpened", "AgentReplied", "TicketResolved"]);
    }
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_command_handlers_the_outcome_is_unknown() {
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let ran = run(&system.environment, &["send", "team.form", "--patience", "1"], "").await.exits_with(3);
    assert_eq!(ran.lines()[0]["outcome"], "unknown");
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_of_many_that_gives_up_says_behind_which_line_nothing_was_sent() {
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let lines = "{\"command\":\"team.form\",\"data\":{\"name\":\"x\"}}\n".repeat(50);
    let send = ["send", "--stdin", "--patience", "1", "--in-flight", "2"];
    let ran = run(&system.environment, &send, &lines).await.exits_with(3);
    let summary = ran.stderr();
    let line = summary.split_once("gave up at line ").and_then(|(_, rest)| rest.split_once(':')).unwrap().0;
    let line: usize = line.parse().unwrap();
    assert!((2..50).contains(&line) && summary.contains(&format!("{line} commands")), "{summary}");
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_command_waits_for_its_handler() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.stop_role(carelog::roles::Role::Commands).await;
    let send = ["send", "team.form", "--durable", "--publisher", "web", "--data", r#"{"name":"一线"}"#];
    let stored = run(&system.environment, &send, "").await.exits_with(0).lines().remove(0);
    assert_eq!(stored["outcome"], "stored");
    system.run(carelog::roles::Role::Commands).await;
    let path = format!("/v1/commands/web/{}", stored["command_id"].as_str().unwrap());
    let decided = async {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            pause.tick().await;
            if let (200, receipt) = system.get(&path, &Value::Null).await {
                return receipt;
            }
        }
    };
    let receipt = tokio::time::timeout(std::time::Duration::from_secs(30), decided).await.expect("a receipt");
    assert_eq!(receipt["outcome"], "accepted");
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_twice_changes_nothing_the_second_time() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let file = Scratch::new(PURCHASES);
    let import = ["import", "--mapping", MAPPING, file.path()];
    let first = run(&system.environment, &import, "").await.exits_with(0);
    assert!(first.stderr().contains("5 commands, 5 events appended"), "{}", first.stderr());
    let second = run(&system.environment, &import, "").await.exits_with(0);
    assert!(second.stderr().contains("5 commands, 0 events appended"), "{}", second.stderr());
    let head = system.caught_up().await;
    assert_eq!(head, 5);
    let (_, summary) = system.get("/v1/transactions/summary", &json!(head)).await;
    assert_eq!(summary["by_currency"][0]["amount_minor"], 10_077);
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_row_is_accepted_in_a_later_run_once_its_reason_is_gone() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let file = Scratch::new("team,agent\n一线,anna\n");
    let mapping = Scratch::new(
        r#"{"name": "members", "commands": [
            {"command": "team.form", "key": "{team}", "once": true, "id": "team/{team}", "data": {"name": "{team}"}},
            {"command": "team.add_member", "key": "{team}/{agent}", "id": "team/{team}", "data": {"agent": {"$id": "agent/{agent}"}}}]}"#,
    );
    let import = ["import", "--mapping", mapping.path(), file.path()];
    let refused = run(&system.environment, &import, "").await.exits_with(1);
    assert!(refused.stderr().contains("reference_missing"), "{}", refused.stderr());
    let agents = Scratch::new(
        r#"{"name": "members", "commands": [
            {"command": "agent.register", "key": "{agent}", "id": "agent/{agent}", "data": {"name": "{agent}", "capacity": 5}}]}"#,
    );
    run(&system.environment, &["import", "--mapping", agents.path(), file.path()], "").await.exits_with(0);
    run(&system.environment, &import, "").await.exits_with(1);
    let retry = [&import[..], &["--retry-rejected"]].concat();
    run(&system.environment, &retry, "").await.exits_with(0);
    let again = run(&system.environment, &retry, "").await.exits_with(0);
    assert!(again.stderr().contains("0 events appended"), "{}", again.stderr());
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_or_a_file_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let file = Scratch::new(PURCHASES);
    let environment = Environment::default().with("NATS_URL", nats_url());
    let mapping =
        Scratch::new(r#"{"name":"x","commands":[{"command":"team.form","key":"{name}","id":"{name}","data":{}}]}"#);
    let no_column = run(&environment, &["import", "--mapping", mapping.path(), file.path()], "").await.exits_with(2);
    assert!(
        no_column.stderr().contains("\"name\"") && no_column.stderr().contains("customer_id"),
        "{}",
        no_column.stderr()
    );
    run(&environment, &["import", "--mapping", "/nowhere", file.path()], "").await.exits_with(2);
    run(&environment, &["import", "--mapping", MAPPING, "/nowhere"], "").await.exits_with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_replayed_sealed_and_opened_on_request() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let (customer, team) = (Uuid::now_v7(), Uuid::now_v7());
    system.accepted("customer.register", customer, &json!({"display_name": "王小明"})).await;
    system.accepted("team.form", team, &json!({"name": "一线"})).await;
    let replay =
        async |arguments: &[&str]| run(&system.environment, &[&["replay"], arguments].concat(), "").await.exits_with(0);
    let sealed = replay(&[]).await;
    assert!(!sealed.stdout().contains("王小明"), "personal data in clear");
    let events = sealed.lines();
    assert_eq!(events.iter().map(|event| event["position"].clone()).collect::<Vec<_>>(), [1, 2]);
    let stored = system.reader().await.after(0, 1).await.unwrap().remove(0);
    assert!(sealed.stdout().contains(&stored.payload), "the payload is not byte for byte what is stored");
    assert_eq!(replay(&["--reveal"]).await.lines()[0]["data"]["display_name"], "王小明");
    assert_eq!(replay(&["--type", "TeamFormed"]).await.lines(), events[1..]);
    assert_eq!(replay(&["--category", "customer"]).await.lines(), events[..1]);
    assert_eq!(replay(&["--stream", &format!("team/{team}")]).await.lines(), events[1..]);
    assert_eq!(replay(&["--to", "1"]).await.lines(), events[..1]);
    let second_time = events[1]["recorded_at"].as_str().unwrap();
    assert_eq!(replay(&["--from", second_time]).await.lines(), events[1..]);
    assert_eq!(replay(&["--to", second_time]).await.lines(), events);
    assert_eq!(replay(&["--limit", "1"]).await.lines(), events[..1]);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_into_a_pipe_that_closes_ends_quietly() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let input: String = (0..500)
        .map(|number| format!("{}\n", json!({"command": "team.form", "data": {"name": format!("{number}")}})))
        .collect();
    run(&system.environment, &["send", "--stdin"], &input).await.exits_with(0);
    assert_eq!(unread(&system.environment, &["replay"]).await.exits_with(0).stderr(), "");
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_reads_the_output_the_work_is_done_all_the_same() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let send = ["send", "team.form", "--data", r#"{"name":"一线"}"#];
    let all = [
        &send[..],
        &["models"],
        &["models", "--json"],
        &["models", "--parked"],
        &["models", "fingerprint"],
        &["inbox"],
    ];
    for arguments in all {
        assert_eq!(unread(&system.environment, arguments).await.exits_with(0).stderr(), "", "{arguments:?}");
    }
    assert_eq!(system.caught_up().await, 1);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_before_the_end_of_the_input_is_no_success() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let mut command = command(&system.environment, &["send", "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"[]\n{\"command\":\"team.form\",\"data\":{\"name\":\"a\"}}\n").unwrap();
    let reader = system.reader().await;
    let decided = async {
        let mut pause = tokio::time::interval(std::time::Duration::from_millis(50));
        while reader.head().await.unwrap().position == 0 {
            pause.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), decided).await.expect("the first command");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let ran = Ran(ended.await.unwrap()).exits_with(130);
    drop(stdin);
    assert!(ran.stderr().contains("interrupted") && ran.stderr().contains("1 events appended"), "{}", ran.stderr());
    assert!(ran.stderr().contains("line 1: validation") && !ran.stderr().contains("struct"), "{}", ran.stderr());
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_rows_are_named_with_their_reason() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    system.accepted("team.form", Uuid::now_v7(), &json!({"name": "一线"})).await;
    system.caught_up().await;
    let none = run(&system.environment, &["models", "--parked"], "").await.exits_with(0);
    assert_eq!(none.stdout(), "no row is parked\n");
    let key = Uuid::now_v7();
    sqlx::query("insert into read.parked (model, key, position, error, skipped) values ('team', $1, 1, 'why', 3)")
        .bind(key)
        .execute(&database.pool(event_store::pool::PoolRole::Project).await)
        .await
        .unwrap();
    let listed = run(&system.environment, &["models", "--parked", "--json"], "").await.exits_with(0).lines();
    assert_eq!(listed, [json!({"model": "team", "key": key, "position": 1, "error": "why", "skipped": 3})]);
    let shown = run(&system.environment, &["models", "--parked"], "").await.exits_with(0).stdout();
    assert!(shown.contains(&key.to_string()) && shown.contains("why"), "{shown}");
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_moved_to_another_revision_of_their_policy_after_what_would_change_was_listed() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let [desk, gold, customer, first, second, ended] = [(); 6].map(|()| Uuid::now_v7());
    let day = json!([{"start": "00:00", "end": "24:00"}]);
    let week = json!({"mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day});
    let hours = json!({"zone": "Etc/UTC", "weekly": week});
    let terms = |first_s: u32| json!({"calendar": desk, "targets": {"P3": {"first_response_s": first_s}}});
    system.accepted("calendar.define", desk, &json!({"name": "Always", "hours": hours})).await;
    system.accepted("sla_policy.define", gold, &json!({"name": "Gold", "terms": terms(7_200)})).await;
    system.accepted("customer.register", customer, &json!({"display_name": "a"})).await;
    for ticket in [first, second, ended] {
        let opening = json!({"customer": customer, "type": "request", "subject": "a", "channel": "web", "impact": 3,
            "urgency": 2, "sla_policy": gold});
        system.accepted("ticket.open", ticket, &opening).await;
    }
    system.accepted("ticket.cancel", ended, &json!({})).await;
    let revised = system.accepted("sla_policy.revise", gold, &json!({"terms": terms(3_600)})).await;
    system.caught_up().await;

    let (environment, gold) = (&system.environment, gold.to_string());
    let listed = run(environment, &["retarget", &gold, "--json"], "").await.exits_with(0);
    let told: Vec<_> = listed.lines().iter().map(|line| (line["ticket"].clone(), line["to_s"].clone())).collect();
    assert_eq!(told, [first, second].map(|ticket| (json!(ticket), json!(3_600))), "{}", listed.stderr());
    let head = system.reader().await.head().await.unwrap().position;
    assert_eq!(json!(head), revised["position"], "nothing was changed");

    run(environment, &["retarget", &gold, "--apply"], "").await.exits_with(0);
    let head = system.caught_up().await;
    for ticket in [first, second] {
        let (_, row) = system.get(&format!("/v1/tickets/{ticket}"), &json!(head)).await;
        let clock = &row["sla"]["clocks"]["first_response"];
        assert_eq!((&row["sla"]["policy"]["revision"], &clock["target_s"]), (&json!(2), &json!(3_600)), "{row}");
    }
    run(environment, &["retarget", &gold, "--apply"], "").await.exits_with(0);
    assert_eq!(system.caught_up().await, head, "a second run changes nothing");
    // Where tickets go back and forth, each move is one of its own.
    let silver = Uuid::now_v7();
    system.accepted("sla_policy.define", silver, &json!({"name": "Silver", "terms": terms(9_000)})).await;
    let silver = silver.to_string();
    for (from, to, target_s) in [(&gold, &silver, 9_000), (&silver, &gold, 3_600), (&gold, &silver, 9_000)] {
        run(environment, &["retarget", from, "--to", to, "--apply"], "").await.exits_with(0);
        let head = system.caught_up().await;
        let (_, row) = system.get(&format!("/v1/tickets/{first}"), &json!(head)).await;
        assert_eq!(row["sla"]["clocks"]["first_response"]["target_s"], json!(target_s), "{row}");
    }
    let nobody = Uuid::now_v7().to_string();
    run(environment, &["retarget", &nobody], "").await.exits_with(2);
    run(environment, &["retarget", &gold, "--to", &nobody], "").await.exits_with(2);
    run(environment, &["retarget", &gold, "--mode", "sometimes"], "").await.exits_with(2);
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_rebuilt_and_compared() {
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    system.accepted("team.form", Uuid::now_v7(), &json!({"name": "一线"})).await;
    system.caught_up().await;
    let models = async |arguments: &[&str]| run(&system.environment, &[&["models"], arguments].concat(), "").await;
    let before = models(&["fingerprint"]).await.exits_with(0).stdout();
    let rebuilt = models(&["rebuild", "--all"]).await.exits_with(0);
    assert!(rebuilt.stdout().contains("1 events into 1 versions"), "{}", rebuilt.stdout());
    models(&["retry", "team"]).await.exits_with(0);
    assert_eq!(models(&["fingerprint"]).await.exits_with(0).stdout(), before);
    let listed = models(&["--json"]).await.exits_with(0).lines();
    let team = listed.iter().find(|model| model["model"] == "team").unwrap();
    assert_eq!((&team["position"], &team["lag_events"], &team["generation"]), (&json!(1), &json!(0), &json!(3)));
    let unknown = models(&["rebuild", "invoice"]).await.exits_with(2);
    assert!(unknown.stderr().contains("ticket"), "{}", unknown.stderr());
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_asks_first_then_raises_the_epoch_and_everything_goes_on() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.accepted("team.form", Uuid::now_v7(), &json!({"name": "一线"})).await;
    system.caught_up().await;
    let refused = run(&system.environment, &["recover", "--yes"], "").await.exits_with(1);
    for expected in ["stop all relays and projectors first", "carelog-project from", "carelog-relay from"] {
        assert!(refused.stderr().contains(expected), "{expected}: {}", refused.stderr());
    }
    for role in [carelog::roles::Role::Relay, carelog::roles::Role::Projector] {
        system.stop_role(role).await;
    }
    let asked = run(&system.environment, &["recover"], "").await.exits_with(2);
    assert!(asked.stderr().contains("--yes"), "{}", asked.stderr());
    let recovered = run(&system.environment, &["recover", "--yes"], "").await.exits_with(0);
    assert!(recovered.stdout().contains("epoch 2"), "{}", recovered.stdout());
    for role in [carelog::roles::Role::Relay, carelog::roles::Role::Projector] {
        system.run(role).await;
    }
    system.accepted("team.form", Uuid::now_v7(), &json!({"name": "二线"})).await;
    system.assert_stream_equals_history().await;
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_setting_is_named_with_its_remedy() {
    let none = Environment::default();
    for (arguments, expected) in [
        (&["serve", "relay"][..], "DATABASE_URL"),
        (&["send", "team.form"][..], "NATS_URL"),
        (&["migrate"][..], "DATABASE_URL"),
    ] {
        let ran = run(&none, arguments, "").await.exits_with(2);
        assert!(ran.stderr().contains(expected) && ran.stderr().contains("carelog up"), "{}", ran.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_wrong_usage() {
    let environment = Environment::default().with("DATABASE_URL", "not a url");
    let malformed = run(&environment, &["models"], "").await.exits_with(2);
    assert!(malformed.stderr().contains("DATABASE_URL"), "{}", malformed.stderr());
    let absurd = run(&environment, &["replay", "--from=-262143-01-01T00:00:00Z"], "").await.exits_with(2);
    assert!(absurd.stderr().contains("0001 to 9999"), "{}", absurd.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_halts_stops_the_whole_process_with_its_reason() {
    let database = TestDatabase::create().await;
    let mut system = System::start(&database.url, &nats_url()).await;
    system.accepted("team.form", Uuid::now_v7(), &json!({"name": "一线"})).await;
    system.assert_stream_equals_history().await;
    system.stop_role(carelog::roles::Role::Relay).await;
    let subject = format!("{}.event.team.TeamFormed", system.prefix);
    system.nats.publish(subject, "not an event".into()).await.unwrap();
    system.nats.flush().await.unwrap();
    let ran = run(&system.environment, &["serve", "relay", "query", "projector"], "").await.exits_with(4);
    assert!(ran.stderr().contains("the role relay failed: history_forked"), "{}", ran.stderr());
    system.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_start_says_why() {
    let environment = Environment::default()
        .with("DATABASE_URL", "postgres://127.0.0.1:1/nothing")
        .with("NATS_URL", nats_url())
        .with("CARELOG_MASTER_KEY", "5a".repeat(32))
        .with("CARELOG_HTTP_ADDR", "127.0.0.1:0");
    let ran = run(&environment, &["serve", "query", "relay"], "").await.exits_with(3);
    assert!(ran.stderr().contains("the role relay cannot start"), "{}", ran.stderr());
    assert!(ran.stderr().contains("PostgreSQL at 127.0.0.1:1"), "{}", ran.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_is_named_with_its_reason() {
    let database = TestDatabase::create().await;
    let (_, place) = database.url.split_once('@').unwrap();
    let (address, _) = place.split_once('/').unwrap();
    let wrong_password = format!("postgres://carelog:wrong@{place}");
    let (server, _) = database.url.rsplit_once('/').unwrap();
    let missing = format!("{server}/nothing");
    for (url, reason) in [(wrong_password, "password authentication failed"), (missing, "does not exist")] {
        let environment = Environment::default().with("DATABASE_URL", url);
        let ran = run(&environment, &["models"], "").await.exits_with(1);
        for expected in ["the database cannot be used", address, reason] {
            assert!(ran.stderr().contains(expected), "{expected}: {}", ran.stderr());
        }
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_told_to_stop_drains_and_exits_with_zero() {
    use std::io::{BufRead as _, BufReader};
    let database = TestDatabase::create().await;
    let system = System::new(&database.url, &nats_url()).await;
    let mut command = command(&system.environment, &["serve", "commands", "relay", "projector", "automation", "query"]);
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first_line).unwrap();
        assert!(first_line.starts_with("query API on http://127.0.0.1:"), "{first_line}");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap()
    });
    assert_eq!(ended.await.unwrap().code(), Some(0));
    system.stop().await;
    database.remove().await;
}
