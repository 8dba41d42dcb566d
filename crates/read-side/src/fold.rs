//! Folding events into rows in memory: the same code for the live projector and for rebuilding.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::customer::Event as CustomerEvent;
use domain::envelope::RecordedEvent;
use domain::inquiry::own_subject;
use domain::{Category, Event};
use serde::Serialize;
use uuid::Uuid;

use crate::entity::{Entity, Fact, Happened, KEYS_MAX, Keys, Unfit};
use crate::reveal;

/// Most rows as JSON are shorter.
const ROW_BYTES: usize = 1_024;
/// So many rows that were made anew may stand in the list of rows besides those in hand.
const MADE_ANEW_MAX: usize = 10_000;

/// A version of a row, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) key: Uuid,
    /// The event that made it.
    pub(crate) from: u64,
    /// The event that ended it; `None` for the present version.
    pub(crate) to: Option<u64>,
    /// The event that parked its key.
    pub(crate) stale_since: Option<u64>,
    /// The data subjects whose values are in it.
    pub(crate) subjects: BTreeSet<Uuid>,
    /// The row: a JSON object with a member for each column.
    pub(crate) json: String,
}

/// A key whose row did not fit an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) key: Uuid,
    pub(crate) position: u64,
    pub(crate) error: String,
}

/// What an event adds to a rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FactChange {
    pub(crate) fact: String,
    pub(crate) position: u64,
    pub(crate) add: [i64; 4],
}

/// What folding brought about and is still to be written.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Stored present versions that ended, and where.
    pub(crate) closed: Vec<(Uuid, u64)>,
    /// New versions.
    pub(crate) versions: Vec<Version>,
    /// Stored present versions whose key was parked, and where.
    pub(crate) stale: Vec<(Uuid, u64)>,
    /// Keys newly parked.
    pub(crate) parked: Vec<Parked>,
    /// Events skipped because their key is parked.
    pub(crate) skipped: BTreeMap<Uuid, u64>,
    /// Changes of rollups, in order of position; one per rollup and event.
    pub(crate) facts: Vec<FactChange>,
}

/// A row as it is stored.
pub(crate) struct StoredRow {
    pub(crate) key: Uuid,
    pub(crate) from: u64,
    pub(crate) json: String,
}

/// The rows in hand, with the row's type hidden. Errors are sentences about defects of the model.
pub(crate) trait Folding: Send + Sync {
    /// The rows that an event touches, each once.
    fn touched(&self, happened: &Happened) -> Result<Vec<Uuid>, String>;
    /// Whether a row is in hand.
    fn holds(&self, key: Uuid) -> bool;
    /// Takes a stored present version in hand.
    fn hold(&mut self, stored: StoredRow) -> Result<(), String>;
    /// Says that a key is parked already.
    fn park(&mut self, key: Uuid);
    /// Folds an event. The rows that it touches must be in hand, if they exist.
    fn apply(&mut self, happened: &Happened) -> Result<(), String>;
    /// How many rows are in hand that are not stored as they are.
    fn unstored(&self) -> usize;
    /// Gives out present versions that are not stored and lets go of their rows, the longest untouched first, until no
    /// more than `keep` of them are in hand.
    fn release(&mut self, keep: usize) -> Result<(), String>;
    /// What is to be written so far.
    fn take(&mut self) -> Changes;
}

struct Held<R> {
    row: R,
    /// What it adds to the rollups, once that was asked for.
    facts: Option<Vec<Fact>>,
    /// The event that made it.
    from: u64,
    /// Whether it is stored as it is.
    stored: bool,
}

/// The rows of one model in hand.
pub(crate) struct Fold<E: Entity> {
    rows: HashMap<Uuid, Held<E::Row>>,
    unstored: usize,
    /// Rows in the order in which they were made, each with its event; passed over where a later event made it anew.
    made: VecDeque<(Uuid, u64)>,
    parked: HashSet<Uuid>,
    changes: Changes,
}

impl<E: Entity> Default for Fold<E> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            unstored: 0,
            made: VecDeque::new(),
            parked: HashSet::new(),
            changes: Changes::default(),
        }
    }
}

struct Folded<R> {
    /// The row, and what it adds to the rollups now.
    row: Option<(R, Vec<Fact>)>,
    changed: Vec<Fact>,
}

fn fold_one<E: Entity>(held: Option<Held<E::Row>>, happened: &Happened) -> Result<Folded<E::Row>, Unfit> {
    let fold = || {
        let (row, before) = match held {
            None => (None, Vec::new()),
            Some(Held { row, facts, .. }) => {
                let facts = facts.unwrap_or_else(|| E::facts(&row));
                (Some(row), facts)
            }
        };
        let row = E::apply(row, happened)?.map(|row| {
            let facts = E::facts(&row);
            (row, facts)
        });
        let facts = row.as_ref().map(|(_, facts)| facts.as_slice()).unwrap_or_default();
        let mut changed = Vec::new();
        if facts != before {
            changed.extend_from_slice(facts);
            before.into_iter().for_each(|(fact, numbers)| add(&mut changed, fact, numbers.map(i64::saturating_neg)));
        }
        Ok(Folded { row, changed })
    };
    // A defect in one fold must not take the other models and keys with it.
    catch_unwind(AssertUnwindSafe(fold)).unwrap_or_else(|_| Err(Unfit("the fold panicked".to_owned())))
}

/// Adds to a figure. An event changes few, so they are looked for one after the other.
fn add(facts: &mut Vec<Fact>, fact: String, numbers: [i64; 4]) {
    match facts.iter_mut().find(|(known, _)| *known == fact) {
        Some((_, sums)) => sums.iter_mut().zip(numbers).for_each(|(sum, n)| *sum = sum.saturating_add(n)),
        None => facts.push((fact, numbers)),
    }
}

impl<E: Entity> Fold<E> {
    fn keys(happened: &Happened) -> Result<Vec<Uuid>, String> {
        match E::keys(happened) {
            Keys::One(key) => Ok(vec![key]),
            Keys::Many(keys) if keys.len() > KEYS_MAX => {
                Err(format!("an event touches {} rows, at most {KEYS_MAX} are allowed", keys.len()))
            }
            Keys::Many(mut keys) => {
                keys.sort_unstable();
                keys.dedup();
                Ok(keys)
            }
        }
    }

    fn let_go(&mut self, key: Uuid) -> Option<Held<E::Row>> {
        let held = self.rows.remove(&key);
        self.unstored -= usize::from(held.as_ref().is_some_and(|held| !held.stored));
        held
    }

    fn fold_key(&mut self, key: Uuid, happened: &Happened, facts: &mut Vec<Fact>) -> Result<(), String> {
        let position = happened.position;
        if self.parked.contains(&key) {
            *self.changes.skipped.entry(key).or_default() += 1;
            return Ok(());
        }
        let held = self.let_go(key);
        let stored = held.as_ref().is_some_and(|held| held.stored);
        // The fold takes the row, so a version that is not stored is written down before.
        let mut version = match &held {
            Some(held) if !stored => Some(version(key, held)?),
            Some(_) | None => None,
        };
        match fold_one::<E>(held, happened) {
            Err(Unfit(error)) => {
                self.parked.insert(key);
                self.changes.parked.push(Parked { key, position, error });
                self.changes.stale.extend(stored.then_some((key, position)));
                version.iter_mut().for_each(|version| version.stale_since = Some(position));
            }
            Ok(Folded { row, changed }) => {
                changed.into_iter().for_each(|(fact, numbers)| add(facts, fact, numbers));
                self.changes.closed.extend(stored.then_some((key, position)));
                version.iter_mut().for_each(|version| version.to = Some(position));
                if let Some((row, facts)) = row {
                    self.rows.insert(key, Held { row, facts: Some(facts), from: position, stored: false });
                    self.unstored += 1;
                    self.made.push_back((key, position));
                }
            }
        }
        self.changes.versions.extend(version);
        Ok(())
    }

    /// Forgets rows that were made anew since, so that a row that changes often does not fill the list.
    fn tidy(&mut self) {
        if self.made.len() > 2 * self.unstored + MADE_ANEW_MAX {
            let rows = &self.rows;
            self.made.retain(|(key, from)| rows.get(key).is_some_and(|held| held.from == *from));
        }
    }
}

/// The present version of a row.
fn version<R: Serialize>(key: Uuid, held: &Held<R>) -> Result<Version, String> {
    let mut json = Vec::with_capacity(ROW_BYTES);
    serde_json::to_writer(&mut json, &held.row).map_err(|error| format!("a row cannot be written: {error}"))?;
    let json = String::from_utf8(json).map_err(|error| error.to_string())?;
    if !json.starts_with("{\"") {
        return Err("a row is not written as an object with members".to_owned());
    }
    let subjects = reveal::subjects_in(&json);
    Ok(Version { key, from: held.from, to: None, stale_since: None, subjects, json })
}

impl<E: Entity> Folding for Fold<E> {
    fn touched(&self, happened: &Happened) -> Result<Vec<Uuid>, String> {
        Self::keys(happened)
    }

    fn holds(&self, key: Uuid) -> bool {
        self.rows.contains_key(&key)
    }

    fn hold(&mut self, stored: StoredRow) -> Result<(), String> {
        let row =
            serde_json::from_str(&stored.json).map_err(|error| format!("a stored row cannot be read: {error}"))?;
        self.rows.insert(stored.key, Held { row, facts: None, from: stored.from, stored: true });
        Ok(())
    }

    fn park(&mut self, key: Uuid) {
        self.parked.insert(key);
    }

    fn apply(&mut self, happened: &Happened) -> Result<(), String> {
        let mut facts = Vec::new();
        for key in Self::keys(happened)? {
            self.fold_key(key, happened, &mut facts)?;
        }
        let position = happened.position;
        let changed = facts.into_iter().filter(|(_, add)| *add != [0; 4]);
        self.changes.facts.extend(changed.map(|(fact, add)| FactChange { fact, position, add }));
        self.tidy();
        Ok(())
    }

    fn unstored(&self) -> usize {
        self.unstored
    }

    fn release(&mut self, keep: usize) -> Result<(), String> {
        while self.unstored > keep
            && let Some((key, from)) = self.made.pop_front()
        {
            if self.rows.get(&key).is_some_and(|held| held.from == from)
                && let Some(held) = self.let_go(key)
            {
                self.changes.versions.push(version(key, &held)?);
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }
}

/// The data subjects that an event erases: the customer whose stream holds it and, where the event was read, those of
/// the inquiries that it names.
pub(crate) fn erased_subjects(recorded: &RecordedEvent, happened: Option<&Happened>) -> Vec<Uuid> {
    if recorded.stream.category != Category::Customer || recorded.event_type != "CustomerErased" {
        return Vec::new();
    }
    let mut subjects = vec![recorded.stream.id];
    if let Some(Event::Customer(CustomerEvent::CustomerErased { inquiries })) = happened.map(|it| &it.event) {
        subjects.extend(inquiries.iter().map(|inquiry| own_subject(*inquiry)));
    }
    subjects
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
