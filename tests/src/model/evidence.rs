//! The result of a run, in the form of the torture's evidence.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::Coverage;

/// What a run saw.
#[derive(Debug)]
pub struct Evidence {
    /// `model-pure` or `model-postgres`.
    pub scenario: &'static str,
    /// The seed of everything that was random.
    pub seed: u64,
    /// How many commands were sent.
    pub invoked: u64,
    /// How many had no outcome.
    pub unknown: u64,
    /// How many events there are.
    pub events: u64,
    /// Everything that was not as it should be.
    pub violations: Vec<String>,
    /// How long it took, in seconds.
    pub wall_s: f64,
    /// What was reached.
    pub coverage: Coverage,
    /// Whether receipts were part of it.
    pub with_receipts: bool,
    /// How many clients sent commands, and to how many lanes; 0 in memory.
    pub clients: (usize, usize),
}

impl Evidence {
    /// How many commands were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.coverage.total(|outcome| matches!(outcome, "accepted" | "already_so"))
    }

    /// As JSON; `full` is the number of commands from which on the run counts as the full form.
    #[must_use]
    pub fn json(&self, full: u64) -> Value {
        let commit = Command::new("git").args(["rev-parse", "HEAD"]).output().ok();
        let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let accepted = self.accepted();
        let rejected = self.coverage.total(|outcome| !matches!(outcome, "accepted" | "already_so"));
        json!({
            "scenario": self.scenario,
            "seed": self.seed,
            "commit": commit.filter(|commit| !commit.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
            "form": if self.invoked >= full { "full" } else { "short" },
            "operations": {
                "invoked": self.invoked, "accepted": accepted, "rejected": rejected, "unknown": self.unknown,
            },
            "events": self.events,
            "violations": self.violations,
            "wall_s": (self.wall_s * 10.0).round() / 10.0,
            "skipped": null,
            "clients": self.clients.0,
            "lanes": self.clients.1,
            "coverage": self.coverage.json(self.with_receipts),
        })
    }

    /// Writes it into a directory.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, directory: &Path, full: u64) -> std::io::Result<()> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(format!("{}.json", self.scenario));
        std::fs::write(path, format!("{:#}\n", self.json(full)))
    }

    /// One line in plain words, after a line for each violation.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for violation in &self.violations {
            text += &format!("VIOLATION {}: {violation}\n", self.scenario);
        }
        let verdict = match self.violations.len() {
            0 => "no violation".to_owned(),
            count => format!("{count} VIOLATIONS"),
        };
        let rate = self.invoked as f64 / self.wall_s.max(0.001);
        text + &format!(
            "RESULT {}: {verdict}; {} commands ({} accepted, {} rejected, {} unknown), {} events, {:.1} s ({rate:.0}/s), seed {}",
            self.scenario,
            self.invoked,
            self.accepted(),
            self.coverage.total(|outcome| !matches!(outcome, "accepted" | "already_so")),
            self.unknown,
            self.events,
            self.wall_s,
            self.seed,
        )
    }
}
