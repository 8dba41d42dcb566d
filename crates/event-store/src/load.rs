//! Loading what a decision reads: streams folded to their state, and claims with their holders.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::StreamId;
use domain::decider::{ClaimKey, ClaimQuery, Holding, LoadedStream, TimeRange};
use domain::envelope::EventError;
use sqlx::{FromRow as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{EventRow, bigint, category, event_columns};
use crate::sealing::{MasterKeys, StoredKey, Vault};

/// The key of the advisory lock that every append takes.
pub const LOCK_KEY: i64 = 7_310_001;

/// Takes the append lock for the rest of the transaction.
///
/// # Errors
/// The database cannot be reached, or the lock was not had in time.
pub async fn lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK_KEY).execute(connection).await?;
    Ok(())
}

/// The streams' states, one entry for each, also for those that do not exist. What is known of a stream already, a state
/// that its first events fold to, is built upon: only the events after it are read.
///
/// # Errors
/// The database cannot be reached, or an event cannot be read by this program.
pub async fn load_streams(
    connection: &mut PgConnection,
    vault: &Vault,
    known: impl IntoIterator<Item = (StreamId, Option<LoadedStream>)>,
) -> Result<HashMap<StreamId, LoadedStream>, StoreError> {
    let known = known.into_iter().map(|(id, known)| (id, known.unwrap_or_else(|| LoadedStream::empty(id))));
    let mut loaded: HashMap<StreamId, LoadedStream> = known.collect();
    let (mut categories, mut ids, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for (stream, known) in &loaded {
        categories.push(stream.category.name());
        ids.push(stream.id);
        versions.push(bigint(known.version));
    }
    let asked_at = Instant::now();
    // A customer's key comes along: what its stream holds is sealed under it, and mostly what is appended for it next.
    let rows = sqlx::query(concat!(
        "select ",
        event_columns!(),
        ", k.subject, k.key_version, k.master_version, k.wrapped \
          from unnest($1::text[], $2::uuid[], $3::bigint[]) as known (category, stream_id, version) \
          join log.event e on e.category = known.category and e.stream_id = known.stream_id \
           and e.version > known.version \
          left join vault.subject_key k on k.subject = known.stream_id and known.category = 'customer' \
         order by e.position"
    ))
    .bind(categories)
    .bind(ids)
    .bind(versions)
    .fetch_all(&mut *connection)
    .await?;
    let mut keys = HashMap::new();
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(subject) = row.try_get::<Option<Uuid>, _>("subject")? {
            keys.insert(subject, StoredKey::from_row(row)?);
        }
        events.push(EventRow::from_row(row)?.0);
    }
    vault.keep(asked_at, keys.into_values())?;
    let payloads = vault.unseal_on(connection, &events).await?;
    for (recorded, payload) in events.iter().zip(payloads) {
        let event = recorded.read(payload).map_err(|error: EventError| StoreError::Corrupt(error.to_string()))?;
        let stream = loaded.entry(recorded.stream).or_insert_with(|| LoadedStream::empty(recorded.stream));
        stream.version = recorded.version;
        stream.recorded_at = Some(recorded.recorded_at);
        if !recorded.metadata.publisher.is_automation() {
            stream.manual_version = recorded.version;
        }
        Arc::make_mut(&mut stream.state).evolve(&event);
    }
    Ok(loaded)
}

/// The claims' holders, one entry for each key, also for those that nobody holds.
///
/// # Errors
/// The database cannot be reached.
pub async fn load_claims(
    connection: &mut PgConnection,
    master: &MasterKeys,
    queries: &[ClaimQuery],
) -> Result<HashMap<ClaimKey, Vec<Holding>>, StoreError> {
    let keys: Vec<Vec<u8>> = queries.iter().map(|query| master.claim(&query.key)).collect();
    let bound = |pick: fn(TimeRange) -> DateTime<Utc>| -> Vec<Option<DateTime<Utc>>> {
        queries.iter().map(|query| query.range.map(pick)).collect()
    };
    let rows = sqlx::query(
        "select q.n, c.holder_category, c.holder_id, c.weight, c.starts_at, c.ends_at
           from unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[]) with ordinality
                as q (key, starts_at, ends_at, n)
           join log.claim c on c.key = q.key
            and (q.starts_at is null or (c.starts_at < q.ends_at and q.starts_at < c.ends_at))
          order by q.n, c.holder_category, c.holder_id",
    )
    .bind(&keys)
    .bind(bound(|range| range.start))
    .bind(bound(|range| range.end))
    .fetch_all(connection)
    .await?;
    let mut claims: HashMap<ClaimKey, Vec<Holding>> =
        queries.iter().map(|query| (query.key.clone(), Vec::new())).collect();
    for row in rows {
        let query = usize::try_from(row.try_get::<i64, _>("n")? - 1).ok().and_then(|n| queries.get(n));
        let holder =
            StreamId { category: category(row.try_get("holder_category")?)?, id: row.try_get::<Uuid, _>("holder_id")? };
        let weight = u32::try_from(row.try_get::<i64, _>("weight")?).unwrap_or(u32::MAX);
        let range = match (row.try_get("starts_at")?, row.try_get("ends_at")?) {
            (Some(start), Some(end)) => Some(TimeRange { start, end }),
            (None | Some(_), None) | (None, Some(_)) => None,
        };
        let holding = Holding { holder, weight, range };
        let holdings = query.and_then(|query| claims.get_mut(&query.key));
        if let Some(holdings) = holdings.filter(|holdings| !holdings.contains(&holding)) {
            holdings.push(holding);
        }
    }
    Ok(claims)
}
