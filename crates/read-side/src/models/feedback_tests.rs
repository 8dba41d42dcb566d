use std::collections::BTreeSet;

use domain::feedback::AmendSeconds;
use domain::ids::FeedbackId;
use domain::text::{FreeText, Name};
use uuid::Uuid;

use super::*;

const F: FeedbackId = FeedbackId(Uuid::from_u128(1));
const LI: CustomerId = CustomerId(Uuid::from_u128(2));
const CHEN: AgentId = AgentId(Uuid::from_u128(3));
const T: TicketId = TicketId(Uuid::from_u128(4));

fn fold(events: Vec<Event>) -> Result<FeedbackRow, Unfit> {
    let fold = |row, (event, version): (Event, u64)| {
        Feedback::apply(
            row,
            &Happened {
                position: version,
                stream: F.stream(),
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

fn said<const MAX: usize>(text: &str) -> Personal<FreeText<MAX>> {
    Personal::new(LI.0, FreeText::parse(text.to_owned()).unwrap())
}

fn requested() -> Event {
    Event::SurveyRequested {
        customer: LI,
        metric: Metric::Nps,
        rated: About { ticket: Some(T), agent: Some(CHEN), team: None, plan: None },
        expires_at: DateTime::UNIX_EPOCH,
        amend_for_s: AmendSeconds::default(),
    }
}

fn submitted(content: Content) -> Event {
    Event::FeedbackSubmitted { customer: LI, content }
}

fn answered(score: u32) -> Event {
    let score = Score::try_from(score).unwrap();
    submitted(Content::Response { score, comment: Some(said("好")), amend_until: DateTime::UNIX_EPOCH })
}

fn complaint() -> Event {
    let (severity, about) = (Severity::try_from(1).unwrap(), About { agent: Some(CHEN), ..About::default() });
    submitted(Content::Complaint { severity, subject: said("慢"), body: said("太慢了"), about, channel: None })
}

fn counts(row: &FeedbackRow) -> Vec<(String, i64)> {
    Feedback::facts(row).into_iter().map(|(fact, [count, ..])| (fact, count)).collect()
}

#[test]
fn a_survey_counts_as_requested_answered_or_expired_and_by_its_score() {
    let survey = |numbers| ("survey/nps".to_owned(), numbers);
    let kind = ("kind/survey".to_owned(), [1, 0, 0, 0]);
    let score = |score: u8| (format!("score/nps/{score}"), [1, 0, 0, 0]);
    let facts = |events| Feedback::facts(&fold(events).unwrap());
    assert_eq!(facts(vec![requested()]), [kind.clone(), survey([1, 0, 0, 0])]);
    assert_eq!(facts(vec![requested(), Event::SurveyExpired {}]), [kind.clone(), survey([1, 0, 1, 0])]);
    assert_eq!(facts(vec![requested(), answered(0)]), [kind.clone(), survey([1, 1, 0, 0]), score(0)]);
    let amended = Event::FeedbackAmended { score: Score::try_from(9).unwrap(), comment: None };
    assert_eq!(facts(vec![requested(), answered(0), amended]), [kind, survey([1, 1, 0, 0]), score(9)]);
}

#[test]
fn an_answer_keeps_who_is_rated_and_an_amendment_replaces_the_comment_too() {
    let row = fold(vec![requested(), Event::SurveyReminded {}, answered(10)]).unwrap();
    assert_eq!((row.kind, row.status, row.ticket, row.agent), (Kind::Survey, Status::Responded, Some(T), Some(CHEN)));
    assert!(row.comment.is_some() && row.responded_at.is_some() && row.amend_until.is_some());
    let amended = Event::FeedbackAmended { score: Score::try_from(7).unwrap(), comment: None };
    let row = fold(vec![requested(), answered(10), amended]).unwrap();
    assert_eq!((row.status, row.score.map(Score::get), row.comment), (Status::Amended, Some(7), None));
}

#[test]
fn a_complaint_counts_by_its_status_and_keeps_its_last_remedy() {
    let row = fold(vec![complaint()]).unwrap();
    assert_eq!(counts(&row), [("kind/complaint".to_owned(), 1), ("complaint/received".to_owned(), 1)]);
    let offered = || Event::RemedyOffered { remedy: said("voucher") };
    let rejected = Event::RemedyRejected { reason: Some(said("no")) };
    let escalated = Event::ComplaintEscalated { reason: Name::parse("manager").unwrap() };
    let row = fold(vec![complaint(), offered(), rejected.clone(), escalated.clone()]).unwrap();
    assert!(row.remedy.is_some() && row.objection.is_some() && row.escalation_reason.is_some());
    let closed = Event::ComplaintClosed { outcome: Outcome::Upheld };
    let row = fold(vec![complaint(), offered(), rejected, escalated, offered(), Event::RemedyAccepted {}, closed]);
    let row = row.unwrap();
    assert_eq!((row.status, row.objection, row.outcome), (Status::Closed, None, Some(Outcome::Upheld)));
    assert!(row.closed_at.is_some());
}

#[test]
fn a_remark_has_a_body_and_no_more() {
    let about = About::default();
    for (content, kind) in [
        (Content::Suggestion { body: said("周六营业"), about }, Kind::Suggestion),
        (Content::Praise { body: said("谢谢"), about }, Kind::Praise),
    ] {
        let row = fold(vec![submitted(content)]).unwrap();
        assert_eq!((row.kind, row.status, row.body.is_some()), (kind, Status::Submitted, true));
        assert_eq!(counts(&row), [(format!("kind/{}", kind.name()), 1)]);
    }
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold(vec![answered(1)]).is_err());
    assert!(fold(vec![requested(), requested()]).is_err());
    assert!(fold(vec![complaint(), complaint()]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let row = fold(vec![requested(), answered(3)]).unwrap();
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(serde_json::from_value::<FeedbackRow>(json.clone()).unwrap(), row);
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: BTreeSet<&str> = Feedback::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(fields, columns);
}
