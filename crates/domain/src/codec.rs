//! JSON at the edges: strict checks of what comes in, and enums written as a name beside their content.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserializer, Serialize};
use serde_path_to_error::{Path, Segment, Track};

use crate::rejection::{Code, FieldError, Rejection};

/// The longest command message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The deepest nesting of a command message.
pub const DEPTH_MAX: usize = 32;

/// Checks that bytes are one JSON value within the limits: size, depth, no duplicate keys, no NUL, no lone surrogates.
///
/// # Errors
/// `payload_too_large` or `malformed`.
pub fn check(json: &[u8]) -> Result<(), Rejection> {
    if json.len() > MESSAGE_BYTES_MAX {
        let detail = format!("{} bytes, at most {MESSAGE_BYTES_MAX} are allowed", json.len());
        return Err(Rejection::new(Code::PayloadTooLarge, detail));
    }
    let malformed = |error: serde_json::Error| Rejection::new(Code::Malformed, error.to_string());
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Strict { depth: 0 }.deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(E::custom("NUL is not allowed")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if key.contains('\0') {
                return Err(de::Error::custom("NUL is not allowed"));
            }
            map.next_value_seed(self.deeper()?)?;
            if let Some(twice) = keys.replace(key) {
                return Err(de::Error::custom(format_args!("duplicate key {twice:?}")));
            }
        }
        Ok(())
    }
}

/// Reads a JSON object into a type; a failure names the field. `root` is the pointer of the object in the whole message.
///
/// # Errors
/// `validation`, with a JSON pointer.
pub fn read<'de, T: serde::Deserialize<'de>>(root: &str, json: &'de [u8]) -> Result<T, Rejection> {
    if !is_object(json) {
        return Err(Rejection::validation(root, AN_OBJECT));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Rejection::validation(pointer(root, error.path()), sentence(error.inner())))
}

const AN_OBJECT: &str = "an object is expected";

/// An array would be read, too: as the fields in the order in which they happen to be declared.
fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

/// What is wrong, without the place in the text and in the words of JSON: whoever sends it knows none of our types.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let Some((what, expected)) = text.rsplit_once(", expected ") else { return text.to_owned() };
    let is_of = |kinds: &[&str]| kinds.iter().any(|kind| expected.starts_with(kind));
    if is_of(&["struct ", "internally tagged enum ", "a map"]) {
        format!("{what}, expected an object")
    } else if is_of(&["a sequence"]) {
        format!("{what}, expected an array")
    } else if is_of(&["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]) {
        format!("{what}, expected a whole number")
    } else {
        text.to_owned()
    }
}

fn pointer(root: &str, path: &Path) -> String {
    path.iter().fold(root.to_owned(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => {
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Unknown => pointer,
    })
}

/// Why a named variant could not be read.
#[derive(Debug)]
pub enum VariantError {
    /// No variant has that name.
    UnknownName,
    /// The content does not fit; says where and why.
    Content(FieldError),
}

impl fmt::Display for VariantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName => f.write_str("unknown name"),
            Self::Content(FieldError { pointer, detail }) => write!(f, "{pointer}: {detail}"),
        }
    }
}

impl std::error::Error for VariantError {}

impl de::Error for VariantError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Content(FieldError { pointer: String::new(), detail: message.to_string() })
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownName
    }
}

/// Reads an enum whose variant's name stands beside its content, as commands and events travel.
///
/// # Errors
/// [`VariantError`]; pointers begin with `root`.
pub fn read_variant<T: DeserializeOwned>(name: &str, root: &str, content: &str) -> Result<T, VariantError> {
    T::deserialize(Named { name, root, content })
}

#[derive(Clone, Copy)]
struct Named<'de> {
    name: &'de str,
    root: &'de str,
    content: &'de str,
}

impl<'de> Deserializer<'de> for Named<'de> {
    type Error = VariantError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, VariantError> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Named<'de> {
    type Error = VariantError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), VariantError> {
        let name: StrDeserializer<'_, VariantError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Named<'de> {
    type Error = VariantError;

    fn unit_variant(self) -> Result<(), VariantError> {
        Err(de::Error::custom("a variant without content cannot be written"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, VariantError> {
        Err(de::Error::custom("content is written as named fields"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, VariantError> {
        Err(de::Error::custom("content is written as named fields"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, VariantError> {
        if !is_object(self.content.as_bytes()) {
            let field = FieldError { pointer: self.root.to_owned(), detail: AN_OBJECT.to_owned() };
            return Err(VariantError::Content(field));
        }
        let mut track = Track::new();
        let mut json = serde_json::Deserializer::from_str(self.content);
        let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        tracked.deserialize_struct("", fields, visitor).map_err(|error| {
            VariantError::Content(FieldError { pointer: pointer(self.root, &track.path()), detail: sentence(&error) })
        })
    }
}

/// Writes an enum value as its variant's name and its content in JSON.
///
/// # Errors
/// The value is not an enum variant with named fields, or cannot be written as JSON.
pub fn write_variant<T: Serialize>(value: &T) -> Result<(String, String), serde_json::Error> {
    let json = serde_json::to_string(value)?;
    json.strip_prefix("{\"")
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|rest| rest.split_once("\":"))
        .map(|(name, content)| (name.to_owned(), content.to_owned()))
        .ok_or_else(|| serde::ser::Error::custom("not an enum variant with named fields"))
}

/// The names of an enum's variants as they are written: what its own deserializer asks for, so that the list cannot
/// drift.
#[must_use]
pub fn variant_names<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(AskedFor) {
        Err(Asked(names)) => names,
        Ok(_) => &[],
    }
}

struct AskedFor;

#[derive(Debug)]
struct Asked(&'static [&'static str]);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asked for {:?}", self.0)
    }
}

impl std::error::Error for Asked {}

impl de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for AskedFor {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(&[]))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked(names))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Command {
        PutAside { reasons: Vec<u8> },
        Bring { what: Thing },
    }

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Thing {
        Parcel { weight: u8 },
    }

    fn code(json: &[u8]) -> Option<Code> {
        check(json).err().map(|rejection| rejection.code)
    }

    #[test]
    fn broken_deep_doubled_and_unclean_json_is_malformed() {
        let deep = [b"[".repeat(500), b"]".repeat(500)].concat();
        let hostile: [&[u8]; 8] =
            [b"", b"{", b"{} {}", &deep, br#"{"a":1,"a":2}"#, br#"{"a":"\u0000"}"#, br#""\ud800""#, b"1e999"];
        for json in hostile {
            assert_eq!(code(json), Some(Code::Malformed), "{}", String::from_utf8_lossy(json));
        }
        assert_eq!(code(b"\"\xff\""), Some(Code::Malformed));
        assert_eq!(code(br#"{"a":[1,{"b":null}]}"#), None);
    }

    #[test]
    fn a_nesting_of_thirty_two_is_allowed_and_thirty_three_is_not() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(code(nested(DEPTH_MAX).as_bytes()), None);
        assert_eq!(code(nested(DEPTH_MAX + 1).as_bytes()), Some(Code::Malformed));
    }

    #[test]
    fn a_message_over_the_limit_is_too_large() {
        assert_eq!(code(&vec![b' '; MESSAGE_BYTES_MAX + 1]), Some(Code::PayloadTooLarge));
    }

    #[test]
    fn a_variant_is_written_and_read_as_name_and_content() -> Result<(), Box<dyn std::error::Error>> {
        let (name, content) = write_variant(&Command::PutAside { reasons: vec![1] })?;
        assert_eq!((name.as_str(), content.as_str()), ("put_aside", r#"{"reasons":[1]}"#));
        assert_eq!(read_variant::<Command>(&name, "/data", &content)?, Command::PutAside { reasons: vec![1] });
        Ok(())
    }

    #[test]
    fn a_content_error_names_the_field() {
        let pointer = |content: &str| match read_variant::<Command>("put_aside", "/data", content) {
            Err(VariantError::Content(error)) => error.pointer,
            other => format!("{other:?}"),
        };
        assert_eq!(pointer(r#"{"reasons":[1,300]}"#), "/data/reasons/1");
        assert_eq!(pointer(r#"{"reasons":[],"more":1}"#), "/data/more");
        assert!(matches!(read_variant::<Command>("gone", "/data", "{}"), Err(VariantError::UnknownName)));
    }

    #[test]
    fn the_names_of_variants_are_those_that_are_read() {
        assert_eq!(variant_names::<Command>(), ["put_aside", "bring"]);
        assert_eq!(variant_names::<crate::transaction::Event>().first(), Some(&"TransactionRecorded"));
        assert!(variant_names::<String>().is_empty());
    }

    #[test]
    fn an_error_inside_a_nested_variant_names_the_variant_and_the_field() {
        let pointer = |content: &str| match read_variant::<Command>("bring", "/data", content) {
            Err(VariantError::Content(error)) => error.pointer,
            other => format!("{other:?}"),
        };
        assert_eq!(pointer(r#"{"what":{"parcel":{"weight":300}}}"#), "/data/what/parcel/weight");
        assert_eq!(pointer(r#"{"what":{"parcel":{"weight":1,"more":2}}}"#), "/data/what/parcel/more");
        assert_eq!(pointer(r#"{"what":{"letter":{}}}"#), "/data/what");
    }

    #[test]
    fn what_is_expected_is_said_in_words_of_json() {
        let detail = |content: &str| match read_variant::<crate::service_plan::Command>("draft", "/data", content) {
            Err(VariantError::Content(error)) => format!("{}: {}", error.pointer, error.detail),
            other => format!("{other:?}"),
        };
        let customer = uuid::Uuid::from_u128(1);
        assert_eq!(
            detail(&format!(r#"{{"customer":"{customer}","terms":7}}"#)),
            "/data/terms: invalid type: integer `7`, expected an object"
        );
        let of_terms = |terms: &str| detail(&format!(r#"{{"customer":"{customer}","terms":{terms}}}"#));
        assert_eq!(of_terms(r#"{"checklist":{}}"#), "/data/terms/checklist: invalid type: map, expected an array");
        assert_eq!(
            of_terms(r#"{"recurrence":{"early_s":"soon"}}"#),
            "/data/terms/recurrence/early_s: invalid type: string \"soon\", expected a whole number"
        );
        assert_eq!(
            detail(&format!(
                r#"{{"customer":"{customer}","terms":{{"name":"struct X, expected struct Y at line 7"}}}}"#
            )),
            "/data/terms: missing field `content`"
        );
    }

    #[test]
    fn content_without_the_names_of_its_fields_is_refused() {
        for content in ["[[1]]", " [[1]]", "[]", "null", "7", "\"text\""] {
            match read_variant::<Command>("put_aside", "/data", content) {
                Err(VariantError::Content(FieldError { pointer, detail })) => {
                    assert_eq!((pointer.as_str(), detail.as_str()), ("/data", "an object is expected"), "{content}");
                }
                other => panic!("{content}: {other:?}"),
            }
        }
    }
}
