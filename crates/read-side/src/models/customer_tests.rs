use chrono::TimeDelta;
use domain::StreamId;
use domain::customer::{Contact, ContactKind};
use domain::ids::TicketId;
use serde_json::json;

use super::super::customer_alias::CustomerAlias;
use super::*;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const WANG: CustomerId = CustomerId(Uuid::from_u128(2));

fn happened(version: u64, stream: StreamId, event: impl Into<AnyEvent>) -> Happened {
    let recorded_at = DateTime::UNIX_EPOCH + TimeDelta::seconds(version.cast_signed());
    Happened {
        position: version,
        stream,
        version,
        ordinal: None,
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at,
        event: event.into(),
    }
}

fn fold<E: Entity>(stream: StreamId, events: Vec<Event>) -> Result<Option<E::Row>, Unfit> {
    events.into_iter().zip(1..).try_fold(None, |row, (event, version)| E::apply(row, &happened(version, stream, event)))
}

fn li(events: Vec<Event>) -> CustomerRow {
    let events = std::iter::once(registered()).chain(events).collect();
    fold::<Customer>(LI.stream(), events).unwrap().unwrap()
}

fn registered() -> Event {
    Event::CustomerRegistered {
        kind: Kind::Person,
        display_name: Personal::new(LI.0, Name::parse("李雷").unwrap()),
        contact_points: vec![email(1, true)],
        addresses: Vec::new(),
        external_refs: BTreeSet::new(),
        tags: BTreeSet::new(),
        locale: None,
        timezone: None,
        lifecycle: Lifecycle::Active,
    }
}

fn email(id: u128, primary: bool) -> ContactPoint {
    let value = format!("{id}@example.com");
    let contact = Contact { value: Name::parse(&value).unwrap(), normalized: value, label: None };
    ContactPoint {
        id: Uuid::from_u128(id),
        kind: ContactKind::Email,
        contact: Personal::new(LI.0, contact),
        primary,
        verified: false,
        unique: true,
    }
}

fn tags(names: &[&str]) -> BTreeSet<Name<64>> {
    names.iter().map(|name| Name::parse(name).unwrap()).collect()
}

#[test]
fn a_new_primary_contact_point_takes_the_place_of_the_old_one() {
    let row = li(vec![
        Event::CustomerContactPointAdded { contact_point: email(2, true) },
        Event::CustomerContactPointVerified { contact_point_id: Uuid::from_u128(1) },
    ]);
    let points: Vec<_> = row.contact_points.iter().map(|point| (point.primary, point.verified)).collect();
    assert_eq!(points, [(false, true), (true, false)]);
    assert_eq!((row.version, row.updated_at.timestamp()), (3, 3));
}

#[test]
fn what_a_merge_filled_in_goes_with_the_alias() {
    let filled = Filled { contact_points: vec![email(9, false)], tags: tags(&["vip"]), ..Filled::default() };
    let merged = Event::CustomerMerged { loser: WANG, aliases: BTreeSet::new(), filled };
    let row = li(vec![Event::CustomerTagged { tags: tags(&["new"]) }, merged.clone()]);
    assert_eq!((row.aliases.len(), row.contact_points.len(), row.tags), (1, 2, tags(&["new", "vip"])));
    let withdrawn = Withdrawn {
        contact_points: BTreeSet::from([Uuid::from_u128(9)]),
        tags: tags(&["vip"]),
        ..Withdrawn::default()
    };
    let row = li(vec![
        Event::CustomerTagged { tags: tags(&["new"]) },
        merged,
        Event::CustomerUnmerged { loser: WANG, withdrawn },
    ]);
    assert_eq!((row.aliases.len(), row.contact_points.len(), row.tags), (0, 1, tags(&["new"])));
}

#[test]
fn a_merged_customer_comes_back_as_it_was() {
    let row = li(vec![Event::CustomerMergedInto { survivor: WANG }]);
    assert_eq!((row.lifecycle, row.merged_into), (Standing::Merged, Some(WANG)));
    assert_eq!(Customer::facts(&row)[0], ("total".to_owned(), [0; 4]));
    let row = li(vec![Event::CustomerMergedInto { survivor: WANG }, Event::CustomerRestored { survivor: WANG }]);
    assert_eq!((row.lifecycle, row.merged_into), (Standing::Active, None));
    assert_eq!(
        Customer::facts(&row),
        [("total".to_owned(), [1, 0, 0, 0]), ("lifecycle/active".to_owned(), [1, 0, 0, 0])]
    );
}

#[test]
fn an_alias_exists_only_while_it_is_merged() {
    let merged = Event::CustomerMergedInto { survivor: WANG };
    let row = fold::<CustomerAlias>(LI.stream(), vec![merged.clone()]).unwrap().unwrap();
    assert_eq!((row.customer, row.survivor), (LI, WANG));
    let restored = Event::CustomerRestored { survivor: WANG };
    assert_eq!(fold::<CustomerAlias>(LI.stream(), vec![merged, restored]), Ok(None));
    assert_eq!(CustomerAlias::keys(&happened(1, LI.stream(), registered())), Keys::Many(Vec::new()));
}

#[test]
fn a_consent_is_one_per_purpose_and_channel() {
    let source: Name<64> = Name::parse("web").unwrap();
    let granted = |channel| Event::CustomerConsentGranted {
        purpose: Name::parse("news").unwrap(),
        channel,
        basis: ConsentBasis::Consent,
        source: source.clone(),
    };
    let withdrawn = Event::CustomerConsentWithdrawn {
        purpose: Name::parse("news").unwrap(),
        channel: ConsentChannel::Email,
        source: source.clone(),
    };
    let row = li(vec![granted(ConsentChannel::Email), granted(ConsentChannel::Sms), withdrawn]);
    let consents: Vec<_> = row.consents.iter().map(|consent| (consent.channel, consent.state)).collect();
    let expected = [(ConsentChannel::Sms, ConsentState::Granted), (ConsentChannel::Email, ConsentState::Withdrawn)];
    assert_eq!(consents, expected);
}

#[test]
fn an_erased_customer_keeps_nothing_that_points_at_the_person() {
    let system = Name::parse("shop").unwrap();
    let id = Name::parse("7").unwrap();
    let row =
        li(vec![Event::CustomerExternalRefLinked { system, id }, Event::CustomerErased { inquiries: Vec::new() }]);
    assert!(row.contact_points.is_empty() && row.external_refs.is_empty());
    assert_eq!(Customer::facts(&row)[1], ("lifecycle/erased".to_owned(), [1, 0, 0, 0]));
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold::<Customer>(LI.stream(), vec![Event::CustomerUnblocked {}]).is_err());
    assert!(fold::<Customer>(LI.stream(), vec![registered(), registered()]).is_err());
    let unknown = Event::CustomerContactPointVerified { contact_point_id: TicketId(Uuid::from_u128(99)).0 };
    assert!(fold::<Customer>(LI.stream(), vec![registered(), unknown]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let row = li(vec![Event::CustomerBlocked { reason: Personal::new(LI.0, FreeText::parse("x".into()).unwrap()) }]);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(serde_json::from_value::<CustomerRow>(json.clone()).unwrap(), row);
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: BTreeSet<&str> = Customer::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(fields, columns);
    assert_eq!(json["lifecycle"], json!("active"));
}
