//! Folding events into rows in memory: the same code for the live projector and for rebuilding.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::Category;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::entity::{Entity, Fact, Happened, KEYS_MAX, Keys, Unfit};
use crate::reveal;

/// A version of a row, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) key: Uuid,
    /// The event that made it.
    pub(crate) from: u64,
    /// The event that ended it; `None` for the present version.
    pub(crate) to: Option<u64>,
    /// The event that parked its key.
    pub(crate) stale_since: Option<u64>,
    /// The data subjects whose values are in it.
    pub(crate) subjects: Vec<Uuid>,
    pub(crate) row: Map<String, Value>,
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
    /// Takes a stored present version in hand.
    fn hold(&mut self, stored: StoredRow) -> Result<(), String>;
    /// Says that a key is parked already.
    fn park(&mut self, key: Uuid);
    /// Says that a data subject was erased: from now on its values leave empty.
    fn erase(&mut self, subject: Uuid);
    /// The data subjects that were erased.
    fn erased(&self) -> Vec<Uuid>;
    /// Folds an event. The rows that it touches must be in hand, if they exist.
    fn apply(&mut self, happened: &Happened) -> Result<(), String>;
    /// Gives out up to `limit` present versions that are not stored; says whether there are more.
    fn settle(&mut self, limit: usize) -> Result<bool, String>;
    /// What is to be written so far.
    fn take(&mut self) -> Changes;
}

struct Held<R> {
    row: Option<R>,
    from: u64,
    stored: bool,
    dirty: bool,
    stale_since: Option<u64>,
}

/// The rows of one model in hand.
pub(crate) struct Fold<E: Entity> {
    rows: HashMap<Uuid, Held<E::Row>>,
    parked: HashSet<Uuid>,
    erased: HashSet<Uuid>,
    dirty: Vec<Uuid>,
    changes: Changes,
}

impl<E: Entity> Default for Fold<E> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            parked: HashSet::new(),
            erased: HashSet::new(),
            dirty: Vec::new(),
            changes: Changes::default(),
        }
    }
}

struct Folded<R> {
    row: Option<R>,
    before: Vec<Fact>,
    after: Vec<Fact>,
}

fn fold_one<E: Entity>(row: Option<&E::Row>, happened: &Happened) -> Result<Folded<E::Row>, Unfit> {
    let fold = || {
        let before = row.map(E::facts).unwrap_or_default();
        let row = E::apply(row.cloned(), happened)?;
        let after = row.as_ref().map(E::facts).unwrap_or_default();
        Ok(Folded { row, before, after })
    };
    // A defect in one fold must not take the other models and keys with it.
    catch_unwind(AssertUnwindSafe(fold)).unwrap_or_else(|_| Err(Unfit("the fold panicked".to_owned())))
}

impl<E: Entity> Fold<E> {
    fn version(&self, key: Uuid, held: &Held<E::Row>, to: Option<u64>) -> Result<Option<Version>, String> {
        let Some(row) = &held.row else { return Ok(None) };
        let mut value = serde_json::to_value(row).map_err(|error| format!("a row cannot be written: {error}"))?;
        if !self.erased.is_empty() {
            reveal::erase(&mut value, &self.erased);
        }
        let mut subjects = std::collections::BTreeSet::new();
        reveal::collect_subjects(&value, &mut subjects);
        let Value::Object(row) = value else { return Err("a row is not written as an object".to_owned()) };
        let stale_since = held.stale_since.filter(|_| to.is_none());
        Ok(Some(Version { key, from: held.from, to, stale_since, subjects: subjects.into_iter().collect(), row }))
    }

    fn fold_key(
        &mut self,
        key: Uuid,
        happened: &Happened,
        facts: &mut BTreeMap<String, [i64; 4]>,
    ) -> Result<(), String> {
        let position = happened.position;
        if self.parked.contains(&key) {
            *self.changes.skipped.entry(key).or_default() += 1;
            return Ok(());
        }
        let held = self.rows.remove(&key);
        match fold_one::<E>(held.as_ref().and_then(|held| held.row.as_ref()), happened) {
            Err(Unfit(error)) => {
                self.parked.insert(key);
                self.changes.parked.push(Parked { key, position, error });
                if let Some(mut held) = held {
                    held.stale_since = Some(position);
                    if held.stored && held.row.is_some() {
                        self.changes.stale.push((key, position));
                    }
                    self.rows.insert(key, held);
                }
            }
            Ok(Folded { row, before, after }) => {
                before.into_iter().for_each(|(fact, numbers)| add(facts, fact, numbers.map(i64::saturating_neg)));
                after.into_iter().for_each(|(fact, numbers)| add(facts, fact, numbers));
                let was_dirty = held.as_ref().is_some_and(|held| held.dirty);
                if let Some(old) = held.filter(|held| held.row.is_some()) {
                    if old.stored {
                        self.changes.closed.push((key, position));
                    } else {
                        let ended = self.version(key, &old, Some(position))?;
                        self.changes.versions.extend(ended);
                    }
                }
                if !was_dirty {
                    self.dirty.push(key);
                }
                let held = Held { row, from: position, stored: false, dirty: true, stale_since: None };
                self.rows.insert(key, held);
            }
        }
        Ok(())
    }
}

fn add(facts: &mut BTreeMap<String, [i64; 4]>, fact: String, numbers: [i64; 4]) {
    let sums = facts.entry(fact).or_default();
    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum = sum.saturating_add(number));
}

impl<E: Entity> Folding for Fold<E> {
    fn touched(&self, happened: &Happened) -> Result<Vec<Uuid>, String> {
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

    fn hold(&mut self, stored: StoredRow) -> Result<(), String> {
        let row =
            serde_json::from_str(&stored.json).map_err(|error| format!("a stored row cannot be read: {error}"))?;
        let held = Held { row: Some(row), from: stored.from, stored: true, dirty: false, stale_since: None };
        self.rows.insert(stored.key, held);
        Ok(())
    }

    fn park(&mut self, key: Uuid) {
        self.parked.insert(key);
    }

    fn erase(&mut self, subject: Uuid) {
        self.erased.insert(subject);
    }

    fn erased(&self) -> Vec<Uuid> {
        self.erased.iter().copied().collect()
    }

    fn apply(&mut self, happened: &Happened) -> Result<(), String> {
        let mut facts = BTreeMap::new();
        for key in self.touched(happened)? {
            self.fold_key(key, happened, &mut facts)?;
        }
        let position = happened.position;
        let changed = facts.into_iter().filter(|(_, add)| *add != [0; 4]);
        self.changes.facts.extend(changed.map(|(fact, add)| FactChange { fact, position, add }));
        Ok(())
    }

    fn settle(&mut self, limit: usize) -> Result<bool, String> {
        let start = self.dirty.len().saturating_sub(limit);
        for key in self.dirty.split_off(start) {
            let Some(mut held) = self.rows.remove(&key) else { continue };
            let present = self.version(key, &held, None)?;
            self.changes.versions.extend(present);
            if held.row.is_some() {
                held.stored = true;
                held.dirty = false;
                self.rows.insert(key, held);
            }
        }
        Ok(!self.dirty.is_empty())
    }

    fn take(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }
}

/// Whether an event is the erasure of a data subject, and of which: the customer whose stream holds it.
pub(crate) fn erased_subject(recorded: &domain::envelope::RecordedEvent) -> Option<Uuid> {
    (recorded.stream.category == Category::Customer && recorded.event_type == "CustomerErased")
        .then_some(recorded.stream.id)
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
