//! The read side over a real database: live models equal rebuilt ones, whatever happens on the way.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: where they fail, the test fails")]

mod rebuilds;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carelog_tests::{TestDatabase, command, keys};
use command_side::lane::{Lane, Reply};
use domain::Category;
use domain::team::Event as TeamEvent;
use domain::{Event, aggregates};
use event_store::pool::{PoolRole, connect};
use event_store::{Outcome, Reader, Vault};
use read_side::ProjectorError;
use read_side::compare::{Fingerprint, fingerprint};
use read_side::entity::{Entity, Happened, Keys, Unfit};
use read_side::feed::{Feed, Waited};
use read_side::history::History;
use read_side::model::{Model, of};
use read_side::models;
use read_side::models::agent::Agent;
use read_side::models::customer::Customer;
use read_side::models::team::{Team, TeamRow};
use read_side::projector::{self, Settings};
use read_side::rebuild::{Rebuilt, rebuild, retry};
use read_side::status::{ModelStatus, status};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The first half of the advisory lock under which a model is rebuilt.
const REBUILD_LOCK: i32 = 0x6361_7265;

/// Unshown tables of models.
const STRAYS: &str = "select count(*) from pg_tables t, read.checkpoint c
     where t.schemaname = 'read' and t.tablename ~ ('^' || c.model || '(_fact)?_r[0-9]+_g[0-9]+$')
       and t.tablename !~ ('_r' || c.revision || '_g' || c.generation || '$')";

/// A database with a lane that appends to it.
struct World {
    database: TestDatabase,
    lane: Lane,
    /// What projectors and rebuilds use.
    pool: PgPool,
    reader: Reader,
    /// What the test itself asks with.
    ask: PgPool,
    vault: Vault,
}

/// A projector at work.
struct Projector {
    stop: CancellationToken,
    work: JoinHandle<Result<(), ProjectorError>>,
}

impl Projector {
    async fn stopped(self) -> Result<(), ProjectorError> {
        self.stop.cancel();
        self.work.await.unwrap()
    }
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let append = database.pool(PoolRole::Append).await;
        let vault = Vault::new(append.clone(), keys());
        let lane = Lane::start(append, vault.clone(), 4_096).0;
        let pool = database.pool(PoolRole::Project).await;
        let reader = Reader::new(pool.clone());
        let ask = database.pool(PoolRole::Query).await;
        Self { database, lane, pool, reader, ask, vault }
    }

    async fn send(&self, name: &str, id: Uuid, data: Value) -> u64 {
        let reply = self.lane.submit(command(name, id, &data), None).unwrap().await.unwrap();
        match reply {
            Reply::Decided { outcome: Outcome::Accepted { position, .. }, .. } => position,
            reply @ (Reply::Decided { .. } | Reply::Undecided(_)) => panic!("{name} was not accepted: {reply:?}"),
        }
    }

    /// Teams, each formed and renamed, and their agents; all sent at once, so that the lane makes batches.
    async fn history(&self, teams: usize) -> u64 {
        let ids: Vec<Uuid> = (0..teams).map(|_| Uuid::now_v7()).collect();
        for name in ["form", "rename", "change_routing"] {
            let sent = ids.iter().enumerate().map(|(n, id)| {
                let data = match name {
                    "change_routing" => json!({"routing": "round_robin"}),
                    _ => json!({"name": format!("{name} 团队 \"{n}\" \\ \t")}),
                };
                self.lane.submit(command(&format!("team.{name}"), *id, &data), None).unwrap()
            });
            for reply in sent.collect::<Vec<_>>() {
                assert!(matches!(reply.await, Ok(Reply::Decided { outcome: Outcome::Accepted { .. }, .. })));
            }
        }
        let agents = ids.iter().map(|id| {
            let data = json!({"name": "Li \"Lei\"", "capacity": 5, "skills": ["a,b", "{}", "c\\d"]});
            self.lane.submit(command("agent.register", *id, &data), None).unwrap()
        });
        for reply in agents.collect::<Vec<_>>() {
            assert!(matches!(reply.await, Ok(Reply::Decided { outcome: Outcome::Accepted { .. }, .. })));
        }
        self.head().await
    }

    async fn head(&self) -> u64 {
        Reader::new(self.ask.clone()).head().await.unwrap().position
    }

    fn project(&self, models: Vec<&'static dyn Model>, batch_events_max: usize) -> Projector {
        let stop = CancellationToken::new();
        let settings = Settings { models, batch_events_max, poll_every: Duration::from_millis(200) };
        let run =
            projector::run(self.pool.clone(), self.reader.clone(), self.vault.clone(), None, settings, stop.clone());
        Projector { stop, work: tokio::spawn(run) }
    }

    /// Waits until models hold the history.
    async fn caught_up(&self, models: &[&str], position: u64) {
        let stop = CancellationToken::new();
        let (feed, task) = Feed::start(self.ask.clone(), stop.clone());
        let waited = feed.wait_for(models, position, Duration::from_secs(20)).await;
        assert!(matches!(waited, Waited::Reached { .. }), "{waited:?} {:?}", status(&self.ask).await);
        stop.cancel();
        task.await.unwrap();
    }

    async fn project_all(&self, models: &[&'static dyn Model]) {
        let projector = self.project(models.to_vec(), 1_000);
        let names: Vec<&str> = models.iter().map(|model| model.name()).collect();
        self.caught_up(&names, self.head().await).await;
        projector.stopped().await.unwrap();
    }

    async fn rebuild(&self, models: &[&'static dyn Model]) -> Result<Rebuilt, ProjectorError> {
        let stop = CancellationToken::new();
        rebuild(&self.pool, &self.reader, &self.vault, models, &stop, Arc::new(|_| {})).await
    }

    async fn fingerprints(&self, models: &[&'static dyn Model]) -> Vec<Fingerprint> {
        let mut all = Vec::new();
        for model in models {
            all.push(fingerprint(&self.ask, *model).await.unwrap());
        }
        all
    }

    /// The models are what the history says: the same after a rebuild.
    async fn assert_equal_to_rebuilt(&self, models: &[&'static dyn Model]) {
        let live = self.fingerprints(models).await;
        let mut rebuilt = self.rebuild(models).await;
        // A pool that lost its connections tells each loss once.
        for _ in 0..10 {
            if rebuilt.as_ref().is_err_and(ProjectorError::is_passing) {
                rebuilt = self.rebuild(models).await;
            }
        }
        rebuilt.unwrap();
        assert_eq!(self.fingerprints(models).await, live);
    }

    async fn one<T>(&self, statement: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&self.ask).await.unwrap()
    }

    /// As the owner of the database, who alone can do what the store refuses.
    async fn tamper(&self, statement: &str) {
        let owner = self.database.pool(PoolRole::Migrate).await;
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&owner).await.unwrap();
        owner.close().await;
    }

    /// The tables of all read models, shown or not, that hold a text.
    async fn tables_with(&self, text: &str) -> Vec<String> {
        let tables: Vec<String> =
            sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'read' order by 1")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        let mut found = Vec::new();
        for table in tables {
            let count = format!("select count(*) from read.{table} r where r::text like '%{text}%'");
            if sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).fetch_one(&self.pool).await.unwrap() > 0 {
                found.push(table);
            }
        }
        found
    }

    /// Kills a rebuild when its new tables are full, right before it shows them.
    async fn kill_rebuild(&self, model: &'static dyn Model) {
        let mut holder = self.pool.begin().await.unwrap();
        sqlx::query("select from read.checkpoint for update").execute(&mut *holder).await.unwrap();
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let url = self.database.url.clone();
        process.spawn(async move {
            let pool = connect(&url, PoolRole::Project, 6).await.unwrap();
            let (reader, vault) = (Reader::new(pool.clone()), Vault::new(pool.clone(), keys()));
            rebuild(&pool, &reader, &vault, &[model], &CancellationToken::new(), Arc::new(|_| {})).await
        });
        let full = format!(
            "select count(*) from pg_indexes where schemaname = 'read' and tablename ~ '^{}_r[0-9]+_g2$'",
            model.name()
        );
        self.until(&full, |indexes| indexes > 0).await;
        process.shutdown_background();
        let locks = format!(
            "select count(*) from pg_locks where locktype = 'advisory' and classid = {REBUILD_LOCK}
                and database = (select oid from pg_database where datname = current_database())"
        );
        self.until(&locks, |locks| locks == 0).await;
        holder.rollback().await.unwrap();
    }

    /// Asks until the answer is as hoped.
    async fn until(&self, statement: &str, hoped: impl Fn(i64) -> bool) {
        let started = Instant::now();
        while !hoped(self.one::<i64>(statement).await) {
            assert!(started.elapsed() < Duration::from_secs(20), "{statement}");
            tokio::task::yield_now().await;
        }
    }

    async fn status_of(&self, model: &str) -> ModelStatus {
        let all = status(&self.ask).await.unwrap();
        all.into_iter().find(|status| status.model == model).unwrap()
    }
}

fn people() -> Vec<&'static dyn Model> {
    vec![of::<Agent>(), of::<Team>()]
}

/// Teams that cannot bear a name, until that is mended.
struct Fragile<const MENDED: bool>;

impl<const MENDED: bool> Entity for Fragile<MENDED> {
    const NAME: &'static str = "fragile";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::Team];
    const COLUMNS: &'static str = Team::COLUMNS;
    const INDEXES: &'static str = "";
    type Row = TeamRow;

    fn keys(happened: &Happened) -> Keys {
        Team::keys(happened)
    }

    fn apply(row: Option<TeamRow>, happened: &Happened) -> Result<Option<TeamRow>, Unfit> {
        if let Event::Team(TeamEvent::TeamRenamed { name }) = &happened.event
            && name.as_str() == "unbearable"
            && !MENDED
        {
            return Err(Unfit("such a name".to_owned()));
        }
        Team::apply(row, happened)
    }
}

/// The team model as a later program has it.
struct LaterTeam;

impl Entity for LaterTeam {
    const NAME: &'static str = "team";
    const REVISION: u32 = Team::REVISION + 1;
    const READS: &'static [Category] = &[Category::Team];
    const COLUMNS: &'static str = "title text not null";
    const INDEXES: &'static str = "";
    type Row = std::collections::BTreeMap<String, String>;

    fn keys(happened: &Happened) -> Keys {
        Team::keys(happened)
    }

    fn apply(_: Option<Self::Row>, happened: &Happened) -> Result<Option<Self::Row>, Unfit> {
        let title = happened.version.to_string();
        Ok(Some([("title".to_owned(), title)].into()))
    }
}

#[tokio::test]
async fn a_live_model_equals_the_one_rebuilt_from_zero() {
    let world = World::new().await;
    let head = world.history(60).await;
    world.project_all(&models::all()).await;
    let before = world.status_of("team").await;
    assert_eq!((before.position, before.lag_events, before.generation), (head, 0, 1));
    world.assert_equal_to_rebuilt(&models::all()).await;
    assert_eq!(world.status_of("team").await.generation, 2);
    assert_eq!(
        world.one::<i64>("select count(*) from pg_tables where schemaname = 'read' and tablename ~ '_g1$'").await,
        0
    );
    assert_eq!(world.one::<i64>("select n1 from read.team_fact order by position desc limit 1").await, 60);
    world.database.remove().await;
}

#[tokio::test]
async fn stopping_at_any_moment_and_starting_again_changes_nothing() {
    let world = World::new().await;
    let head = world.history(40).await;
    let models = people();
    let mut stops: u64 = 0;
    let mut lowest = 0;
    while lowest < head {
        let projector = world.project(models.clone(), 7);
        // Another moment each time, from before the first batch to somewhere in the middle.
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(5 + 11 * (stops % 6)) {
            tokio::task::yield_now().await;
        }
        projector.stopped().await.unwrap();
        stops += 1;
        let all = status(&world.ask).await.unwrap_or_default();
        let followed = |of: &&ModelStatus| models.iter().any(|model| model.name() == of.model);
        lowest = all.iter().filter(followed).map(|of| of.position).min().unwrap_or(0);
        assert!(stops < 500, "it stands at {lowest} of {head}");
    }
    assert!(stops > 1, "it was never interrupted");
    world.assert_equal_to_rebuilt(&models).await;
    world.database.remove().await;
}

#[tokio::test]
async fn two_projectors_of_one_model_apply_each_event_once() {
    let world = World::new().await;
    let models = people();
    let both =
        [world.project(models.clone(), 20), world.project(models.clone(), 30), world.project(models.clone(), 10)];
    let head = world.history(60).await;
    world.caught_up(&["agent", "team"], head).await;
    for projector in both {
        projector.stopped().await.unwrap();
    }
    world.assert_equal_to_rebuilt(&models).await;
    assert_eq!(world.one::<i64>("select count(*) from read.team").await, 180);
    world.database.remove().await;
}

#[tokio::test]
async fn versions_of_a_row_follow_each_other_without_a_gap() {
    let world = World::new().await;
    let head = world.history(30).await;
    world.project_all(&people()).await;
    let gaps = "select count(*) from (
        select from_position, lag(to_position) over w as ended, to_position, lead(from_position) over w as next
          from read.team window w as (partition by key order by from_position)) v
        where (ended is not null and ended <> from_position)
           or (next is null and to_position <> 9223372036854775807) or from_position >= to_position";
    assert_eq!(world.one::<i64>(gaps).await, 0);
    let events = "select count(*) from log.event e
        left join read.team t on t.key = e.stream_id and t.from_position = e.position and t.version = e.version
        where e.category = 'team' and t.key is null";
    assert_eq!(world.one::<i64>(events).await, 0, "each event has its version");
    for as_of in [0, 1, 30, 45, 60, 75, head] {
        let then = format!(
            "select (select count(*) from read.team where from_position <= {as_of} and to_position > {as_of})
                  - (select count(*) from log.event where type = 'TeamFormed' and position <= {as_of})"
        );
        assert_eq!(world.one::<i64>(&then).await, 0, "as of {as_of}");
    }
    world.database.remove().await;
}

#[tokio::test]
async fn an_unfit_event_parks_its_row_until_a_retry_and_the_others_go_on() {
    let world = World::new().await;
    let (sick, well) = (Uuid::now_v7(), Uuid::now_v7());
    for id in [sick, well] {
        world.send("team.form", id, json!({"name": "fine"})).await;
    }
    let unfit = world.send("team.rename", sick, json!({"name": "unbearable"})).await;
    world.project_all(&[of::<Fragile<false>>()]).await;
    for id in [sick, well] {
        world.send("team.rename", id, json!({"name": "better"})).await;
    }
    world.project_all(&[of::<Fragile<false>>()]).await;
    let name = |id| format!("select name from read.fragile where key = '{id}' and to_position = 9223372036854775807");
    assert_eq!(world.one::<String>(&name(sick)).await, "fine");
    assert_eq!(world.one::<String>(&name(well)).await, "better");
    let stale = format!("select stale_since from read.fragile where key = '{sick}'");
    assert_eq!(world.one::<i64>(&stale).await, unfit.cast_signed());
    assert_eq!(world.one::<String>("select error || ' ' || skipped from read.parked").await, "such a name 1");
    assert_eq!(world.status_of("fragile").await.parked_keys, 1);
    world.assert_equal_to_rebuilt(&[of::<Fragile<false>>()]).await;

    let stop = CancellationToken::new();
    retry(&world.pool, &world.reader, &world.vault, of::<Fragile<true>>(), &stop).await.unwrap();
    assert_eq!(world.one::<String>(&name(sick)).await, "better");
    assert_eq!(world.status_of("fragile").await.parked_keys, 0);
    world.database.remove().await;
}

#[tokio::test]
async fn an_event_from_the_future_blocks_the_models_that_read_its_category_and_no_others() {
    let world = World::new().await;
    let team = Uuid::now_v7();
    let formed = world.send("team.form", team, json!({"name": "First line"})).await;
    world
        .tamper(
            "insert into log.event
             select position + 1, gen_random_uuid(), category, gen_random_uuid(), 1, 'TeamTransfigured', 9, occurred_at,
                    recorded_at + interval '1 microsecond', null, metadata, '{}', content_hash
               from log.event",
        )
        .await;
    let agent = json!({"name": "Han Meimei", "capacity": 5});
    let head = world.send("agent.register", Uuid::now_v7(), agent).await;
    let projector = world.project(people(), 1_000);
    world.caught_up(&["agent"], head).await;
    projector.stopped().await.unwrap();
    let (team, agent) = (world.status_of("team").await, world.status_of("agent").await);
    assert_eq!((team.position, agent.position), (formed, head));
    assert!(team.blocked.is_some_and(|why| why.contains("TeamTransfigured version 9")));
    assert_eq!(agent.blocked, None);
    assert!(
        matches!(world.rebuild(&[of::<Team>()]).await, Err(ProjectorError::Unreadable { position, .. }) if position == formed + 1)
    );
    world.database.remove().await;
}

#[tokio::test]
async fn erasing_a_customer_empties_rows_and_versions_and_a_rebuild_is_equal() {
    let world = World::new().await;
    let models = models::all();
    let (erased, kept) = (Uuid::now_v7(), Uuid::now_v7());
    for (id, name) in [(erased, "李娜"), (kept, "王伟")] {
        world.send("customer.register", id, json!({"display_name": name})).await;
        world.send("customer.rename", id, json!({"display_name": format!("{name}娜")})).await;
    }
    world.project_all(&models).await;
    let holds = |id: Uuid| format!("select count(*) from read.customer where subjects @> array['{id}'::uuid]");
    assert_eq!(world.one::<i64>(&holds(erased)).await, 2);
    world.send("customer.request_erasure", erased, json!({})).await;
    let last = world.send("customer.erase", erased, json!({})).await;
    world.project_all(&models).await;
    assert_eq!(world.one::<i64>(&holds(erased)).await, 0);
    assert_eq!(world.one::<i64>(&holds(kept)).await, 2);
    assert_eq!(world.one::<i64>("select count(*) from read.customer r where r::text like '%李%'").await, 0);
    assert_eq!(world.one::<i64>("select count(*) from read.customer r where r::text like '%王%'").await, 2);
    // Keys may be cached for five seconds: also then nothing comes back.
    world.assert_equal_to_rebuilt(&models).await;
    assert_eq!(world.one::<i64>("select count(*) from read.customer r where r::text like '%李%'").await, 0);

    let history = History::new(world.reader.clone(), Vault::new(world.pool.clone(), keys()));
    let selection = event_store::Selection { categories: vec![Category::Customer], ..Default::default() };
    let events = history.select(selection, 100).await.unwrap();
    assert_eq!(events.last().unwrap().recorded.position, last);
    let shown: Vec<_> = events.iter().filter_map(|event| event.content.get("display_name")).collect();
    let marked = json!({"erased": true});
    assert_eq!(shown, [&marked, &marked, &json!("王伟"), &json!("王伟娜")]);
    world.database.remove().await;
}

#[tokio::test]
async fn erasing_a_customer_empties_the_inquiries_that_were_identified_as_it_or_its_aliases() {
    let world = World::new().await;
    let models = models::all();
    let [survivor, loser, stranger] = [(); 3].map(|()| Uuid::now_v7());
    for id in [survivor, loser, stranger] {
        world.send("customer.register", id, json!({"display_name": "somebody"})).await;
    }
    let asked = json!({"from": {"anonymous": {"name": "Grünspan"}}, "channel": "web", "subject": "canary",
                       "body": "canary"});
    for customer in [Some(survivor), Some(loser), Some(stranger), None] {
        let inquiry = Uuid::now_v7();
        world.send("inquiry.receive", inquiry, asked.clone()).await;
        if let Some(customer) = customer {
            world.send("inquiry.identify", inquiry, json!({"customer": customer})).await;
        }
        world.send("inquiry.answer", inquiry, json!({"body": "canary"})).await;
    }
    world.send("customer.merge", survivor, json!({"loser": loser})).await;
    world.project_all(&models).await;
    let told = "select count(*) from read.inquiry r where r::text ~ 'canary' and r::text ~ 'Grünspan'";
    assert_eq!(world.one::<i64>(told).await, 11);
    world.send("customer.request_erasure", survivor, json!({})).await;
    world.send("customer.erase", survivor, json!({})).await;
    world.project_all(&models).await;
    // Three versions of the stranger's and two of the one of nobody known.
    assert_eq!(world.one::<i64>(told).await, 5);
    assert_eq!(world.one::<i64>("select count(*) from read.inquiry r where r::text ~ 'canary|Grünspan'").await, 5);
    world.assert_equal_to_rebuilt(&models).await;
    assert_eq!(world.one::<i64>("select count(*) from read.inquiry r where r::text ~ 'canary|Grünspan'").await, 5);
    world.database.remove().await;
}

#[tokio::test]
async fn a_blocked_model_goes_on_by_itself_once_the_cause_is_gone_while_others_flow() {
    let world = World::new().await;
    world.history(3).await;
    world.project_all(&people()).await;
    world
        .tamper(
            "insert into log.event
             select position + 1, gen_random_uuid(), 'team', gen_random_uuid(), 1, 'TeamTransfigured', 9, occurred_at,
                    recorded_at + interval '1 microsecond', null, metadata, '{}', content_hash
               from log.event order by position desc limit 1",
        )
        .await;
    let projector = world.project(people(), 1_000);
    let agent = json!({"name": "Han Meimei", "capacity": 5});
    let head = world.send("agent.register", Uuid::now_v7(), agent).await;
    world.caught_up(&["agent"], head).await;
    world.until("select count(blocked) from read.checkpoint", |blocked| blocked == 1).await;
    // As if a newer program ran: the event is one that it can read.
    world
        .tamper(
            "alter table log.event disable trigger user;
             update log.event e set type = f.type, schema_version = f.schema_version, payload = f.payload
               from (select * from log.event where type = 'TeamFormed' order by position limit 1) f
              where e.type = 'TeamTransfigured';
             alter table log.event enable trigger user",
        )
        .await;
    world.until("select count(blocked) from read.checkpoint", |blocked| blocked == 0).await;
    world.caught_up(&["agent", "team"], head).await;
    projector.stopped().await.unwrap();
    world.database.remove().await;
}

#[tokio::test]
async fn a_projector_outlives_the_loss_of_all_its_connections() {
    let world = World::new().await;
    let models = people();
    let projector = world.project(models.clone(), 10);
    for _ in 0..5 {
        world.history(10).await;
        world
            .tamper(
                "select pg_terminate_backend(pid) from pg_stat_activity
                      where application_name = 'carelog-project' and datname = current_database()",
            )
            .await;
    }
    world.caught_up(&["agent", "team"], world.head().await).await;
    projector.stopped().await.unwrap();
    world.assert_equal_to_rebuilt(&models).await;
    world.database.remove().await;
}

#[tokio::test]
async fn the_feed_says_when_models_have_not_caught_up_in_time() {
    let world = World::new().await;
    let head = world.history(3).await;
    world.project_all(&people()).await;
    let stop = CancellationToken::new();
    let (feed, task) = Feed::start(world.ask.clone(), stop.clone());
    assert_eq!(feed.wait_for(&["team"], head, Duration::from_secs(5)).await, Waited::Reached { lowest: head });
    let waited = feed.wait_for(&["team", "agent"], head + 1, Duration::from_millis(50)).await;
    assert_eq!(waited, Waited::NotCaughtUp { lowest: head });
    assert_eq!(feed.lowest(&["team", "nothing"]), 0);
    stop.cancel();
    task.await.unwrap();
    world.database.remove().await;
}

#[test]
fn each_model_has_a_name_of_its_own_and_reads_something() {
    let names: BTreeSet<&str> = models::all().iter().map(|model| model.name()).collect();
    assert_eq!(names.len(), models::all().len());
    assert!(models::all().iter().all(|model| !model.reads().is_empty()));
    let read: BTreeSet<Category> = models::all().iter().flat_map(|model| model.reads()).copied().collect();
    assert!(aggregates::Category::ALL.iter().all(|category| read.contains(category)), "{read:?}");
}
