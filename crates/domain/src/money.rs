//! Money: whole minor units of an ISO 4217 currency.

use std::fmt;

use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// An ISO 4217 currency code: three capital letters, e.g. `CNY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses a code of three capital ASCII letters.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        match *text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err("a currency is three capital letters (ISO 4217)".to_owned()),
        }
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A whole number of minor units (cents, 分). In JSON a number; also read from a string, for those beyond 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Minor(pub i64);

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MinorVisitor;
        impl Visitor<'_> for MinorVisitor {
            type Value = Minor;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of minor units, as a number or a string")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Minor, E> {
                Ok(Minor(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Minor, E> {
                i64::try_from(value).map(Minor).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Minor, E> {
                value
                    .parse()
                    .map(Minor)
                    .map_err(|_| E::invalid_value(Unexpected::Other("text that is no whole number"), &self))
            }
        }
        deserializer.deserialize_any(MinorVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_beyond_two_to_the_53_are_read_from_strings_exactly() {
        assert_eq!(serde_json::from_str::<Minor>("\"9007199254740993\"").ok(), Some(Minor(9_007_199_254_740_993)));
        assert_eq!(serde_json::from_str::<Minor>("-5").ok(), Some(Minor(-5)));
        assert!(serde_json::from_str::<Minor>("1.5").is_err());
        assert!(serde_json::from_str::<Minor>("9223372036854775808").is_err());
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert!(Currency::parse("CNY").is_ok());
        assert!(Currency::parse("cny").is_err());
        assert!(Currency::parse("元").is_err());
    }
}
