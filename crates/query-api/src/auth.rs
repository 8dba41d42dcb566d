//! Who may ask: bearer keys from a file that holds their hashes only.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

/// The bearer keys that are let in, by the name of their holder. Without keys everyone who reaches the socket is.
#[derive(Clone, Default)]
pub struct BearerKeys {
    keys: Arc<[(Arc<str>, [u8; 32])]>,
}

/// Why a file of keys cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// A line is not `name sha256hex`.
    #[error("line {0}: `name sha256-in-hex` is expected")]
    Line(usize),
    /// Two lines have one name.
    #[error("line {0}: the name stands there twice")]
    Twice(usize),
    /// Two names have one key.
    #[error("line {0}: the key stands there twice, under two names")]
    Shared(usize),
    /// The hash is that of nothing.
    #[error("line {0}: this is the hash of an empty key")]
    EmptyKey(usize),
    /// No key is in it.
    #[error("there is no key in it")]
    Empty,
}

impl BearerKeys {
    /// Reads lines `name sha256hex`; empty ones and those that begin with `#` are skipped.
    ///
    /// # Errors
    /// Which line is wrong, never what it holds.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut keys = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || KeyFileError::Line(index + 1);
            let (name, hash) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
            let mut bytes = [0; 32];
            hex::decode_to_slice(hash.trim(), &mut bytes).map_err(|_| wrong())?;
            if bytes == hash_of("") {
                return Err(KeyFileError::EmptyKey(index + 1));
            }
            if keys.iter().any(|(other, known): (&Arc<str>, _)| **other != *name && *known == bytes) {
                return Err(KeyFileError::Shared(index + 1));
            }
            if keys.insert(Arc::from(name), bytes).is_some() {
                return Err(KeyFileError::Twice(index + 1));
            }
        }
        if keys.is_empty() { Err(KeyFileError::Empty) } else { Ok(Self { keys: keys.into_iter().collect() }) }
    }

    /// Whose key the request carries. Takes the same time whichever key it is, or none.
    ///
    /// # Errors
    /// `unauthorized`.
    pub fn holder(&self, headers: &HeaderMap) -> Result<Arc<str>, ApiError> {
        let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = text.and_then(|text| text.split_once(' ')).ok_or(ApiError::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        let token = token.trim();
        if token.is_empty() {
            return Err(ApiError::Unauthorized);
        }
        let hash = hash_of(token);
        let mut holder = None;
        for (name, key) in self.keys.iter() {
            if equal(key, &hash) {
                holder = Some(Arc::clone(name));
            }
        }
        holder.ok_or(ApiError::Unauthorized)
    }
}

impl fmt::Debug for BearerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerKeys({})", self.keys.len())
    }
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Compares without telling by its duration where two hashes differ.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differences, (a, b)| differences | std::hint::black_box(a ^ b)) == 0
}

/// The API listens beyond this machine only with keys.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("without bearer keys the query API binds to loopback only, not to {0}")]
pub struct KeysRequired(pub SocketAddr);

/// Whether the API may listen there.
///
/// # Errors
/// [`KeysRequired`], for an address other than loopback without keys.
pub fn check_address(address: SocketAddr, keys: Option<&BearerKeys>) -> Result<(), KeysRequired> {
    if keys.is_some() || address.ip().is_loopback() { Ok(()) } else { Err(KeysRequired(address)) }
}

/// Without keys only requests that name this machine are answered: a page in the browser of somebody who sits at it
/// could otherwise read everything under a name of its own that leads here (DNS rebinding).
///
/// # Errors
/// `forbidden`.
pub fn check_host(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let first = hosts.next().and_then(|host| host.to_str().ok());
    match (first.is_some_and(is_loopback), hosts.next()) {
        (true, None) => Ok(()),
        (_, _) => Err(ApiError::Forbidden),
    }
}

/// Whether a Host header, with any port, is one of the names of loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let is_address = name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback());
    is_address || name == "[::1]" || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn keys() -> BearerKeys {
        let line = |name: &str, token: &str| format!("{name} {}\n", hex::encode(Sha256::digest(token.as_bytes())));
        BearerKeys::parse(&format!("# keys\n\n{}{}", line("board", "secret"), line("audit", "other"))).unwrap()
    }

    fn holder(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        keys().holder(&headers).ok().map(|name| name.to_string())
    }

    #[test]
    fn a_key_names_its_holder_and_any_other_is_refused() {
        assert_eq!(holder("Bearer secret").as_deref(), Some("board"));
        assert_eq!(holder("bearer other").as_deref(), Some("audit"));
        for wrong in ["Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "secret"] {
            assert_eq!(holder(wrong), None, "{wrong}");
        }
        assert!(keys().holder(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_broken_file_names_the_line_and_never_its_content() {
        assert_eq!(BearerKeys::parse("# nothing\n").err(), Some(KeyFileError::Empty));
        assert_eq!(BearerKeys::parse("\nboard abc\n").err(), Some(KeyFileError::Line(2)));
        let hash = "00".repeat(32);
        assert_eq!(BearerKeys::parse(&format!("a {hash}\na {hash}")).err(), Some(KeyFileError::Twice(2)));
        assert_eq!(BearerKeys::parse(&format!("a {hash}\nb {hash}")).err(), Some(KeyFileError::Shared(2)));
        let of_nothing = hex::encode(hash_of(""));
        assert_eq!(BearerKeys::parse(&format!("a {of_nothing}")).err(), Some(KeyFileError::EmptyKey(1)));
    }

    #[test]
    fn only_names_of_loopback_are_served_without_keys() {
        let allowed = |hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
            }
            check_host(&headers).is_ok()
        };
        for host in ["127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80", "localhost", "LocalHost:8080", "127.0.0.2:1"] {
            assert!(allowed(&[host]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "localhost:80@evil",
            "0.0.0.0",
            "::1",
        ] {
            assert!(!allowed(&[host]), "{host}");
        }
        assert!(!allowed(&[]) && !allowed(&["localhost", "evil.example"]));
    }

    #[test]
    fn beyond_loopback_keys_are_required() {
        let outside: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        let inside: SocketAddr = "[::1]:8080".parse().unwrap();
        assert_eq!(check_address(outside, None), Err(KeysRequired(outside)));
        assert_eq!(check_address(outside, Some(&keys())), Ok(()));
        assert_eq!(check_address(inside, None), Ok(()));
    }
}
