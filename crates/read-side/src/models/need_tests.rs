use std::collections::BTreeSet;

use domain::moment::Moment;
use domain::money::{Currency, Minor};
use domain::need::EstimatedValue;
use domain::text::{FreeText, Name};
use uuid::Uuid;

use super::*;

const NEED: NeedId = NeedId(Uuid::from_u128(1));
const OTHER: NeedId = NeedId(Uuid::from_u128(2));
const LI: CustomerId = CustomerId(Uuid::from_u128(3));

fn fold(events: Vec<Event>) -> Result<NeedRow, Unfit> {
    let fold = |row, (event, version): (Event, u64)| {
        Need::apply(
            row,
            &Happened {
                position: version,
                stream: NEED.stream(),
                version,
                ordinal: None,
                occurred_at: DateTime::UNIX_EPOCH,
                recorded_at: DateTime::UNIX_EPOCH,
                event: event.into(),
            },
        )
    };
    events.into_iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn after(events: Vec<Event>) -> NeedRow {
    fold(std::iter::once(captured()).chain(events).collect()).unwrap()
}

fn captured() -> Event {
    let est_value = EstimatedValue { currency: Currency::parse("CNY").unwrap(), amount_minor: Minor(i64::MAX) };
    Event::NeedCaptured {
        customer: LI,
        title: Name::parse("Offline mode").unwrap(),
        description: Personal::new(LI.0, FreeText::parse("在飞机上也要能用。".to_owned()).unwrap()),
        category: category(&["app", "sync"]),
        product_ref: None,
        source: Source::Sales,
        evidence: BTreeSet::new(),
        importance: Importance::try_from(5).ok(),
        satisfaction: None,
        wanted_by: Moment::try_from(DateTime::UNIX_EPOCH).ok(),
        est_value: Some(est_value),
        owner: None,
    }
}

fn category(levels: &[&str]) -> CategoryPath {
    let levels: Vec<Name<64>> = levels.iter().map(|level| Name::parse(level).unwrap()).collect();
    CategoryPath::try_from(levels).unwrap()
}

fn planned() -> Event {
    Event::NeedPlanned { target: Name::parse("2026.2").ok(), due: None }
}

fn reason() -> Reason {
    Name::parse("not our market").unwrap()
}

#[test]
fn a_need_that_is_taken_up_again_keeps_nothing_of_its_end_and_its_plan() {
    let fulfilled = Event::NeedFulfilled { by: Fulfilment::Release { name: Name::parse("2026.2").unwrap() } };
    let ended = after(vec![Event::NeedQualified {}, planned(), fulfilled.clone()]);
    assert_eq!((ended.status, ended.target.is_some(), ended.fulfilled_by.is_some()), (Status::Fulfilled, true, true));
    for end in [fulfilled, Event::NeedDeclined { reason: reason() }, Event::NeedWithdrawn { reason: Some(reason()) }] {
        let again = after(vec![Event::NeedQualified {}, planned(), end, Event::NeedReopened { reason: None }]);
        let qualified = after(vec![Event::NeedQualified {}]);
        assert_eq!(again, NeedRow { version: again.version, ..qualified });
    }
}

#[test]
fn a_need_that_was_merged_and_let_go_is_what_it_was() {
    let merged = after(vec![planned(), Event::NeedMergedInto { survivor: OTHER }]);
    assert_eq!((merged.status, merged.merged_into, merged.target.is_some()), (Status::Merged, Some(OTHER), true));
    let restored = Event::NeedRestored { survivor: OTHER, status: Status::Planned };
    let apart = after(vec![planned(), Event::NeedMergedInto { survivor: OTHER }, restored]);
    assert_eq!(apart, NeedRow { version: apart.version, ..after(vec![planned()]) });
    let survivor = after(vec![Event::NeedMerged { loser: OTHER }]);
    assert_eq!(survivor.merged, [OTHER].into());
    assert_eq!(after(vec![Event::NeedMerged { loser: OTHER }, Event::NeedUnmerged { loser: OTHER }]).merged, [].into());
}

#[test]
fn a_need_counts_by_its_status_and_the_top_level_of_its_category() {
    let fact = |name: &str, numbers| (name.to_owned(), numbers);
    let facts = |events| Need::facts(&after(events));
    let (one, both) = ([1, 0, 0, 0], [1, 1, 0, 0]);
    assert_eq!(facts(vec![]), [fact("status/captured", one), fact("category/app", both)]);
    let declined = vec![Event::NeedDeclined { reason: reason() }];
    assert_eq!(facts(declined), [fact("status/declined", one), fact("category/app", one)]);
    let elsewhere = |levels: &[&str]| Event::NeedCategorized { category: category(levels), by: CategorizedBy::Human };
    assert_eq!(facts(vec![elsewhere(&["a/b"])]), [fact("status/captured", one), fact("category/a/b", both)]);
    assert_eq!(facts(vec![elsewhere(&[])]), [fact("status/captured", one)]);
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold(vec![Event::NeedQualified {}]).is_err());
    assert!(fold(vec![captured(), captured()]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let row = after(vec![planned()]);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(serde_json::from_value::<NeedRow>(json.clone()).unwrap(), row);
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: BTreeSet<&str> = Need::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(fields, columns);
}
