//! The form in memory: every command goes through the domain and through the reference, and both must agree, on the
//! outcome and on the states that come of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::generate::{Generator, Times};
use super::machine::Machine;
use super::message::{stream_of, time};
use super::observed::difference;
use super::{Coverage, Evidence, shrink};
use crate::reference::{Altered, Ask, DAY, World};

/// When the run's clock begins: 2026-03-02T09:00:00Z, in microseconds.
pub(crate) const BEGINNING: i64 = 1_772_442_000_000_000;
/// How many commands a world lives, so that final states do not prevail.
const WORLD_COMMANDS: u64 = 400;
/// How many commands have a seed of their own.
const CHUNK_COMMANDS: u64 = 20_000;
/// After so many mismatches nothing new is learnt.
const VIOLATIONS_MAX: usize = 3;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many commands.
    pub commands: u64,
    /// The seed of the first chunk; the following ones count on.
    pub seed: u64,
    /// On how many threads.
    pub threads: usize,
    /// The rule that the reference keeps differently.
    pub altered: Option<Altered>,
}

/// A command, and when it is decided.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) ask: Ask,
    pub(crate) now: i64,
}

/// A world twice: as the reference has it, and as the domain does.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) machine: Machine,
}

impl Pair {
    pub(crate) fn new(altered: Option<Altered>) -> Self {
        Self { world: World::altered_by(altered), machine: Machine::default() }
    }

    /// Decides a command on both sides; gives what it is called, or how they differ.
    pub(crate) fn step(&mut self, step: &Step) -> Result<&'static str, String> {
        let verdict = self.world.verdict(&step.ask, step.now);
        let (outcome, changed) = self.machine.submit(&step.ask, time(step.now));
        if !outcome.is_admitted_by(&verdict) {
            return Err(format!("the reference admits {verdict:?}\nbut the system said {outcome:?}"));
        }
        if let Some(effects) = verdict.accepted.filter(|_| !changed.is_empty()) {
            self.world.apply(effects);
        }
        for stream in changed {
            let loaded = self.machine.stream(stream);
            if let Some(told) = loaded.and_then(|loaded| difference(&self.world, stream_of(stream), loaded)) {
                return Err(told);
            }
        }
        Ok(outcome.label())
    }
}

struct Chunk {
    coverage: Coverage,
    commands: u64,
    events: u64,
    violation: Option<String>,
}

/// Runs it.
///
/// # Panics
/// A thread panicked.
#[must_use]
pub fn run(settings: &Settings) -> Evidence {
    let begun = Instant::now();
    let chunks = settings.commands.div_ceil(CHUNK_COMMANDS);
    let next = AtomicU64::new(0);
    let results = Mutex::new(Vec::new());
    let failed = || {
        let results = results.lock().expect("no thread panicked");
        results.iter().filter(|chunk: &&Chunk| chunk.violation.is_some()).count() >= VIOLATIONS_MAX
    };
    std::thread::scope(|scope| {
        for _ in 0..settings.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= chunks || failed() {
                        return;
                    }
                    let commands = CHUNK_COMMANDS.min(settings.commands - chunk * CHUNK_COMMANDS);
                    let done = run_chunk(settings.seed.wrapping_add(chunk), commands, settings.altered);
                    results.lock().expect("no thread panicked").push(done);
                }
            });
        }
    });
    let mut evidence = Evidence {
        scenario: "model-pure",
        seed: settings.seed,
        invoked: 0,
        unknown: 0,
        events: 0,
        violations: Vec::new(),
        wall_s: 0.0,
        coverage: Coverage::default(),
        with_receipts: false,
        clients: (0, 0),
    };
    for chunk in results.into_inner().expect("no thread panicked") {
        evidence.invoked += chunk.commands;
        evidence.events += chunk.events;
        evidence.coverage.add(&chunk.coverage);
        evidence.violations.extend(chunk.violation);
    }
    evidence.wall_s = begun.elapsed().as_secs_f64();
    evidence
}

fn run_chunk(seed: u64, commands: u64, altered: Option<Altered>) -> Chunk {
    let mut generator = Generator::new(seed, Times::Exact);
    let mut done = Chunk { coverage: Coverage::default(), commands: 0, events: 0, violation: None };
    let (mut pair, mut trace, mut now) = (Pair::new(altered), Vec::new(), BEGINNING);
    for index in 0..commands {
        if index > 0 && index.is_multiple_of(WORLD_COMMANDS) {
            done.events += pair.machine.events();
            (pair, now) = (Pair::new(altered), BEGINNING);
            trace.clear();
            generator.new_world();
        }
        now = (now + generator.pause()).min(BEGINNING + 3_650 * DAY);
        let step = Step { ask: generator.ask(&pair.world, now, &done.coverage), now };
        trace.push(step.clone());
        done.commands += 1;
        match pair.step(&step) {
            Ok(label) => done.coverage.count(&step.ask, label),
            Err(_) => {
                let told = shrink::told(trace, altered);
                done.violation = Some(format!(
                    "command {index} of seed {seed} (again: model --pure {} --seed {seed})\n{told}",
                    index + 1
                ));
                break;
            }
        }
    }
    done.events += pair.machine.events();
    done
}
