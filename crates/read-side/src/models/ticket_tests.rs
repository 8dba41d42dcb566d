use domain::text::{FreeText, Name};
use uuid::Uuid;

use super::*;

const TICKET: TicketId = TicketId(Uuid::from_u128(1));
const OTHER: TicketId = TicketId(Uuid::from_u128(2));
const LI: CustomerId = CustomerId(Uuid::from_u128(3));
const CHEN: AgentId = AgentId(Uuid::from_u128(4));
const FIRST_LINE: TeamId = TeamId(Uuid::from_u128(5));

fn fold(events: Vec<Event>) -> Result<TicketRow, Unfit> {
    let fold = |row, (event, version): (Event, u64)| {
        Ticket::apply(
            row,
            &Happened {
                position: version,
                stream: TICKET.stream(),
                version,
                ordinal: (version == 1).then_some(17),
                occurred_at: DateTime::UNIX_EPOCH,
                recorded_at: DateTime::UNIX_EPOCH,
                event: event.into(),
            },
        )
    };
    events.into_iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn after(events: Vec<Event>) -> TicketRow {
    fold(std::iter::once(opened()).chain(events).collect()).unwrap()
}

fn opened() -> Event {
    Event::TicketOpened {
        customer: LI,
        requester: None,
        ticket_type: TicketType::Incident,
        subject: Personal::new(LI.0, FreeText::parse("打不开".to_owned()).unwrap()),
        description: None,
        channel: Channel::Web,
        category: CategoryPath::default(),
        tags: BTreeSet::new(),
        impact: Impact::try_from(1).unwrap(),
        urgency: Urgency::try_from(1).unwrap(),
        priority: Priority::P1,
        priority_reason: None,
        team: Some(FIRST_LINE),
    }
}

fn resolved() -> Event {
    Event::TicketResolved {
        code: ResolutionCode::BugFixed,
        text: None,
        root_cause: None,
        articles: BTreeSet::new(),
        reopen_until: DateTime::UNIX_EPOCH,
    }
}

fn reason() -> Reason {
    Name::parse("parts").unwrap()
}

#[test]
fn a_ticket_bears_its_ordinal_and_counts_by_status_and_priority() {
    let row = after(vec![]);
    assert_eq!((row.number, row.status, row.priority_overridden), (17, Status::New, false));
    let expected = [("status/new".to_owned(), [1, 0, 0, 0]), ("priority/P1".to_owned(), [1, 1, 0, 0])];
    assert_eq!(Ticket::facts(&row), expected);
}

#[test]
fn a_reason_to_wait_lasts_as_long_as_the_waiting() {
    let waits = Event::TicketAwaitingCustomer { reason: reason(), until: Some(DateTime::UNIX_EPOCH) };
    let row = after(vec![waits.clone()]);
    assert_eq!((row.status, row.pending_reason.is_some(), row.pending_until.is_some()), (Status::Pending, true, true));
    let row = after(vec![waits.clone(), Event::TicketPutOnHold { reason: reason() }]);
    assert_eq!((row.status, row.pending_reason.is_some(), row.pending_until), (Status::OnHold, true, None));
    let row = after(vec![waits, Event::TicketResumed { wake_up: true }]);
    assert_eq!((row.status, row.pending_reason, row.pending_until), (Status::Open, None, None));
}

#[test]
fn a_customer_who_writes_on_hold_flags_the_ticket_until_somebody_answers() {
    let wrote = Event::CustomerReplied {
        message_id: Uuid::from_u128(9),
        body: Personal::new(LI.0, FreeText::parse("?".to_owned()).unwrap()),
        routed_from: None,
        status: Status::OnHold,
    };
    let answered = Event::AgentReplied {
        message_id: Uuid::from_u128(8),
        body: Personal::new(LI.0, FreeText::parse("!".to_owned()).unwrap()),
        public: true,
        first_public: true,
        agent: Some(CHEN),
        status: Status::OnHold,
    };
    let held = Event::TicketPutOnHold { reason: reason() };
    let row = after(vec![held.clone(), wrote.clone()]);
    assert!(row.flagged && row.pending_reason.is_some());
    let row = after(vec![held, wrote, answered]);
    assert!(!row.flagged && row.first_replied_at.is_some());
    assert_eq!((row.messages.public_replies, row.messages.customer_replies), (1, 1));
}

#[test]
fn a_reopened_ticket_is_resolved_and_closed_no_more() {
    let closed = Event::TicketClosed { by: ClosedBy::Auto };
    let row = after(vec![resolved(), closed.clone()]);
    assert_eq!((row.status, row.closed_by), (Status::Closed, Some(ClosedBy::Auto)));
    assert!(row.resolution.is_some() && row.resolved_at.is_some() && row.closed_at.is_some());
    let row = after(vec![resolved(), closed, Event::TicketReopened { count: 1, reason: None }]);
    assert_eq!((row.status, row.reopen_count), (Status::Open, 1));
    assert!(row.resolution.is_none() && row.resolved_at.is_none() && row.closed_at.is_none());
}

#[test]
fn every_link_goes_as_it_came() {
    let row = after(vec![
        Event::TicketBlocked { blocked_by: OTHER },
        Event::TicketParented { parent: OTHER },
        Event::TicketRelated { ticket: OTHER },
        Event::TicketMergedInto { survivor: OTHER },
    ]);
    assert_eq!((row.links.parent, row.links.merged_into, row.status), (Some(OTHER), Some(OTHER), Status::Merged));
    let row = after(vec![
        Event::TicketBlocked { blocked_by: OTHER },
        Event::TicketParented { parent: OTHER },
        Event::TicketRelated { ticket: OTHER },
        Event::TicketMergedInto { survivor: OTHER },
        Event::TicketRestoredFromMerge { survivor: OTHER, status: Status::New },
        Event::TicketUnrelated { ticket: OTHER },
        Event::TicketUnparented { parent: OTHER },
        Event::TicketUnblocked { blocked_by: OTHER },
    ]);
    assert_eq!((row.links, row.status), (Links::default(), Status::New));
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold(vec![resolved()]).is_err());
    assert!(fold(vec![opened(), opened()]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let assigned = Event::TicketAssigned { from: None, to: CHEN, overridden: false, status: Status::Open };
    let row = after(vec![assigned, resolved()]);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(serde_json::from_value::<TicketRow>(json.clone()).unwrap(), row);
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: BTreeSet<&str> = Ticket::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(fields, columns);
}
