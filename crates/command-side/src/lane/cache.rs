//! States of streams that were used lately: a bounded cache, guarded at every append, that forgets within five seconds
//! (states hold personal data in clear, which an erasure elsewhere must not outlive).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::StreamId;
use domain::decider::LoadedStream;

/// Half the longest life of an entry.
pub(super) const HALF_LIFE: Duration = Duration::from_millis(2_500);
/// Half the most entries.
const HALF_ENTRIES_MAX: usize = 25_000;

/// Two generations: entries are put into the young one, which becomes the old one when it is full or aged.
pub(super) struct Cache {
    young: HashMap<StreamId, LoadedStream>,
    old: HashMap<StreamId, LoadedStream>,
    turned_at: Instant,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), turned_at: Instant::now() }
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<&LoadedStream> {
        self.young.get(&stream).or_else(|| self.old.get(&stream))
    }

    pub(super) fn put(&mut self, stream: StreamId, state: LoadedStream) {
        self.young.insert(stream, state);
    }

    pub(super) fn evict(&mut self, stream: StreamId) {
        self.young.remove(&stream);
        self.old.remove(&stream);
    }

    /// Ends a generation if it is time.
    pub(super) fn turn(&mut self) {
        if self.turned_at.elapsed() >= HALF_LIFE || self.young.len() >= HALF_ENTRIES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.turned_at = Instant::now();
        }
    }
}
