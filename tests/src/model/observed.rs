//! A state of the domain, seen with the reference's eyes.

use chrono::{DateTime, Utc};
use domain::aggregates::State;
use domain::decider::LoadedStream;
use domain::{agent, customer, feedback, team, ticket, transaction};
use serde_json::to_value;

use crate::reference::{
    Address, Agent, Contact, Customer, Line, Standing, Status, Stream, Survey, Taken, Team, Ticket, Transaction, World,
    rank,
};

/// Tells in what a stream differs from what the reference has.
pub(crate) fn difference(world: &World, stream: Stream, loaded: &LoadedStream) -> Option<String> {
    fn told<T: PartialEq + std::fmt::Debug>(reference: Option<&T>, seen: &T) -> Option<String> {
        (reference != Some(seen)).then(|| format!("the reference has\n  {reference:?}\nbut the system\n  {seen:?}"))
    }
    let (id, version) = (stream.id, loaded.version);
    match loaded.state.as_ref() {
        State::Customer(state) => told(world.customers.get(&id), &customer(state, version)),
        State::Transaction(state) => {
            let reference = world.transactions.get(&id);
            let source = reference.map(|it| it.source.clone()).unwrap_or_default();
            told(reference, &Transaction { source, ..transaction(state, version) })
        }
        State::Agent(state) => told(world.agents.get(&id), &agent(state, version)),
        State::Team(state) => told(world.teams.get(&id), &team(state, version)),
        State::Ticket(state) => told(world.tickets.get(&id), &ticket(state, version)),
        State::Feedback(state) => told(world.surveys.get(&id), &survey(state, version)),
        State::Need(_)
        | State::Inquiry(_)
        | State::ServicePlan(_)
        | State::ServiceExecution(_)
        | State::ServiceEvaluation(_)
        | State::Calendar(_)
        | State::SlaPolicy(_)
        | State::Scorecard(_) => Some("the model knows the core only".to_owned()),
    }
}

/// The text with which a fieldless value is written in JSON.
fn word(json: serde_json::Result<serde_json::Value>) -> String {
    json.ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

fn customer(state: &customer::Customer, version: u64) -> Customer {
    let standing = match state.standing {
        customer::Standing::Live => Standing::Live,
        customer::Standing::Merged { survivor } => Standing::Merged(survivor.0),
        customer::Standing::Erased => Standing::Erased,
    };
    let contact = |point: &customer::ContactPoint| Contact {
        id: point.id,
        kind: word(to_value(point.kind)),
        value: point.contact.reveal().map(|contact| contact.normalized.clone()).unwrap_or_default(),
        primary: point.primary,
        verified: point.verified,
        unique: point.unique,
    };
    let consent = |consent: &customer::Consent| match consent {
        customer::Consent::Granted { basis, source } => (Some(word(to_value(basis))), source.to_string()),
        customer::Consent::Withdrawn { source } => (None, source.to_string()),
    };
    let taken = |alias: &customer::Alias| Taken {
        contacts: alias.withdrawn.contact_points.clone(),
        addresses: alias.withdrawn.addresses.clone(),
        tags: alias.withdrawn.tags.iter().map(ToString::to_string).collect(),
        locale: alias.withdrawn.locale,
        timezone: alias.withdrawn.timezone,
        owner: alias.withdrawn.owner,
    };
    let consents = state.consents.iter();
    let organizations = state.organizations.values();
    Customer {
        version,
        standing,
        organization: state.kind == customer::Kind::Organization,
        lifecycle: state.lifecycle.name().to_owned(),
        blocked: state.blocked,
        erasure_requested: state.erasure_requested,
        contacts: state.contact_points.iter().map(contact).collect(),
        addresses: state.addresses.iter().map(|it| Address { id: it.id, kind: word(to_value(it.kind)) }).collect(),
        refs: state.external_refs.iter().map(|it| (it.system.to_string(), it.id.to_string())).collect(),
        tags: state.tags.iter().map(ToString::to_string).collect(),
        locale: state.locale.as_ref().map(ToString::to_string),
        timezone: state.timezone.as_ref().map(ToString::to_string),
        owner: state.owner.map(|owner| owner.0),
        consents: consents
            .map(|((purpose, way), it)| ((purpose.to_string(), word(to_value(way))), consent(it)))
            .collect(),
        organizations: organizations
            .map(|it| (it.organization.0, (it.role.as_ref().map(ToString::to_string), it.active)))
            .collect(),
        merged: state.merged.iter().map(|(loser, alias)| (loser.0, taken(alias))).collect(),
    }
}

fn transaction(state: &transaction::Transaction, version: u64) -> Transaction {
    let line = |line: &transaction::Line| Line {
        sku: line.sku.to_string(),
        name: line.name.as_ref().map(ToString::to_string),
        qty_milli: line.qty_milli,
        unit: line.unit_minor.0,
        discount: line.discount_minor.0,
        tax: line.tax_minor.0,
    };
    Transaction {
        version,
        customer: state.customer.map(|customer| customer.0).unwrap_or_default(),
        at: state.occurred_at.map(micros).unwrap_or_default(),
        currency: state.currency.map(|currency| currency.to_string()).unwrap_or_default(),
        amount: state.amount.0,
        lines: state.lines.iter().map(line).collect(),
        refunds: state.refunds.iter().map(|(id, amount)| (*id, amount.0)).collect(),
        voided: state.voided,
        source: Default::default(),
    }
}

fn agent(state: &agent::Agent, version: u64) -> Agent {
    Agent {
        version,
        name: state.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        role: rank(state.role.name()),
        capacity: i64::from(state.capacity),
        skills: state.skills.iter().map(ToString::to_string).collect(),
        availability: word(to_value(state.availability)),
    }
}

fn team(state: &team::Team, version: u64) -> Team {
    Team {
        version,
        name: state.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        routing: word(to_value(state.routing)),
        members: state.members.iter().map(|agent| agent.0).collect(),
    }
}

fn ticket(state: &ticket::Ticket, version: u64) -> Ticket {
    let Some(matter) = &state.matter else { return Ticket::default() };
    let status = |status: ticket::Status| Status::parse(status.name()).expect("the reference knows every status");
    let ids = |tickets: &std::collections::BTreeSet<domain::ids::TicketId>| tickets.iter().map(|it| it.0).collect();
    let links = &state.links;
    Ticket {
        version,
        customer: matter.customer.0,
        requester: matter.requester.map(|requester| requester.0),
        kind: matter.ticket_type.name().to_owned(),
        channel: matter.channel.name().to_owned(),
        category: matter.category.levels().iter().map(ToString::to_string).collect(),
        impact: i64::from(matter.impact.get()),
        urgency: i64::from(matter.urgency.get()),
        priority: matter.priority.name().trim_start_matches('P').parse().unwrap_or_default(),
        priority_reason: matter.priority_reason.as_ref().map(ToString::to_string),
        status: status(state.standing.status),
        before: status(state.standing.status_before),
        assignee: state.standing.assignee.map(|agent| agent.0),
        team: state.team.map(|team| team.0),
        waiting_for: state.waiting_for.as_ref().map(ToString::to_string),
        wake_up: state.standing.wake_up_at.map(micros),
        reopen_until: state.standing.reopen_until.map(micros),
        tags: state.tags.iter().map(ToString::to_string).collect(),
        watchers: state.watchers.iter().map(|agent| agent.0).collect(),
        escalation: state.escalation.map(|level| i64::from(level.get())),
        blocked_by: ids(&links.blocked_by),
        blocks: ids(&links.blocks),
        parent: links.parent.map(|it| it.0),
        children: ids(&links.children),
        related: ids(&links.related),
        duplicate_of: links.duplicate_of.map(|it| it.0),
        duplicates: ids(&links.duplicates),
        merged: ids(&links.merged),
        merged_into: links.merged_into.map(|it| it.0),
        follow_ups: links.follow_ups,
        messages: state.messages.clone(),
        answered: state.standing.is_answered,
        reopened: state.reopen_count,
    }
}

fn survey(state: &feedback::Feedback, version: u64) -> Survey {
    let Some((matter, survey)) = state.matter.as_ref().and_then(|matter| Some((matter, matter.survey()?))) else {
        return Survey::default();
    };
    Survey {
        version,
        customer: matter.customer.0,
        metric: survey.metric.name().to_owned(),
        status: matter.status.name().to_owned(),
        expires_at: micros(survey.expires_at),
        amend_for_s: u32::from(survey.amend_for).into(),
    }
}
