//! What became of many commands: progress while they are under way, a table at the end.

use std::process::ExitCode;

use domain::rejection::{FieldError, Rejection};

use crate::client::{Outcome, Rejected};
use crate::exit;
use crate::outcomes::Outcomes;
use crate::pipeline::Finished;
use crate::progress::Progress;

/// How many problems are written out one by one; the table counts all.
const PROBLEMS_SHOWN_MAX: u64 = 20;

/// What became of many commands: progress while they are under way, a table at the end.
pub struct Report {
    progress: Progress,
    /// The counts so far.
    pub outcomes: Outcomes,
    position: Option<u64>,
    problems: u64,
    is_interrupted: bool,
    /// The line behind which nothing was sent any more.
    gave_up_at: Option<u64>,
}

impl Report {
    /// Begins. With `total` the progress is measured by [`read_so_far`](Self::read_so_far), else by outcomes.
    #[must_use]
    pub fn begin(label: &str, total: Option<u64>) -> Self {
        let position = total.map(|_| 0);
        let progress = Progress::begin(label, total);
        Self { progress, outcomes: Outcomes::default(), position, problems: 0, is_interrupted: false, gave_up_at: None }
    }

    /// So much of the input was read.
    pub const fn read_so_far(&mut self, bytes: u64) {
        self.position = Some(bytes);
    }

    /// Counts a command with its outcome.
    pub fn finished(&mut self, finished: &Finished) {
        self.outcomes.add(&finished.answer.outcome);
        match &finished.answer.outcome {
            Outcome::Rejected(Rejected { code, detail, errors, .. }) => {
                self.problem(finished.source, code, &located(errors, detail));
            }
            Outcome::Unknown(problem) => self.problem(finished.source, "unknown", problem),
            Outcome::Accepted(_) | Outcome::Stored | Outcome::NotSent => {}
        }
        let total = self.outcomes.total();
        self.progress.at(self.position.unwrap_or(total), total);
    }

    /// Counts something in the input that is no command.
    pub fn refused(&mut self, source: u64, rejection: &Rejection) {
        self.outcomes.reject(rejection.code.as_str());
        self.problem(source, rejection.code.as_str(), &located(&rejection.errors, &rejection.detail));
    }

    /// Somebody stopped it before the end of the input.
    pub const fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// Whether so many outcomes are unknown that sending more than up to this line makes no sense.
    #[must_use]
    pub fn gives_up(&mut self, line: u64, in_flight: u16) -> bool {
        if self.outcomes.unknown < u64::from(in_flight) {
            return false;
        }
        self.gave_up_at = Some(line);
        true
    }

    /// Prints the table and returns the exit code.
    pub fn end(self) -> ExitCode {
        let elapsed = self.progress.end();
        if self.problems > PROBLEMS_SHOWN_MAX {
            eprintln!("… and {} more", self.problems - PROBLEMS_SHOWN_MAX);
        }
        eprintln!("{}", self.outcomes.table(elapsed));
        let code = self.outcomes.exit_code();
        if let Some(line) = self.gave_up_at {
            eprintln!("gave up at line {line}: nothing behind it was sent");
        }
        if code == exit::UNKNOWN {
            eprintln!("run it again: what was accepted is answered from its receipt, where the command_id is the same");
        }
        if self.is_interrupted {
            return exit::interrupted();
        }
        ExitCode::from(code)
    }

    fn problem(&mut self, source: u64, code: &str, detail: &str) {
        self.problems += 1;
        if self.problems <= PROBLEMS_SHOWN_MAX {
            self.progress.line(&format!("line {source}: {code}: {}", detail.trim()));
        }
    }
}

/// What is wrong, behind the fields at fault.
fn located(errors: &[FieldError], detail: &str) -> String {
    let fields: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    format!("{} {detail}", fields.join(" "))
}
