//! Settling a matter with a survey about it, and closing it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::event::Event;
use super::fields::{Article, ClosedBy, Priority, ResolutionCode, ResolutionText, RootCause, TicketType};
use super::links::in_the_way;
use super::state::{Matter, Ticket};
use super::wait::is_due;
use crate::decider::{Context, Decision};
use crate::feedback::{Feedback, Metric, Terms, expiry_timer, survey_requested};
use crate::ids::{FeedbackId, TicketId};
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};

/// How long after its resolution a ticket may be reopened: 14 times 24 hours.
pub const REOPEN_WINDOW: TimeDelta = TimeDelta::hours(14 * 24);
/// The most articles of a resolution.
pub const ARTICLES_MAX: usize = 20;

pub(super) fn resolve(
    ticket: &Ticket,
    matter: &Matter,
    code: ResolutionCode,
    text: Option<&ResolutionText>,
    root_cause: Option<&RootCause>,
    articles: &BTreeSet<Article>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let needs_cause = matter.ticket_type == TicketType::Problem || matter.priority == Priority::P1;
    if needs_cause && root_cause.is_none() {
        return Err(Rejection::new(Code::RootCauseRequired, "problems and P1 tickets are resolved with a root cause"));
    }
    if articles.len() > ARTICLES_MAX {
        return Err(Rejection::limit_exceeded("articles of a resolution", ARTICLES_MAX as u64));
    }
    let in_the_way = in_the_way(ticket, TicketId(context.stream.id), context.loaded);
    if !in_the_way.is_empty() {
        let ids: Vec<String> = in_the_way.iter().map(ToString::to_string).collect();
        let detail = format!("{} unfinished tickets stand in the way", ids.len());
        return Err(Rejection::new(Code::Blocked, detail).with("blocked_by", ids));
    }
    let resolved = Event::TicketResolved {
        code,
        text: text.map(|text| Personal::new(matter.customer.0, text.clone())),
        root_cause: root_cause.cloned(),
        articles: articles.clone(),
        reopen_until: context.occurred_at.checked_add_signed(REOPEN_WINDOW).unwrap_or(DateTime::<Utc>::MAX_UTC),
    };
    Ok(with_survey(Decision::event(context.stream, resolved), ticket, matter, code, context))
}

/// Asks the customer how satisfied they are with whoever has the ticket now, unless the survey would have expired by the
/// time it is requested, as with a history that is imported.
fn with_survey(
    resolved: Decision,
    ticket: &Ticket,
    matter: &Matter,
    code: ResolutionCode,
    context: &Context<'_>,
) -> Decision {
    let id = TicketId(context.stream.id);
    let Some(survey) = survey_after(id, ticket, code).map(FeedbackId::stream) else { return resolved };
    let (terms, at) = (Terms::default(), context.occurred_at);
    if terms.expires_at(at) <= context.now || context.loaded.get::<Feedback>(survey).is_some() {
        return resolved;
    }
    let rated = ticket.rated(Some(id));
    resolved
        .and(survey, survey_requested(matter.customer, Metric::Csat, rated, terms, at))
        .timer(expiry_timer(survey, terms, at))
}

/// The survey that a resolution asks for, if it does: the same each time that it is asked, another one for each
/// resolution. Nobody is asked about a duplicate, nor after there was no answer.
pub(super) fn survey_after(id: TicketId, ticket: &Ticket, code: ResolutionCode) -> Option<FeedbackId> {
    let asks = match code {
        ResolutionCode::Duplicate | ResolutionCode::NoResponse => false,
        ResolutionCode::Assistance
        | ResolutionCode::Configuration
        | ResolutionCode::BugFixed
        | ResolutionCode::HardwareRepair
        | ResolutionCode::Replacement
        | ResolutionCode::SoftwareUpdate
        | ResolutionCode::Training
        | ResolutionCode::CannotReproduce
        | ResolutionCode::WontFix
        | ResolutionCode::ByDesign
        | ResolutionCode::Other => true,
    };
    // Between two resolutions lies a reopening.
    let name = format!("survey {}", ticket.reopen_count.saturating_add(1));
    asks.then(|| FeedbackId(Uuid::new_v5(&id.0, name.as_bytes())))
}

pub(super) fn close(ticket: &Ticket, auto: bool, context: &Context<'_>) -> Decision {
    if auto && !is_due(ticket.standing.auto_close_due(), context) {
        return Decision::already();
    }
    let by = if auto { ClosedBy::Auto } else { ClosedBy::Manual };
    Decision::event(context.stream, Event::TicketClosed { by })
}
