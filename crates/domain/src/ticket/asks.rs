//! What a decision asks for beside the ticket's own stream.

use super::assign::capacity_claim;
use super::command::Command;
use super::fields::Status;
use super::open::opening_reads;
use super::state::Ticket;
use super::{links, merge, messages, plan, resolve, sla};
use crate::customer;
use crate::decider::{ClaimQuery, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::{AgentId, FeedbackId, StreamId, TeamId, TicketId};

/// What a command asks for.
#[derive(Default)]
pub(super) struct Asks {
    /// Other streams.
    pub(super) streams: Vec<StreamId>,
    /// The agent whose capacity may be taken, and the team in which the agent must be.
    pub(super) seat: Option<(AgentId, Option<TeamId>)>,
    /// Whether it takes a role.
    pub(super) role: bool,
}

impl Asks {
    fn streams(streams: Vec<StreamId>) -> Self {
        Self { streams, ..Self::default() }
    }

    /// The seat of an assignee who may get the ticket back.
    pub(super) fn seat_of(mut self, ticket: Option<&Ticket>) -> Self {
        self.seat = ticket.and_then(|ticket| Some((ticket.standing.assignee?, ticket.team)));
        self
    }

    fn role(mut self, role: bool) -> Self {
        self.role = role;
        self
    }
}

/// The service plan that it is under, of which units may be taken.
fn plan_of(ticket: &Ticket) -> impl Iterator<Item = StreamId> {
    ticket.plan.into_iter().map(|plan| plan.id.stream())
}

fn asks(id: TicketId, ticket: &Ticket, command: &Command, loaded: &Loaded) -> Asks {
    match command {
        Command::Route { team } => Asks::streams(vec![team.stream()]),
        Command::Assign { team, agent, overridden } => {
            let seat = Some((*agent, team.or(ticket.team)));
            Asks { seat, role: *overridden, ..Asks::default() }
        }
        Command::ReceiveCustomerReply { .. } => messages::receive_asks(id, loaded),
        Command::Block { blocked_by } => Asks::streams(links::block_reads(loaded, *blocked_by)),
        Command::Unblock { blocked_by } => Asks::streams(vec![blocked_by.stream()]),
        Command::SetParent { parent } => Asks::streams(links::set_parent_reads(ticket, loaded, *parent)),
        Command::UnsetParent {} => Asks::streams(ticket.links.parent.map(TicketId::stream).into_iter().collect()),
        Command::Relate { ticket } | Command::Unrelate { ticket } => Asks::streams(vec![ticket.stream()]),
        Command::Split { ticket: split, .. } => {
            let settings = sla::successor_reads(ticket, loaded);
            Asks::streams(std::iter::once(split.stream()).chain(settings).collect())
        }
        Command::MarkDuplicateOf { ticket: of } => Asks::streams(links::mark_duplicate_of_reads(ticket, loaded, *of)),
        Command::UnmarkDuplicateOf {} => {
            Asks::streams(ticket.links.duplicate_of.map(TicketId::stream).into_iter().collect())
        }
        Command::Merge { loser, overridden } => Asks::streams(merge::merge_reads(*loser, loaded)).role(*overridden),
        Command::Unmerge { loser } => {
            let lost = loaded.get::<Ticket>(loser.stream());
            let settings = lost.map(sla::reads).unwrap_or_default();
            Asks::streams(std::iter::once(loser.stream()).chain(settings).collect()).seat_of(lost)
        }
        Command::AttachSla { policy, mode: _ } => {
            Asks::streams(sla::asked_reads(sla::Asked::latest(*policy), loaded)).role(ticket.sla.is_some())
        }
        Command::ChangePlan { plan: to, product: _ } => {
            let settings = to.map(|to| plan::reads(to, loaded)).unwrap_or_default();
            let streams = plan_of(ticket).chain(settings).collect();
            Asks::streams(streams).role(ticket.plan.is_some() || ticket.sla.is_some())
        }
        Command::Cancel { .. } => Asks::streams(plan_of(ticket).collect()),
        Command::NoticeSla { clock } => Asks::streams(sla::ladder_reads(ticket, *clock, loaded)),
        Command::Resolve { code, .. } => {
            let survey = resolve::survey_after(id, ticket, *code).map(FeedbackId::stream);
            let further = plan_of(ticket).chain(survey);
            Asks::streams(links::in_the_way_reads(ticket, loaded).into_iter().chain(further).collect())
        }
        Command::Reopen { .. } => Asks::default().seat_of(Some(ticket)).role(ticket.status() == Status::Closed),
        Command::RejectResolution { .. } => Asks::default().seat_of(Some(ticket)),
        Command::Restore {} => Asks::streams(plan_of(ticket).collect()).seat_of(Some(ticket)),
        Command::AddWatcher { agent } => Asks::streams(vec![agent.stream()]),
        Command::Open { .. }
        | Command::Classify { .. }
        | Command::ChangePriority { .. }
        | Command::Unassign {}
        | Command::Reply { .. }
        | Command::AddNote { .. }
        | Command::AwaitCustomer { .. }
        | Command::Hold { .. }
        | Command::Resume { .. }
        | Command::Escalate { .. }
        | Command::Deescalate { .. }
        | Command::Close { .. }
        | Command::LogTime { .. }
        | Command::RemoveWatcher { .. }
        | Command::Tag { .. }
        | Command::Untag { .. } => Asks::default(),
    }
}

/// The other streams that the decision reads. Every command reads the customer's, so that it is guarded.
pub(super) fn reads(id: TicketId, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
    if let Command::Open { customer, requester, team, sla_policy, plan, .. } = command {
        let customers = std::iter::once(*customer).chain(*requester);
        return opening_reads(customers, *team, *sla_policy, *plan, loaded);
    }
    let Some(ticket) = loaded.get::<Ticket>(id.stream()) else { return Vec::new() };
    let Asks { mut streams, seat, role } = asks(id, ticket, command, loaded);
    streams.extend(ticket.matter.iter().flat_map(|matter| customer::chain(loaded, matter.customer)));
    streams.extend(seat.map(|(agent, _)| agent.stream()));
    streams.extend(seat.and_then(|(_, team)| team).map(TeamId::stream));
    streams.extend(actor_stream(actor).filter(|_| role));
    streams.extend(sla::reads(ticket));
    streams
}

/// The claims that the decision looks at.
pub(super) fn claims(id: TicketId, command: &Command, loaded: &Loaded) -> Vec<ClaimQuery> {
    let Some(ticket) = loaded.get::<Ticket>(id.stream()) else { return Vec::new() };
    let seat = asks(id, ticket, command, loaded).seat;
    seat.into_iter().map(|(agent, _)| ClaimQuery { key: capacity_claim(agent), range: None }).collect()
}
