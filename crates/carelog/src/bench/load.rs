//! Load: so many at once, or so many a second, with the latencies of what was done in a window.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The longest latency that is told apart; whatever takes longer counts as this.
const LATENCY_MAX: Duration = Duration::from_secs(60);
/// Latencies are told to three digits.
const DIGITS: u8 = 3;
/// The share of the time that goes before the window: caches fill, connections open.
const WARM_UP_SHARE: u32 = 5;
const WARM_UP_MAX: Duration = Duration::from_secs(2);
/// How often an open loop looks what is due.
const TICK: Duration = Duration::from_millis(1);
/// The most of an open loop that is under way. What comes later still counts from the time that it was meant for.
const OPEN_IN_FLIGHT_MAX: usize = 20_000;

/// What was done in a window of time.
pub struct Load {
    latencies: Histogram<u64>,
    window: Duration,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latencies {
    /// Half took longer.
    pub p50_ms: f64,
    /// One of a hundred took longer.
    pub p99_ms: f64,
    /// One of a thousand took longer.
    pub p999_ms: f64,
}

impl Load {
    /// How many were done.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.latencies.len()
    }

    /// How many were done in a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.window.as_secs_f64()
    }

    /// How long they took.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        let [p50_ms, p99_ms, p999_ms] = [0.5, 0.99, 0.999].map(|quantile| {
            #[expect(clippy::cast_precision_loss, reason = "microseconds of a minute")]
            let us = self.latencies.value_at_quantile(quantile) as f64;
            us / 1_000.0
        });
        Latencies { p50_ms, p99_ms, p999_ms }
    }
}

/// Notes what is done within its window. Clones note into the same.
#[derive(Clone)]
pub struct Meter(Arc<Window>);

struct Window {
    from: Instant,
    until: Instant,
    latencies: Mutex<Histogram<u64>>,
}

impl Meter {
    /// A window of `time`, after a warm-up.
    ///
    /// # Errors
    /// Never: the bounds of the histogram are fixed.
    pub fn after_warm_up(time: Duration) -> anyhow::Result<Self> {
        let from = Instant::now() + (time / WARM_UP_SHARE).min(WARM_UP_MAX);
        let latency_max_us = u64::try_from(LATENCY_MAX.as_micros())?;
        let latencies = Histogram::new_with_bounds(1, latency_max_us, DIGITS).context("a histogram")?;
        Ok(Self(Arc::new(Window { from, until: from + time, latencies: Mutex::new(latencies) })))
    }

    /// One more over the same window, for other latencies of the same things.
    #[must_use]
    pub fn another(&self) -> Self {
        let mut latencies = self.0.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        latencies.reset();
        Self(Arc::new(Window { from: self.0.from, until: self.0.until, latencies: Mutex::new(latencies) }))
    }

    /// Whether the window is still ahead or open.
    #[must_use]
    pub fn is_running(&self) -> bool {
        Instant::now() < self.0.until
    }

    /// The moments between which it notes.
    #[must_use]
    pub fn window(&self) -> (Instant, Instant) {
        (self.0.from, self.0.until)
    }

    /// For closed loops: notes what ends now, if now is in the window.
    pub fn done(&self, begun: Instant) {
        self.note(Instant::now(), begun);
    }

    /// For open loops: notes what ends now, if it was meant for the window, however late it is. `meant` is when it
    /// should have begun, so what had to wait for its turn counts in full.
    pub fn answered(&self, meant: Instant) {
        self.note(meant, meant);
    }

    /// Notes what ends now and began at `since`, if `at` is in the window.
    pub fn note(&self, at: Instant, since: Instant) {
        if at >= self.0.from && at < self.0.until {
            let us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
            self.0.latencies.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us);
        }
    }

    /// What was noted so far.
    #[must_use]
    pub fn load(&self) -> Load {
        let latencies = self.0.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Load { latencies, window: self.0.until - self.0.from }
    }
}

/// A closed loop: so many workers, each of which begins the next thing when the one before is done, until the meter's
/// window ends. Gives what all of them did. Good for rates; its latencies are those of a full house.
///
/// # Errors
/// A worker failed.
pub async fn closed<W>(workers: usize, meter: &Meter, work: impl Fn(usize, Meter) -> W) -> anyhow::Result<Load>
where
    W: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let mut working = JoinSet::new();
    for worker in 0..workers {
        working.spawn(work(worker, meter.clone()));
    }
    while let Some(worked) = working.join_next().await {
        worked??;
    }
    Ok(meter.load())
}

/// An open loop: begins so many a second at even distances, whether or not those before are done, until the meter's
/// window or `stop` ends it. Each arrival is given its number and the moment for which it is meant.
///
/// # Errors
/// One of them failed.
pub async fn open<W>(
    per_second: f64,
    meter: &Meter,
    stop: &CancellationToken,
    arrive: impl Fn(u64, Instant) -> W,
) -> anyhow::Result<()>
where
    W: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    let mut arrivals = 0_u64;
    while meter.is_running() && !stop.is_cancelled() {
        ticks.tick().await;
        loop {
            #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
            let meant = begun + Duration::from_secs_f64(arrivals as f64 / per_second);
            if meant > Instant::now() {
                break;
            }
            if under_way.len() >= OPEN_IN_FLIGHT_MAX
                && let Some(done) = under_way.join_next().await
            {
                done??;
            }
            under_way.spawn(arrive(arrivals, meant));
            arrivals += 1;
        }
        while let Some(done) = under_way.try_join_next() {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_loop_counts_from_the_time_that_was_meant() {
        let meter = Meter::after_warm_up(Duration::from_millis(100)).expect("a meter");
        let gate = Arc::new(tokio::sync::Semaphore::new(1));
        // One at a time, 10 ms each, at 500 a second: each waits longer than the one before.
        let arrive = |_, meant| {
            let (meter, gate) = (meter.clone(), Arc::clone(&gate));
            async move {
                let _turn = gate.acquire().await?;
                tokio::time::timeout(Duration::from_millis(10), std::future::pending::<()>()).await.unwrap_or(());
                meter.answered(meant);
                Ok(())
            }
        };
        open(500.0, &meter, &CancellationToken::new(), arrive).await.expect("all are answered");
        assert_eq!(meter.load().count(), 50, "all that were meant for the window");
        assert!(meter.load().latencies().p99_ms > 300.0, "{:?}", meter.load().latencies());
    }

    #[tokio::test]
    async fn a_closed_loop_counts_what_ends_in_the_window() {
        let meter = Meter::after_warm_up(Duration::from_millis(50)).expect("a meter");
        let load = closed(4, &meter, |_, meter| async move {
            while meter.is_running() {
                let begun = Instant::now();
                tokio::task::yield_now().await;
                meter.done(begun);
            }
            Ok(())
        });
        let load = load.await.expect("workers that do not fail");
        assert!(load.count() > 0 && load.rate() > 0.0);
    }
}
