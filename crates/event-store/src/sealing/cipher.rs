//! XChaCha20-Poly1305 with a random nonce in front of the ciphertext.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};

use crate::error::StoreError;

const NONCE_BYTES: usize = 24;

/// A 256-bit key.
pub(super) type KeyBytes = [u8; 32];

pub(super) fn random_key() -> KeyBytes {
    let mut key = KeyBytes::default();
    rand::fill(&mut key);
    key
}

pub(super) fn seal(key: &KeyBytes, additional: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE_BYTES];
    rand::fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: additional })
        .map_err(|_| StoreError::Corrupt("sealing failed".to_owned()))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

pub(super) fn open(key: &KeyBytes, additional: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: additional }).ok()
}
