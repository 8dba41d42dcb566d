//! An inquiry goes on as a ticket: both histories are told of it in one append.

use super::command::Command;
use super::event::Event;
use super::state::{Inquiry, Matter};
use crate::customer;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{ServicePlanId, SlaPolicyId, StreamId, TeamId, TicketId};
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};
use crate::ticket::{self, Opening};

/// What [`convert`] reads beside the inquiry's customer.
pub(super) fn reads(
    inquiry: &Inquiry,
    ticket: TicketId,
    team: Option<TeamId>,
    sla_policy: Option<SlaPolicyId>,
    plan: Option<ServicePlanId>,
    loaded: &Loaded,
) -> Vec<StreamId> {
    let opening = ticket::opening_reads(inquiry.customer, team.or(inquiry.team), sla_policy, plan, loaded);
    std::iter::once(ticket.stream()).chain(opening).collect()
}

/// Opens the ticket for whom the customer is today; any other command changes nothing. The words stay those of whoever
/// asked: where a merge is undone, they go with that customer's erasure.
pub(super) fn convert(
    inquiry: &Inquiry,
    matter: &Matter,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let Command::Convert {
        ticket,
        ticket_type,
        impact,
        urgency,
        category,
        tags,
        team,
        sla_policy,
        plan,
        product,
        subject,
    } = command
    else {
        return Ok(Decision::already());
    };
    let Some(own) = inquiry.customer else {
        return Err(Rejection::new(Code::NotIdentified, "a ticket takes a customer: identify the inquiry first"));
    };
    let customer = customer::survivor(context.loaded, own);
    let (usual_impact, usual_urgency) = matter.priority.usual();
    let subject = match subject {
        Some(subject) => Personal::new(own.0, subject.clone()),
        None => matter.subject.clone().owned_by(own.0),
    };
    let opening = Opening {
        customer,
        requester: None,
        ticket_type: *ticket_type,
        subject,
        description: Some(matter.body.clone().owned_by(own.0)),
        channel: matter.channel,
        category: category.clone(),
        tags: tags.clone(),
        impact: impact.unwrap_or(usual_impact),
        urgency: urgency.unwrap_or(usual_urgency),
        team: team.or(inquiry.team),
        sla_policy: *sla_policy,
        plan: *plan,
        product: product.clone(),
    };
    let converted = Decision::event(context.stream, Event::InquiryConverted { ticket: *ticket });
    opening.decide(converted, *ticket, context)
}
