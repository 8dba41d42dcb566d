//! Entity models with their row types hidden, so that one runner serves them all.

use std::fmt;
use std::marker::PhantomData;

use domain::Category;

use crate::entity::Entity;
use crate::fold::{Fold, Folding};

/// An entity model behind its table. Made by [`of`].
pub trait Model: sealed::Sealed + Send + Sync {
    /// The view's name in schema `read`.
    fn name(&self) -> &'static str;
    /// The revision of the fold, the row and the table.
    fn revision(&self) -> u32;
    /// The categories whose events it folds.
    fn reads(&self) -> &'static [Category];
    /// The table's own columns, one a line.
    fn columns(&self) -> &'static str;
    /// The statements that index and comment the table, with `{table}` for its name.
    fn indexes(&self) -> &'static str;
}

mod sealed {
    use crate::fold::Folding;

    #[expect(private_interfaces, reason = "sealed: nobody outside names what it gives")]
    pub trait Sealed {
        fn fold(&self) -> Box<dyn Folding>;
    }
}

pub(crate) use sealed::Sealed;

struct Of<E>(PhantomData<fn() -> E>);

/// The model of an entity.
#[must_use]
pub const fn of<E: Entity>() -> &'static dyn Model {
    &Of::<E>(PhantomData)
}

impl<E: Entity> Sealed for Of<E> {
    fn fold(&self) -> Box<dyn Folding> {
        Box::new(Fold::<E>::default())
    }
}

impl<E: Entity> Model for Of<E> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn revision(&self) -> u32 {
        E::REVISION
    }

    fn reads(&self) -> &'static [Category] {
        E::READS
    }

    fn columns(&self) -> &'static str {
        E::COLUMNS
    }

    fn indexes(&self) -> &'static str {
        E::INDEXES
    }
}

impl fmt::Debug for dyn Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} r{}", self.name(), self.revision())
    }
}
