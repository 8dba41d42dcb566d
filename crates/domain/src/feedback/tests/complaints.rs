//! Complaints: from the filing to the end.

use super::*;

#[test]
fn a_complaint_is_personal_and_says_what_it_is_about() {
    let filed = brought(&world(), "file_complaint", filing(LI));
    let Event::FeedbackSubmitted { customer, content: Content::Complaint { severity, subject, body, about, channel } } =
        filed
    else {
        panic!("{filed:?}");
    };
    assert_eq!((customer, severity.get(), subject.subject(), body.subject()), (LI, 2, LI.0, LI.0));
    assert_eq!((about, channel), (About { ticket: Some(T), ..About::default() }, Some(ticket::Channel::Phone)));
}

#[test]
fn what_a_complaint_is_about_exists_and_so_does_who_complains() {
    for name in ["ticket", "agent", "team"] {
        let mut data = filing(LI);
        data["about"] = json!({name: NOBODY});
        let missing = (Code::ReferenceMissing, format!("/data/about/{name}"));
        assert_eq!(refused(&world(), "file_complaint", data), missing);
    }
    let unknown = filing(CustomerId(NOBODY));
    assert_eq!(refused(&world(), "file_complaint", unknown), (Code::ReferenceMissing, "/data/customer".to_owned()));
    assert_eq!(code(&world(), "file_complaint", filing(OLD_LI)), Some(Code::MergedInto));
}

#[test]
fn a_severity_is_one_to_four() {
    for (severity, fits) in [(0, false), (1, true), (4, true), (5, false)] {
        assert_eq!(Severity::try_from(severity).is_ok(), fits, "{severity}");
    }
}

#[test]
fn a_remedy_and_an_objection_are_personal() {
    let offered = brought(&feedback_in(Status::Investigating), "offer_remedy", json!({"remedy": "A voucher."}));
    assert!(matches!(&offered, Event::RemedyOffered { remedy } if remedy.subject() == LI.0), "{offered:?}");
    let rejected = brought(&feedback_in(Status::RemedyOffered), "reject_remedy", json!({"reason": "Too little."}));
    assert!(matches!(&rejected, Event::RemedyRejected { reason: Some(reason) } if reason.subject() == LI.0));
}

#[test]
fn an_escalated_complaint_can_be_made_up_for_after_all() {
    let again = sent(feedback_in(Status::Escalated), "offer_remedy", json!({"remedy": "The money back."}));
    let accepted = sent(again, "accept_remedy", json!({}));
    let closed = brought(&accepted, "close", json!({"outcome": "upheld"}));
    assert_eq!(closed, Event::ComplaintClosed { outcome: Outcome::Upheld });
}

#[test]
fn whatever_its_outcome_a_complaint_is_closed_when_it_was_made_up_for_or_escalated() {
    for outcome in Outcome::ALL {
        for status in [Status::Accepted, Status::Escalated] {
            let closed = brought(&feedback_in(status), "close", json!({"outcome": outcome.name()}));
            assert_eq!(closed, Event::ComplaintClosed { outcome: *outcome });
        }
        let early = code(&feedback_in(Status::Investigating), "close", json!({"outcome": outcome.name()}));
        assert_eq!(early.is_none(), *outcome == Outcome::Withdrawn, "{}", outcome.name());
    }
}

#[test]
fn a_complaint_sets_no_timer() {
    assert_eq!(when(&world(), "file_complaint", filing(LI)).unwrap().timers, []);
}
