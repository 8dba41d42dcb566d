use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use domain::envelope::{Actor, Metadata, Publisher, RecordedEvent};
use domain::personal::Personal;
use domain::team::{Event as TeamEvent, Routing};
use domain::text::Name;
use domain::{Category, Event, StreamId};
use event_store::pool::{PoolRole, connect};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _};

use super::*;
use crate::entity::{Entity, Fact, Happened, Keys, Unfit};
use crate::model;

/// Teams by name. One that was never formed cannot be renamed; renamed to "gone" it ends, and may be formed again. A new
/// routing counts for the team and the next one.
struct Named;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct NamedRow {
    name: Personal<String>,
    count: u64,
}

impl Entity for Named {
    const NAME: &'static str = "named";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::Team];
    const COLUMNS: &'static str = "name json not null\ncount bigint not null";
    const INDEXES: &'static str = "";
    type Row = NamedRow;

    fn keys(happened: &Happened) -> Keys {
        let id = happened.stream.id;
        if matches!(happened.event, Event::Team(TeamEvent::TeamRoutingChanged { .. })) {
            Keys::Many(vec![id, Uuid::from_u128(id.as_u128() + 1)])
        } else {
            Keys::One(id)
        }
    }

    fn apply(row: Option<NamedRow>, happened: &Happened) -> Result<Option<NamedRow>, Unfit> {
        let own = |name: &Name<200>| Personal::new(happened.stream.id, name.to_string());
        match (&happened.event, row) {
            (Event::Team(TeamEvent::TeamFormed { name, .. }), None) => Ok(Some(NamedRow { name: own(name), count: 1 })),
            (Event::Team(TeamEvent::TeamRenamed { name }), Some(_)) if name.as_str() == "gone" => Ok(None),
            (Event::Team(TeamEvent::TeamRenamed { name }), Some(row)) => {
                Ok(Some(NamedRow { name: own(name), count: row.count + 1 }))
            }
            (Event::Team(TeamEvent::TeamRoutingChanged { .. }), row) => {
                Ok(row.map(|row| NamedRow { count: row.count + 10, ..row }))
            }
            (_, _) => Err(Unfit("it does not fit".to_owned())),
        }
    }

    fn facts(row: &NamedRow) -> Vec<Fact> {
        vec![(format!("count/{}", row.count % 3), [1, 0, 0, 0])]
    }
}

fn incoming(position: u64, id: u128, event: TeamEvent) -> Incoming {
    let stream = StreamId { category: Category::Team, id: Uuid::from_u128(id) };
    let (event, at) = (Event::Team(event), DateTime::<Utc>::UNIX_EPOCH);
    let recorded = RecordedEvent {
        position,
        event_id: Uuid::from_u128(position.into()),
        stream,
        version: 1,
        event_type: "TeamRenamed".to_owned(),
        schema_version: 1,
        occurred_at: at,
        recorded_at: at,
        ordinal: None,
        metadata: Metadata {
            publisher: Publisher::timer(),
            command_id: Uuid::nil(),
            actor: Actor::automation(),
            correlation_id: None,
            causation_id: None,
        },
        payload: "{}".to_owned(),
        content_hash: [0; 32],
    };
    Incoming { happened: Ok(Happened::new(&recorded, event)), recorded }
}

fn erased(position: u64, id: u128) -> Incoming {
    let Incoming { mut recorded, .. } =
        incoming(position, id, TeamEvent::TeamRoutingChanged { routing: Routing::Manual });
    recorded.stream.category = Category::Customer;
    recorded.event_type = "CustomerErased".to_owned();
    Incoming { recorded, happened: Err("customers are not read".to_owned()) }
}

const TEAMS: u128 = 7;
/// The data subject that is erased.
const ERASED: u128 = 3;

/// Teams are formed, renamed, ended, formed again and counted, in an order in which each is let go of and read back; the
/// last one does not fit, and the values of one are erased.
fn history() -> Vec<Incoming> {
    let name = |n: u64| Name::parse(&format!("\\ 名 \"{n}\"")).unwrap();
    let formed =
        |position, id| incoming(position, id, TeamEvent::TeamFormed { name: name(position), routing: Routing::Manual });
    let change = |position: u64| {
        let id = u128::from(position / 2 * 3) % TEAMS + 1;
        let renamed = |name| incoming(position, id, TeamEvent::TeamRenamed { name });
        match position % 29 {
            // The team of these is 1 and then 2, so that each ends and is formed again.
            _ if position == 100 => erased(position, ERASED),
            _ if [70, 140].contains(&position) => {
                incoming(position, 1, TeamEvent::TeamRenamed { name: Name::parse("gone").unwrap() })
            }
            _ if [71, 141].contains(&position) => formed(position, 1),
            3 => incoming(position, id, TeamEvent::TeamRoutingChanged { routing: Routing::LeastBusy }),
            _ => renamed(name(position)),
        }
    };
    (1..).zip(1..TEAMS).map(|(position, id)| formed(position, id)).chain((7..200).map(change)).collect()
}

async fn rows_of(pool: &PgPool, table: &Table) -> (Vec<String>, Vec<String>) {
    let mut told = Vec::new();
    for table in [&table.rows, &table.facts] {
        let statement = format!("select t::text from {table} t order by 1");
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(statement)).fetch_all(pool).await.unwrap();
        told.push(rows.into_iter().map(|(row,)| row).collect());
    }
    (told.remove(0), told.remove(0))
}

#[tokio::test]
async fn the_rows_are_the_same_however_few_of_them_are_in_memory() {
    let server = std::env::var("DATABASE_URL").expect("DATABASE_URL: run the tests with tests/run");
    let name = format!("t{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
    let url = sqlx::ConnectOptions::to_url_lossy(&PgConnectOptions::from_str(&server).unwrap().database(&name));
    event_store::migrate(url.as_str()).await.unwrap();
    let mut migrating = PgConnection::connect(url.as_str()).await.unwrap();
    let ddl = "create schema read authorization carelog_project";
    sqlx::query(ddl).execute(&mut migrating).await.unwrap();
    migrating.close().await.unwrap();
    let pool = connect(url.as_str(), PoolRole::Project, 4).await.unwrap();
    schema::prepare(&pool, &[model::of::<Named>()]).await.unwrap();
    let mut told = Vec::new();
    for (generation, rows_in_hand_max) in [(2, 0), (3, 3), (4, 1_000)] {
        let mut shadow = Shadow::create(&pool, model::of::<Named>(), generation).await.unwrap();
        shadow.rows_in_hand_max = rows_in_hand_max;
        let history = history();
        let (earlier, later) = history.split_at(150);
        for page in earlier.chunks(10) {
            shadow.fold(page).await.unwrap();
            shadow.copy().await.unwrap();
        }
        shadow.complete(&pool).await.unwrap();
        for page in later.chunks(10) {
            shadow.fold(page).await.unwrap();
            shadow.write(&pool).await.unwrap();
        }
        told.push((rows_of(&pool, &shadow.table).await, shadow.versions(), shadow.parked.clone()));
    }
    let ((rows, facts), versions, parked) = &told[0];
    assert_eq!((rows.len() as u64, parked.len()), (*versions, 1));
    assert!(!facts.is_empty());
    let subject = Uuid::from_u128(ERASED).to_string();
    let of_erased: Vec<_> = rows.iter().filter(|row| row.contains(&subject)).collect();
    assert!(!of_erased.is_empty() && of_erased.iter().all(|row| !row.contains("$personal")), "{of_erased:?}");
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
    pool.close().await;
    sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut connection).await.unwrap();
}
