//! Running roles together in one process.

use anyhow::{Context as _, anyhow};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Environment;
use crate::roles::{Prepared, Role};
use crate::shutdown::DRAIN_TIMEOUT;
use crate::telemetry::RenderMetrics;

/// Opens what roles need. All settings are checked before anything is opened.
///
/// # Errors
/// A setting is wrong, or something that a role needs cannot be reached.
pub async fn prepare(
    environment: &Environment,
    roles: &[Role],
    metrics: &RenderMetrics,
) -> anyhow::Result<Vec<Prepared>> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    for role in &roles {
        role.check(environment)?;
    }
    let mut prepared = Vec::new();
    for role in roles {
        prepared
            .push(role.prepare(environment, metrics).await.with_context(|| format!("the role {role} cannot start"))?);
    }
    Ok(prepared)
}

/// Runs roles until `stop`; then what is under way may end within [`DRAIN_TIMEOUT`]. If one fails, all stop.
///
/// # Errors
/// The failure of the role that failed first.
pub async fn run(prepared: Vec<Prepared>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut roles = JoinSet::new();
    for prepared in prepared {
        let (role, token) = (prepared.role(), stop.child_token());
        roles.spawn(async move { (role, prepared.run(token).await) });
    }
    let mut first_failure = None;
    let mut deadline = None;
    while !roles.is_empty() {
        let ended = tokio::select! {
            ended = roles.join_next() => ended,
            () = stop.cancelled(), if deadline.is_none() => {
                deadline = Some(tokio::time::Instant::now() + DRAIN_TIMEOUT);
                continue;
            }
            () = sleep_until(deadline) => {
                tracing::warn!(roles = roles.len(), "some roles take too long to stop, and are left");
                // The process ends, which is safe at any moment; aborting would drop what they are doing.
                roles.detach_all();
                break;
            }
        };
        let failure = match ended {
            None => break,
            Some(Ok((role, Ok(())))) if stop.is_cancelled() => {
                tracing::info!(%role, "stopped");
                continue;
            }
            Some(Ok((role, Ok(())))) => anyhow!("the role {role} ended although nobody asked it to"),
            Some(Ok((role, Err(error)))) => error.context(format!("the role {role} failed")),
            Some(Err(error)) => anyhow!(error).context("a role panicked"),
        };
        // The first is told by whoever called; it is the cause of the others, if there are any.
        match &first_failure {
            None => first_failure = Some(failure),
            Some(_) => tracing::error!("{failure:#}"),
        }
        stop.cancel();
    }
    first_failure.map_or(Ok(()), Err)
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
