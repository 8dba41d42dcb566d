//! The content hash: what makes an event in the history what it is.

use domain::StreamId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// SHA-256 over length-prefixed event id, stream, version, type, schema version, `occurred_at` (microseconds since
/// 1970), metadata and payload, as stored. Position, ordinal and `recorded_at` are not part of it.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "the fields of an event, each once")]
pub fn content_hash(
    event_id: Uuid,
    stream: StreamId,
    version: u64,
    event_type: &str,
    schema_version: u16,
    occurred_at_us: i64,
    metadata: &str,
    payload: &str,
) -> [u8; 32] {
    let parts: [&[u8]; 9] = [
        event_id.as_bytes(),
        stream.category.name().as_bytes(),
        stream.id.as_bytes(),
        &version.to_be_bytes(),
        event_type.as_bytes(),
        &schema_version.to_be_bytes(),
        &occurred_at_us.to_be_bytes(),
        metadata.as_bytes(),
        payload.as_bytes(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
