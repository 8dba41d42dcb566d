//! Contact points: the form in which two of them are compared, and the decisions about them.

use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::decide::{CONTACT_POINTS_MAX, derived_id, missing_part};
use super::event::Event;
use super::fields::{Contact, ContactKind, ContactPoint, NewContactPoint};
use super::state::Customer;
use super::survivor;
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, Context, Decision};
use crate::ids::CustomerId;
use crate::personal::Personal;
use crate::rejection::{Code, FieldError, Rejection};
use crate::text::Name;

/// The longest email address, in bytes (RFC 5321 with its erratum 1690).
const EMAIL_BYTES_MAX: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321).
const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// The form in which two contact points are compared: phones in E.164 (an extension follows as in RFC 3966), emails
/// and WeChat ids in lower case, domains with IDN in ASCII.
///
/// # Errors
/// A sentence that says what is expected.
pub fn normalize(kind: ContactKind, value: &Name<320>) -> Result<String, String> {
    match kind {
        ContactKind::Phone => normalize_phone(value.as_str()),
        ContactKind::Email => normalize_email(value.as_str()),
        ContactKind::Wechat => Ok(value.as_str().to_lowercase()),
        ContactKind::Other => Ok(value.as_str().to_owned()),
    }
}

fn normalize_phone(text: &str) -> Result<String, String> {
    let expected = || "a phone is a valid number in international format, with + and the country code".to_owned();
    if !text.starts_with(['+', '＋']) {
        return Err(expected());
    }
    let number = phonenumber::parse(None, text).map_err(|_| expected())?;
    if !number.is_valid() {
        return Err(expected());
    }
    let e164 = format!("+{}{}", number.code().value(), number.national());
    Ok(match number.extension() {
        Some(extension) => format!("{e164};ext={extension}"),
        None => e164,
    })
}

fn normalize_email(text: &str) -> Result<String, String> {
    let expected = || "an email is written name@domain".to_owned();
    let (local, domain) = text.rsplit_once('@').ok_or_else(expected)?;
    let odd = |char: char| char.is_whitespace() || matches!(char, '@' | '<' | '>' | '"' | '(' | ')' | ',' | ';' | ':');
    let local: String = local.to_lowercase().nfc().collect();
    if local.is_empty() || local.len() > EMAIL_LOCAL_BYTES_MAX || local.contains(odd) {
        return Err(expected());
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| "the email's domain is not valid".to_owned())?;
    let email = format!("{local}@{domain}");
    if !domain.contains('.') || email.len() > EMAIL_BYTES_MAX {
        return Err("the email's domain is not valid".to_owned());
    }
    Ok(email)
}

/// The claim of a contact point, for the kinds of which each has one customer.
pub(super) fn key(kind: ContactKind, normalized: &str) -> Option<ClaimKey> {
    match kind {
        ContactKind::Email => Some(ClaimKey::new("customer.email", normalized)),
        ContactKind::Phone => Some(ClaimKey::new("customer.phone", normalized)),
        ContactKind::Wechat | ContactKind::Other => None,
    }
}

/// The claim that adding it takes, if it is valid.
pub(super) fn claimed(point: &NewContactPoint) -> Option<ClaimKey> {
    key(point.kind, &normalize(point.kind, &point.value).ok()?)
}

/// A contact point together with the claim that goes with it.
pub(super) struct Checked {
    pub(super) point: ContactPoint,
    pub(super) claim: Option<ClaimKey>,
}

/// Checks a contact point of a command. `pointer` is its place in the message.
pub(super) fn check(
    new: &NewContactPoint,
    pointer: &str,
    allow_duplicate: bool,
    context: &Context<'_>,
) -> Result<Checked, Rejection> {
    let normalized =
        normalize(new.kind, &new.value).map_err(|detail| Rejection::validation(format!("{pointer}/value"), detail))?;
    let claim = key(new.kind, &normalized).filter(|_| !allow_duplicate);
    if let Some(holding) = claim.as_ref().and_then(|key| context.loaded.claims.get(key)?.first()) {
        return Err(taken(pointer, survivor(context.loaded, CustomerId(holding.holder.id))));
    }
    let contact = Contact { value: new.value.clone(), normalized, label: new.label.clone() };
    let point = ContactPoint {
        id: new.id.unwrap_or_else(|| derived_id(context, pointer)),
        kind: new.kind,
        contact: Personal::new(context.stream.id, contact),
        primary: new.primary,
        verified: false,
        unique: claim.is_some(),
    };
    Ok(Checked { point, claim })
}

fn taken(pointer: &str, holder: CustomerId) -> Rejection {
    let mut rejection = Rejection::new(Code::ContactPointTaken, format!("the customer {holder} has it"));
    rejection.errors.push(FieldError { pointer: format!("{pointer}/value"), detail: rejection.detail.clone() });
    rejection.with("holder", holder.to_string())
}

/// The contact points that have to become primary, so that each kind has one.
pub(super) fn unsettled(points: &[ContactPoint]) -> Vec<Uuid> {
    let settled = |kind: ContactKind| points.iter().any(|point| point.kind == kind && point.primary);
    let first = |point: &&ContactPoint| points.iter().find(|other| other.kind == point.kind).map(|other| other.id);
    points.iter().filter(|point| !settled(point.kind) && first(point) == Some(point.id)).map(|point| point.id).collect()
}

/// Makes the first of a kind primary where none is.
pub(super) fn settle(points: &mut [ContactPoint]) {
    let unsettled = unsettled(points);
    points.iter_mut().filter(|point| unsettled.contains(&point.id)).for_each(|point| point.primary = true);
}

impl Customer {
    pub(super) fn add_contact(
        &self,
        new: &NewContactPoint,
        allow_duplicate: bool,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        const POINTER: &str = "/data/contact_point";
        let id = new.id.unwrap_or_else(|| derived_id(context, POINTER));
        if self.contact_point(id).is_some() {
            return Ok(Decision::already());
        }
        if self.contact_points.len() >= CONTACT_POINTS_MAX {
            return Err(Rejection::limit_exceeded("contact points of a customer", CONTACT_POINTS_MAX as u64));
        }
        let Checked { mut point, claim } = check(new, POINTER, allow_duplicate, context)?;
        point.primary |= !self.contact_points.iter().any(|other| other.kind == point.kind);
        let decision = Decision::event(context.stream, Event::CustomerContactPointAdded { contact_point: point });
        Ok(match claim {
            Some(key) => decision.claim(ClaimChange::Take { key, holder: context.stream, kind: ClaimKind::Unique }),
            None => decision,
        })
    }

    pub(super) fn remove_contact(&self, id: Uuid, context: &Context<'_>) -> Decision {
        let Some(point) = self.contact_point(id) else { return Decision::already() };
        let removed = Event::CustomerContactPointRemoved { contact_point_id: id };
        let released = own_claim(point).map(|key| ClaimChange::Release { key, holder: context.stream });
        released.into_iter().fold(self.and_settled(removed, context), Decision::claim)
    }

    pub(super) fn verify_contact(&self, id: Uuid, context: &Context<'_>) -> Result<Decision, Rejection> {
        let point = self.known_contact(id)?;
        if point.verified {
            return Ok(Decision::already());
        }
        Ok(Decision::event(context.stream, Event::CustomerContactPointVerified { contact_point_id: id }))
    }

    pub(super) fn prefer_contact(&self, id: Uuid, context: &Context<'_>) -> Result<Decision, Rejection> {
        let point = self.known_contact(id)?;
        if point.primary {
            return Ok(Decision::already());
        }
        Ok(Decision::event(context.stream, Event::CustomerPrimaryContactPointSet { contact_point_id: id }))
    }

    /// An event that takes contact points away, followed by those that keep one primary of each kind.
    pub(super) fn and_settled(&self, event: Event, context: &Context<'_>) -> Decision {
        let mut after = self.clone();
        after.fold(&event);
        let set = |contact_point_id| Event::CustomerPrimaryContactPointSet { contact_point_id };
        unsettled(&after.contact_points)
            .into_iter()
            .map(set)
            .fold(Decision::event(context.stream, event), |decision, event| decision.and(context.stream, event))
    }

    fn known_contact(&self, id: Uuid) -> Result<&ContactPoint, Rejection> {
        self.contact_point(id).ok_or_else(|| missing_part("/data/contact_point_id", "contact point", id))
    }
}

/// The claim that a contact point holds. Its value is read only to give back what was taken with it.
pub(super) fn own_claim(point: &ContactPoint) -> Option<ClaimKey> {
    key(point.kind, &point.contact.reveal()?.normalized).filter(|_| point.unique)
}
