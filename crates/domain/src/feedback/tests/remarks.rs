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
fn a_remark_is_of_a_customer_who_exists_about_what_exists() {
    for name in ["suggest", "praise"] {
        let unknown = json!({"customer": NOBODY, "body": "x"});
        assert_eq!(refused(&world(), name, unknown), (Code::ReferenceMissing, "/data/customer".to_owned()));
        let nothing = json!({"customer": LI, "body": "x", "about": {"team": NOBODY}});
        assert_eq!(refused(&world(), name, nothing), (Code::ReferenceMissing, "/data/about/team".to_owned()));
    }
}
