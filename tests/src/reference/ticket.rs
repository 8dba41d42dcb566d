//! Tickets: what they are, who may ask what of them in which state, and what describes them.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::ticket_table::{Cell, Status};
use super::{Altered, Case, Judgement, Standing, ticket_links, ticket_merge, ticket_work};

/// A ticket.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) version: u64,
    pub(crate) customer: Uuid,
    pub(crate) requester: Option<Uuid>,
    pub(crate) kind: String,
    pub(crate) channel: String,
    pub(crate) category: Vec<String>,
    pub(crate) impact: i64,
    pub(crate) urgency: i64,
    /// 1 to 4.
    pub(crate) priority: i64,
    pub(crate) priority_reason: Option<String>,
    pub(crate) status: Status,
    /// The status before it was merged or cancelled.
    pub(crate) before: Status,
    pub(crate) assignee: Option<Uuid>,
    pub(crate) team: Option<Uuid>,
    pub(crate) waiting_for: Option<String>,
    pub(crate) wake_up: Option<i64>,
    pub(crate) reopen_until: Option<i64>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) watchers: BTreeSet<Uuid>,
    pub(crate) escalation: Option<i64>,
    pub(crate) blocked_by: BTreeSet<Uuid>,
    pub(crate) blocks: BTreeSet<Uuid>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) children: BTreeSet<Uuid>,
    pub(crate) related: BTreeSet<Uuid>,
    pub(crate) duplicate_of: Option<Uuid>,
    pub(crate) duplicates: BTreeSet<Uuid>,
    pub(crate) merged: BTreeSet<Uuid>,
    pub(crate) merged_into: Option<Uuid>,
    pub(crate) follow_ups: u32,
    pub(crate) messages: BTreeSet<Uuid>,
    pub(crate) answered: bool,
    pub(crate) reopened: u32,
}

impl Ticket {
    /// A new ticket that takes after this one.
    pub(super) fn successor(&self) -> Ticket {
        Ticket {
            customer: self.customer,
            requester: self.requester,
            kind: self.kind.clone(),
            channel: self.channel.clone(),
            category: self.category.clone(),
            impact: self.impact,
            urgency: self.urgency,
            priority: self.priority,
            priority_reason: self.priority_reason.clone(),
            team: self.team,
            tags: self.tags.clone(),
            ..Ticket::default()
        }
    }
}

/// The priority by impact (rows) and urgency (columns).
fn matrix(impact: i64, urgency: i64) -> i64 {
    let row: [i64; 4] = match impact {
        1 => [1, 1, 2, 4],
        2 => [1, 2, 3, 4],
        _ => [2, 3, 3, 4],
    };
    usize::try_from(urgency - 1).ok().and_then(|column| row.get(column)).copied().unwrap_or(4)
}

/// What customers may ask for; everything else is for the desk.
const FOR_CUSTOMERS: [&str; 6] = ["open", "receive_customer_reply", "reject_resolution", "reopen", "close", "cancel"];
/// What stays possible when the customer was erased: it stores nothing personal.
const WINDS_UP: [&str; 3] = ["unassign", "close", "cancel"];

impl Case<'_> {
    /// Whether the customer was erased, or the one into whom it was merged.
    pub(super) fn is_erased(&self, customer: Uuid) -> bool {
        let standing = |id: &Uuid| self.world.customers.get(id).map(|customer| customer.standing);
        standing(&customer) == Some(Standing::Erased) || standing(&self.today(customer)) == Some(Standing::Erased)
    }
}

/// Reasons of rights and state. Gives whether the command is for an existing ticket that may be asked.
fn gates(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    let by_timer = (ask.name == "close" && ask.flag("auto")) || (ask.name == "resume" && ask.flag("wake_up"));
    judged.gate(by_timer && ask.actor_kind != "system", "forbidden");
    judged.gate(ask.actor_kind == "customer" && !FOR_CUSTOMERS.contains(&ask.name), "forbidden");
    judged.gate(!WINDS_UP.contains(&ask.name) && case.is_erased(ticket.customer), "subject_erased");
    if case.cell(ask.name, ticket) == Cell::No {
        let merged = ticket.status == Status::Merged;
        judged.gate(true, if merged { "merged_into" } else { "invalid_transition" });
    }
    let takes_supervisor = match ask.name {
        "assign" => ask.flag("override"),
        "reopen" => ticket.status == Status::Closed && !case.world.is(Altered::AnybodyReopens),
        _ => false,
    };
    judged.gate(takes_supervisor && !case.has_role(2), "forbidden");
}

pub(super) fn judge(case: &Case<'_>, judged: &mut Judgement) {
    let Case { world, ask, .. } = case;
    let found = world.tickets.get(&ask.id);
    if ask.name == "open" {
        judged.gate(found.is_some(), "already_exists");
        return open(case, judged);
    }
    let Some(ticket) = found else { return judged.gate(true, "not_found") };
    gates(case, ticket, judged);
    match ask.name {
        "classify" => classify(case, ticket, judged),
        "change_priority" => prioritize(case, ticket, judged),
        "escalate" | "deescalate" => escalate(case, ticket, judged),
        "route" | "assign" | "unassign" => ticket_work::hand_over(case, ticket, judged),
        "reply" | "add_note" => ticket_work::write(case, ticket, judged),
        "receive_customer_reply" => ticket_work::receive(case, judged),
        "await_customer" | "hold" | "resume" => ticket_work::wait(case, ticket, judged),
        "resolve" => ticket_work::resolve(case, ticket, judged),
        "reject_resolution" | "reopen" => ticket_work::reopen(case, ticket, judged),
        "close" | "cancel" | "restore" => ticket_work::end(case, ticket, judged),
        "split" | "merge" | "unmerge" => ticket_merge::judge(case, ticket, judged),
        "log_time" => judged.on_ticket(ask.id, "TimeLogged", |_| {}),
        "add_watcher" | "remove_watcher" => watch(case, ticket, judged),
        "tag" | "untag" => tag(case, ticket, judged),
        _ => ticket_links::judge(case, ticket, judged),
    }
}

fn open(case: &Case<'_>, judged: &mut Judgement) {
    let ask = case.ask;
    let customer = ask.id_in("customer");
    case.living(customer, judged);
    if let Some(requester) = ask.uuid("requester") {
        case.living(requester, judged);
    }
    let team = ask.uuid("team");
    judged.rule(team.is_some_and(|team| !case.world.teams.contains_key(&team)), "reference_missing");
    let tags = ask.names("tags");
    judged.rule(tags.len() > 50, "limit_exceeded");
    let (impact, urgency) = (ask.whole("impact").unwrap_or(0), ask.whole("urgency").unwrap_or(0));
    let text = |field: &str| ask.text(field).unwrap_or_default().to_owned();
    let ticket = Ticket {
        customer,
        requester: ask.uuid("requester"),
        kind: text("type"),
        channel: text("channel"),
        category: ask.many("category").iter().filter_map(|level| level.as_str()).map(super::name).collect(),
        impact,
        urgency,
        priority: matrix(impact, urgency),
        team,
        tags,
        ..Ticket::default()
    };
    judged.on_ticket(ask.id, "TicketOpened", move |it| *it = Ticket { version: it.version, ..ticket });
}

fn classify(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    let kind = ask.text("type").unwrap_or(&ticket.kind).to_owned();
    let category = match ask.data.get("category") {
        Some(_) => ask.many("category").iter().filter_map(|level| level.as_str()).map(super::name).collect(),
        None => ticket.category.clone(),
    };
    judged.already(kind == ticket.kind && category == ticket.category);
    judged.on_ticket(ask.id, "TicketClassified", move |ticket| {
        ticket.kind = kind;
        ticket.category = category;
    });
}

fn prioritize(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    let impact = ask.whole("impact").unwrap_or(ticket.impact);
    let urgency = ask.whole("urgency").unwrap_or(ticket.urgency);
    let by_matrix = matrix(impact, urgency);
    let wanted = ask.text("priority").and_then(|text| text.strip_prefix('P')?.parse().ok());
    let priority = wanted.unwrap_or(by_matrix);
    let reason = ask.name_of("reason");
    let unexplained = priority != by_matrix && reason.is_none();
    judged.rule(unexplained, "validation");
    let same = (impact, urgency, priority) == (ticket.impact, ticket.urgency, ticket.priority);
    judged.already(same && !unexplained && (reason.is_none() || reason == ticket.priority_reason));
    judged.on_ticket(ask.id, "TicketPrioritized", move |ticket| {
        (ticket.impact, ticket.urgency, ticket.priority) = (impact, urgency, priority);
        ticket.priority_reason = reason;
    });
}

fn escalate(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    let level = ask.whole("level");
    judged.already(ticket.escalation == level);
    let (rises, event) = match ask.name {
        "escalate" => (true, "TicketEscalated"),
        _ => (false, "TicketDeescalated"),
    };
    let (from, to) = (ticket.escalation.unwrap_or(0), level.unwrap_or(0));
    judged.rule(if rises { to < from } else { to > from }, "validation");
    judged.on_ticket(ask.id, event, move |ticket| ticket.escalation = level);
}

fn watch(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (ask, agent) = (case.ask, case.ask.id_in("agent"));
    let watches = ticket.watchers.contains(&agent);
    if ask.name == "add_watcher" {
        judged.already(watches);
        judged.rule(!case.world.agents.contains_key(&agent), "reference_missing");
        judged.rule(ticket.watchers.len() >= 50, "limit_exceeded");
        judged.on_ticket(ask.id, "TicketWatcherAdded", move |ticket| {
            ticket.watchers.insert(agent);
        });
    } else {
        judged.already(!watches);
        judged.on_ticket(ask.id, "TicketWatcherRemoved", move |ticket| {
            ticket.watchers.remove(&agent);
        });
    }
}

fn tag(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (ask, tag) = (case.ask, case.ask.name_of("tag").unwrap_or_default());
    let tagged = ticket.tags.contains(&tag);
    if ask.name == "tag" {
        judged.already(tagged);
        judged.rule(ticket.tags.len() >= 50, "limit_exceeded");
        judged.on_ticket(ask.id, "TicketTagged", move |ticket| {
            ticket.tags.insert(tag);
        });
    } else {
        judged.already(!tagged);
        judged.on_ticket(ask.id, "TicketUntagged", move |ticket| {
            ticket.tags.remove(&tag);
        });
    }
}
