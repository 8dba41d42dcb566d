//! How far a long piece of work is: a bar on a terminal, a plain line now and then elsewhere. On standard error.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::outcomes::{grouped, rate};

const LINE_INTERVAL: Duration = Duration::from_secs(5);
const DRAWS_PER_SECOND_MAX: u8 = 10;

/// The progress of one piece of work.
pub struct Progress {
    shown: Shown,
    label: String,
    total: Option<u64>,
    begun: Instant,
}

enum Shown {
    Bar(ProgressBar),
    Lines { next: Instant },
    Nothing,
}

impl Progress {
    /// Begins. `total` is in the same unit as what [`at`](Self::at) is told.
    #[must_use]
    pub fn begin(label: &str, total: Option<u64>) -> Self {
        let begun = Instant::now();
        let shown = if std::io::stderr().is_terminal() {
            Shown::Bar(bar(label, total))
        } else {
            Shown::Lines { next: begun + LINE_INTERVAL }
        };
        Self { shown, label: label.to_owned(), total, begun }
    }

    /// Progress that is not shown.
    #[must_use]
    pub fn hidden() -> Self {
        Self { shown: Shown::Nothing, label: String::new(), total: None, begun: Instant::now() }
    }

    /// Tells the total, once it is known.
    pub fn set_total(&mut self, total: u64) {
        if self.total == Some(total) {
            return;
        }
        self.total = Some(total);
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(total);
            bar.set_style(style(Some(total)));
        }
    }

    /// The work is so far, of `count` things done.
    pub fn at(&mut self, position: u64, count: u64) {
        let elapsed = self.begun.elapsed();
        let message = || format!("{} · {}/s", grouped(count), grouped(rate(count, elapsed)));
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_position(position);
                bar.set_message(message());
            }
            Shown::Lines { next } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + LINE_INTERVAL;
                    let percent = match self.total {
                        Some(total) if total > 0 => format!(" {} %", position.min(total) * 100 / total),
                        Some(_) | None => String::new(),
                    };
                    eprintln!("{}{percent}: {}", self.label, message());
                }
            }
            Shown::Nothing => {}
        }
    }

    /// Writes a line without disturbing the bar.
    pub fn line(&self, text: &str) {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(|| eprintln!("{text}")),
            Shown::Lines { .. } | Shown::Nothing => eprintln!("{text}"),
        }
    }

    /// Ends, and returns how long it took.
    pub fn end(self) -> Duration {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        self.begun.elapsed()
    }
}

fn bar(label: &str, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND_MAX));
    bar.set_prefix(label.to_owned());
    bar.set_style(style(total));
    bar
}

fn style(total: Option<u64>) -> ProgressStyle {
    let template = match total {
        Some(_) => "{prefix} [{bar:32}] {percent:>3} % {msg} · {elapsed} · {eta} left",
        None => "{prefix} {spinner} {msg} · {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉░")
}
