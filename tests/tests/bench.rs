//! `carelog bench` in a tiny form: that every row it is asked for is measured, not how fast anything is.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use uuid::Uuid;

/// The program that was built together with this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(std::path::Path::parent).unwrap().join("carelog")
}

/// Runs the bench on the servers of the tests; gives what it printed and its figures.
async fn bench(arguments: &[&str]) -> (String, Value) {
    let json = std::env::temp_dir().join(format!("carelog-bench-{}.json", Uuid::new_v4().simple()));
    let mut command = tokio::process::Command::new(program());
    command.args(["bench", "--seconds", "1", "--events", "1700"]).args(arguments).arg("--json").arg(&json);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(&json).unwrap();
    std::fs::remove_file(&json).unwrap();
    (String::from_utf8(output.stdout).unwrap(), serde_json::from_str(&report).unwrap())
}

#[tokio::test]
async fn the_table_has_every_row_that_was_asked_for_with_a_figure() {
    let rows = ["insert", "http", "one_command", "rebuild", "replay", "list"];
    let only = rows.join(",").replace('_', "-");
    let (table, report) = bench(&["--full", "--tickets", "400", "--only", &only]).await;
    let figures = report["figures"].as_array().unwrap();
    for row in rows {
        let of_row: Vec<_> = figures.iter().filter(|figure| figure["row"] == row).collect();
        assert!(!of_row.is_empty(), "{row} is missing: {report}");
        for figure in of_row {
            assert!(figure["value"].as_f64().is_some_and(|value| value.is_finite() && value > 0.0), "{figure}");
            assert!(table.contains(figure["what"].as_str().unwrap()), "{figure} is not in the table: {table}");
        }
    }
    assert_eq!(report["machine"]["durability"], "fsync on, full_page_writes on, synchronous_commit on");
}

#[tokio::test]
async fn a_row_about_a_large_history_says_what_it_needs() {
    let (table, report) = bench(&["--only", "get,growth"]).await;
    assert_eq!(report["needs_full"], serde_json::json!(["get", "growth"]));
    assert_eq!(table.matches("needs --full").count(), 2, "{table}");
}
