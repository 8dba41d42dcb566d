//! The golden corpus: one JSON file for each version of each event type that was ever written,
//! `golden/<category>/<EventType>.v<version>.json`. What is stored today must be readable for ever. An event whose content
//! has several shapes has a file for each: `<EventType>.v<version>.<shape>.json`.
//!
//! The file of an event's current version is read and written back equal; an older one is read through its upcasters.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use carelog_domain::upcast::{STEPS, current_version, upcast};
use carelog_domain::{Category, Event};
use serde_json::Value;

fn folder(category: Category) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(category.name())
}

/// The event type and version that a file is named after.
fn named(file: &Path) -> Option<(String, u16)> {
    let (event_type, rest) = file.file_name()?.to_str()?.strip_suffix(".json")?.split_once(".v")?;
    let version = rest.split_once('.').map_or(rest, |(version, _shape)| version);
    Some((event_type.to_owned(), version.parse().ok()?))
}

fn check(category: Category) {
    let types = category.event_types();
    assert!(!types.is_empty(), "{} has events", category.name());
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder(category)).unwrap_or_else(|error| panic!("{}: {error}", category.name())) {
        let file = entry.unwrap().path();
        let (event_type, version) = named(&file)
            .unwrap_or_else(|| panic!("{} is not <Type>.v<n>.json or <Type>.v<n>.<shape>.json", file.display()));
        check_file(category, &file, &event_type, version);
        found.insert((event_type, version));
    }
    for event_type in types {
        for version in 1..=current_version(STEPS, event_type) {
            let missing = format!("golden/{}/{event_type}.v{version}.json is missing", category.name());
            assert!(found.contains(&((*event_type).to_owned(), version)), "{missing}");
        }
    }
}

fn check_file(category: Category, file: &Path, event_type: &str, version: u16) {
    let shown = file.display();
    let stored = std::fs::read_to_string(file).unwrap();
    let current = upcast(STEPS, event_type, version, stored.clone()).unwrap();
    let current = current.unwrap_or_else(|| panic!("{shown}: no upcaster leads on from version {version}"));
    let event = Event::read(category, event_type, &current).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let (written_type, written) = event.write().unwrap();
    assert_eq!(written_type, event_type, "{shown}");
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&written), json(&current), "{shown}");
    if version == current_version(STEPS, event_type) {
        assert_eq!(compact(&stored), written, "{shown}: also the order of its fields is what is hashed");
    }
}

/// The same JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(json).unwrap();
    let (mut inside, mut escaped) = (false, false);
    let between = |char: char| {
        let kept = inside || !char.is_whitespace();
        inside ^= char == '"' && !escaped;
        escaped = inside && char == '\\' && !escaped;
        kept.then_some(char)
    };
    raw.get().chars().filter_map(between).collect()
}

#[test]
fn every_event_is_read_and_written_back_equal() {
    Category::ALL.iter().for_each(|category| check(*category));
}

#[test]
fn every_event_of_a_service_plan_is_read_and_written_back_equal() {
    check(Category::ServicePlan);
}

#[test]
fn every_event_of_a_service_execution_is_read_and_written_back_equal() {
    check(Category::ServiceExecution);
}

#[test]
fn every_event_of_a_service_evaluation_is_read_and_written_back_equal() {
    check(Category::ServiceEvaluation);
}

#[test]
fn every_category_has_a_folder_and_no_folder_is_without_one() {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folders: BTreeSet<_> =
        std::fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, Category::ALL.iter().map(|category| category.name().to_owned()).collect());
}
