//! Stopping: Ctrl-C and SIGTERM ask for it, a second one does not wait.

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long what is under way may take to end: a little longer than roles allow themselves. Afterwards the process ends all the same, which is safe at any moment.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// Returns a token that is cancelled by the first SIGINT or SIGTERM; the second one ends the process at once, with
/// 128 + the signal's number. Must be called inside the runtime.
///
/// # Errors
/// The signals cannot be listened for.
pub fn on_signals() -> anyhow::Result<CancellationToken> {
    let mut interrupts = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminations = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = interrupts.recv() => 130,
                _ = terminations.recv() => 143,
            };
            if token.is_cancelled() {
                std::process::exit(code);
            }
            tracing::info!("stopping; once more stops at once");
            token.cancel();
        }
    });
    Ok(stop)
}
