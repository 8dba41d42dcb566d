//! Whether every answer of concurrent clients can be explained: there is one order of all commands, the history's, in
//! which the reference gives the same outcomes, and in which no command is decided before it was sent or after it was
//! answered.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::envelope::RecordedEvent;
use event_store::pool::PoolRole;
use event_store::{Outcome as Stored, load_streams};
use sqlx::PgPool;
use uuid::Uuid;

use super::attempt::{Answer, Attempt, Purpose};
use super::message::stream_of;
use super::observed::difference;
use super::outcome::Outcome;
use crate::TestDatabase;
use crate::reference::{Ask, Kind, Stream, World};

/// As many events are read at once, and as many streams.
const PAGE: u32 = 5_000;
/// After so many violations nothing new is learnt.
const VIOLATIONS_MAX: usize = 20;

/// What one command appended.
struct Appended {
    first: u64,
    last: u64,
    events: Vec<RecordedEvent>,
}

/// An answer that the reference must give at some moment.
struct Open<'a> {
    attempt: &'a Attempt,
    outcome: Outcome,
    /// The version of the stream that was told with it.
    version: Option<u64>,
}

/// Checks everything; gives how many events there are, and what is not as it should be.
pub(crate) async fn check(attempts: &[Attempt], database: &TestDatabase) -> (u64, Vec<String>) {
    let mut violations = Vec::new();
    let appended = history(database, &mut violations).await;
    let events = appended.values().map(|appended| appended.events.len() as u64).sum();
    let first = first_outcomes(attempts, &mut violations);
    accepted(attempts, &appended, &first, &mut violations);
    let pool = database.pool(PoolRole::Append).await;
    let worlds = attempts.iter().map(|attempt| attempt.world).max().map_or(0, |last| last + 1);
    let mut by_world: Vec<Vec<&Attempt>> = vec![Vec::new(); worlds];
    attempts.iter().for_each(|attempt| by_world[attempt.world].push(attempt));
    for attempts in by_world {
        if let Some(world) = replay(&attempts, &appended, &mut violations) {
            states(&world, &pool, &mut violations).await;
        }
        if violations.len() >= VIOLATIONS_MAX {
            break;
        }
    }
    violations.truncate(VIOLATIONS_MAX);
    (events, violations)
}

/// The whole history by command; positions, versions and tickets' numbers must be without gaps.
async fn history(database: &TestDatabase, violations: &mut Vec<String>) -> HashMap<Uuid, Appended> {
    let reader = database.reader().await;
    let mut appended: HashMap<Uuid, Appended> = HashMap::new();
    let (mut versions, mut position, mut tickets) = (HashMap::new(), 0, 0);
    loop {
        let page = reader.after(position, PAGE).await.expect("the database answers");
        if page.is_empty() {
            return appended;
        }
        for event in page {
            position += 1;
            let version = versions.entry(event.stream).or_insert(0);
            *version += 1;
            tickets += u64::from(event.event_type == "TicketOpened");
            let numbered = event.ordinal.is_none() || event.ordinal == Some(tickets);
            if event.position != position || event.version != *version || !numbered {
                violations.push(format!("position {position}, {} version {version}: {event:?}", event.stream));
                position = event.position;
                *version = event.version;
            }
            let fresh = || Appended { first: position, last: position - 1, events: Vec::new() };
            let entry = appended.entry(event.metadata.command_id).or_insert_with(fresh);
            if entry.last + 1 != position {
                violations.push(format!("command {} is torn at position {position}", event.metadata.command_id));
            }
            entry.last = position;
            entry.events.push(event);
        }
    }
}

/// The one outcome of each command that was decided for good. Whoever asks again gets it again.
fn first_outcomes<'a>(attempts: &'a [Attempt], violations: &mut Vec<String>) -> HashMap<Uuid, &'a Stored> {
    let mut first: HashMap<Uuid, &Stored> = HashMap::new();
    let mut ended: HashMap<Uuid, i64> = HashMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.purpose != Purpose::Other) {
        let before = ended.get(&attempt.ask.command_id).is_some_and(|ended| *ended < attempt.at);
        if before && !attempt.answers.iter().all(|answer| matches!(answer, Answer::Decided { replayed: true, .. })) {
            violations.push(format!("decided before, and told anew: {}", attempt.told()));
        }
        if attempt.decided().is_some() {
            let ended = ended.entry(attempt.ask.command_id).or_insert(attempt.ended);
            *ended = attempt.ended.min(*ended);
        }
        for answer in &attempt.answers {
            if let Answer::Decided { outcome, .. } = answer {
                let known = *first.entry(attempt.ask.command_id).or_insert(outcome);
                if known != outcome {
                    violations.push(format!("{known:?} became {outcome:?} of {}", attempt.told()));
                }
            }
        }
    }
    for attempt in attempts {
        let mismatched = attempt.answers.iter().all(|answer| answer.label() == "command_mismatch");
        if (attempt.purpose == Purpose::Other) != mismatched {
            violations.push(format!("other content or not: {}", attempt.told()));
        }
    }
    first
}

/// What was accepted is in the history, as it was told; and nothing else is.
fn accepted(
    attempts: &[Attempt],
    appended: &HashMap<Uuid, Appended>,
    first: &HashMap<Uuid, &Stored>,
    violations: &mut Vec<String>,
) {
    let sent: HashMap<Uuid, &Attempt> = attempts
        .iter()
        .filter(|attempt| attempt.purpose == Purpose::First)
        .map(|attempt| (attempt.ask.command_id, attempt))
        .collect();
    for (command, appended) in appended {
        let Some(attempt) = sent.get(command) else {
            violations.push(format!("command {command} was never sent"));
            continue;
        };
        let told = match first.get(command) {
            Some(Stored::Accepted { version, position, events, ordinal }) => {
                let types: Vec<&String> = appended.events.iter().map(|event| &event.event_type).collect();
                let own = appended.events.iter().filter(|event| stream_of(event.stream) == stream(&attempt.ask));
                let own_version = own.map(|event| event.version).max();
                types == events.iter().collect::<Vec<_>>()
                    && *position == appended.last
                    && own_version.is_none_or(|own| own == *version)
                    && *ordinal == appended.events.iter().find_map(|event| event.ordinal)
            }
            Some(Stored::Rejected(_)) => false,
            None => attempt.is_unknown(),
        };
        if !told {
            violations.push(format!(
                "{:?} was told, {:?} is there: {}",
                first.get(command),
                appended.events,
                attempt.told()
            ));
        }
    }
    for (command, outcome) in first {
        if matches!(outcome, Stored::Accepted { events, .. } if !events.is_empty()) && !appended.contains_key(command) {
            violations.push(format!("command {command} was accepted and is not there"));
        }
    }
}

fn stream(ask: &Ask) -> Stream {
    Stream { kind: Kind::parse(ask.aggregate).unwrap_or(Kind::Ticket), id: ask.id }
}

/// Replays a world in the history's order; every answer without an event must be given at some moment of its window.
/// Gives the world at its end, if the reference came so far.
fn replay(attempts: &[&Attempt], appended: &HashMap<Uuid, Appended>, violations: &mut Vec<String>) -> Option<World> {
    let mut order: BTreeMap<u64, &Attempt> = BTreeMap::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for attempt in attempts.iter().filter(|attempt| attempt.purpose != Purpose::Other) {
        let command = attempt.ask.command_id;
        if let Some(appended) = appended.get(&command).filter(|_| attempt.purpose == Purpose::First) {
            order.insert(appended.last, attempt);
        }
        for answer in &attempt.answers {
            open.extend(opened(attempt, answer, &mut seen, violations));
        }
    }
    // The last to begin comes first.
    open.sort_by_key(|open| std::cmp::Reverse(open.attempt.from));
    let mut world = World::default();
    let mut active: Vec<Open<'_>> = Vec::new();
    let mut steps = order.into_iter().peekable();
    loop {
        let next = steps.peek().map_or(u64::MAX, |(position, _)| *position);
        while open.last().is_some_and(|open| open.attempt.from < next) {
            active.extend(open.pop());
        }
        active.retain(|open| !is_explained(open, &world));
        active.retain(|open| {
            let late = open.attempt.until < next;
            if late {
                let verdict = world.verdict(&open.attempt.ask, open.attempt.at);
                violations.push(format!("no moment explains {}; at its end {verdict:?}", open.attempt.told()));
            }
            !late
        });
        let Some((position, attempt)) = steps.next() else { return Some(world) };
        let Some(appended) = appended.get(&attempt.ask.command_id) else { continue };
        if !append(&mut world, position, attempt, appended, violations) {
            return None;
        }
    }
}

/// An answer that is to be explained: the first of its kind for a command decided for good, any other each time.
fn opened<'a>(
    attempt: &'a Attempt,
    answer: &Answer,
    seen: &mut HashSet<Uuid>,
    violations: &mut Vec<String>,
) -> Option<Open<'a>> {
    let (outcome, version) = match answer {
        Answer::Decided { outcome, .. } => {
            if !seen.insert(attempt.ask.command_id) {
                return None;
            }
            match outcome {
                Stored::Accepted { events, version, position, .. } if events.is_empty() => {
                    if !(attempt.from..=attempt.until).contains(position) {
                        violations.push(format!("head {position} was told of {}", attempt.told()));
                    }
                    (Outcome::Accepted(Vec::new()), Some(*version))
                }
                Stored::Accepted { .. } => return None,
                Stored::Rejected(rejection) => (Outcome::Rejected(rejection.code.as_str()), None),
            }
        }
        Answer::Undecided(code) | Answer::Unread(code) => (Outcome::Rejected(code), None),
        Answer::Unknown => return None,
    };
    Some(Open { attempt, outcome, version })
}

fn is_explained(open: &Open<'_>, world: &World) -> bool {
    let ask = &open.attempt.ask;
    let version = open.version.is_none_or(|version| version == world.version(stream(ask)));
    version && open.outcome.is_admitted_by(&world.verdict(ask, open.attempt.at))
}

/// Takes what was accepted at a position into the world. Says whether the reference accepts it too.
fn append(
    world: &mut World,
    position: u64,
    attempt: &Attempt,
    appended: &Appended,
    violations: &mut Vec<String>,
) -> bool {
    let in_window = attempt.from < appended.first && (position <= attempt.until || attempt.is_unknown());
    if !in_window && attempt.decided().is_some() {
        violations.push(format!("positions {} to {position} are outside of {}", appended.first, attempt.told()));
    }
    let occurred_at = appended.events.first().map_or(attempt.at, |event| event.occurred_at.timestamp_micros());
    let now = if attempt.ask.occurred_at.is_some() { attempt.at } else { occurred_at };
    let verdict = world.verdict(&attempt.ask, now);
    let events = appended.events.iter().map(|event| (stream_of(event.stream), event.event_type.clone())).collect();
    let outcome = Outcome::Accepted(events);
    if !outcome.is_admitted_by(&verdict) {
        violations.push(format!("at {position} the reference admits {verdict:?}, not {outcome:?}: {}", attempt.told()));
        return false;
    }
    world.apply(verdict.accepted.unwrap_or_default());
    for event in appended.events.iter().rev() {
        // The last event of a stream in this append carries the version that the reference has.
        let stream = stream_of(event.stream);
        let last = appended.events.iter().rfind(|other| other.stream == event.stream);
        if last.is_some_and(|last| last.version != world.version(stream)) {
            violations.push(format!("at {position} version {} is {}", event.version, world.version(stream)));
        }
    }
    true
}

/// The states that the history folds to are those of the reference.
async fn states(world: &World, pool: &PgPool, violations: &mut Vec<String>) {
    let ids =
        |kind: domain::Category, ids: Vec<Uuid>| ids.into_iter().map(move |id| domain::StreamId { category: kind, id });
    let streams: Vec<domain::StreamId> = ids(domain::Category::Customer, world.customers.keys().copied().collect())
        .chain(ids(domain::Category::Transaction, world.transactions.keys().copied().collect()))
        .chain(ids(domain::Category::Agent, world.agents.keys().copied().collect()))
        .chain(ids(domain::Category::Team, world.teams.keys().copied().collect()))
        .chain(ids(domain::Category::Ticket, world.tickets.keys().copied().collect()))
        .chain(ids(domain::Category::Feedback, world.surveys.keys().copied().collect()))
        .collect();
    let mut connection = pool.acquire().await.expect("the database answers");
    let vault = event_store::Vault::new(pool.clone(), crate::keys());
    let loaded = load_streams(&mut connection, &vault, streams.into_iter().map(|stream| (stream, None)))
        .await
        .expect("the history can be read");
    for (stream, loaded) in loaded {
        violations.extend(difference(world, stream_of(stream), &loaded));
    }
}
