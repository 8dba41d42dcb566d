//! The table of `RULES.md`: what each command brings about and what refuses it. It is what the tests of this crate have
//! seen, so it can say neither more nor less than what a test shows.
//!
//! The test at the end runs all other tests of this crate once more in a process that writes down each decision, and how
//! the same command is decided in other circumstances, as `Given` has them. Random cases are left out there, so that what is
//! seen is the same each time.

#![expect(clippy::print_stderr, reason = "the counts are for whoever reads the test's output")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;

use crate::aggregates::{Category, Command};
use crate::decider::Decision;
use crate::rejection::{Code, Rejection};

/// Where decisions are written down, if anywhere: a line each of the category, the command, the outcome and the test.
const WITNESS: &str = "CARELOG_RULES_SEEN";

/// Whether decisions are written down.
pub fn are_written_down() -> bool {
    std::env::var_os(WITNESS).is_some()
}

/// Writes down how a command was decided, where that is asked for.
pub fn seen(command: &Command, outcome: &Result<Decision, Rejection>) {
    let Some(file) = std::env::var_os(WITNESS) else { return };
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let (name, _) = command.write().unwrap();
    let line = |what: &str| format!("{}\t{name}\t{what}\t{test}\n", command.category().name());
    let lines: String = match outcome {
        Ok(decision) if decision.events.is_empty() => line("already so"),
        Ok(decision) => decision.events.iter().map(|(_, event)| line(&event.write().unwrap().0)).collect(),
        Err(rejection) => line(rejection.code.as_str()),
    };
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

/// What was seen of a command: each event and code with the tests that saw it.
type Seen = BTreeMap<(Category, String), BTreeMap<String, BTreeSet<String>>>;

fn witnessed() -> Seen {
    let file = std::env::temp_dir().join(format!("carelog-rules-{}", process::id()));
    let output = process::Command::new(std::env::current_exe().unwrap())
        .args(["--skip", "the_table_of_rules_is_what_the_tests_see"])
        .env(WITNESS, &file)
        .env("PROPTEST_CASES", "0")
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&file);
    // Also where a test has failed, nothing stays behind.
    let _ = std::fs::remove_file(&file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = text.unwrap();
    let mut seen = Seen::new();
    for line in text.lines() {
        let [category, command, what, test] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let of_command = seen.entry((Category::parse(category).unwrap(), command.to_owned())).or_default();
        of_command.entry(what.to_owned()).or_default().insert(test.to_owned());
    }
    seen
}

fn written(seen: &Seen) -> String {
    let mut text = "# Commands, events and rejections

What each command brings about, and what refuses it. This page is made from the code: it holds what the tests of this
crate have seen, and the same commands where nothing exists, where others act, and where customers are erased or merged.
A test compares it, and `CARELOG_BLESS=1 cargo test -p carelog-domain --lib rules` writes it anew.
`already so` means: accepted, and nothing had to change. Every command can also be refused before it is decided, see
the end.
"
    .to_owned();
    for category in Category::ALL {
        writeln!(text, "\n## {}\n\n| command | events | refused with |\n|---|---|---|", category.name()).unwrap();
        for command in category.commands() {
            let of_command = seen.get(&(*category, (*command).to_owned()));
            let (refused, events): (Vec<_>, Vec<_>) =
                of_command.into_iter().flat_map(BTreeMap::keys).partition(|what| Code::parse(what).is_some());
            let listed = |what: Vec<&String>| what.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            writeln!(text, "| `{command}` | {} | {} |", listed(events), listed(refused)).unwrap();
        }
    }
    let decided: BTreeSet<&String> = seen.values().flat_map(BTreeMap::keys).collect();
    text.push_str("\n## Codes\n\n| code | status | meaning | refused by |\n|---|---|---|---|\n");
    for code in Code::ALL {
        let by = if decided.contains(&code.as_str().to_owned()) { "decisions" } else { "what comes before them" };
        writeln!(text, "| `{}` | {} | {} | {by} |", code.as_str(), code.status(), code.title()).unwrap();
    }
    text
}

#[test]
fn the_table_of_rules_is_what_the_tests_see() {
    if std::env::var_os(WITNESS).is_some() {
        return;
    }
    let seen = witnessed();
    let mut unseen = Vec::new();
    for category in Category::ALL {
        let name = category.name();
        let is_accepted = |command: &str| {
            let of_command = seen.get(&(*category, command.to_owned()));
            of_command.is_some_and(|what| what.keys().any(|what| Code::parse(what).is_none()))
        };
        let is_found_missing = |command: &str| {
            let of_command = seen.get(&(*category, command.to_owned()));
            of_command.is_some_and(|what| what.contains_key(Code::NotFound.as_str()))
                || of_command.is_some_and(|what| what.contains_key(Code::AlreadyExists.as_str()))
        };
        let comes_about = |event: &str| seen.values().any(|what| what.contains_key(event));
        let commands = category.commands().iter().filter(|command| !is_accepted(command));
        unseen.extend(commands.map(|command| format!("{name}.{command} accepted")));
        let blind = category.commands().iter().filter(|command| !is_found_missing(command));
        unseen.extend(blind.map(|command| format!("{name}.{command} refused where there is none, or one already")));
        let events = category.event_types().iter().filter(|event| !comes_about(event));
        unseen.extend(events.map(|event| format!("{event} come about")));
    }
    assert!(unseen.is_empty(), "no test of this crate sees {unseen:#?}");
    let refusals = seen.values().flatten().filter(|(what, _)| Code::parse(what).is_some());
    let (rules, tests): (Vec<_>, Vec<_>) = refusals.unzip();
    let tests: BTreeSet<_> = tests.into_iter().flatten().collect();
    eprintln!("{} commands, {} ways to refuse one, seen by {} tests", seen.len(), rules.len(), tests.len());

    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("RULES.md");
    let table = written(&seen);
    if std::env::var_os("CARELOG_BLESS").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    assert!(std::fs::read_to_string(&file).unwrap() == table, "RULES.md is not what the tests see: read its beginning");
}
