//! The private servers, as the launcher starts, breaks and stops them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use carelog::local::{AlreadyRunning, EXIT_ALREADY_RUNNING, LocalServers, Options, run_command};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};

/// A state directory that is removed with the test.
struct TempState(PathBuf);

impl TempState {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("carelog-local-{}", uuid::Uuid::new_v4().simple())))
    }

    fn options(&self) -> Options {
        let nats_server = Options::from_environment().unwrap().nats_server;
        Options { nats_server, ..Options::new(&self.0) }
    }
}

impl Drop for TempState {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn execute(database_url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn notes(database_url: &str) -> i64 {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let count = sqlx::query_scalar("select count(*) from note").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

/// async-nats reads no credentials from a URL.
async fn connect_to_nats(nats_url: &str) -> async_nats::Client {
    let (token, address) = nats_url.strip_prefix("nats://").and_then(|rest| rest.split_once('@')).unwrap();
    let options = async_nats::ConnectOptions::with_token(token.to_owned());
    options.connect(address).await.unwrap()
}

async fn stored_messages(nats_url: &str) -> u64 {
    let client = connect_to_nats(nats_url).await;
    let stream = async_nats::jetstream::new(client).get_stream("NOTES").await.unwrap();
    stream.cached_info().state.messages
}

async fn store_message(nats_url: &str) {
    let client = connect_to_nats(nats_url).await;
    let jetstream = async_nats::jetstream::new(client);
    let config = async_nats::jetstream::stream::Config {
        name: "NOTES".to_owned(),
        subjects: vec!["note".to_owned()],
        ..Default::default()
    };
    jetstream.get_or_create_stream(config).await.unwrap();
    jetstream.publish("note", "one".into()).await.unwrap().await.unwrap();
}

/// Returns the real user of a process, or `None` when it is gone.
fn user_of(process_id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    if status.lines().any(|line| line.starts_with("State:\tZ")) {
        return None;
    }
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[tokio::test]
async fn both_servers_keep_their_data_over_a_restart() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    execute(&servers.database_url, "create table note (id int)").await;
    execute(&servers.database_url, "insert into note values (1)").await;
    store_message(&servers.nats_url).await;
    let key = fs::read_to_string(&servers.master_key_file).unwrap();
    servers.stop().await.unwrap();

    let servers = LocalServers::start(&state.options()).await.unwrap();
    assert_eq!(notes(&servers.database_url).await, 1);
    assert_eq!(stored_messages(&servers.nats_url).await, 1);
    assert_eq!(fs::read_to_string(&servers.master_key_file).unwrap(), key);
    assert_eq!(hex::decode(key.trim()).unwrap().len(), 32);
    assert_eq!(fs::metadata(&servers.master_key_file).unwrap().mode() & 0o777, 0o600);
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn postgres_runs_with_the_durability_of_production() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let mut connection = PgConnection::connect(&servers.database_url).await.unwrap();
    for name in ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"] {
        let value: String =
            sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&mut connection).await.unwrap();
        assert_eq!(value, "on", "{name}");
    }
    let encoding: String =
        sqlx::query_scalar("select current_setting('server_encoding')").fetch_one(&mut connection).await.unwrap();
    assert_eq!(encoding, "UTF8");
    connection.close().await.unwrap();
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn postgres_killed_and_started_again_keeps_committed_rows_and_its_url() {
    let state = TempState::new();
    let mut servers = LocalServers::start(&state.options()).await.unwrap();
    execute(&servers.database_url, "create table note (id int)").await;
    for round in 1..=3 {
        execute(&servers.database_url, "insert into note values (1)").await;
        servers.postgres.kill().await.unwrap();
        assert!(PgConnection::connect(&servers.database_url).await.is_err());
        servers.postgres.start().await.unwrap();
        assert_eq!(notes(&servers.database_url).await, round);
    }
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn nats_killed_and_started_again_keeps_its_store_until_that_is_wiped() {
    let state = TempState::new();
    let mut servers = LocalServers::start(&state.options()).await.unwrap();
    store_message(&servers.nats_url).await;
    assert!(servers.nats.wipe_store().is_err(), "the store of a running server was wiped");
    servers.nats.kill().await.unwrap();
    servers.nats.start().await.unwrap();
    assert_eq!(stored_messages(&servers.nats_url).await, 1);

    servers.nats.stop().await.unwrap();
    servers.nats.wipe_store().unwrap();
    servers.nats.start().await.unwrap();
    let client = connect_to_nats(&servers.nats_url).await;
    assert!(async_nats::jetstream::new(client).get_stream("NOTES").await.is_err());
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_dies_is_started_again_with_its_data() {
    let state = TempState::new();
    let mut servers = LocalServers::start(&state.options()).await.unwrap();
    execute(&servers.database_url, "create table note (id int)").await;
    execute(&servers.database_url, "insert into note values (1)").await;
    store_message(&servers.nats_url).await;
    let dead = [servers.postgres.process_id().unwrap(), servers.nats.process_id().unwrap()];
    for id in dead {
        kill_process(Pid::from_raw(id.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    }
    let (database_url, nats_url) = (servers.database_url.clone(), servers.nats_url.clone());
    let back = async {
        while dead.into_iter().any(|id| user_of(id).is_some()) {
            tokio::task::yield_now().await;
        }
        while PgConnection::connect(&database_url).await.is_err() {}
        let (_, address) = nats_url.split_once('@').unwrap();
        while tokio::net::TcpStream::connect(address).await.is_err() {}
        assert_eq!(notes(&database_url).await, 1);
        assert_eq!(stored_messages(&nats_url).await, 1);
    };
    tokio::select! {
        kept = servers.keep_running() => panic!("it was given up: {kept:?}"),
        back = tokio::time::timeout(Duration::from_secs(60), back) => back.unwrap(),
    }
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn a_paused_postgres_answers_after_it_is_resumed() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let mut connection = PgConnection::connect(&servers.database_url).await.unwrap();
    servers.postgres.pause();
    let mut query = tokio::spawn(async move {
        let one: i32 = sqlx::query_scalar("select 1").fetch_one(&mut connection).await.unwrap();
        one
    });
    let answer = tokio::time::timeout(Duration::from_millis(100), &mut query).await;
    assert!(answer.is_err(), "a paused server answered");
    servers.postgres.resume();
    assert_eq!(query.await.unwrap(), 1);
    // Paused servers can be stopped as well.
    servers.postgres.pause();
    servers.nats.pause();
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_start_on_a_state_directory_tells_the_urls_of_the_first() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let error = LocalServers::start(&state.options()).await.err().unwrap();
    let running = error.downcast::<AlreadyRunning>().unwrap();
    assert_eq!(running.database_url, servers.database_url);
    assert_eq!(running.nats_url, servers.nats_url);
    assert_eq!(running.nats_monitor_url, servers.nats_monitor_url);
    servers.stop().await.unwrap();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn clients_without_the_password_or_the_token_are_refused() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let (_, postgres) = servers.database_url.split_once('@').unwrap();
    let (_, nats) = servers.nats_url.split_once('@').unwrap();
    assert!(PgConnection::connect(&format!("postgres://carelog:guess@{postgres}")).await.is_err());
    assert!(async_nats::connect(nats).await.is_err());
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn server_processes_never_run_as_root() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    for process_id in [servers.postgres.process_id(), servers.nats.process_id()] {
        assert_ne!(user_of(process_id.unwrap()), Some(0));
    }
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn dropped_servers_are_down() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let processes = [servers.postgres.process_id(), servers.nats.process_id()];
    drop(servers);
    assert_eq!(processes.map(|id| user_of(id.unwrap())), [None, None]);
}

#[tokio::test]
async fn an_old_nats_server_is_refused_with_the_remedy() {
    let state = TempState::new();
    fs::create_dir(&state.0).unwrap();
    fs::set_permissions(&state.0, fs::Permissions::from_mode(0o711)).unwrap();
    let program = state.0.join("nats-server-old");
    fs::write(&program, "#!/bin/sh\necho 'nats-server: v2.9.10'\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let options = Options { nats_server: Some(program), ..Options::new(&state.0) };
    let message = LocalServers::start(&options).await.err().unwrap().to_string();
    assert!(message.contains("v2.9.10"), "{message}");
    assert!(message.contains("2.12 or newer: run deploy/set-up"), "{message}");
}

#[tokio::test]
async fn a_directory_without_postgres_is_refused_by_its_name() {
    let state = TempState::new();
    let options = Options { postgres_bin_dir: Some("/nonexistent".into()), ..state.options() };
    let message = LocalServers::start(&options).await.err().unwrap().to_string();
    assert!(message.contains("CARELOG_PG_BINDIR is /nonexistent"), "{message}");
}

#[tokio::test]
async fn servers_end_with_a_launcher_that_is_killed_and_the_data_survive() {
    let state = TempState::new();
    let mut launcher = Launcher::start(&state, "run");
    execute(&launcher.database_url, "create table note as select 1 as id").await;
    launcher.kill();
    launcher.wait_for_the_servers_end().await;

    let servers = LocalServers::start(&state.options()).await.unwrap();
    assert_eq!(notes(&servers.database_url).await, 1);
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn paused_servers_of_a_killed_launcher_are_ended_by_the_next_start() {
    let state = TempState::new();
    let mut launcher = Launcher::start(&state, "pause");
    launcher.kill();
    // PostgreSQL cannot end while its own processes are paused.
    assert!(user_of(launcher.postgres).is_some());

    let servers = LocalServers::start(&state.options()).await.unwrap();
    launcher.wait_for_the_servers_end().await;
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_gets_the_urls_and_its_exit_code_is_passed_on() {
    let state = TempState::new();
    let script = r#"test "$DATABASE_URL" && test "$NATS_URL" && test "$NATS_MONITOR_URL" &&
        test "$(wc -c < "$CARELOG_MASTER_KEY_FILE")" = 65 && exit 7"#;
    let status = command_process(&state, script, 7).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_command_runs_on_given_servers_where_both_urls_are_set() {
    let state = TempState::new();
    let script = r#"test "$DATABASE_URL$NATS_URL" = "postgres://givennats://given""#;
    let status = command_process(&state, script, 0)
        .env("DATABASE_URL", "postgres://given")
        .env("NATS_URL", "nats://given")
        .status()
        .unwrap();
    assert!(status.success());
    assert!(!state.0.exists());
}

#[tokio::test]
async fn a_command_is_not_run_where_the_servers_are_already_running() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let output = command_process(&state, "exit 0", i32::from(EXIT_ALREADY_RUNNING)).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains(&format!("DATABASE_URL={}\n", servers.database_url)));
    assert!(printed.contains(&format!("NATS_URL={}\n", servers.nats_url)));
    servers.stop().await.unwrap();
}

#[tokio::test]
async fn sigterm_reaches_the_command_and_the_servers_stop_after_it() {
    let state = TempState::new();
    let script = r#"trap 'exit 9' TERM; echo; echo "url: $DATABASE_URL"; while :; do sleep 0.01; done"#;
    let mut launcher = command_process(&state, script, 9).stdout(Stdio::piped()).spawn().unwrap();
    // Kept open: the process still has to print its own result.
    let mut output = BufReader::new(launcher.stdout.take().unwrap());
    let url = line_after(&mut output, "url: ");
    let process = Pid::from_raw(i32::try_from(launcher.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(launcher.wait().unwrap().success());
    assert!(PgConnection::connect(&url).await.is_err());
}

/// Another process of this program that started servers and can be killed.
struct Launcher {
    process: Child,
    postgres: u32,
    nats: u32,
    database_url: String,
}

impl Launcher {
    fn start(state: &TempState, mode: &str) -> Self {
        let mut process = this_program("launcher_process", state)
            .env("CARELOG_TEST_MODE", mode)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = line_after(&mut BufReader::new(process.stdout.take().unwrap()), "servers: ");
        let mut words = line.split(' ');
        let postgres = words.next().unwrap().parse().unwrap();
        let nats = words.next().unwrap().parse().unwrap();
        let database_url = words.next().unwrap().to_owned();
        Self { process, postgres, nats, database_url }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn wait_for_the_servers_end(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut pause = tokio::time::interval(Duration::from_millis(5));
        while [self.postgres, self.nats].iter().any(|id| user_of(*id).is_some()) {
            assert!(Instant::now() < deadline, "servers outlive their launcher");
            pause.tick().await;
        }
    }
}

fn this_program(entry: &str, state: &TempState) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", entry, "--nocapture"])
        .env("CARELOG_TEST_STATE_DIR", &state.0)
        .env_remove("DATABASE_URL")
        .env_remove("NATS_URL");
    command
}

/// Another process of this program that runs a shell script with [`run_command`] and succeeds if
/// the exit code is the expected one.
fn command_process(state: &TempState, script: &str, expected: i32) -> Command {
    let mut command = this_program("command_process_entry", state);
    command.env("CARELOG_TEST_SCRIPT", script).env("CARELOG_TEST_EXPECTED", expected.to_string());
    command
}

fn line_after(output: &mut impl BufRead, marker: &str) -> String {
    output.lines().map(Result::unwrap).find_map(|line| Some(line.split_once(marker)?.1.to_owned())).unwrap()
}

fn options_of_another_process() -> Option<Options> {
    let state_dir = std::env::var_os("CARELOG_TEST_STATE_DIR")?;
    let nats_server = Options::from_environment().unwrap().nats_server;
    Some(Options { nats_server, ..Options::new(state_dir) })
}

/// Not a test of its own: what [`Launcher`] runs.
#[tokio::test]
async fn launcher_process() {
    let Some(options) = options_of_another_process() else {
        return;
    };
    let servers = LocalServers::start(&options).await.unwrap();
    if std::env::var("CARELOG_TEST_MODE").unwrap() == "pause" {
        servers.postgres.pause();
        servers.nats.pause();
    }
    println!(
        "servers: {} {} {}",
        servers.postgres.process_id().unwrap(),
        servers.nats.process_id().unwrap(),
        servers.database_url
    );
    std::future::pending::<()>().await;
}

/// Not a test of its own: what [`command_process`] runs.
#[tokio::test]
async fn command_process_entry() {
    let Some(options) = options_of_another_process() else {
        return;
    };
    let script = std::env::var_os("CARELOG_TEST_SCRIPT").unwrap();
    let expected: u8 = std::env::var("CARELOG_TEST_EXPECTED").unwrap().parse().unwrap();
    let code = run_command(&options, &["sh".into(), "-c".into(), script]).await.unwrap();
    assert_eq!(code, ExitCode::from(expected));
}

#[tokio::test]
async fn both_servers_are_up_and_down_within_seconds() {
    let state = TempState::new();
    for kind in ["first", "second"] {
        let begun = Instant::now();
        let servers = LocalServers::start(&state.options()).await.unwrap();
        let up = begun.elapsed();
        let begun = Instant::now();
        servers.stop().await.unwrap();
        let down = begun.elapsed();
        println!("{kind} start: up in {up:?}, down in {down:?}");
        assert!(up < Duration::from_secs(60) && down < Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_lost_its_master_key_is_refused_and_gets_no_other_one() {
    let state = TempState::new();
    let servers = LocalServers::start(&state.options()).await.unwrap();
    let key = servers.master_key_file.clone();
    servers.stop().await.unwrap();
    let kept = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let refused = LocalServers::start(&state.options()).await.err().unwrap().to_string();
    assert!(refused.contains("master.key is missing"), "{refused}");
    assert!(!key.exists());
    fs::write(&key, kept).unwrap();
    LocalServers::start(&state.options()).await.unwrap().stop().await.unwrap();
}
