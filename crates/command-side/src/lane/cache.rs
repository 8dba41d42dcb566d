//! States of streams and holders of claims that were used lately: a bounded cache, guarded at every append, which tells
//! what others appended since the one before; that is read on top of what is known. States that hold personal data in
//! clear must not outlive an erasure elsewhere: within five seconds they are gone, and read again from their first event
//! on. Claims are known by their hashes.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use domain::StreamId;
use domain::decider::{Holding, LoadedStream};

/// Half the longest life of a state that holds personal data.
pub(super) const HALF_LIFE: Duration = Duration::from_millis(2_500);
/// Half the most entries of a kind.
const HALF_ENTRIES_MAX: usize = 25_000;

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
    /// When all of it was asked for.
    read_at: Instant,
}

impl Known {
    fn read(stream: LoadedStream, read_at: Instant) -> Self {
        Self { stream, doubted: false, outdated: false, overtaken: 0, read_at }
    }

    /// The same stream with a later state. Where no personal data is in it, it may be as old as it likes; but what came
    /// of it long ago no longer counts.
    fn renewed(&self, id: StreamId, stream: LoadedStream, now: Instant) -> Self {
        let is_of_old = !id.category.holds_personal_data() && self.read_at.elapsed() >= 2 * HALF_LIFE;
        let (overtaken, read_at) = if is_of_old { (0, now) } else { (self.overtaken, self.read_at) };
        Self { overtaken, ..Self::read(stream, read_at) }
    }

    fn has_lived(&self, id: StreamId, time: Duration) -> bool {
        id.category.holds_personal_data() && self.read_at.elapsed() >= time
    }

    /// Whether there are no more events, as far as is known.
    pub(super) const fn is_latest(&self) -> bool {
        !(self.doubted || self.outdated)
    }
}

pub(super) struct Cache {
    streams: Generations<StreamId, Known>,
    /// By their hashes. Intervals are not remembered: the same range is hardly asked for twice.
    pub(super) claims: Generations<Vec<u8>, Vec<Holding>>,
    looked_at: Instant,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { streams: Generations::default(), claims: Generations::default(), looked_at: Instant::now() }
    }

    pub(super) fn stream(&self, id: &StreamId) -> Option<&Known> {
        self.streams.get(id).filter(|known| !known.has_lived(*id, 2 * HALF_LIFE))
    }

    /// Others append to the stream all the time.
    pub(super) fn is_contested(&self, id: &StreamId) -> bool {
        let is_contested = |known: &Known| known.overtaken >= CONTESTED && known.read_at.elapsed() < 2 * HALF_LIFE;
        self.stream(id).is_some_and(is_contested)
    }

    /// A state was read, on top of what was known; it was asked for at this time.
    pub(super) fn put_read(&mut self, id: StreamId, stream: LoadedStream, known: Option<Known>, asked_at: Instant) {
        let known = match known {
            None => Known::read(stream, asked_at),
            Some(known) => {
                let is_overtaken = known.doubted && stream.version > known.stream.version;
                let renewed = known.renewed(id, stream, asked_at);
                Known { overtaken: renewed.overtaken.saturating_add(u8::from(is_overtaken)), ..renewed }
            }
        };
        self.streams.put(id, known);
    }

    /// A state was confirmed by an append of ours, which began at this time.
    pub(super) fn put_appended(&mut self, id: StreamId, stream: LoadedStream, begun: Instant) {
        let known = match self.streams.get(&id) {
            None => Known::read(stream, begun),
            Some(known) => known.renewed(id, stream, begun),
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

    /// Lets go of what is old, and ends a generation that is full.
    pub(super) fn turn(&mut self) {
        if self.looked_at.elapsed() >= HALF_LIFE {
            self.streams.retain(|id, known| !known.has_lived(*id, HALF_LIFE));
            self.looked_at = Instant::now();
        }
        self.streams.turn();
        self.claims.turn();
    }
}

/// Two generations: entries are put into the young one, which becomes the old one when it is full.
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

    fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        self.young.retain(|key, value| keep(key, value));
        self.old.retain(|key, value| keep(key, value));
    }

    fn turn(&mut self) {
        if self.young.len() >= HALF_ENTRIES_MAX {
            self.old = std::mem::take(&mut self.young);
        }
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

#[cfg(test)]
mod tests {
    use domain::Category;
    use uuid::Uuid;

    use super::*;

    fn read_long_ago(cache: &mut Cache, category: Category) -> StreamId {
        let id = StreamId { category, id: Uuid::from_u128(1) };
        cache.put_read(id, LoadedStream::empty(id), None, Instant::now() - 2 * HALF_LIFE);
        id
    }

    #[test]
    fn states_with_personal_data_are_gone_after_five_seconds_and_those_of_the_desk_stay() {
        let mut cache = Cache::new();
        cache.looked_at -= HALF_LIFE;
        let customer = read_long_ago(&mut cache, Category::Customer);
        let ticket = read_long_ago(&mut cache, Category::Ticket);
        let agent = read_long_ago(&mut cache, Category::Agent);
        assert!(cache.stream(&customer).is_none() && cache.stream(&ticket).is_none(), "not used any more");
        cache.turn();
        assert!(cache.streams.get(&customer).is_none() && cache.streams.get(&ticket).is_none(), "not kept either");
        assert!(cache.stream(&agent).is_some());
    }

    #[test]
    fn an_append_does_not_make_a_state_younger() {
        let mut cache = Cache::new();
        let ticket = read_long_ago(&mut cache, Category::Ticket);
        cache.put_appended(ticket, LoadedStream::empty(ticket), Instant::now());
        assert!(cache.stream(&ticket).is_none());
    }

    #[test]
    fn a_stream_on_which_others_got_ahead_is_contested_for_some_seconds_and_no_longer() {
        let id = StreamId { category: Category::Team, id: Uuid::from_u128(1) };
        let overtaken = |read_at: Instant| {
            let mut cache = Cache::new();
            cache.put_read(id, LoadedStream::empty(id), None, read_at);
            for version in 1..=u64::from(CONTESTED) {
                cache.doubt(&id);
                let known = cache.stream(&id).cloned();
                cache.put_read(id, LoadedStream { version, ..LoadedStream::empty(id) }, known, read_at);
            }
            cache
        };
        assert!(overtaken(Instant::now()).is_contested(&id));
        let mut of_old = overtaken(Instant::now() - 2 * HALF_LIFE);
        assert!(!of_old.is_contested(&id));
        of_old.put_appended(id, LoadedStream::empty(id), Instant::now());
        assert!(!of_old.is_contested(&id), "counted anew");
    }
}
