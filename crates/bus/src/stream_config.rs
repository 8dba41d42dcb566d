//! Bringing a stream to the configuration it must have, without undoing what an operator may set (replicas, placement).

use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, ErrorCode};

use crate::connection::BusError;

/// Brings an existing stream to the wanted configuration.
///
/// # Errors
/// The stream differs in what cannot be changed, or NATS cannot be reached.
pub(crate) async fn fit(jetstream: &jetstream::Context, found: &Info, wanted: &Config) -> Result<(), BusError> {
    let fitted = fitted(&found.config, wanted).map_err(BusError::Unsuitable)?;
    if fitted == found.config {
        return Ok(());
    }
    tracing::info!(stream = wanted.name, "the stream's configuration differs and is set");
    let updated = jetstream.update_stream(&fitted).await;
    updated.map(drop).map_err(|error| BusError::Unavailable(format!("{} cannot be changed: {error}", wanted.name)))
}

/// The stream's state, or `None` if there is no such stream.
pub(crate) async fn find(
    jetstream: &jetstream::Context,
    name: &str,
) -> Result<Option<jetstream::stream::Stream>, BusError> {
    use jetstream::context::GetStreamErrorKind as Kind;
    match jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            Kind::JetStream(detail) if detail.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            Kind::JetStream(_) | Kind::Request | Kind::EmptyName | Kind::InvalidStreamName => {
                Err(BusError::Unavailable(format!("{name}: {error}")))
            }
        },
    }
}

/// Makes a stream, if nobody else did in the meantime.
pub(crate) async fn create(jetstream: &jetstream::Context, wanted: &Config) -> Result<(), BusError> {
    use jetstream::context::CreateStreamErrorKind as Kind;
    let Err(error) = jetstream.create_stream(wanted).await else {
        return Ok(());
    };
    let problem = format!("{} cannot be made: {error}", wanted.name);
    match error.kind() {
        Kind::JetStream(detail) if detail.error_code() == ErrorCode::STREAM_NAME_EXIST => Ok(()),
        Kind::JetStream(detail) if detail.code() < 500 => Err(BusError::Unsuitable(problem)),
        Kind::JetStream(_)
        | Kind::EmptyStreamName
        | Kind::InvalidStreamName
        | Kind::DomainAndExternalSet
        | Kind::JetStreamUnavailable
        | Kind::TimedOut
        | Kind::Response
        | Kind::NotFound
        | Kind::ResponseParse => Err(BusError::Unavailable(problem)),
    }
}

fn fitted(found: &Config, wanted: &Config) -> Result<Config, String> {
    let name = &wanted.name;
    let unsuitable = |what: &str| Err(format!("the stream {name} {what}: remove it, it is made again"));
    if found.storage != wanted.storage {
        return unsuitable("is not kept in files");
    }
    if found.retention != wanted.retention {
        return unsuitable("has another retention policy");
    }
    if found.sealed || found.mirror.is_some() || found.sources.as_ref().is_some_and(|sources| !sources.is_empty()) {
        return unsuitable("is sealed, or copies another stream");
    }
    Ok(Config {
        subjects: wanted.subjects.clone(),
        max_bytes: wanted.max_bytes,
        max_age: wanted.max_age,
        duplicate_window: wanted.duplicate_window,
        max_messages: wanted.max_messages,
        max_messages_per_subject: wanted.max_messages_per_subject,
        max_message_size: wanted.max_message_size,
        discard: wanted.discard,
        discard_new_per_subject: wanted.discard_new_per_subject,
        no_ack: wanted.no_ack,
        allow_direct: wanted.allow_direct,
        allow_rollup: wanted.allow_rollup,
        deny_delete: wanted.deny_delete || found.deny_delete,
        deny_purge: wanted.deny_purge || found.deny_purge,
        subject_transform: wanted.subject_transform.clone(),
        ..found.clone()
    })
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::StorageType;

    use super::*;

    fn wanted() -> Config {
        Config { name: "A".to_owned(), subjects: vec!["a.>".to_owned()], max_bytes: 1, ..Config::default() }
    }

    #[test]
    fn what_an_operator_may_set_is_kept() {
        let found = Config { num_replicas: 3, max_bytes: 2, max_messages_per_subject: 1, ..wanted() };
        let expected = Config { num_replicas: 3, ..wanted() };
        assert_eq!(fitted(&found, &wanted()), Ok(expected));
    }

    #[test]
    fn what_cannot_be_changed_is_refused() {
        let memory = Config { storage: StorageType::Memory, ..wanted() };
        let sealed = Config { sealed: true, ..wanted() };
        for found in [memory, sealed] {
            assert!(fitted(&found, &wanted()).is_err(), "{found:?}");
        }
    }
}
