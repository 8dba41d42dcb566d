//! What was reached: how often each command had each outcome.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use domain::rejection::Code;
use serde_json::{Value, json};

use crate::reference::{Ask, COMMANDS};

/// Codes that no command of these runs can have, and why.
const NOT_REACHED: &[(&str, &str)] = &[
    ("overloaded", "the clients wait for their answers, so the queue never fills"),
    ("unavailable", "the store stays up; tests/torture takes it away"),
    ("deadline_passed", "no command is given a deadline"),
    ("already_answered", "no survey is answered"),
    ("amend_window_passed", "no answer is amended"),
    ("evidence_required", "the model asks nothing of needs"),
    ("not_identified", "the model asks nothing of inquiries"),
    ("plan_not_active", "the model asks nothing of service plans"),
    ("not_covered", "the model asks nothing of service plans"),
    ("allocation_exhausted", "the model asks nothing of service plans"),
    ("rrule_invalid", "the model asks nothing of service plans"),
    ("resource_busy", "the model asks nothing of service executions"),
    ("skills_missing", "the model asks nothing of service executions"),
    ("outside_window", "the model asks nothing of service executions"),
    ("checklist_incomplete", "the model asks nothing of service executions"),
    ("scores_missing", "the model asks nothing of evaluations"),
    ("evaluator_is_rated", "the model asks nothing of evaluations"),
];
/// Codes that take receipts, which only the form through PostgreSQL has.
const WITH_RECEIPTS: &str = "command_mismatch";

/// Counts by command and outcome.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: HashMap<(&'static str, &'static str, &'static str), u64>,
}

impl Coverage {
    pub(crate) fn count(&mut self, ask: &Ask, outcome: &'static str) {
        *self.counts.entry((ask.aggregate, ask.name, outcome)).or_default() += 1;
    }

    pub(crate) fn of(&self, ask: &Ask, outcome: &'static str) -> u64 {
        self.counts.get(&(ask.aggregate, ask.name, outcome)).copied().unwrap_or(0)
    }

    /// How often a command was accepted with events.
    pub(crate) fn accepted(&self, aggregate: &'static str, name: &'static str) -> u64 {
        self.counts.get(&(aggregate, name, "accepted")).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, other: &Coverage) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
    }

    /// How many commands had an outcome.
    #[must_use]
    pub fn total(&self, meant: impl Fn(&str) -> bool) -> u64 {
        self.counts.iter().filter(|((.., outcome), _)| meant(outcome)).map(|(_, count)| count).sum()
    }

    /// What was not reached and should have been: commands never accepted, and codes that never occurred.
    #[must_use]
    pub fn gaps(&self, with_receipts: bool) -> Vec<String> {
        let commands = COMMANDS.iter().filter(|command| self.accepted(command.aggregate, command.name) == 0);
        let mut gaps: Vec<String> =
            commands.map(|command| format!("{}.{} was never accepted", command.aggregate, command.name)).collect();
        let reachable = |code: &str| {
            NOT_REACHED.iter().all(|(other, _)| *other != code) && (with_receipts || code != WITH_RECEIPTS)
        };
        let codes = Code::ALL.iter().map(|code| code.as_str()).filter(|code| reachable(code));
        let missing = codes.filter(|code| self.total(|outcome| outcome == *code) == 0);
        gaps.extend(missing.map(|code| format!("the code {code} never occurred")));
        gaps
    }

    /// As JSON: outcomes by command, and the codes that cannot be reached with the reasons.
    #[must_use]
    pub fn json(&self, with_receipts: bool) -> Value {
        let not_reached: BTreeMap<&str, &str> = NOT_REACHED.iter().copied().collect();
        let mut not_reached = json!(not_reached);
        if !with_receipts {
            not_reached[WITH_RECEIPTS] = json!("it takes receipts, which the form in memory has not");
        }
        json!({"outcomes": self.rows(), "gaps": self.gaps(with_receipts), "not_reached": not_reached})
    }

    fn rows(&self) -> BTreeMap<String, BTreeMap<&'static str, u64>> {
        let mut rows: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((aggregate, name, outcome), count) in &self.counts {
            rows.entry(format!("{aggregate}.{name}")).or_default().insert(outcome, *count);
        }
        rows
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (command, outcomes) in self.rows() {
            let told: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
            writeln!(f, "{command:40} {}", told.join(", "))?;
        }
        Ok(())
    }
}
