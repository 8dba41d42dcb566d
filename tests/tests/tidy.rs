//! The project's own rules, as far as a program can check them. Needs no servers.

#![expect(clippy::unwrap_used, reason = "helpers of tests: where they fail, the test fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::rejection::Code;

/// The most lines of a file that is no test.
const LINES_MAX: usize = 600;

/// Our crates, by folder, and those of ours that each may use. The query API uses no NATS, so not the bus either.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("seeded-bugs", &[]),
    ("event-store", &["domain", "seeded-bugs"]),
    ("bus", &["domain", "seeded-bugs"]),
    ("command-side", &["domain", "event-store", "bus", "seeded-bugs"]),
    ("read-side", &["domain", "event-store", "bus", "seeded-bugs"]),
    ("query-api", &["domain", "event-store", "read-side"]),
    ("carelog", &["domain", "event-store", "bus", "command-side", "read-side", "query-api"]),
];

/// What would let a clock, chance or waiting into the domain, which is given times, ids and all that is known.
const CLOCKS_AND_CHANCE: &[&str] =
    &["Utc::now", "Local::now", "SystemTime", "Instant", "new_v4", "now_v7", "rand", "async", "tokio"];

/// What would let the outside world in; tests of the domain may read their golden files.
const OUTSIDE_WORLD: &[&str] = &["std::env", "std::fs", "std::net", "std::process"];

/// A source file of the project.
struct Source {
    /// From the project's root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.ends_with("_tests.rs") || self.path.split('/').any(|part| part == "tests")
    }

    /// Its numbered lines without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The places whose code holds one of the words.
    fn places(&self, words: &[&str]) -> Vec<String> {
        let held = |line: &str| words.iter().copied().find(|word| holds(line, word));
        let found = self.code().filter_map(|(number, line)| held(line).map(|word| (number, word)));
        found.map(|(number, word)| format!("{}:{number}: {word}", self.path)).collect()
    }
}

/// Whether a line holds a word that does not go on to the left, nor to the right if it ends as a name does.
fn holds(line: &str, word: &str) -> bool {
    let in_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (line.get(..start).unwrap(), line.get(start + word.len()..).unwrap());
        let goes_on_left = word.starts_with(in_name) && before.ends_with(in_name);
        let goes_on_right = word.ends_with(in_name) && after.starts_with(in_name);
        !goes_on_left && !goes_on_right
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust sources but this file, which names what is forbidden.
fn sources() -> Vec<Source> {
    let root = root();
    let mut folders = vec![root.join("crates"), root.join("tests")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests/tidy.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        sources.iter().any(Source::is_test) && sources.iter().any(|source| source.path == "crates/domain/src/lib.rs")
    );
    sources
}

/// What the sources that are meant hold of the words.
fn found(meant: impl Fn(&Source) -> bool, words: &[&str]) -> Vec<String> {
    sources().iter().filter(|source| meant(source)).flat_map(|source| source.places(words)).collect()
}

/// The crates of ours in a manifest, as dependencies of any kind.
fn used(manifest: &str) -> BTreeSet<String> {
    let mut in_dependencies = false;
    let mut used = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_dependencies = section.contains("dependencies");
        } else if in_dependencies {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            used.extend(MAY_USE.iter().map(|(ours, _)| *ours).find(|ours| *ours == name).map(str::to_owned));
        }
    }
    used
}

#[test]
fn a_file_that_is_no_test_stays_below_the_limit_of_lines() {
    let too_long: Vec<_> = sources()
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| (source.path.clone(), source.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    assert!(too_long.is_empty(), "more than {LINES_MAX} lines: {too_long:?}");
}

#[test]
fn dependencies_between_our_crates_point_down_only() {
    let crates = root().join("crates");
    let folders = std::fs::read_dir(&crates).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let known: BTreeSet<String> = MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders.collect::<BTreeSet<_>>(), known, "every crate says here which others it may use");
    for (name, may_use) in MAY_USE {
        let manifest = std::fs::read_to_string(crates.join(name).join("Cargo.toml")).unwrap();
        let used = used(&manifest);
        assert_eq!(used.is_empty(), may_use.is_empty(), "{name} uses {used:?}");
        let wrong: Vec<_> = used.iter().filter(|other| !may_use.contains(&other.as_str())).collect();
        assert!(wrong.is_empty(), "{name} must not use {wrong:?}");
    }
}

#[test]
fn only_the_tests_can_turn_seeded_bugs_on() {
    let manifests = MAY_USE.iter().map(|(name, _)| format!("crates/{name}/Cargo.toml"));
    let turns_on = |path: &String| {
        let manifest = std::fs::read_to_string(root().join(path)).unwrap();
        manifest.lines().any(|line| line.contains("seeded-bugs") && line.contains("on\""))
    };
    let wrong: Vec<_> = manifests.chain(["Cargo.toml".to_owned()]).filter(turns_on).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(turns_on(&"tests/Cargo.toml".to_owned()), "the look itself works");
}

#[test]
fn every_way_to_write_a_dependency_is_seen() {
    let manifest = r#"
        [package]
        bus = "not a dependency"
        [dependencies]
        domain.workspace = true
        event-store = { workspace = true }
        bytes.workspace = true
        [dev-dependencies]
        read-side={ path = "../read-side" }
    "#;
    assert_eq!(used(manifest).iter().collect::<Vec<_>>(), ["domain", "event-store", "read-side"]);
}

#[test]
fn the_domain_knows_no_clock_no_chance_and_no_outside_world() {
    let in_domain = |source: &Source| source.path.starts_with("crates/domain/src/");
    let mut impure = found(in_domain, CLOCKS_AND_CHANCE);
    impure.extend(found(|source| in_domain(source) && !source.is_test(), OUTSIDE_WORLD));
    assert!(impure.is_empty(), "{impure:#?}");
}

#[test]
fn a_word_is_found_where_it_stands_alone() {
    assert!(holds("let id = Uuid::now_v7();", "now_v7") && holds("use rand::random;", "rand"));
    assert!(holds("tokio::time::sleep(PAUSE)", "sleep(") && holds("pub async fn run()", "async"));
    assert!(!holds("let brand = operand;", "rand") && !holds("async_nats::connect", "async"));
}

#[test]
fn nothing_is_left_to_be_done_and_no_test_is_passed_over() {
    let unfinished = found(|_| true, &["todo!", "unimplemented!", "#[ignore"]);
    assert!(unfinished.is_empty(), "{unfinished:#?}");
}

#[test]
fn a_test_waits_for_what_it_wants_and_never_sleeps() {
    let sleeping = found(Source::is_test, &["sleep(", "sleep_until("]);
    assert!(sleeping.is_empty(), "{sleeping:#?}");
}

#[test]
fn every_code_of_a_rejection_is_seen_by_a_test() {
    let tests: Vec<_> = sources().into_iter().filter(Source::is_test).collect();
    let seen = |code: &Code| {
        let (variant, wire) = (format!("Code::{code:?}"), format!("\"{}\"", code.as_str()));
        tests.iter().any(|test| test.code().any(|(_, line)| holds(line, &variant) || holds(line, &wire)))
    };
    let unseen: Vec<_> = Code::ALL.iter().filter(|code| !seen(code)).collect();
    assert!(unseen.is_empty(), "in no test: {unseen:?}");
}

#[test]
fn the_readmes_figures_are_those_of_the_evidence() {
    let mut check = std::process::Command::new("python3");
    check.args(["-m", "nemesis.readme", "--check"]).env("PYTHONPATH", root().join("tests"));
    let output = check.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn every_test_and_file_that_the_readme_names_is_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let quoted = readme.split('`').skip(1).step_by(2);
    let is_test = |text: &&str| {
        text.matches('_').count() >= 3 && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let sources = sources();
    let is_written = |name: &str| {
        let written = format!("fn {name}()");
        sources.iter().any(|source| source.text.contains(&written)) || include_str!("tidy.rs").contains(&written)
    };
    let missing: Vec<_> = quoted.filter(is_test).filter(|name| !is_written(name)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let broken: Vec<_> = links.filter(|link| !root().join(link).exists()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
