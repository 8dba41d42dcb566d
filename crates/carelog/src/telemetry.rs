//! What the program tells about itself: the log on standard error, and metrics in Prometheus' form.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing_subscriber::EnvFilter;

use crate::config::{Environment, LogFormat};
use crate::exit::Usage;

/// Bounds of the buckets of all histograms of seconds.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of the buckets of all other histograms: sizes of batches, numbers of rows.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Gives the metrics as Prometheus reads them.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Begins to log. `CARELOG_LOG` says what, `CARELOG_LOG_FORMAT` how; `default` is the level where nothing is set.
///
/// # Errors
/// A setting is wrong, or something else logs already.
pub fn init_log(environment: &Environment, default: &str) -> anyhow::Result<()> {
    let directives = environment.optional("CARELOG_LOG").unwrap_or(default);
    let filter = EnvFilter::try_new(directives).map_err(|error| {
        Usage(format!("CARELOG_LOG is {directives:?} ({error}): set it to a level or to target=level, such as info"))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match LogFormat::read(environment)? {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("cannot begin to log: {error}"))
}

/// Begins to count, and returns how to read the figures. Must be called inside the runtime.
///
/// # Errors
/// Something else counts already.
pub fn init_metrics() -> anyhow::Result<RenderMetrics> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| builder.set_buckets(COUNTS))
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot begin to count")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        // Without it what was observed piles up until somebody asks.
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Arc::new(move || handle.render()))
}
