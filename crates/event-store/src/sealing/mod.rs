//! Sealing of personal data: XChaCha20-Poly1305 under a key per data subject, wrapped by a master key.
//!
//! In an event's payload, `{"$personal": {"subject", "value"}}` becomes
//! `{"$sealed": {"subject", "key", "path", "data"}}`, where `data` is base64 of nonce and ciphertext, and the
//! additional data is event id, subject, key version and path. Destroying the subject's key makes all of them
//! unreadable; hashes stay valid, because they cover the sealed bytes.

mod cipher;
mod json;
mod master;
mod vault;

pub use master::MasterKeys;
pub(crate) use vault::{Clear, NewKey, SealError, StoredKey, SubjectKeys};
pub use vault::{KEY_CACHE_LIFE, Vault};
