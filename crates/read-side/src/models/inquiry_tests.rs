use domain::ids::InquiryId;
use domain::inquiry::own_subject;
use domain::text::{FreeText, Name};

use super::*;

const INQUIRY: InquiryId = InquiryId(Uuid::from_u128(1));
const LI: CustomerId = CustomerId(Uuid::from_u128(3));
const CHEN: AgentId = AgentId(Uuid::from_u128(4));
const FIRST_LINE: TeamId = TeamId(Uuid::from_u128(5));
const TICKET: TicketId = TicketId(Uuid::from_u128(6));

/// The second after 1970 in which an event of a version happened.
fn second(version: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(version.cast_signed(), 0).unwrap()
}

fn fold(events: Vec<Event>) -> Result<InquiryRow, Unfit> {
    let fold = |row, (event, version): (Event, u64)| {
        Inquiry::apply(
            row,
            &Happened {
                position: version,
                stream: INQUIRY.stream(),
                version,
                ordinal: None,
                occurred_at: second(version),
                recorded_at: second(version),
                event: event.into(),
            },
        )
    };
    events.into_iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn after(events: Vec<Event>) -> InquiryRow {
    fold(std::iter::once(asked()).chain(events).collect()).unwrap()
}

fn asked() -> Event {
    let own = own_subject(INQUIRY);
    Event::InquiryReceived {
        customer: None,
        anonymous: Some(Personal::new(own, Anonymous { name: Name::parse("王小明").ok(), ..Anonymous::default() })),
        channel: Channel::Wechat,
        subject: Personal::new(own, FreeText::parse("发票".to_owned()).unwrap()),
        body: Personal::new(own, FreeText::parse("怎么开？".to_owned()).unwrap()),
        language: None,
        product_ref: None,
        priority: Priority::P3,
        team: None,
    }
}

fn answered(first: bool, status: Status) -> Event {
    let body = Personal::new(LI.0, FreeText::parse("Soon.".to_owned()).unwrap());
    Event::InquiryAnswered { message_id: Uuid::nil(), body, first, by: Some(CHEN), status }
}

fn replied(status: Status) -> Event {
    let body = Personal::new(LI.0, FreeText::parse("好".to_owned()).unwrap());
    Event::InquiryCustomerReplied { message_id: Uuid::nil(), body, status }
}

#[test]
fn a_new_inquiry_counts_by_status_and_channel() {
    let row = after(vec![]);
    assert_eq!((row.customer, row.status, row.received_at), (None, Status::Received, second(1)));
    let expected = [("status/received".to_owned(), [1, 0, 0, 0]), ("channel/wechat".to_owned(), [1, 1, 0, 0])];
    assert_eq!(Inquiry::facts(&row), expected);
}

#[test]
fn a_row_follows_its_inquiry_to_the_end() {
    let assigned = Event::InquiryAssigned { team: Some(FIRST_LINE), from: None, to: CHEN, status: Status::Assigned };
    let row = after(vec![Event::InquiryIdentified { customer: LI }, assigned, answered(false, Status::Answered)]);
    assert_eq!((row.customer, row.team, row.assignee), (Some(LI), Some(FIRST_LINE), Some(CHEN)));
    assert_eq!((row.status, row.first_answered_at), (Status::Answered, None));
    let row = after(vec![answered(true, Status::AwaitingCustomer), replied(Status::Received)]);
    assert_eq!((row.status, row.first_answered_at), (Status::Received, Some(second(2))));
    assert_eq!((row.messages.answers, row.messages.customer_replies), (1, 1));
    let row = after(vec![Event::InquiryConverted { ticket: TICKET }]);
    assert_eq!((row.status, row.ticket), (Status::Converted, Some(TICKET)));
    assert_eq!(Inquiry::facts(&row)[1], ("channel/wechat".to_owned(), [1, 0, 0, 0]));
    assert_eq!(after(vec![Event::InquiryMarkedSpam {}]).status, Status::Spam);
}

#[test]
fn what_a_closed_inquiry_came_to_is_forgotten_when_it_is_reopened() {
    let closed = Event::InquiryClosed { outcome: Outcome::NoReply };
    let row = after(vec![closed.clone()]);
    assert_eq!((row.status, row.outcome, row.closed_at), (Status::Closed, Some(Outcome::NoReply), Some(second(2))));
    let reopened = Event::InquiryReopened { reason: None, status: Status::Received };
    let row = after(vec![closed, replied(Status::Closed), reopened]);
    assert_eq!((row.status, row.outcome, row.closed_at, row.reopen_count), (Status::Received, None, None, 1));
}

#[test]
fn an_event_that_cannot_follow_does_not_fit() {
    assert!(fold(vec![Event::InquiryMarkedSpam {}]).is_err());
    assert!(fold(vec![asked(), asked()]).is_err());
}
