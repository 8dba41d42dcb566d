//! The role `automation`: sends the commands of timers that are due. Each is an ordinary command with an id of its own,
//! so that a timer which fires late, twice, or in two processes at once changes nothing but the time of the notice.

use std::time::Duration;

use domain::envelope::{Actor, CommandBody, CommandMessage, Publisher};
use domain::rejection::Rejection;
use event_store::{DueTimer, MasterKeys, Vault, due_timers, pool};
use serde_json::value::to_raw_value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::commands::CommandSideError;
use crate::lane::{Lane, Reply};

/// The most timers that are fired at once.
const TIMERS_MAX: u32 = 256;
/// How often the timers are looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs the role until `stop`. `pool` has the append role.
///
/// # Errors
/// The server could lose what it acknowledges.
pub async fn run(pool: PgPool, keys: MasterKeys, stop: CancellationToken) -> Result<(), CommandSideError> {
    pool::require_durable(&pool).await?;
    keys.require_oldest(&pool).await?;
    let vault = Vault::new(pool.clone(), keys);
    let (lane, lane_task) = Lane::start(pool.clone(), vault, TIMERS_MAX as usize);
    while !stop.is_cancelled() && !lane_task.is_finished() {
        let decided = fire(&pool, &lane).await;
        if decided < TIMERS_MAX as usize {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }
    drop(lane);
    lane_task.await?;
    if stop.is_cancelled() { Ok(()) } else { Err(CommandSideError::LaneEnded) }
}

/// Fires the timers that are due, and tells how many were brought to a decision. A failure leaves the timer for the
/// next round.
async fn fire(pool: &PgPool, lane: &Lane) -> usize {
    let due = match due_timers(pool, TIMERS_MAX).await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(%error, "the timers cannot be read");
            return 0;
        }
    };
    let mut replies = Vec::with_capacity(due.len());
    for timer in due {
        match command(&timer) {
            Ok(message) => match lane.submit_waiting(message, None).await {
                Ok(reply) => replies.push(reply),
                Err(_) => break,
            },
            Err(rejection) => {
                let code = rejection.code.as_str();
                tracing::error!(code, stream = %timer.stream, timer = timer.name, "a timer's command cannot be read");
            }
        }
    }
    let mut decided = 0;
    for reply in replies {
        if matches!(reply.await, Ok(Reply::Decided { .. })) {
            decided += 1;
        }
    }
    metrics::counter!("carelog_timers_fired_total").increment(decided as u64);
    decided
}

fn command(timer: &DueTimer) -> Result<CommandMessage, Rejection> {
    let malformed = |error: serde_json::Error| Rejection::new(domain::rejection::Code::Malformed, error.to_string());
    let body = CommandBody {
        command_id: timer.command_id,
        id: timer.stream.id,
        expected_version: None,
        occurred_at: Some(timer.due_at),
        actor: Actor::automation(),
        correlation_id: None,
        causation_id: None,
        data: to_raw_value(&timer.data).map_err(malformed)?,
    };
    CommandMessage::from_body(Publisher::timer(), timer.stream.category.name(), &timer.command, body)
}
