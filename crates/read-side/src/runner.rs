//! The batch runner: a batch of events into all models that stand where it begins, rows and checkpoints in one
//! transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event_store::StoreError;
use seeded_bugs::{Bug, is_active};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::checkpoint::{self, Checkpoint, Mark};
use crate::decode::{self, Incoming};
use crate::error::ProjectorError;
use crate::fold::{Changes, Folding, StoredRow};
use crate::model::Model;
use crate::table::Table;
use crate::{rows, stray};

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Applied {
    /// The models moved on, or were blocked: where they stand now.
    Advanced(Vec<Checkpoint>),
    /// Another projector moved a model: load the checkpoints anew.
    Conflict,
}

/// A model on its way through a batch: where it stands, and why it cannot go beyond the batch.
type Member = (Checkpoint, Option<String>);

/// Applies a batch to models that all stand right before it. A model that reads a category in which the batch has an
/// event that cannot be read takes the events before it and is blocked there; the others take the whole batch.
pub(crate) async fn apply(
    pool: PgPool,
    checkpoints: Vec<Checkpoint>,
    batch: Arc<Vec<Incoming>>,
    epoch: u64,
) -> Result<Applied, ProjectorError> {
    let mut groups: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
    for checkpoint in checkpoints {
        let reads = checkpoint.model.reads();
        let unreadable = decode::first_unreadable(&batch, |category| reads.contains(&category));
        let (end, blocked) = unreadable.map_or((batch.len(), None), |(index, why)| (index, Some(why.to_owned())));
        groups.entry(end).or_default().push((checkpoint, blocked));
    }
    let mut advanced = Vec::new();
    for (end, group) in groups {
        let events = batch.get(..end).unwrap_or_default();
        match apply_to_group(&pool, &group, events, epoch).await? {
            Applied::Advanced(checkpoints) => advanced.extend(checkpoints),
            Applied::Conflict => return Ok(Applied::Conflict),
        }
    }
    Ok(Applied::Advanced(advanced))
}

/// All together; where PostgreSQL refuses what a model writes, each alone, so that only that one is blocked.
async fn apply_to_group(
    pool: &PgPool,
    group: &[Member],
    events: &[Incoming],
    epoch: u64,
) -> Result<Applied, ProjectorError> {
    match apply_together(pool, group, events, epoch).await {
        Err(ProjectorError::Store(StoreError::Corrupt(_))) => {}
        outcome => return outcome,
    }
    let mut advanced = Vec::new();
    for member in group {
        let outcome = match apply_together(pool, std::slice::from_ref(member), events, epoch).await {
            Err(ProjectorError::Store(StoreError::Corrupt(why))) => {
                apply_together(pool, &[(member.0.clone(), Some(why))], &[], epoch).await?
            }
            outcome => outcome?,
        };
        match outcome {
            Applied::Advanced(checkpoints) => advanced.extend(checkpoints),
            Applied::Conflict => return Ok(Applied::Conflict),
        }
    }
    Ok(Applied::Advanced(advanced))
}

async fn apply_together(
    pool: &PgPool,
    group: &[Member],
    events: &[Incoming],
    epoch: u64,
) -> Result<Applied, ProjectorError> {
    let models: Vec<_> = group.iter().map(|(checkpoint, _)| checkpoint.model).collect();
    let mut tx = pool.begin().await?;
    // Rows and checkpoint roll back together, so a lost commit costs a repetition, nothing else.
    sqlx::query("set local synchronous_commit = off").execute(&mut *tx).await?;
    let locked = checkpoint::lock(&mut tx, &models).await?;
    let mut next = Vec::with_capacity(locked.len());
    for now in &locked {
        let expected = group.iter().find(|(expected, _)| expected.model.name() == now.model.name());
        let Some((_, blocked)) = expected.filter(|(expected, _)| stands(expected, now)) else { break };
        let mut after = Checkpoint { blocked: blocked.clone(), epoch, ..now.clone() };
        match apply_to_model(&mut tx, now, events).await? {
            Ok(parks) => {
                after.parks |= parks;
                if let Some(last) = events.last() {
                    after.position = last.recorded.position;
                    after.mark = Some(Mark::of(&last.recorded));
                }
            }
            Err(defect) => after.blocked = Some(defect),
        }
        next.push(after);
    }
    if is_active(Bug::CheckpointOutside) {
        tx.commit().await?;
        tx = pool.begin().await?;
    }
    if next.len() != group.len() || !checkpoint::advance(&mut tx, &locked, &next).await? {
        tx.rollback().await?;
        return Ok(Applied::Conflict);
    }
    tx.commit().await?;
    Ok(Applied::Advanced(next))
}

/// A rebuild may have changed the generation meanwhile; everything else must be as this projector left it.
fn stands(expected: &Checkpoint, now: &Checkpoint) -> bool {
    now.position == expected.position && now.epoch == expected.epoch && now.revision == expected.model.revision()
}

/// Folds and writes. Says whether the model has parked keys now, or what is wrong with the model: then nothing of it
/// was written.
async fn apply_to_model(
    connection: &mut PgConnection,
    checkpoint: &Checkpoint,
    events: &[Incoming],
) -> Result<Result<bool, String>, ProjectorError> {
    let Checkpoint { model, revision, generation, .. } = checkpoint;
    let table = Table::new(*model, *revision, *generation);
    let erased = decode::erased_subjects(events);
    let mut fold = model.fold();
    let touched = match touched(fold.as_ref(), *model, events) {
        Ok(touched) => touched,
        Err(defect) => return Ok(Err(defect)),
    };
    let mut parks = false;
    if !touched.is_empty() {
        let stored = rows::load(connection, &table, &touched).await?;
        if checkpoint.parks {
            rows::parked(connection, model.name(), &touched).await?.into_iter().for_each(|key| fold.park(key));
        }
        let mut changes = match fold_batch(fold.as_mut(), *model, stored, events) {
            Ok(changes) => changes,
            Err(defect) => return Ok(Err(defect)),
        };
        parks = !changes.parked.is_empty();
        rows::park(connection, model.name(), &changes).await?;
        rows::write(connection, &table, &mut changes).await?;
    }
    rows::erase(connection, &table, &erased).await?;
    stray::erase(connection, model.name(), &erased).await?;
    Ok(Ok(parks))
}

fn touched(fold: &dyn Folding, model: &'static dyn Model, events: &[Incoming]) -> Result<Vec<Uuid>, String> {
    let mut touched: BTreeSet<Uuid> = BTreeSet::new();
    for happened in decode::read_by(model, events) {
        touched.extend(fold.touched(happened)?);
    }
    Ok(touched.into_iter().collect())
}

fn fold_batch(
    fold: &mut dyn Folding,
    model: &'static dyn Model,
    stored: Vec<StoredRow>,
    events: &[Incoming],
) -> Result<Changes, String> {
    stored.into_iter().try_for_each(|stored| fold.hold(stored))?;
    decode::read_by(model, events).try_for_each(|happened| fold.apply(happened))?;
    fold.release(0)?;
    Ok(fold.take())
}
