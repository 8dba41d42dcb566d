//! Tickets that become one, or two.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::ticket_table::Status;
use super::{Altered, Case, Judgement, Ticket};

pub(super) fn judge(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    match case.ask.name {
        "split" => split(case, ticket, judged),
        "merge" => merge(case, ticket, judged),
        _ => unmerge(case, ticket, judged),
    }
}

fn split(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (ask, new) = (case.ask, case.ask.id_in("ticket"));
    let messages = ask.many("messages").iter().filter_map(Value::as_str).filter_map(|id| Uuid::parse_str(id).ok());
    let messages: BTreeSet<Uuid> = messages.collect();
    judged.rule(messages.is_empty() || !messages.is_subset(&ticket.messages), "validation");
    judged.rule(case.world.tickets.contains_key(&new), "already_exists");
    let successor = Ticket { messages: messages.clone(), ..ticket.successor() };
    judged.on_ticket(ask.id, "TicketSplitOff", move |ticket| {
        ticket.messages.retain(|message| !messages.contains(message));
    });
    judged.on_ticket(new, "TicketOpened", move |it| *it = Ticket { version: it.version, ..successor });
    judged.on_ticket(new, "TicketSplitFrom", |_| {});
}

fn merge(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (ask, id) = (case.ask, case.ask.id_in("loser"));
    if id == ask.id {
        return judged.rule(true, "self_merge");
    }
    judged.already(ticket.merged.contains(&id));
    // An override is looked at together with what it overrides: its right is one of the rules.
    judged.rule(ask.flag("override") && !case.has_role(2), "forbidden");
    let Some(loser) = case.world.tickets.get(&id) else { return judged.rule(true, "reference_missing") };
    judged.rule(loser.status == Status::Merged, "merged_into");
    judged.rule(matches!(loser.status, Status::Resolved | Status::Closed | Status::Cancelled), "invalid_transition");
    judged.rule(case.is_erased(loser.customer), "subject_erased");
    let (own, others) = (case.today(ticket.customer), case.today(loser.customer));
    let mixed = own != others && !ask.flag("override");
    judged.rule(mixed && !case.world.is(Altered::CustomersMixed), "customer_mismatch");
    judged.rule(ticket.merged.len() >= 50, "limit_exceeded");
    let survivor = ask.id;
    judged.on_ticket(survivor, "TicketMerged", move |ticket| {
        ticket.merged.insert(id);
    });
    judged.on_ticket(id, "TicketMergedInto", move |ticket| {
        ticket.merged_into = Some(survivor);
        ticket.before = ticket.status;
        ticket.status = Status::Merged;
    });
}

fn unmerge(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (ask, id) = (case.ask, case.ask.id_in("loser"));
    let Some(loser) = case.world.tickets.get(&id) else { return judged.rule(true, "reference_missing") };
    judged.already(!ticket.merged.contains(&id));
    judged.on_ticket(ask.id, "TicketUnmerged", move |ticket| {
        ticket.merged.remove(&id);
    });
    let before = loser.before;
    judged.on_ticket(id, "TicketRestoredFromMerge", move |ticket| {
        ticket.merged_into = None;
        ticket.status = before;
    });
    case.keep_or_unassign(id, loser, judged);
}
