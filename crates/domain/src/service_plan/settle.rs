//! Timers: all follow from where a plan stood before a decision and where it stands after.

use std::collections::BTreeMap;

use super::command::Command;
use super::state::ServicePlan;
use crate::aggregates;
use crate::decider::{Context, Decision, TimerChange};
use crate::ids::StreamId;

/// The timer that ends a plan with its period.
const EXPIRE: &str = "expire";
/// The timer that plans occurrences.
const OCCURRENCES: &str = "occurrences";

/// Adds the timers that the events of a decision bring about on each plan.
pub(super) fn settle(mut decision: Decision, command: &Command, context: &Context<'_>) -> Decision {
    let mut after: BTreeMap<StreamId, ServicePlan> = BTreeMap::new();
    let known = |stream: StreamId| context.loaded.get::<ServicePlan>(stream);
    for (stream, event) in &decision.events {
        let aggregates::Event::ServicePlan(event) = event else { continue };
        after.entry(*stream).or_insert_with(|| known(*stream).cloned().unwrap_or_default()).fold(event);
    }
    // A timer that has fired is gone.
    let (expires, plans) = (matches!(command, Command::Expire {}), matches!(command, Command::PlanOccurrences {}));
    if plans && let Some(plan) = known(context.stream) {
        // By the zones of this program nothing may be due yet: it is set again.
        after.entry(context.stream).or_insert_with(|| plan.clone());
    }
    for (stream, after) in after {
        let before = known(stream);
        let expire_before = before.filter(|_| !expires).and_then(ServicePlan::expire_due);
        let occurrences_before = before.filter(|_| !plans).and_then(ServicePlan::occurrences_due);
        for (name, before, after, command) in [
            (EXPIRE, expire_before, after.expire_due(), Command::Expire {}),
            (OCCURRENCES, occurrences_before, after.occurrences_due(), Command::PlanOccurrences {}),
        ] {
            let change = match after {
                _ if before == after => continue,
                Some(due_at) => TimerChange::Set { stream, name, due_at, command: Box::new(command.into()) },
                None => TimerChange::Cancel { stream, name },
            };
            decision.timers.push(change);
        }
    }
    decision
}
