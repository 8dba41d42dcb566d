use domain::service_execution::Window;
use domain::text::FreeText;
use uuid::Uuid;

use super::*;

const VISIT: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(1));
const NEXT: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(2));
const LI: CustomerId = CustomerId(Uuid::from_u128(3));
const ANNA: AgentId = AgentId(Uuid::from_u128(4));

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn fold(events: Vec<Event>) -> Result<ServiceExecutionRow, Unfit> {
    let fold = |row, (event, version): (Event, u64)| {
        ServiceExecution::apply(
            row,
            &Happened {
                position: version,
                stream: VISIT.stream(),
                version,
                ordinal: None,
                occurred_at: at(7),
                recorded_at: at(8),
                event: event.into(),
            },
        )
    };
    events.into_iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn after(events: Vec<Event>) -> ServiceExecutionRow {
    fold(std::iter::once(planned()).chain(events).collect()).unwrap()
}

fn name<const MAX: usize>(text: &str) -> Name<MAX> {
    Name::parse(text).unwrap()
}

fn planned() -> Event {
    let item = |id: &str| Item { id: name(id), name: name("step"), mandatory: true };
    Event::ServiceExecutionPlanned {
        name: name("空调维修"),
        content: None,
        customer: LI,
        ticket: None,
        plan: None,
        occurrence: None,
        site: Some(Personal::new(LI.0, FreeText::parse("南京西路".to_owned()).unwrap())),
        window: Window { earliest: at(100), latest: at(900) },
        skills: [name("electric")].into(),
        checklist: vec![item("power"), item("photo")],
        follow_up_of: None,
    }
}

fn scheduled(start: i64, end: i64) -> Event {
    let resources = [ANNA].into();
    Event::ServiceExecutionScheduled { start: at(start), end: at(end), resources, overridden: false }
}

#[test]
fn it_stands_at_the_earliest_of_its_window_until_it_has_a_time() {
    let row = after(vec![]);
    assert_eq!((row.status, row.begins_at, row.scheduled_start), (Status::Planned, at(100), None));
    assert_eq!(ServiceExecution::facts(&row), [("status/planned".to_owned(), [1, 0, 0, 0])]);
    let row = after(vec![scheduled(300, 400)]);
    assert_eq!((row.begins_at, row.scheduled_start, row.scheduled_end), (at(300), Some(at(300)), Some(at(400))));
    assert_eq!((row.status, row.resources), (Status::Scheduled, [ANNA].into()));
}

#[test]
fn one_that_is_rescheduled_is_to_be_dispatched_again() {
    let resources = BTreeSet::new();
    let moved = Event::ServiceExecutionRescheduled { start: at(500), end: at(950), resources, overridden: true };
    let row = after(vec![scheduled(300, 400), Event::ServiceExecutionDispatched {}, moved]);
    assert_eq!((row.status, row.begins_at, row.overridden), (Status::Scheduled, at(500), true));
}

#[test]
fn each_interruption_ends_when_the_work_goes_on() {
    let paused = |second| Event::ServiceExecutionPaused { at: at(second), reason: None };
    let resumed = |second| Event::ServiceExecutionResumed { at: at(second) };
    let started = Event::ServiceExecutionStarted { at: at(300) };
    let row = after(vec![started, paused(310), resumed(320), paused(330), resumed(350), paused(360)]);
    let pauses: Vec<_> = row.pauses.iter().map(|pause| (pause.from, pause.to)).collect();
    assert_eq!(pauses, [(at(310), Some(at(320))), (at(330), Some(at(350))), (at(360), None)]);
    assert_eq!((row.status, row.started_at, row.labour_s), (Status::Paused, Some(at(300)), None));
}

#[test]
fn an_item_shows_what_was_last_said_of_it() {
    let told = |result, note: Option<&str>| Event::ChecklistItemCompleted {
        item: name("photo"),
        result,
        note: note.map(|note| FreeText::parse(note.to_owned()).unwrap()),
    };
    let row = after(vec![told(ItemResult::Failed, Some("dark")), told(ItemResult::Done, None)]);
    let results: Vec<_> = row.checklist.iter().map(|item| (item.result, item.note.clone())).collect();
    assert_eq!(results, [(None, None), (Some(ItemResult::Done), None)]);
}

#[test]
fn every_end_tells_when_and_how_long() {
    let (labour_s, travel_s) = (60, 30);
    let (reason, outcome) = (name("wrong part"), FreeText::parse("It cools.".to_owned()).unwrap());
    let ends = [
        (Status::Completed, Event::ServiceExecutionCompleted { at: at(400), outcome, labour_s, travel_s }, 60),
        (Status::CannotComplete, Event::ServiceExecutionFailed { at: at(400), reason, labour_s, travel_s }, 60),
        (Status::Cancelled, Event::ServiceExecutionCancelled { at: at(400), reason: None, labour_s, travel_s }, 60),
        (Status::NoShow, Event::CustomerNoShow { at: at(400), travel_s }, 0),
    ];
    for (status, end, labour_s) in ends {
        let row = after(vec![end]);
        assert_eq!((row.status, row.ended_at), (status, Some(at(400))));
        assert_eq!((row.labour_s, row.travel_s), (Some(labour_s), Some(30)), "{status:?}");
        assert_eq!(row.outcome.is_some(), status == Status::Completed);
        assert_eq!(row.end_reason.is_some(), status == Status::CannotComplete);
    }
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold(vec![scheduled(300, 400)]).is_err());
    assert!(fold(vec![planned(), planned()]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let part = Event::PartUsed { sku: name("CMP-7"), name: None, qty_milli: QtyMilli::try_from(1_500).unwrap() };
    let signed = Event::CustomerSignedOff { by: Personal::new(LI.0, name("李雷")) };
    let follow_up = Event::FollowUpScheduled { follow_up: NEXT };
    let row = after(vec![scheduled(300, 400), part, signed, follow_up]);
    assert_eq!((row.parts.len(), row.status, row.follow_up), (1, Status::Verified, Some(NEXT)));
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(serde_json::from_value::<ServiceExecutionRow>(json.clone()).unwrap(), row);
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: BTreeSet<&str> = ServiceExecution::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(fields, columns);
}
