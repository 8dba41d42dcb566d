//! Suggestions and praise.

use super::*;

#[test]
fn a_suggestion_and_praise_are_personal_and_may_be_about_somebody() {
    let data = json!({"customer": LI, "body": "谢谢 Anna", "about": {"agent": ANNA}});
    let about_anna = About { agent: Some(ANNA), ..About::default() };
    for name in ["suggest", "praise"] {
        let said = brought(&world(), name, data.clone());
        let Event::FeedbackSubmitted { content, .. } = said else { panic!("{said:?}") };
        let (subject, about, of) = match content {
            Content::Suggestion { body, about } => (body.subject(), about, "suggest"),
            Content::Praise { body, about } => (body.subject(), about, "praise"),
            Content::Response { .. } | Content::Complaint { .. } => panic!("{content:?}"),
        };
        assert_eq!((subject, about, of), (LI.0, about_anna, name));
    }
}

#[test]
fn feedback_is_about_a_ticket_of_the_same_customer() {
    let apart = (OLD_LI.stream(), customer::Event::CustomerRestored { survivor: LI }.into());
    let apart = world().with(apart);
    let together = (LI.stream(), customer::Event::CustomerMergedInto { survivor: OLD_LI }.into());
    let together = apart.clone().with(together);
    let remark = json!({"customer": OLD_LI, "body": "x", "about": {"ticket": T}});
    for (name, data, pointer) in [
        ("request_survey", json!({"customer": OLD_LI, "metric": "csat", "rated": {"ticket": T}}), "/data/rated/ticket"),
        ("file_complaint", filing(OLD_LI), "/data/about/ticket"),
        ("suggest", remark.clone(), "/data/about/ticket"),
        ("praise", remark, "/data/about/ticket"),
    ] {
        assert_eq!(refused(&apart, name, data.clone()), (Code::CustomerMismatch, pointer.to_owned()), "{name}");
        assert_eq!(code(&together, name, data), None, "{name}");
    }
}

#[test]
fn whoever_asked_for_the_customer_may_say_something_of_the_ticket() {
    let asked = json!({"customer": LI, "requester": OLD_LI, "type": "incident", "channel": "web", "category": [],
        "subject": {"$personal": {"subject": LI, "value": "打印机坏了"}}, "impact": 3, "urgency": 2, "priority": "P3"});
    let other = TicketId(Uuid::from_u128(32));
    let apart = (OLD_LI.stream(), customer::Event::CustomerRestored { survivor: LI }.into());
    let world = world().with(apart).with((other.stream(), event(Category::Ticket, "TicketOpened", asked)));
    let praise = |ticket: TicketId| json!({"customer": OLD_LI, "body": "x", "about": {"ticket": ticket}});
    assert_eq!(
        (code(&world, "praise", praise(other)), code(&world, "praise", praise(T))),
        (None, Some(Code::CustomerMismatch))
    );
}

#[test]
fn a_remark_is_of_a_customer_who_exists_about_what_exists() {
    for name in ["suggest", "praise"] {
        let unknown = json!({"customer": NOBODY, "body": "x"});
        assert_eq!(refused(&world(), name, unknown), (Code::ReferenceMissing, "/data/customer".to_owned()));
        let nothing = json!({"customer": LI, "body": "x", "about": {"team": NOBODY}});
        assert_eq!(refused(&world(), name, nothing), (Code::ReferenceMissing, "/data/about/team".to_owned()));
    }
}
