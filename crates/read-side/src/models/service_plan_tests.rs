use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const PLAN: ServicePlanId = ServicePlanId(Uuid::from_u128(1));

fn day(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
}

fn terms(total: u32) -> Value {
    json!({"name": "Care", "content": "We come each week.",
        "sla_policy": {"id": Uuid::from_u128(3), "revision": 2},
        "allocation": {"unit": "visits", "total": total, "consume_on": "complete"},
        "period": {"start": day(0), "end": day(365), "zone": "Etc/UTC"},
        "recurrence": {"rrule": "FREQ=DAILY", "early_s": 60, "late_s": 60, "lead_s": 0}})
}

/// An event as it is stored, recorded on a day.
fn event(event_type: &str, data: Value) -> (AnyEvent, i64) {
    (AnyEvent::read(Category::ServicePlan, event_type, &data.to_string()).unwrap(), 0)
}

fn drafted() -> (AnyEvent, i64) {
    event("ServicePlanDrafted", json!({"customer": Uuid::from_u128(2), "terms": terms(10)}))
}

fn planned(n: i64) -> (AnyEvent, i64) {
    let data = json!({"n": n, "due": day(n), "window": {"earliest": day(n), "latest": day(n)}});
    event("OccurrencePlanned", data)
}

fn fold(events: Vec<(AnyEvent, i64)>) -> Result<ServicePlanRow, Unfit> {
    let fold = |row, ((event, on), version): ((AnyEvent, i64), u64)| {
        let (occurred_at, recorded_at) = (day(on), day(on));
        let happened = Happened {
            position: version,
            stream: PLAN.stream(),
            version,
            ordinal: None,
            occurred_at,
            recorded_at,
            event,
        };
        ServicePlan::apply(row, &happened)
    };
    events.into_iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn after(events: Vec<(AnyEvent, i64)>) -> ServicePlanRow {
    let active = event("ServicePlanActivated", json!({"plans_from": day(0)}));
    fold([drafted(), active].into_iter().chain(events).collect()).unwrap()
}

#[test]
fn a_plan_counts_by_status_and_shows_its_latest_revision() {
    let row = fold(vec![drafted()]).unwrap();
    assert_eq!((row.status, row.revision, row.sla_policy_revision), (Status::Draft, 1, Some(2)));
    assert_eq!(ServicePlan::facts(&row), [("status/draft".to_owned(), [1, 0, 0, 0])]);
    let revised = after(vec![event("ServicePlanRevised", json!({"revision": 2, "terms": terms(20)}))]);
    assert_eq!((revised.revision, revised.total, revised.status), (2, Some(20), Status::Active));
    assert_eq!((revised.activated_at, revised.version), (Some(day(0)), 3));
}

#[test]
fn what_was_used_and_added_stays_through_a_revision() {
    let by = json!({"kind": "ticket", "id": Uuid::from_u128(9)});
    let taken = event("EntitlementConsumed", json!({"by": by, "units": 4, "remaining": 6}));
    let added = event("EntitlementToppedUp", json!({"units": 5, "total": 15}));
    let released = event("EntitlementReleased", json!({"by": by, "units": 4, "remaining": 11}));
    let revised = event("ServicePlanRevised", json!({"revision": 2, "terms": terms(3)}));
    let books = |row: ServicePlanRow| (row.total, row.added, row.used, row.remaining);
    let (one, two) = (after(vec![taken.clone()]), after(vec![taken.clone(), added.clone()]));
    assert_eq!((books(one), books(two)), ((Some(10), 0, 4, Some(6)), (Some(15), 5, 4, Some(11))));
    let three = after(vec![taken.clone(), added.clone(), revised]);
    assert_eq!(books(three), (Some(8), 5, 4, Some(4)));
    assert_eq!(books(after(vec![taken, added, released])), (Some(15), 5, 0, Some(15)));
}

#[test]
fn the_next_occurrence_is_the_first_that_is_not_past_and_not_skipped() {
    let skipped = |n: u32| event("OccurrenceSkipped", json!({"n": n, "reason": "rain"}));
    let row = after(vec![planned(1), planned(2), planned(3)]);
    assert_eq!((row.next_occurrence_at, row.occurrences_planned), (Some(day(1)), 3));
    let row = after(vec![planned(1), planned(2), planned(3), skipped(1)]);
    assert_eq!((row.next_occurrence_at, row.occurrences_skipped), (Some(day(2)), 1));
    assert_eq!(row.occurrences[0].state, OccurrenceState::Skipped);
    let (later, _) = planned(4);
    let row = after(vec![planned(1), planned(2), planned(3), (later, 3)]);
    assert_eq!(row.next_occurrence_at, Some(day(3)));
    let ended = after(vec![planned(1), event("ServicePlanTerminated", json!({"reason": "sold"}))]);
    assert_eq!((ended.next_occurrence_at, ended.ended_at), (None, Some(day(0))));
}

#[test]
fn a_row_has_the_hundred_occurrences_that_were_planned_last() {
    let row = after((1..=150).map(planned).collect());
    let numbers: Vec<u32> = row.occurrences.iter().map(|occurrence| occurrence.n).collect();
    assert_eq!((numbers, row.occurrences_planned), ((51..=150).collect(), 150));
    // One that is no longer in the row is counted all the same.
    let skipped = event("OccurrenceSkipped", json!({"n": 1, "reason": "rain"}));
    let row = after((1..=150).map(planned).chain([skipped]).collect());
    assert_eq!((row.occurrences.len(), row.occurrences_skipped), (OCCURRENCES_SHOWN_MAX, 1));
}

#[test]
fn a_plan_that_was_never_drafted_or_is_drafted_twice_does_not_fit() {
    assert!(fold(vec![planned(1)]).is_err());
    assert!(fold(vec![drafted(), drafted()]).is_err());
}

#[test]
fn a_suspension_has_its_reason_until_it_ends() {
    let suspended = event("ServicePlanSuspended", json!({"reason": "unpaid"}));
    let row = after(vec![suspended.clone()]);
    assert_eq!((row.status, row.reason.as_ref().map(Name::as_str)), (Status::Suspended, Some("unpaid")));
    let resumed = event("ServicePlanResumed", json!({"plans_from": day(1)}));
    let row = after(vec![suspended, resumed]);
    assert_eq!((row.status, row.reason), (Status::Active, None));
}
