//! Settings in revisions, numbered from 1. What runs by a setting keeps the revision that it began with, which never
//! changes.

use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;
use crate::text::Name;

/// The most revisions of a setting.
pub const REVISIONS_MAX: usize = 200;

/// One revision of a setting, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevisionOf<I> {
    /// The setting.
    pub id: I,
    /// The number of the revision, from 1 on.
    pub revision: u32,
}

/// The name of a setting and its contents in all revisions.
#[derive(Clone, Debug)]
pub struct Revisions<T> {
    name: Option<Name<200>>,
    contents: Vec<T>,
}

impl<T> Default for Revisions<T> {
    fn default() -> Self {
        Self { name: None, contents: Vec::new() }
    }
}

impl<T> Revisions<T> {
    /// The content of a revision.
    #[must_use]
    pub fn get(&self, revision: u32) -> Option<&T> {
        self.contents.get(usize::try_from(revision).ok()?.checked_sub(1)?)
    }

    /// The number of the latest revision, 0 before the first.
    #[must_use]
    pub fn latest(&self) -> u32 {
        u32::try_from(self.contents.len()).unwrap_or(u32::MAX)
    }

    /// Whether that is its name.
    #[must_use]
    pub fn is_named(&self, name: &Name<200>) -> bool {
        self.name.as_ref() == Some(name)
    }

    /// The number that a content gets as the next revision; `None` if the latest one is the same already.
    ///
    /// # Errors
    /// `limit_exceeded`.
    pub fn next(&self, content: &T) -> Result<Option<u32>, Rejection>
    where
        T: PartialEq,
    {
        if self.contents.last() == Some(content) {
            return Ok(None);
        }
        if self.contents.len() >= REVISIONS_MAX {
            return Err(Rejection::limit_exceeded("revisions of a setting", REVISIONS_MAX as u64));
        }
        Ok(Some(self.latest() + 1))
    }

    pub(crate) fn rename(&mut self, name: &Name<200>) {
        self.name = Some(name.clone());
    }

    pub(crate) fn push(&mut self, content: T) {
        self.contents.push(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::Code;

    #[test]
    fn revisions_are_numbered_from_one_and_stay_as_they_were() {
        let mut revisions = Revisions::default();
        assert_eq!((revisions.latest(), revisions.get(0), revisions.get(1)), (0, None, None));
        revisions.push("a");
        revisions.push("b");
        assert_eq!((revisions.latest(), revisions.get(0), revisions.get(3)), (2, None, None));
        assert_eq!((revisions.get(1), revisions.get(2)), (Some(&"a"), Some(&"b")));
        // What is so already makes no revision; what was so before makes a new one.
        assert_eq!((revisions.next(&"b"), revisions.next(&"a")), (Ok(None), Ok(Some(3))));
    }

    #[test]
    fn a_setting_has_at_most_two_hundred_revisions() {
        let mut revisions = Revisions::default();
        (0..200).for_each(|n| revisions.push(n));
        assert_eq!(revisions.next(&199), Ok(None));
        assert_eq!(revisions.next(&0).unwrap_err().code, Code::LimitExceeded);
    }
}
