//! Master keys: they wrap the subjects' keys, and give the keys for fingerprints and claims; those come from the oldest.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use domain::decider::ClaimKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

use super::cipher::{self, KeyBytes};
use crate::error::StoreError;

/// The master keys by version. The highest wraps new keys; all of them unwrap. Cheap to clone.
#[derive(Clone)]
pub struct MasterKeys {
    keys: Arc<BTreeMap<u32, KeyBytes>>,
    fingerprint_key: KeyBytes,
    claim_key: KeyBytes,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeys(versions {:?})", self.keys.keys())
    }
}

impl MasterKeys {
    /// Reads keys from text: one a line, 64 hexadecimal digits, optionally with a version in front (`2:…`); a line
    /// without one is version 1. Empty lines and lines with `#` are passed over.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`]: no key, a malformed one, or one version twice.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let wrong = |line: usize, what: &str| StoreError::Unsafe(format!("master key, line {line}: {what}"));
        let mut keys = BTreeMap::new();
        let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
        for (n, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (version, digits) = line.split_once(':').unwrap_or(("1", line));
            let version = version.trim().parse().map_err(|_| wrong(n, "the version is not a number"))?;
            let mut key = KeyBytes::default();
            hex::decode_to_slice(digits.trim(), &mut key).map_err(|_| wrong(n, "a key is 64 hexadecimal digits"))?;
            if keys.insert(version, key).is_some() {
                return Err(wrong(n, "the version stands there twice"));
            }
        }
        let (_, oldest) = keys.first_key_value().ok_or_else(|| wrong(1, "there is no key"))?;
        let fingerprint_key = mac(oldest, &[b"carelog command fingerprint"]);
        let claim_key = mac(oldest, &[b"carelog claim key"]);
        Ok(Self { keys: Arc::new(keys), fingerprint_key, claim_key })
    }

    /// The fingerprint of a command's canonical content: HMAC-SHA-256 under a key that never changes.
    #[must_use]
    pub fn fingerprint(&self, canonical: &str) -> [u8; 32] {
        mac(&self.fingerprint_key, &[canonical.as_bytes()])
    }

    /// Refuses keys that lack the database's oldest one: without it, claims would no longer be unique and repeated
    /// commands no longer known. The first process to ask settles which keys a database has.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`], if it is another one; or the database cannot be reached.
    pub async fn require_oldest(&self, pool: &PgPool) -> Result<(), StoreError> {
        let digest = mac(&self.fingerprint_key, &[b"carelog master check"]).to_vec();
        sqlx::query("insert into vault.master_check (digest) values ($1) on conflict do nothing")
            .bind(&digest)
            .execute(pool)
            .await?;
        let (stored,): (Vec<u8>,) = sqlx::query_as("select digest from vault.master_check").fetch_one(pool).await?;
        if stored == digest {
            return Ok(());
        }
        let detail =
            "the oldest master key is not the one that this database was begun with; keep it when keys are rotated";
        Err(StoreError::Unsafe(detail.to_owned()))
    }

    /// What stands for a claim's key in the store: its HMAC.
    #[must_use]
    pub fn claim(&self, key: &ClaimKey) -> Vec<u8> {
        mac(&self.claim_key, &[key.scope.as_bytes(), key.value.as_bytes()]).to_vec()
    }

    pub(super) fn wrap(&self, subject: Uuid, key: &KeyBytes) -> Result<(u32, Vec<u8>), StoreError> {
        let (version, master) = self.current()?;
        Ok((version, cipher::seal(master, subject.as_bytes(), key)?))
    }

    pub(super) fn unwrap_key(&self, version: u32, subject: Uuid, wrapped: &[u8]) -> Result<KeyBytes, StoreError> {
        let master = self
            .keys
            .get(&version)
            .ok_or_else(|| StoreError::Unsafe(format!("the master key of version {version} is not given")))?;
        cipher::open(master, subject.as_bytes(), wrapped)
            .and_then(|key| key.try_into().ok())
            .ok_or_else(|| StoreError::Unsafe("the master key does not open this database's keys".to_owned()))
    }

    pub(crate) fn seal_bytes(&self, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (version, master) = self.current()?;
        let sealed = cipher::seal(master, b"carelog dead letter", plain)?;
        Ok([version.to_be_bytes().as_slice(), &sealed].concat())
    }

    pub(crate) fn open_bytes(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, sealed) = sealed.split_first_chunk::<4>()?;
        cipher::open(self.keys.get(&u32::from_be_bytes(*version))?, b"carelog dead letter", sealed)
    }

    fn current(&self) -> Result<(u32, &KeyBytes), StoreError> {
        let newest = self.keys.last_key_value().map(|(version, key)| (*version, key));
        newest.ok_or_else(|| StoreError::Unsafe("there is no master key".to_owned()))
    }
}

/// HMAC-SHA-256 over length-prefixed parts.
fn mac(key: &KeyBytes, parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    #[test]
    fn a_key_wrapped_under_an_older_master_key_still_opens() -> Result<(), StoreError> {
        let old = MasterKeys::parse(ONE)?;
        let subject = Uuid::from_u128(1);
        let key = cipher::random_key();
        let (version, wrapped) = old.wrap(subject, &key)?;
        let both = MasterKeys::parse(&format!("# rotated\n1:{ONE}\n2:{TWO}\n"))?;
        assert_eq!(both.unwrap_key(version, subject, &wrapped)?, key);
        assert_eq!(both.wrap(subject, &key)?.0, 2);
        assert_eq!(both.fingerprint("x"), old.fingerprint("x"));
        Ok(())
    }

    #[test]
    fn a_wrapped_key_opens_for_its_own_subject_only() -> Result<(), StoreError> {
        let keys = MasterKeys::parse(ONE)?;
        let (version, wrapped) = keys.wrap(Uuid::from_u128(1), &cipher::random_key())?;
        assert!(keys.unwrap_key(version, Uuid::from_u128(2), &wrapped).is_err());
        Ok(())
    }

    #[test]
    fn missing_malformed_and_doubled_master_keys_are_refused() {
        for text in ["", "abc", "x:11", &format!("{ONE}\n1:{TWO}")] {
            assert!(matches!(MasterKeys::parse(text), Err(StoreError::Unsafe(_))), "{text}");
        }
    }
}
