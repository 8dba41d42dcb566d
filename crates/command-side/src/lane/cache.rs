//! States of streams and holders of claims that were used lately: a bounded cache, guarded at every append, that forgets
//! within five seconds (states hold personal data in clear, which an erasure elsewhere must not outlive).

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use domain::StreamId;
use domain::decider::{ClaimQuery, Holding, LoadedStream};

/// Half the longest life of an entry.
pub(super) const HALF_LIFE: Duration = Duration::from_millis(2_500);
/// Half the most entries of a kind.
const HALF_ENTRIES_MAX: usize = 25_000;

pub(super) struct Cache {
    pub(super) streams: Generations<StreamId, LoadedStream>,
    pub(super) claims: Generations<ClaimQuery, Vec<Holding>>,
    turned_at: Instant,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { streams: Generations::default(), claims: Generations::default(), turned_at: Instant::now() }
    }

    /// Ends a generation if it is time.
    pub(super) fn turn(&mut self) {
        let full = self.streams.young.len().max(self.claims.young.len()) >= HALF_ENTRIES_MAX;
        if full || self.turned_at.elapsed() >= HALF_LIFE {
            self.streams.old = std::mem::take(&mut self.streams.young);
            self.claims.old = std::mem::take(&mut self.claims.young);
            self.turned_at = Instant::now();
        }
    }
}

/// Two generations: entries are put into the young one, which becomes the old one when it is full or aged.
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        self.young.insert(key, value);
    }

    pub(super) fn evict(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}
