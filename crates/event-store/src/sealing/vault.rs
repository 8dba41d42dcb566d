//! The vault: the subjects' keys, read through a cache that lives five seconds at most.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use domain::envelope::RecordedEvent;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::cipher::{self, KeyBytes};
use super::json::{self, Found};
use super::master::MasterKeys;
use crate::error::StoreError;

/// How long a key may be used without asking again. An erasure is complete everywhere after this.
pub const KEY_CACHE_LIFE: Duration = Duration::from_secs(5);
/// How often keys are forgotten that would be too old by the next time.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The most keys in the cache.
const CACHE_KEYS_MAX: usize = 100_000;
/// The version of a subject's first (and so far only) key.
const FIRST_KEY_VERSION: u32 = 1;

/// What is known of a subject's key.
#[derive(Clone, Copy)]
pub(crate) enum KeyState {
    Present { version: u32, key: KeyBytes },
    Erased,
}

/// A subject's key as it is stored: wrapped, or gone.
#[derive(sqlx::FromRow)]
pub(crate) struct StoredKey {
    pub(crate) subject: Uuid,
    pub(crate) key_version: i32,
    pub(crate) master_version: i32,
    pub(crate) wrapped: Option<Vec<u8>>,
}

impl StoredKey {
    fn open(&self, master: &MasterKeys) -> Result<KeyState, StoreError> {
        let Some(wrapped) = &self.wrapped else { return Ok(KeyState::Erased) };
        let number = |value: i32| u32::try_from(value).map_err(|error| StoreError::Corrupt(error.to_string()));
        let key = master.unwrap_key(number(self.master_version)?, self.subject, wrapped)?;
        Ok(KeyState::Present { version: number(self.key_version)?, key })
    }
}

/// A key made for a subject that had none; stored by the append that first uses it.
pub(crate) struct NewKey {
    pub(crate) subject: Uuid,
    pub(crate) key_version: u32,
    pub(crate) master_version: u32,
    pub(crate) wrapped: Vec<u8>,
}

/// A payload that holds personal values in clear, parsed.
pub(crate) struct Clear {
    value: Value,
    pub(crate) subjects: BTreeSet<Uuid>,
}

impl Clear {
    /// `None` for a payload without personal values.
    pub(crate) fn read(payload: &str) -> Result<Option<Self>, StoreError> {
        if !json::has_personal(payload) {
            return Ok(None);
        }
        let value = serde_json::from_str(payload).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let mut subjects = BTreeSet::new();
        json::subjects(&value, &mut subjects);
        Ok(Some(Self { value, subjects }))
    }
}

/// Why an event cannot be sealed.
pub(crate) enum SealError {
    /// The subject was erased in the meantime: decide again.
    Erased,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for SealError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Opens what is sealed. Cheap to clone; clones share the cache.
#[derive(Clone)]
pub struct Vault {
    pool: PgPool,
    master: MasterKeys,
    cache: Arc<Mutex<KeyCache>>,
}

#[derive(Default)]
struct KeyCache {
    keys: HashMap<Uuid, (Instant, KeyState)>,
    /// Whether a task forgets what is old, also where nobody asks any more.
    is_swept: bool,
}

impl KeyCache {
    /// Forgets what would be too old when it is looked at again.
    fn forget_old(&mut self) {
        self.keys.retain(|_, (since, _)| since.elapsed() + SWEEP_EVERY < KEY_CACHE_LIFE);
    }
}

/// The keys of some subjects, to seal and open with.
pub(crate) struct SubjectKeys {
    master: MasterKeys,
    keys: HashMap<Uuid, KeyState>,
}

impl Vault {
    /// A vault over a pool that may read the keys.
    #[must_use]
    pub fn new(pool: PgPool, master: MasterKeys) -> Self {
        Self { pool, master, cache: Arc::default() }
    }

    /// The master keys.
    #[must_use]
    pub const fn master(&self) -> &MasterKeys {
        &self.master
    }

    /// The events' payloads with personal values in clear, `{"$erased": subject}` where the key was destroyed.
    ///
    /// # Errors
    /// The database cannot be reached, or a key is missing that was not destroyed.
    pub async fn unseal(&self, events: &[RecordedEvent]) -> Result<Vec<String>, StoreError> {
        let found = find(events)?;
        let (known, wanted) = self.look_up(&subjects(&found));
        let loaded = match wanted.is_empty() {
            true => HashMap::new(),
            false => self.fetch(&mut *self.pool.acquire().await?, &wanted).await?,
        };
        self.open(events, found, known, loaded)
    }

    /// The same over one connection, so that it can be part of a transaction.
    pub(crate) async fn unseal_on(
        &self,
        connection: &mut PgConnection,
        events: &[RecordedEvent],
    ) -> Result<Vec<String>, StoreError> {
        let found = find(events)?;
        let (known, wanted) = self.look_up(&subjects(&found));
        let loaded = self.fetch(connection, &wanted).await?;
        self.open(events, found, known, loaded)
    }

    /// The keys for sealing payloads that hold personal values in clear.
    pub(crate) async fn keys_for(
        &self,
        connection: &mut PgConnection,
        subjects: &BTreeSet<Uuid>,
    ) -> Result<SubjectKeys, StoreError> {
        let (mut keys, wanted) = self.look_up(subjects);
        keys.extend(self.fetch(connection, &wanted).await?);
        Ok(SubjectKeys { master: self.master.clone(), keys })
    }

    fn open(
        &self,
        events: &[RecordedEvent],
        found: Vec<Found<'_>>,
        mut keys: HashMap<Uuid, KeyState>,
        loaded: HashMap<Uuid, KeyState>,
    ) -> Result<Vec<String>, StoreError> {
        keys.extend(loaded);
        let keys = SubjectKeys { master: self.master.clone(), keys };
        let opened = events.iter().zip(found).map(|(event, found)| keys.unseal(event, found));
        opened.collect()
    }

    /// What the cache knows of subjects, and those that must be asked for.
    fn look_up(&self, subjects: &BTreeSet<Uuid>) -> (HashMap<Uuid, KeyState>, Vec<Uuid>) {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = HashMap::new();
        let mut wanted = Vec::new();
        for subject in subjects {
            match cache.keys.get(subject) {
                Some((since, state)) if since.elapsed() < KEY_CACHE_LIFE => {
                    known.insert(*subject, *state);
                }
                Some(_) | None => wanted.push(*subject),
            }
        }
        (known, wanted)
    }

    async fn fetch(
        &self,
        connection: &mut PgConnection,
        wanted: &[Uuid],
    ) -> Result<HashMap<Uuid, KeyState>, StoreError> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let asked_at = Instant::now();
        let keys: Vec<StoredKey> = sqlx::query_as(
            "select subject, key_version, master_version, wrapped from vault.subject_key where subject = any ($1)",
        )
        .bind(wanted)
        .fetch_all(connection)
        .await?;
        self.keep(asked_at, keys)
    }

    /// Opens keys and keeps them. Their age counts from before the question, so that none outlives its life by a slow
    /// answer.
    pub(crate) fn keep(
        &self,
        asked_at: Instant,
        keys: impl IntoIterator<Item = StoredKey>,
    ) -> Result<HashMap<Uuid, KeyState>, StoreError> {
        let opened = keys.into_iter().map(|key| Ok((key.subject, key.open(&self.master)?)));
        let loaded: HashMap<Uuid, KeyState> = opened.collect::<Result<_, StoreError>>()?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.keys.len() + loaded.len() > CACHE_KEYS_MAX {
            cache.keys.clear();
        }
        for (subject, state) in &loaded {
            match (cache.keys.get(subject), state) {
                (Some((_, KeyState::Erased)), KeyState::Present { .. }) => {}
                (Some(_) | None, _) => _ = cache.keys.insert(*subject, (asked_at, *state)),
            }
        }
        if !cache.is_swept && !cache.keys.is_empty() {
            cache.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(&self.cache)));
        }
        Ok(loaded)
    }
}

impl SubjectKeys {
    /// Seals a payload's personal values, making keys where there are none.
    pub(crate) fn seal(&mut self, event_id: Uuid, clear: Clear, made: &mut Vec<NewKey>) -> Result<String, SealError> {
        let mut value = clear.value;
        json::seal(&mut value, "", &mut |clear: json::Clear<'_>| {
            let (version, key) = self.key_of(clear.subject, made)?;
            let plain = clear.value.to_string();
            let additional = additional(event_id, clear.subject, version, clear.path);
            let sealed = cipher::seal(&key, &additional, plain.as_bytes())?;
            Ok::<_, SealError>((version, BASE64.encode(sealed)))
        })?;
        Ok(value.to_string())
    }

    fn key_of(&mut self, subject: Uuid, made: &mut Vec<NewKey>) -> Result<(u32, KeyBytes), SealError> {
        match self.keys.get(&subject) {
            Some(KeyState::Present { version, key }) => Ok((*version, *key)),
            Some(KeyState::Erased) => Err(SealError::Erased),
            None => {
                let key = cipher::random_key();
                let (master_version, wrapped) = self.master.wrap(subject, &key)?;
                made.push(NewKey { subject, key_version: FIRST_KEY_VERSION, master_version, wrapped });
                self.keys.insert(subject, KeyState::Present { version: FIRST_KEY_VERSION, key });
                Ok((FIRST_KEY_VERSION, key))
            }
        }
    }

    fn unseal(&self, event: &RecordedEvent, found: Found<'_>) -> Result<String, StoreError> {
        found.open(&event.payload, |sealed| {
            let key = match self.keys.get(&sealed.subject) {
                Some(KeyState::Present { key, .. }) => key,
                Some(KeyState::Erased) => return Ok(None),
                // An erasure leaves a tombstone: a key that is simply gone is a damaged vault, not an erasure.
                None => return Err(StoreError::Corrupt(format!("the key of subject {} is missing", sealed.subject))),
            };
            let additional = additional(event.event_id, sealed.subject, sealed.key_version, &sealed.path);
            BASE64
                .decode(sealed.data.as_bytes())
                .ok()
                .and_then(|data| cipher::open(key, &additional, &data))
                .and_then(|plain| String::from_utf8(plain).ok())
                .map(Some)
                .ok_or_else(|| {
                    StoreError::Corrupt(format!("position {}: {} does not open", event.position, sealed.path))
                })
        })
    }
}

/// Forgets keys before their life is over, until there are none.
async fn sweep(cache: Weak<Mutex<KeyCache>>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(cache) = cache.upgrade() else { return };
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.forget_old();
        if cache.keys.is_empty() {
            cache.is_swept = false;
            return;
        }
    }
}

fn additional(event_id: Uuid, subject: Uuid, key_version: u32, path: &str) -> Vec<u8> {
    [event_id.as_bytes(), subject.as_bytes(), key_version.to_be_bytes().as_slice(), path.as_bytes()].concat()
}

/// The sealed values of the payloads.
fn find(events: &[RecordedEvent]) -> Result<Vec<Found<'_>>, StoreError> {
    let found = events.iter().map(|event| {
        Found::find(&event.payload)
            .map_err(|error| StoreError::Corrupt(format!("position {}: {error}", event.position)))
    });
    found.collect()
}

fn subjects(found: &[Found<'_>]) -> BTreeSet<Uuid> {
    found.iter().flat_map(|found| &found.0).map(|(_, sealed)| sealed.subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_forgotten_before_their_life_is_over() {
        let mut cache = KeyCache::default();
        let (old, young) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for (subject, age) in [(old, KEY_CACHE_LIFE - SWEEP_EVERY), (young, Duration::ZERO)] {
            cache.keys.insert(subject, (Instant::now() - age, KeyState::Erased));
        }
        cache.forget_old();
        assert!(!cache.keys.contains_key(&old) && cache.keys.contains_key(&young));
    }
}
