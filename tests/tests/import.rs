//! Real purchases, imported through the running system. The data are not part of the project: they are read from
//! `CARELOG_TEST_DATA`, or from `../shared/data` beside the project.

use std::path::PathBuf;

use carelog::import::{self, ImportArgs};
use carelog_tests::{System, TestDatabase, nats_url};
use clap::Parser as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What `carelog import` reads from its command line.
#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: ImportArgs,
}

fn data(file: &str) -> Option<PathBuf> {
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let directory = std::env::var_os("CARELOG_TEST_DATA").map_or(project.join("../shared/data"), PathBuf::from);
    Some(directory.join(file)).filter(|path| path.exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cdnow_purchases_are_imported_once_however_often_the_import_runs() {
    let Some(csv) = data("cdnow.csv") else {
        eprintln!("SKIPPED: cdnow.csv is not there; set CARELOG_TEST_DATA to the directory that has it");
        return;
    };
    let mapping = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/import/cdnow.json");
    let line = ["import".as_ref(), "--mapping".as_ref(), mapping.as_os_str(), csv.as_os_str()];
    let args = Line::try_parse_from(line).unwrap().args;
    let database = TestDatabase::create().await;
    let system = System::start(&database.url, &nats_url()).await;
    let stop = CancellationToken::new();
    import::run(&system.environment, &args, &stop).await.unwrap();
    let reader = system.reader().await;
    let head = reader.head().await.unwrap().position;
    assert_eq!(head, 23_570 + 69_659);
    system.caught_up().await;
    let (_, customers) = system.get("/v1/customers/summary", &json!(head)).await;
    assert_eq!(customers["total"], 23_570, "{customers}");
    let (_, all) = system.get("/v1/transactions/summary", &json!(head)).await;
    let total = json!([{"currency": "USD", "count": 69_659, "amount_minor": 250_031_563, "refunded_minor": 0}]);
    assert_eq!((&all["count"], &all["by_currency"]), (&json!(69_659), &total));
    let of_one = "select key from read.customer where external_refs @> '[{\"system\": \"cdnow\", \"id\": \"07592\"}]'";
    let (customer,): (uuid::Uuid,) = sqlx::query_as(of_one).fetch_one(reader.pool()).await.unwrap();
    let (_, one) = system.get(&format!("/v1/transactions/summary?customer={customer}"), &Value::Null).await;
    assert_eq!((&one["count"], &one["by_currency"][0]["amount_minor"]), (&json!(201), &json!(1_399_093)));

    import::run(&system.environment, &args, &stop).await.unwrap();
    assert_eq!(reader.head().await.unwrap().position, head, "a second import appends nothing");
    let gapless = "select max(position) = count(*) and min(position) = 1 from log.event";
    let (gapless,): (bool,) = sqlx::query_as(gapless).fetch_one(reader.pool()).await.unwrap();
    assert!(gapless);
    system.assert_models_equal_rebuilt().await;
    system.stop().await;
    database.remove().await;
}
