//! Surveys: asked for with who is rated, answered once, amended for a while, or expired.

use chrono::{DateTime, Utc};

use super::command::Command;
use super::decide::check_named;
use super::event::{Content, Event};
use super::fields::{About, Comment, Metric, Score, Status, Terms};
use super::state::Survey;
use super::transitions::not_possible;
use crate::decider::{Context, Decision, Loaded, TimerChange};
use crate::ids::{CustomerId, StreamId};
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};
use crate::ticket::{Ticket, is_due};

/// The timer that ends a survey which is not answered.
const EXPIRY: &str = "survey_expiry";

/// A new survey of `rated`, as its stream begins. The timer of [`expiry_timer`] goes with it.
pub(crate) fn survey_requested(
    customer: CustomerId,
    metric: Metric,
    rated: About,
    terms: Terms,
    at: DateTime<Utc>,
) -> Event {
    Event::SurveyRequested { customer, metric, rated, expires_at: terms.expires_at(at), amend_for_s: terms.amend_for }
}

/// The timer of a survey that was requested at `at`.
pub(crate) fn expiry_timer(stream: StreamId, terms: Terms, at: DateTime<Utc>) -> TimerChange {
    let command = Box::new(Command::Expire {}.into());
    TimerChange::Set { stream, name: EXPIRY, due_at: terms.expires_at(at), command }
}

pub(super) fn request(
    customer: CustomerId,
    metric: Metric,
    rated: About,
    terms: Terms,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let (stream, at) = (context.stream, context.occurred_at);
    let rated = snapshot(rated, customer, context.loaded)?;
    let requested = survey_requested(customer, metric, rated, terms, at);
    Ok(Decision::event(stream, requested).timer(expiry_timer(stream, terms, at)))
}

/// Who is rated as things stand: a ticket with its agent, team and plan, or whoever is named.
fn snapshot(rated: About, customer: CustomerId, loaded: &Loaded) -> Result<About, Rejection> {
    let wrong = |field: &str| {
        Err(Rejection::validation(
            format!("/data/rated/{field}"),
            "a ticket is rated with its own agent, team and plan",
        ))
    };
    match rated {
        About { ticket: Some(_), agent: Some(_), .. } => return wrong("agent"),
        About { ticket: Some(_), team: Some(_), .. } => return wrong("team"),
        About { ticket: Some(_), plan: Some(_), .. } => return wrong("plan"),
        About { ticket: None, agent: None, team: None, plan: None } => {
            return Err(Rejection::validation("/data/rated", "a ticket, an agent, a team or a plan is rated"));
        }
        About { .. } => check_named(rated, "/data/rated", customer, loaded)?,
    }
    let ticket = rated.ticket.and_then(|id| loaded.get::<Ticket>(id.stream()));
    Ok(match ticket {
        Some(ticket) => ticket.rated(rated.ticket),
        None => rated,
    })
}

/// Refuses what comes after the last instant for an answer, also where the timer has not been heard yet.
fn in_time(survey: &Survey, command: &str, context: &Context<'_>) -> Result<(), Rejection> {
    if context.occurred_at <= survey.expires_at { Ok(()) } else { Err(not_possible(command, Status::Expired)) }
}

fn in_scale(metric: Metric, score: Score) -> Result<(), Rejection> {
    let scale = metric.scale();
    if scale.contains(&score.get()) {
        return Ok(());
    }
    let detail = format!("a score of {} is {} to {}", metric.name(), scale.start(), scale.end());
    Err(Rejection::validation("/data/score", detail))
}

pub(super) fn remind(survey: &Survey, context: &Context<'_>) -> Result<Decision, Rejection> {
    in_time(survey, "remind", context)?;
    Ok(Decision::event(context.stream, Event::SurveyReminded {}))
}

pub(super) fn submit(
    customer: CustomerId,
    survey: &Survey,
    score: Score,
    comment: Option<&Comment>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    in_time(survey, "submit", context)?;
    in_scale(survey.metric, score)?;
    let comment = comment.map(|comment| Personal::new(customer.0, comment.clone()));
    let amend_until = survey.amend_for.after(context.occurred_at);
    let content = Content::Response { score, comment, amend_until };
    let answered = TimerChange::Cancel { stream: context.stream, name: EXPIRY };
    Ok(Decision::event(context.stream, Event::FeedbackSubmitted { customer, content }).timer(answered))
}

pub(super) fn amend(
    customer: CustomerId,
    survey: &Survey,
    score: Score,
    comment: Option<&Comment>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let Some(answer) = &survey.answer else { return Err(not_possible("amend", Status::Requested)) };
    if answer.score == score && comment.is_none() && !answer.has_comment {
        return Ok(Decision::already());
    }
    if context.occurred_at < answer.given_at {
        return Err(Rejection::validation("/occurred_at", "an answer is not changed before it was given"));
    }
    if context.occurred_at > answer.amend_until {
        let until = answer.amend_until.to_rfc3339();
        let detail = format!("the answer could be changed until {until}");
        return Err(Rejection::new(Code::AmendWindowPassed, detail).with("amend_until", until));
    }
    in_scale(survey.metric, score)?;
    let comment = comment.map(|comment| Personal::new(customer.0, comment.clone()));
    Ok(Decision::event(context.stream, Event::FeedbackAmended { score, comment }))
}

/// Ends the survey, if a timer's command has come for its time; its own timer is gone with that command.
pub(super) fn expire(survey: &Survey, context: &Context<'_>) -> Decision {
    if is_due(Some(survey.expires_at), context) {
        Decision::event(context.stream, Event::SurveyExpired {})
    } else {
        Decision::already()
    }
}
