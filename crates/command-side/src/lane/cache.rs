//! States of streams and holders of claims that were used lately: a bounded cache, guarded at every append, which tells
//! what others appended since the one before. States hold personal data in clear, which an erasure elsewhere must not
//! outlive: within five seconds they are read again from their first event on. Until then, what others appended meanwhile
//! is read on top of what is known.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use domain::StreamId;
use domain::decider::{ClaimQuery, Holding, LoadedStream};

/// Half the longest life of an entry.
pub(super) const HALF_LIFE: Duration = Duration::from_millis(2_500);
/// Half the most entries of a kind.
const HALF_ENTRIES_MAX: usize = 25_000;

/// How long a state is known after it was read.
const LIFE: Duration = Duration::from_secs(5);
/// How often others get ahead on a stream until its commands go the sure way at once.
const CONTESTED: u8 = 3;

/// A stream's state after some event: there may be more events by now.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) stream: LoadedStream,
    /// Whether an append was refused that rested on it.
    doubted: bool,
    /// Whether there are more events.
    outdated: bool,
    /// How often there were, to the harm of an append.
    overtaken: u8,
    read_at: Instant,
}

impl Known {
    fn read(stream: LoadedStream) -> Self {
        Self { stream, doubted: false, outdated: false, overtaken: 0, read_at: Instant::now() }
    }

    /// Whether there are no more events, as far as is known.
    pub(super) const fn is_latest(&self) -> bool {
        !(self.doubted || self.outdated)
    }
}

pub(super) struct Cache {
    streams: Generations<StreamId, Known>,
    pub(super) claims: Generations<ClaimQuery, Vec<Holding>>,
    turned_at: Instant,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { streams: Generations::default(), claims: Generations::default(), turned_at: Instant::now() }
    }

    pub(super) fn stream(&self, id: &StreamId) -> Option<&Known> {
        self.streams.get(id).filter(|known| known.read_at.elapsed() < LIFE)
    }

    /// Others append to the stream all the time.
    pub(super) fn is_contested(&self, id: &StreamId) -> bool {
        self.stream(id).is_some_and(|known| known.overtaken >= CONTESTED)
    }

    /// A state was read, on top of what was known.
    pub(super) fn put_read(&mut self, id: StreamId, stream: LoadedStream, known: Option<Known>) {
        let known = match known {
            None => Known::read(stream),
            Some(Known { stream: before, doubted, overtaken, read_at, .. }) => {
                let overtaken = overtaken.saturating_add(u8::from(doubted && stream.version > before.version));
                Known { overtaken, read_at, ..Known::read(stream) }
            }
        };
        self.streams.put(id, known);
    }

    /// A state was confirmed by an append of ours.
    pub(super) fn put_appended(&mut self, id: StreamId, stream: LoadedStream) {
        let known = match self.streams.get(&id) {
            None => Known::read(stream),
            Some(Known { overtaken, read_at, .. }) => {
                Known { overtaken: *overtaken, read_at: *read_at, ..Known::read(stream) }
            }
        };
        self.streams.put(id, known);
    }

    /// A stream has events up to this version.
    pub(super) fn learn(&mut self, id: &StreamId, version: u64) {
        if let Some(known) = self.streams.get_mut(id) {
            known.outdated |= known.stream.version < version;
        }
    }

    /// An append was refused that rested on the stream.
    pub(super) fn doubt(&mut self, id: &StreamId) {
        if let Some(known) = self.streams.get_mut(id) {
            known.doubted = true;
        }
    }

    pub(super) fn forget(&mut self, id: &StreamId) {
        self.streams.evict(id);
    }

    /// More was appended than is told.
    pub(super) fn outdate(&mut self) {
        self.streams.values_mut().for_each(|known| known.outdated = true);
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

    fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.young.values_mut().chain(self.old.values_mut())
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        self.young.insert(key, value);
    }

    pub(super) fn evict(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}
