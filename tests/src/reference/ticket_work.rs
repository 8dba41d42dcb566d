//! The work on tickets: who has them, what is written, what they wait for, and how they end.

use uuid::Uuid;

use super::ticket_table::{Cell, Status};
use super::{Altered, Case, DAY, Judgement, Ticket};

/// How long after its resolution a ticket may be reopened: 14 times 24 hours.
const WINDOW: i64 = 14 * DAY;
/// How long a survey can be answered: 14 times 24 hours.
const SURVEY: i64 = 14 * DAY;
/// How far ahead a wake-up may lie: ten times 365 days.
const WAIT_MAX: i64 = 3_650 * DAY;
/// Hosts' clocks may differ by so much when a timer is due.
const SKEW: i64 = 300 * super::SECOND;

/// A survey that nobody has answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Survey {
    pub(crate) version: u64,
    pub(crate) customer: Uuid,
    pub(crate) metric: String,
    pub(crate) status: String,
    pub(crate) expires_at: i64,
    pub(crate) amend_for_s: i64,
}

impl Case<'_> {
    /// The reasons against giving a ticket to an agent: unknown, not active, not in the team, no room.
    fn unfit(&self, agent: Uuid, team: Option<Uuid>, ticket: Uuid) -> Vec<&'static str> {
        let Some(found) = self.world.agents.get(&agent) else { return vec!["reference_missing"] };
        let mut reasons = Vec::new();
        if !found.is_active() && !self.world.is(Altered::OfflineAssigned) {
            reasons.push("agent_inactive");
        }
        let member = |team| self.world.teams.get(&team).is_some_and(|team| team.members.contains(&agent));
        if team.is_some_and(|team| !member(team)) && !self.world.is(Altered::TeamIgnored) {
            reasons.push("agent_not_in_team");
        }
        let others = self
            .world
            .tickets
            .iter()
            .filter(|(id, other)| **id != ticket && other.status.is_unfinished() && other.assignee == Some(agent));
        let more = i64::from(self.world.is(Altered::CapacityOneMore));
        if i64::try_from(others.count()).unwrap_or(i64::MAX) >= found.capacity + more {
            reasons.push("capacity");
        }
        reasons
    }

    /// An assignee who cannot take a ticket that comes back to work loses it.
    pub(super) fn keep_or_unassign(&self, id: Uuid, ticket: &Ticket, judged: &mut Judgement) {
        let unfit = ticket.assignee.is_some_and(|agent| !self.unfit(agent, ticket.team, id).is_empty());
        if unfit {
            judged.on_ticket(id, "TicketUnassigned", |ticket| ticket.assignee = None);
        }
    }

    fn in_window(&self, ticket: &Ticket) -> bool {
        ticket.reopen_until.is_some_and(|until| self.at <= until) || self.world.is(Altered::WindowForgotten)
    }

    /// The ticket that a merged one became, in the end; and over how many steps.
    pub(super) fn survivor_of(&self, id: Uuid) -> (Uuid, usize) {
        let next = |id: &Uuid| self.world.tickets.get(id).and_then(|ticket| ticket.merged_into);
        let chain: Vec<Uuid> = std::iter::successors(next(&id), next).collect();
        (chain.last().copied().unwrap_or(id), chain.len())
    }
}

pub(super) fn hand_over(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let Case { world, ask, .. } = case;
    let id = ask.id;
    if ask.name == "unassign" {
        judged.already(ticket.assignee.is_none());
        return judged.on_ticket(id, "TicketUnassigned", |ticket| ticket.assignee = None);
    }
    let team = ask.uuid("team");
    let routed = team.filter(|team| ticket.team != Some(*team));
    let unknown = team.is_some_and(|team| !world.teams.contains_key(&team));
    if let Some(team) = routed {
        judged.on_ticket(id, "TicketRouted", move |ticket| ticket.team = Some(team));
    }
    if ask.name == "route" {
        judged.already(routed.is_none());
        judged.rule(unknown, "reference_missing");
        let members = team.and_then(|team| world.teams.get(&team)).map(|team| &team.members);
        let leaves = ticket.assignee.is_some_and(|agent| members.is_some_and(|members| !members.contains(&agent)));
        if leaves {
            judged.on_ticket(id, "TicketUnassigned", |ticket| ticket.assignee = None);
        }
        return;
    }
    let agent = ask.id_in("agent");
    let keeps = ticket.assignee == Some(agent);
    judged.already(keeps && routed.is_none());
    judged.rule(unknown, "reference_missing");
    let room_matters = !keeps && !ask.flag("override");
    for reason in case.unfit(agent, team.or(ticket.team), id) {
        judged.rule(reason != "capacity" || room_matters, reason);
    }
    if !keeps {
        let to = to(case.cell("assign", ticket), ticket.status);
        judged.on_ticket(id, "TicketAssigned", move |ticket| {
            ticket.assignee = Some(agent);
            ticket.status = to;
        });
    }
}

fn to(cell: Cell, status: Status) -> Status {
    match cell {
        Cell::To(status) => status,
        Cell::No | Cell::Stay | Cell::Special => status,
    }
}

/// A reply or a note of the desk.
pub(super) fn write(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    let message = ask.command_id;
    judged.rule(ticket.messages.len() >= 10_000, "limit_exceeded");
    if ask.name == "add_note" {
        return judged.on_ticket(ask.id, "InternalNoteAdded", move |ticket| {
            ticket.messages.insert(message);
        });
    }
    // Bots and internal replies are no answer to the customer.
    let answers = ask.actor_kind == "agent" && ask.flag("public");
    let status = if answers { to(case.cell("reply", ticket), ticket.status) } else { ticket.status };
    judged.on_ticket(ask.id, "AgentReplied", move |ticket| {
        ticket.messages.insert(message);
        ticket.answered |= answers;
        ticket.status = status;
    });
}

/// What the customer wrote: on the ticket where it belongs today, or on one that follows it.
pub(super) fn receive(case: &Case<'_>, judged: &mut Judgement) {
    let (ask, message) = (case.ask, case.ask.command_id);
    let (id, steps) = case.survivor_of(ask.id);
    judged.deep(steps > 5);
    let Some(ticket) = case.world.tickets.get(&id) else { return judged.rule(true, "not_found") };
    judged.gate(case.is_erased(ticket.customer), "subject_erased");
    let reopens = ticket.status == Status::Resolved && case.in_window(ticket);
    if matches!(ticket.status, Status::Resolved | Status::Closed | Status::Cancelled) && !reopens {
        let name = format!("follow-up {}", ticket.follow_ups + 1);
        let follow_up = Uuid::new_v5(&id, name.as_bytes());
        judged.rule(case.world.tickets.contains_key(&follow_up), "already_exists");
        let successor = ticket.successor();
        judged.on_ticket(id, "FollowUpOpened", |ticket| ticket.follow_ups += 1);
        judged.on_ticket(follow_up, "TicketOpened", move |it| *it = Ticket { version: it.version, ..successor });
        judged.on_ticket(follow_up, "TicketFollowedUp", |_| {});
        return judged.on_ticket(follow_up, "CustomerReplied", move |ticket| {
            ticket.messages.insert(message);
        });
    }
    judged.rule(ticket.messages.len() >= 10_000, "limit_exceeded");
    let status = to(case.cell("receive_customer_reply", ticket), ticket.status);
    judged.on_ticket(id, "CustomerReplied", move |ticket| {
        ticket.messages.insert(message);
        ticket.status = status;
    });
    if reopens {
        back(case, id, ticket, judged);
    }
}

fn back(case: &Case<'_>, id: Uuid, ticket: &Ticket, judged: &mut Judgement) {
    judged.on_ticket(id, "TicketReopened", |ticket| {
        ticket.status = Status::Open;
        ticket.reopened += 1;
    });
    case.keep_or_unassign(id, ticket, judged);
}

pub(super) fn wait(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let Case { ask, at, now, .. } = case;
    let reason = ask.name_of("reason");
    match ask.name {
        "await_customer" => {
            let until = ask.text("until").and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
            let until = until.map(|until| until.timestamp_micros());
            let same = ticket.waiting_for == reason && ticket.wake_up == until;
            judged.already(ticket.status == Status::Pending && same);
            judged.rule(until.is_some_and(|until| until <= *at || until - at > WAIT_MAX), "validation");
            judged.on_ticket(ask.id, "TicketAwaitingCustomer", move |ticket| {
                ticket.status = Status::Pending;
                ticket.waiting_for = reason;
                ticket.wake_up = until;
            });
        }
        "hold" => {
            judged.already(ticket.status == Status::OnHold && ticket.waiting_for == reason);
            judged.on_ticket(ask.id, "TicketPutOnHold", move |ticket| {
                ticket.status = Status::OnHold;
                ticket.waiting_for = reason;
            });
        }
        _ => {
            let due = ticket.status == Status::Pending && ticket.wake_up.is_some_and(|wake_up| wake_up <= now + SKEW);
            judged.already(ticket.status == Status::Open || (ask.flag("wake_up") && !due));
            judged.on_ticket(ask.id, "TicketResumed", |ticket| ticket.status = Status::Open);
        }
    }
}

pub(super) fn resolve(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (ask, world) = (case.ask, case.world);
    let needs_cause = ticket.kind == "problem" || ticket.priority == 1;
    let forgotten = world.is(Altered::RootCauseForgotten);
    judged.rule(needs_cause && ask.text("root_cause").is_none() && !forgotten, "root_cause_required");
    judged.rule(ask.names("articles").len() > 20, "limit_exceeded");
    let blockers = ticket.blocked_by.iter().filter(|_| !world.is(Altered::BlockersIgnored));
    let children = ticket.children.iter().filter(|_| !world.is(Altered::ChildrenIgnored));
    for waited in blockers.chain(children) {
        let (today, steps) = case.survivor_of(*waited);
        let unfinished = world.tickets.get(&today).is_some_and(|other| other.status.is_unfinished());
        judged.rule(today != ask.id && unfinished, "blocked");
        judged.deep(steps > 5);
    }
    let (status, until) = (to(case.cell("resolve", ticket), ticket.status), case.at + WINDOW);
    judged.on_ticket(ask.id, "TicketResolved", move |ticket| {
        ticket.status = status;
        ticket.reopen_until = Some(until);
    });
    let number = ticket.reopened + 1;
    let survey = Uuid::new_v5(&ask.id, format!("survey {number}").as_bytes());
    let (customer, expires_at) = (ticket.customer, case.at + SURVEY);
    let asks = !matches!(ask.text("code"), Some("duplicate" | "no_response")) && !world.is(Altered::NobodyAsked);
    if asks && expires_at > case.now && !world.surveys.contains_key(&survey) {
        judged.on_survey(survey, "SurveyRequested", move |it| {
            let (metric, status) = ("csat".to_owned(), "requested".to_owned());
            let amend_for_s = 7 * 24 * 3_600;
            *it = Survey { version: it.version, customer, metric, status, expires_at, amend_for_s };
        });
    }
}

pub(super) fn reopen(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    let late = ticket.status == Status::Resolved && !case.in_window(ticket);
    judged.rule(late, "reopen_window_passed");
    if ask.name == "reject_resolution" {
        judged.on_ticket(ask.id, "ResolutionRejected", |_| {});
    }
    back(case, ask.id, ticket, judged);
}

pub(super) fn end(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    match ask.name {
        "close" => {
            let due = ticket.reopen_until.is_some_and(|until| until <= case.now + SKEW);
            judged.already(ask.flag("auto") && !due);
            judged.on_ticket(ask.id, "TicketClosed", |ticket| ticket.status = Status::Closed);
        }
        "cancel" => judged.on_ticket(ask.id, "TicketCancelled", |ticket| {
            ticket.before = ticket.status;
            ticket.status = Status::Cancelled;
        }),
        _ => {
            let back = if ticket.before == Status::New { Status::New } else { Status::Open };
            judged.on_ticket(ask.id, "TicketRestored", move |ticket| ticket.status = back);
            case.keep_or_unassign(ask.id, ticket, judged);
        }
    }
}
