//! What customers say in feedback becomes a need, or evidence of one.

use super::decide::check_pieces;
use super::event::Event;
use super::evidence::{Evidence, EvidenceKind};
use super::fields::{Source, Title};
use super::state::Need;
use crate::customer;
use crate::decider::Loaded;
use crate::ids::{CustomerId, FeedbackId, NeedId, StreamId};
use crate::personal::Personal;
use crate::rejection::Rejection;
use crate::ticket::{CategoryPath, Description};

/// The command by which evidence is attached.
const ATTACH_EVIDENCE: &str = "attach_evidence";

/// The capture of what feedback asks for, in its own words. The need's stream must be among the reads.
///
/// # Errors
/// The need exists.
pub(crate) fn captured_from(
    feedback: FeedbackId,
    need: NeedId,
    customer: CustomerId,
    title: &Title,
    description: Personal<Description>,
    loaded: &Loaded,
) -> Result<Event, Rejection> {
    if loaded.get::<Need>(need.stream()).is_some() {
        return Err(Rejection::already_exists(need.stream()));
    }
    Ok(Event::NeedCaptured {
        customer,
        title: title.clone(),
        description,
        category: CategoryPath::default(),
        product_ref: None,
        source: Source::Feedback,
        evidence: [Evidence { kind: EvidenceKind::Feedback, id: feedback.0 }].into(),
        importance: None,
        satisfaction: None,
        wanted_by: None,
        est_value: None,
        owner: None,
    })
}

/// What a need says when feedback becomes evidence of it; nothing if it is that already.
///
/// # Errors
/// There is no such need, it is another customer's, it has ended, or it has as much evidence as there may be.
pub(crate) fn evidence_attached(
    feedback: FeedbackId,
    need: NeedId,
    customer: CustomerId,
    loaded: &Loaded,
) -> Result<Option<Event>, Rejection> {
    let missing = || Rejection::reference_missing("/data/need", need.stream());
    let found = loaded.get::<Need>(need.stream()).ok_or_else(missing)?;
    if !found.customer.is_some_and(|own| customer::are_one(loaded, own, customer)) {
        return Err(Rejection::customer_mismatch("/data/need", need.stream()));
    }
    let evidence = Evidence { kind: EvidenceKind::Feedback, id: feedback.0 };
    if found.evidence.contains(&evidence) {
        return Ok(None);
    }
    if !found.status.allowed().contains(&ATTACH_EVIDENCE) {
        return Err(found.refusal(ATTACH_EVIDENCE));
    }
    check_pieces(found.evidence.len() + 1)?;
    Ok(Some(Event::NeedEvidenceAttached { evidence }))
}

/// What [`evidence_attached`] reads, beside the chain of the feedback's customer.
pub(crate) fn need_reads(need: NeedId, loaded: &Loaded) -> Vec<StreamId> {
    let customer = loaded.get::<Need>(need.stream()).and_then(|need| need.customer);
    let chain = customer.map(|customer| customer::chain(loaded, customer)).unwrap_or_default();
    std::iter::once(need.stream()).chain(chain).collect()
}
