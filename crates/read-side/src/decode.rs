//! Recorded events made readable: personal values unsealed, contents read, each failure kept beside its event.

use domain::Category;
use domain::envelope::RecordedEvent;
use event_store::{StoreError, Vault};
use seeded_bugs::{Bug, is_active};
use uuid::Uuid;

use crate::entity::Happened;
use crate::fold;
use crate::model::Model;

/// An event on its way into the models.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) recorded: RecordedEvent,
    /// The event, or why this program cannot read it.
    pub(crate) happened: Result<Happened, String>,
}

/// Makes events readable.
pub(crate) async fn decode(vault: &Vault, events: Vec<RecordedEvent>) -> Result<Vec<Incoming>, StoreError> {
    let payloads = match vault.unseal(&events).await {
        Ok(payloads) => payloads.into_iter().map(Ok).collect(),
        Err(StoreError::Corrupt(_)) => unseal_each(vault, &events).await?,
        Err(error) => return Err(error),
    };
    Ok(events.into_iter().zip(payloads).map(|(recorded, payload)| read(recorded, payload)).collect())
}

/// One damaged event must not hold up the others.
async fn unseal_each(vault: &Vault, events: &[RecordedEvent]) -> Result<Vec<Result<String, String>>, StoreError> {
    let mut payloads = Vec::with_capacity(events.len());
    for event in events {
        payloads.push(match vault.unseal(std::slice::from_ref(event)).await {
            Ok(payload) => payload.into_iter().next().ok_or_else(|| "it was not unsealed".to_owned()),
            Err(StoreError::Corrupt(detail)) => Err(detail),
            Err(error) => return Err(error),
        });
    }
    Ok(payloads)
}

fn read(recorded: RecordedEvent, payload: Result<String, String>) -> Incoming {
    let happened = payload
        .and_then(|payload| recorded.read(payload).map_err(|error| error.to_string()))
        .map(|event| Happened::new(&recorded, event));
    Incoming { recorded, happened }
}

/// The first event of a category that the model reads and this program cannot: its index, and why.
pub(crate) fn first_unreadable(batch: &[Incoming], reads: impl Fn(Category) -> bool) -> Option<(usize, &str)> {
    batch.iter().enumerate().find_map(|(index, incoming)| match &incoming.happened {
        Err(_) if is_active(Bug::UnknownSkipped) => None,
        Err(why) if reads(incoming.recorded.stream.category) => Some((index, why.as_str())),
        Err(_) | Ok(_) => None,
    })
}

/// The events that a model folds.
pub(crate) fn read_by<'a>(model: &'static dyn Model, batch: &'a [Incoming]) -> impl Iterator<Item = &'a Happened> {
    batch
        .iter()
        .filter(|incoming| model.reads().contains(&incoming.recorded.stream.category))
        .filter_map(|incoming| incoming.happened.as_ref().ok())
}

/// The data subjects that a batch erases.
pub(crate) fn erased_subjects(batch: &[Incoming]) -> Vec<Uuid> {
    let erased = |incoming: &Incoming| fold::erased_subjects(&incoming.recorded, incoming.happened.as_ref().ok());
    batch.iter().flat_map(erased).collect()
}
