//! Texts with limits: names are normalised (NFC) and trimmed, free text is kept byte for byte.
//!
//! Limits are in characters (Unicode scalar values); a text of n characters takes at most 4 n bytes.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// A name or identifier of 1 to `MAX` characters, NFC and trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name<const MAX: usize>(String);

impl<const MAX: usize> Name<MAX> {
    /// Normalises and checks a name.
    ///
    /// # Errors
    /// A sentence that says what is wrong: empty, too long, or a control character in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let normal: String = text.trim().nfc().collect();
        if normal.chars().any(char::is_control) {
            return Err("control characters are not allowed".to_owned());
        }
        check_length(&normal, MAX)?;
        Ok(Self(normal))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text of 1 to `MAX` characters, kept byte for byte. NUL is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct FreeText<const MAX: usize>(String);

impl<const MAX: usize> FreeText<MAX> {
    /// Checks a text.
    ///
    /// # Errors
    /// A sentence that says what is wrong: empty, too long, or NUL in it.
    pub fn parse(text: String) -> Result<Self, String> {
        if text.contains('\0') {
            return Err("NUL is not allowed".to_owned());
        }
        check_length(&text, MAX)?;
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_length(text: &str, chars_max: usize) -> Result<(), String> {
    match text.chars().count() {
        0 => Err("must not be empty".to_owned()),
        chars if chars > chars_max => Err(format!("{chars} characters, at most {chars_max} are allowed")),
        _ => Ok(()),
    }
}

impl<const MAX: usize> fmt::Display for Name<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Name<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for FreeText<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_composed() {
        let name = Name::<10>::parse("  e\u{301}va ").map(|name| name.as_str().to_owned());
        assert_eq!(name, Ok("\u{e9}va".to_owned()));
    }

    #[test]
    fn a_name_counts_characters_not_bytes() {
        assert!(Name::<4>::parse("售后服务").is_ok());
        assert!(Name::<3>::parse("售后服务").is_err());
        assert!(Name::<3>::parse("  ").is_err());
        assert!(Name::<3>::parse("a\u{7}").is_err());
    }

    #[test]
    fn free_text_is_kept_byte_for_byte_and_nul_is_refused() {
        let text = " e\u{301} 😀\n";
        assert_eq!(FreeText::<10>::parse(text.to_owned()).map(|kept| kept.as_str().to_owned()), Ok(text.to_owned()));
        assert!(FreeText::<10>::parse("a\0".to_owned()).is_err());
    }
}
