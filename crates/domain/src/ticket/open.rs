//! New tickets: opened by somebody, split off, or following one that has ended.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::assign::check_team;
use super::command::Command;
use super::event::Event;
use super::fields::{CategoryPath, Channel, Description, Impact, Priority, Subject, Tag, TicketType, Urgency};
use super::plan::{self, put_under};
use super::settle::settle;
use super::sla::{self, Asked};
use super::state::{Matter, Ticket};
use crate::customer::{chain, live_customer};
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{CustomerId, ServicePlanId, SlaPolicyId, StreamId, TeamId, TicketId};
use crate::personal::Personal;
use crate::rejection::Rejection;
use crate::service_plan::Product;

/// The most tags of a ticket.
pub const TAGS_MAX: usize = 50;

/// Refuses more tags than a ticket may have.
pub(super) fn check_tags(tags: usize) -> Result<(), Rejection> {
    if tags > TAGS_MAX { Err(Rejection::limit_exceeded("tags of a ticket", TAGS_MAX as u64)) } else { Ok(()) }
}

/// What a ticket that follows no other begins with.
pub(crate) struct Opening {
    /// Whose ticket it is.
    pub(crate) customer: CustomerId,
    /// Who asked, if not the customer.
    pub(crate) requester: Option<CustomerId>,
    /// What kind of matter it is.
    pub(crate) ticket_type: TicketType,
    /// What it is about.
    pub(crate) subject: Personal<Subject>,
    /// The whole story.
    pub(crate) description: Option<Personal<Description>>,
    /// How it came in.
    pub(crate) channel: Channel,
    /// The category, the widest first.
    pub(crate) category: CategoryPath,
    /// Tags.
    pub(crate) tags: BTreeSet<Tag>,
    /// How many are affected.
    pub(crate) impact: Impact,
    /// How soon it is needed.
    pub(crate) urgency: Urgency,
    /// Which team it goes to.
    pub(crate) team: Option<TeamId>,
    /// By which policy clocks run for it.
    pub(crate) sla_policy: Option<SlaPolicyId>,
    /// Under which service plan it is worked on; clocks run by the plan's policy, unless another one is given.
    pub(crate) plan: Option<ServicePlanId>,
    /// For which product the plan is to cover it.
    pub(crate) product: Option<Product>,
}

/// What [`Opening::decide`] reads beside the ticket's own stream.
pub(crate) fn opening_reads(
    customers: impl IntoIterator<Item = CustomerId>,
    team: Option<TeamId>,
    sla_policy: Option<SlaPolicyId>,
    plan: Option<ServicePlanId>,
    loaded: &Loaded,
) -> Vec<StreamId> {
    let chains = customers.into_iter().flat_map(|customer| chain(loaded, customer));
    let policy = sla_policy.map(|policy| sla::asked_reads(Asked::latest(policy), loaded));
    let plan = plan.map(|plan| plan::reads(plan, loaded));
    chains.chain(team.map(TeamId::stream)).chain(policy.into_iter().chain(plan).flatten()).collect()
}

impl Opening {
    /// Adds the opening of the ticket, with its clocks, to what caused it. The ticket's stream and [`opening_reads`] must
    /// be among the reads.
    ///
    /// # Errors
    /// The ticket exists, something that it refers to does not, it has too many tags, or the plan does not serve it.
    pub(crate) fn decide(
        self,
        cause: Decision,
        ticket: TicketId,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        if context.loaded.get::<Ticket>(ticket.stream()).is_some() {
            return Err(Rejection::already_exists(ticket.stream()));
        }
        live_customer(context.loaded, "/data/customer", self.customer)?;
        if let Some(requester) = self.requester {
            live_customer(context.loaded, "/data/requester", requester)?;
        }
        check_team(self.team, context.loaded)?;
        check_tags(self.tags.len())?;
        let priority = Priority::of(self.impact, self.urgency);
        let put = match self.plan {
            Some(plan) => {
                let seen = (self.channel, priority);
                Some(put_under(plan, self.customer, seen, self.product.as_ref(), context)?)
            }
            None if self.product.is_some() => return Err(plan::no_product_without_plan()),
            None => None,
        };
        let opened = Event::TicketOpened {
            customer: self.customer,
            requester: self.requester,
            ticket_type: self.ticket_type,
            subject: self.subject,
            description: self.description,
            channel: self.channel,
            category: self.category,
            tags: self.tags,
            impact: self.impact,
            urgency: self.urgency,
            priority,
            priority_reason: None,
            team: self.team,
        };
        let by_plan = self.plan.and_then(|plan| plan::policy(plan, context.loaded));
        let asked = self.sla_policy.map(Asked::latest).or(by_plan);
        let events = std::iter::once(opened).chain(put);
        let opened = events.fold(cause, |decision, event| decision.and(ticket.stream(), event));
        settle(opened, asked, None, context)
    }
}

/// Opens a ticket; any other command changes nothing.
pub(super) fn open(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Open {
        customer,
        requester,
        ticket_type,
        subject,
        description,
        channel,
        category,
        tags,
        impact,
        urgency,
        team,
        sla_policy,
        plan,
        product,
    } = command
    else {
        return Ok(Decision::already());
    };
    let opening = Opening {
        customer: *customer,
        requester: *requester,
        ticket_type: *ticket_type,
        subject: Personal::new(customer.0, subject.clone()),
        description: description.clone().map(|description| Personal::new(customer.0, description)),
        channel: *channel,
        category: category.clone(),
        tags: tags.clone(),
        impact: *impact,
        urgency: *urgency,
        team: *team,
        sla_policy: *sla_policy,
        plan: *plan,
        product: product.clone(),
    };
    opening.decide(Decision::already(), TicketId(context.stream.id), context)
}

/// The opening of a ticket that takes after another one.
pub(super) fn opened_after(ticket: &Ticket, matter: &Matter, subject: Personal<Subject>) -> Event {
    Event::TicketOpened {
        customer: matter.customer,
        requester: matter.requester,
        ticket_type: matter.ticket_type,
        subject,
        description: None,
        channel: matter.channel,
        category: matter.category.clone(),
        tags: ticket.tags.clone(),
        impact: matter.impact,
        urgency: matter.urgency,
        priority: matter.priority,
        priority_reason: matter.priority_reason.clone(),
        team: ticket.team,
    }
}

/// Moves messages of `ticket` to the new ticket `split`.
pub(super) fn split(
    ticket: &Ticket,
    matter: &Matter,
    split: TicketId,
    messages: &BTreeSet<Uuid>,
    subject: &Subject,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if messages.is_empty() {
        return Err(Rejection::validation("/data/messages", "at least one message"));
    }
    if context.loaded.get::<Ticket>(split.stream()).is_some() {
        return Err(Rejection::already_exists(split.stream()));
    }
    if let Some(unknown) = messages.difference(&ticket.messages).next() {
        return Err(Rejection::validation("/data/messages", format!("{unknown} is no message of this ticket")));
    }
    let opened = opened_after(ticket, matter, Personal::new(matter.customer.0, subject.clone()));
    let origin = TicketId(context.stream.id);
    Ok(Decision::event(context.stream, Event::TicketSplitOff { split, messages: messages.clone() })
        .and(split.stream(), opened)
        .and(split.stream(), Event::TicketSplitFrom { origin, messages: messages.clone() }))
}
