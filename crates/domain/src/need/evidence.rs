//! What shows that a need is there: something else of the same customer.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregates::Category;
use crate::customer;
use crate::decider::Loaded;
use crate::ids::{CustomerId, StreamId};
use crate::named::named;
use crate::rejection::Rejection;

/// The most pieces of evidence of a need.
pub const EVIDENCE_MAX: usize = 50;

/// Declares the kinds of evidence: the aggregate, its module, its name as it is written, and whose one is.
macro_rules! evidence_kinds {
    ($($(#[$doc:meta])* $kind:ident = $module:ident, $name:literal, $customer:expr;)*) => {
        named! {
            /// The kinds of evidence.
            EvidenceKind { $($(#[$doc])* $kind = $name,)* }
        }

        impl Evidence {
            /// The stream that holds it.
            #[must_use]
            pub const fn stream(self) -> StreamId {
                let category = match self.kind { $(EvidenceKind::$kind => Category::$kind,)* };
                StreamId { category, id: self.id }
            }

            /// Whose it is; `None` where that is not known, or where it does not exist.
            fn customer(self, loaded: &Loaded) -> Option<CustomerId> {
                match self.kind {
                    $(EvidenceKind::$kind => {
                        loaded.get::<crate::$module::$kind>(self.stream()).and_then($customer)
                    })*
                }
            }
        }
    };
}

/// Something that shows that a need is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What kind of thing it is.
    pub kind: EvidenceKind,
    /// Which one.
    pub id: Uuid,
}

evidence_kinds! {
    /// A ticket 工单.
    Ticket = ticket, "ticket", |ticket| ticket.matter.as_ref().map(|matter| matter.customer);
    /// An inquiry 咨询.
    Inquiry = inquiry, "inquiry", |inquiry| inquiry.customer;
    /// Feedback 反馈.
    Feedback = feedback, "feedback", |feedback| feedback.matter.as_ref().map(|matter| matter.customer);
    /// A transaction 交易.
    Transaction = transaction, "transaction", |transaction| transaction.customer;
}

impl Evidence {
    /// What [`Evidence::check`] reads, beside the chain of the need's own customer.
    pub(super) fn reads(self, loaded: &Loaded) -> impl Iterator<Item = StreamId> {
        let customers = self.customer(loaded).map(|customer| customer::chain(loaded, customer));
        std::iter::once(self.stream()).chain(customers.into_iter().flatten())
    }

    /// Refuses what does not exist, and what is of another customer than the need.
    pub(super) fn check(self, pointer: &str, customer: CustomerId, loaded: &Loaded) -> Result<(), Rejection> {
        let stream = self.stream();
        if loaded.streams.get(&stream).is_none_or(|known| known.version == 0) {
            return Err(Rejection::reference_missing(pointer, stream));
        }
        if self.customer(loaded).is_some_and(|own| customer::are_one(loaded, own, customer)) {
            return Ok(());
        }
        Err(Rejection::customer_mismatch(pointer, stream))
    }
}
