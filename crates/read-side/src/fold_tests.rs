use chrono::{DateTime, Utc};
use domain::envelope::{Metadata, Publisher, RecordedEvent};
use domain::ids::InquiryId;
use domain::personal::Personal;
use domain::team::{Event as TeamEvent, Routing};
use domain::text::Name;
use domain::{Event, StreamId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

/// A team's names, all personal data of the team; formed again it is a new row, without a name it is none.
struct Names;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct NamesRow {
    name: Personal<String>,
}

impl Entity for Names {
    const NAME: &'static str = "names";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::Team];
    const COLUMNS: &'static str = "name jsonb";
    const INDEXES: &'static str = "";
    type Row = NamesRow;

    fn keys(happened: &Happened) -> Keys {
        let id = happened.stream.id;
        if id.is_max() { Keys::Many((0..65).map(Uuid::from_u128).collect()) } else { Keys::Many(vec![id, id]) }
    }

    fn apply(row: Option<NamesRow>, happened: &Happened) -> Result<Option<NamesRow>, Unfit> {
        let Event::Team(event) = &happened.event else { return Ok(row) };
        let own = |name: &Name<200>| NamesRow { name: Personal::new(happened.stream.id, name.to_string()) };
        match event {
            TeamEvent::TeamFormed { name, .. } => Ok(Some(own(name))),
            TeamEvent::TeamRenamed { name } if name.as_str() == "panic" => panic!("on purpose"),
            TeamEvent::TeamRenamed { name } if name.as_str() == "gone" => Ok(None),
            TeamEvent::TeamRenamed { name } => row.map(|_| Some(own(name))).ok_or_else(|| Unfit("no team".to_owned())),
            TeamEvent::TeamRoutingChanged { .. }
            | TeamEvent::TeamMemberAdded { .. }
            | TeamEvent::TeamMemberRemoved { .. } => Ok(row),
        }
    }

    fn facts(_: &NamesRow) -> Vec<Fact> {
        vec![("names".to_owned(), [1, 0, 0, 0])]
    }
}

const A: Uuid = Uuid::from_u128(1);

fn happened(position: u64, id: Uuid, event: TeamEvent) -> Happened {
    let time = DateTime::<Utc>::UNIX_EPOCH;
    let stream = StreamId { category: Category::Team, id };
    let (version, ordinal, event) = (position, None, Event::Team(event));
    Happened { position, stream, version, ordinal, occurred_at: time, recorded_at: time, event }
}

fn formed(position: u64, name: &str) -> Happened {
    let name = Name::parse(name).unwrap();
    happened(position, A, TeamEvent::TeamFormed { name, routing: Routing::Manual })
}

fn renamed(position: u64, name: &str) -> Happened {
    happened(position, A, TeamEvent::TeamRenamed { name: Name::parse(name).unwrap() })
}

fn fold(events: &[Happened]) -> Fold<Names> {
    let mut fold = Fold::<Names>::default();
    events.iter().for_each(|event| fold.apply(event).unwrap());
    fold
}

fn settled(mut fold: Fold<Names>) -> Changes {
    assert_eq!(fold.release(0), Ok(()));
    fold.take()
}

fn ranges(changes: &Changes) -> Vec<(u64, Option<u64>)> {
    changes.versions.iter().map(|version| (version.from, version.to)).collect()
}

fn facts(changes: &Changes) -> Vec<(u64, i64)> {
    changes.facts.iter().map(|change| (change.position, change.add[0])).collect()
}

#[test]
fn each_event_makes_a_version_and_versions_follow_without_a_gap() {
    let changes = settled(fold(&[formed(3, "a"), renamed(5, "b"), renamed(6, "b")]));
    assert_eq!(ranges(&changes), [(3, Some(5)), (5, Some(6)), (6, None)]);
    assert_eq!(facts(&changes), [(3, 1)]);
}

#[test]
fn a_row_that_ends_has_no_present_version_and_may_come_back() {
    let changes = settled(fold(&[formed(1, "a"), renamed(2, "gone"), formed(4, "b")]));
    assert_eq!(ranges(&changes), [(1, Some(2)), (4, None)]);
    assert_eq!(facts(&changes), [(1, 1), (2, -1), (4, 1)]);
}

#[test]
fn folding_in_two_batches_gives_what_one_gives() {
    let mut fold = Fold::<Names>::default();
    fold.hold(StoredRow { key: A, from: 3, json: json!({"name": Personal::new(A, "a")}).to_string() }).unwrap();
    fold.apply(&renamed(5, "b")).unwrap();
    let changes = settled(fold);
    assert_eq!(changes.closed, [(A, 5)]);
    assert_eq!(ranges(&changes), [(5, None)]);
    assert!(changes.facts.is_empty());
}

#[test]
fn an_unfit_event_parks_its_key_and_later_ones_are_counted() {
    let changes = settled(fold(&[formed(1, "a"), renamed(2, "panic"), renamed(3, "b"), renamed(4, "c")]));
    let stale: Vec<_> =
        changes.versions.iter().map(|version| (version.from, version.to, version.stale_since)).collect();
    assert_eq!(stale, [(1, None, Some(2))]);
    assert_eq!(changes.parked, [Parked { key: A, position: 2, error: "the fold panicked".to_owned() }]);
    assert_eq!(changes.skipped, BTreeMap::from([(A, 2)]));
}

#[test]
fn an_event_for_a_row_that_never_was_parks_the_key_without_a_row() {
    let changes = settled(fold(&[renamed(2, "b"), formed(3, "a")]));
    assert_eq!(ranges(&changes), []);
    assert_eq!((changes.parked.len(), changes.skipped.get(&A)), (1, Some(&1)));
}

#[test]
fn a_version_names_the_subjects_whose_values_are_in_it() {
    let changes = settled(fold(&[formed(1, "a"), renamed(2, "b")]));
    let json = |name: &str| json!({"name": Personal::new(A, name)}).to_string();
    let versions: Vec<_> = changes.versions.into_iter().map(|version| (version.subjects, version.json)).collect();
    assert_eq!(versions, [(BTreeSet::from([A]), json("a")), (BTreeSet::from([A]), json("b"))]);
}

#[test]
fn an_event_that_touches_too_many_rows_is_a_defect() {
    let event = happened(1, Uuid::max(), TeamEvent::TeamRoutingChanged { routing: Routing::Manual });
    assert!(Fold::<Names>::default().touched(&event).is_err());
}

#[test]
fn rows_are_let_go_of_in_the_order_in_which_they_were_touched_last_and_given_out_once() {
    let other = Uuid::from_u128(2);
    let of_other = Happened { stream: StreamId { category: Category::Team, id: other }, ..formed(2, "b") };
    let mut fold = fold(&[formed(1, "a"), of_other, renamed(3, "c")]);
    assert_eq!(ranges(&fold.take()), [(1, Some(3))]);
    fold.release(1).unwrap();
    assert_eq!((fold.holds(A), fold.holds(other), fold.unstored()), (true, false, 1));
    assert_eq!(ranges(&fold.take()), [(2, None)]);
    assert_eq!(ranges(&settled(fold)), [(3, None)]);
}

#[test]
fn a_row_that_changes_often_does_not_fill_the_list_of_rows() {
    let mut fold = fold(&[formed(1, "a")]);
    for position in 2..30_000 {
        fold.apply(&renamed(position, "b")).unwrap();
    }
    assert!(fold.made.len() <= MADE_ANEW_MAX + 2, "{}", fold.made.len());
}

#[test]
fn only_a_customers_erasure_erases_a_subject() {
    let recorded = |category, event_type: &str| RecordedEvent {
        position: 1,
        event_id: A,
        stream: StreamId { category, id: A },
        version: 1,
        event_type: event_type.to_owned(),
        schema_version: 1,
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
        ordinal: None,
        metadata: Metadata {
            publisher: Publisher::timer(),
            command_id: A,
            actor: domain::envelope::Actor::automation(),
            correlation_id: None,
            causation_id: None,
        },
        payload: "{}".to_owned(),
        content_hash: [0; 32],
    };
    let erased = |category, event_type| erased_subjects(&recorded(category, event_type), None);
    assert_eq!(erased(Category::Customer, "CustomerErased"), [A]);
    assert_eq!(erased(Category::Customer, "CustomerErasureRequested"), Vec::<Uuid>::new());
    assert_eq!(erased(Category::Team, "CustomerErased"), Vec::<Uuid>::new());
    let recorded = recorded(Category::Customer, "CustomerErased");
    let event = CustomerEvent::CustomerErased { inquiries: vec![InquiryId(Uuid::from_u128(2))] };
    let happened = Happened::new(&recorded, event.into());
    assert_eq!(erased_subjects(&recorded, Some(&happened)), [A, own_subject(InquiryId(Uuid::from_u128(2)))]);
}
