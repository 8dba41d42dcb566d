//! Surveys: who is rated, until when, and by how much.

use super::*;

fn expires_at() -> chrono::DateTime<chrono::Utc> {
    monday() + TimeDelta::days(14)
}

fn rated(given: &Given, rated: Value) -> About {
    let requested = brought(given, "request_survey", json!({"customer": LI, "metric": "csat", "rated": rated}));
    let Event::SurveyRequested { rated, .. } = requested else { panic!("{requested:?}") };
    rated
}

#[test]
fn a_survey_can_be_answered_for_two_weeks_and_its_timer_ends_it() {
    let data = json!({"customer": LI, "metric": "csat", "rated": {"ticket": T}});
    let decision = when(&world(), "request_survey", data).unwrap();
    let requested = Event::SurveyRequested {
        customer: LI,
        metric: Metric::Csat,
        rated: About { ticket: Some(T), agent: Some(ANNA), team: Some(FIRST), plan: None },
        expires_at: expires_at(),
        amend_for_s: AmendSeconds::default(),
    };
    let command = Box::new(Command::Expire {}.into());
    let timer = TimerChange::Set { stream: F.stream(), name: "survey_expiry", due_at: expires_at(), command };
    assert_eq!(decision, Decision::event(F.stream(), requested).timer(timer));
    assert_eq!(u32::from(AmendSeconds::default()), 7 * 24 * 3_600);
}

#[test]
fn who_is_rated_is_settled_when_the_survey_is_requested() {
    let anna = About { ticket: Some(T), agent: Some(ANNA), team: Some(FIRST), plan: None };
    assert_eq!(rated(&world(), json!({"ticket": T})), anna);
    let reassigned = world().with(assigned(BORIS));
    assert_eq!(rated(&reassigned, json!({"ticket": T})), About { agent: Some(BORIS), ..anna });
    let unassigned = world().with((T.stream(), ticket::Event::TicketUnassigned { from: ANNA }.into()));
    assert_eq!(rated(&unassigned, json!({"ticket": T})), About { agent: None, ..anna });
    let both = About { ticket: None, agent: Some(BORIS), team: Some(FIRST), plan: None };
    assert_eq!(rated(&world(), json!({"agent": BORIS, "team": FIRST})), both);
}

#[test]
fn somebody_is_rated_and_a_ticket_tells_its_own_agent_and_team() {
    let pointer =
        |rated: Value| refused(&world(), "request_survey", json!({"customer": LI, "metric": "csat", "rated": rated}));
    let validation = |pointer: &str| (Code::Validation, pointer.to_owned());
    assert_eq!(pointer(json!({})), validation("/data/rated"));
    assert_eq!(pointer(json!({"ticket": T, "agent": ANNA})), validation("/data/rated/agent"));
    assert_eq!(pointer(json!({"ticket": T, "team": FIRST})), validation("/data/rated/team"));
    let plan = json!({"id": NOBODY, "revision": 1});
    assert_eq!(pointer(json!({"ticket": T, "plan": plan})), validation("/data/rated/plan"));
    assert_eq!(pointer(json!({"plan": plan})), (Code::ReferenceMissing, "/data/rated/plan".to_owned()));
    for name in ["ticket", "agent", "team"] {
        let missing = (Code::ReferenceMissing, format!("/data/rated/{name}"));
        assert_eq!(pointer(json!({name: NOBODY})), missing);
    }
}

#[test]
fn a_wrong_field_of_who_is_rated_is_named() {
    let data = format!(r#"{{"customer":"{}","metric":"csat","rated":{{"ticket":"x"}}}}"#, LI.0);
    match crate::codec::read_variant::<Command>("request_survey", "/data", &data) {
        Err(crate::codec::VariantError::Content(error)) => assert_eq!(error.pointer, "/data/rated/ticket"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_survey_goes_to_a_customer_who_stands_for_itself() {
    let to = |customer: Uuid| {
        let data = json!({"customer": customer, "metric": "csat", "rated": {"agent": ANNA}});
        when(&world(), "request_survey", data).unwrap_err()
    };
    assert_eq!(to(NOBODY).code, Code::ReferenceMissing);
    let merged = to(OLD_LI.0);
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
}

#[test]
fn a_score_is_in_the_scale_of_its_metric() {
    for (metric, scale) in [("csat", 1..=5), ("nps", 0..=10), ("ces", 1..=7)] {
        let asked = survey(metric);
        for score in 0..=10_u8 {
            let outcome = when(&asked, "submit", json!({"score": score}));
            match outcome {
                Ok(_) => assert!(scale.contains(&score), "{metric} {score}"),
                Err(rejection) => {
                    assert!(!scale.contains(&score), "{metric} {score}");
                    let pointer = rejection.errors[0].pointer.as_str();
                    assert_eq!((rejection.code, pointer), (Code::Validation, "/data/score"));
                }
            }
        }
        let answered = sent(asked, "submit", json!({"score": 3}));
        let beyond = json!({"score": scale.end() + 1});
        if *scale.end() < 10 {
            assert_eq!(refused(&answered, "amend", beyond), (Code::Validation, "/data/score".to_owned()), "{metric}");
        }
    }
    assert!(crate::codec::read_variant::<Command>("submit", "/data", r#"{"score":11}"#).is_err());
}

#[test]
fn an_answer_is_personal_can_be_changed_for_a_week_and_takes_the_timer_away() {
    let decision = when(&survey("csat"), "submit", json!({"score": 5, "comment": "很满意"})).unwrap();
    let [(_, AnyEvent::Feedback(Event::FeedbackSubmitted { customer, content }))] = &decision.events[..] else {
        panic!("{decision:?}");
    };
    let Content::Response { score, comment: Some(comment), amend_until } = content else { panic!("{content:?}") };
    assert_eq!((*customer, score.get(), comment.subject()), (LI, 5, LI.0));
    assert_eq!(*amend_until, monday() + TimeDelta::days(7));
    assert_eq!(decision.timers, [TimerChange::Cancel { stream: F.stream(), name: "survey_expiry" }]);
}

#[test]
fn a_survey_is_answered_until_the_last_instant_and_once() {
    let last = survey("csat").at(expires_at());
    let late = survey("csat").at(expires_at() + TimeDelta::microseconds(1));
    for (name, data) in [("submit", json!({"score": 5})), ("remind", json!({}))] {
        assert_eq!(code(&last, name, data.clone()), None, "{name}");
        let refused = when(&late, name, data).unwrap_err();
        assert_eq!((refused.code, &refused.facts["from"]), (Code::InvalidTransition, &json!("expired")), "{name}");
    }
    let answered = sent(last, "submit", json!({"score": 5}));
    assert_eq!(code(&answered, "submit", json!({"score": 5})), Some(Code::AlreadyAnswered));
}

#[test]
fn an_answer_is_changed_until_the_last_instant_of_its_window() {
    let data = json!({"customer": LI, "metric": "csat", "rated": {"ticket": T}, "amend_window_s": 3_600});
    let answered = sent(sent(world(), "request_survey", data), "submit", json!({"score": 4}));
    let until = monday() + TimeDelta::hours(1);
    let changed = sent(answered.at(until), "amend", json!({"score": 2}));
    assert_eq!(code(&changed, "amend", json!({"score": 3})), None, "changing it again is possible, too");
    let late = changed.at(until + TimeDelta::microseconds(1));
    let refused = when(&late, "amend", json!({"score": 3})).unwrap_err();
    assert_eq!((refused.code, &refused.facts["amend_until"]), (Code::AmendWindowPassed, &json!(until.to_rfc3339())));
}

#[test]
fn changing_an_answer_to_what_it_is_changes_nothing() {
    let bare = sent(survey("csat"), "submit", json!({"score": 4}));
    assert_eq!(when(&bare, "amend", json!({"score": 4})), Ok(Decision::already()));
    let late = bare.clone().at(monday() + TimeDelta::days(8));
    assert_eq!(when(&late, "amend", json!({"score": 4})), Ok(Decision::already()));
    let commented = sent(bare, "amend", json!({"score": 4, "comment": "almost"}));
    let removed = brought(&commented, "amend", json!({"score": 4}));
    assert!(matches!(removed, Event::FeedbackAmended { comment: None, .. }), "{removed:?}");
}

#[test]
fn a_timer_that_is_early_late_or_doubled_changes_nothing() {
    let early = survey("csat").by(ActorKind::System).at(expires_at() - TimeDelta::minutes(6));
    assert_eq!(when(&early, "expire", json!({})), Ok(Decision::already()));
    let due = survey("csat").by(ActorKind::System).at(expires_at());
    assert_eq!(brought(&due, "expire", json!({})), Event::SurveyExpired {});
    let twice = sent(due, "expire", json!({}));
    assert_eq!(when(&twice, "expire", json!({})), Ok(Decision::already()));
    let answered = sent(survey("csat"), "submit", json!({"score": 5})).by(ActorKind::System).at(expires_at());
    assert_eq!(when(&answered, "expire", json!({})), Ok(Decision::already()));
}

#[test]
fn both_windows_are_bounded() {
    let asked = |field: &str, seconds: u32| {
        let data = json!({"customer": LI, "metric": "csat", "rated": {"ticket": T}, field: seconds});
        match crate::codec::read_variant::<Command>("request_survey", "/data", &data.to_string()) {
            Ok(_) => None,
            Err(crate::codec::VariantError::Content(error)) => Some(error.pointer),
            Err(error) => panic!("{error}"),
        }
    };
    for (field, min, max) in [("expires_after_s", 60, EXPIRY_S_MAX), ("amend_window_s", 0, AMEND_S_MAX)] {
        assert_eq!((asked(field, min), asked(field, max)), (None, None), "{field}");
        assert_eq!(asked(field, max + 1), Some(format!("/data/{field}")));
    }
    assert_eq!(asked("expires_after_s", 59), Some("/data/expires_after_s".to_owned()));
}

#[test]
fn a_survey_of_a_customer_merged_since_is_answered_for_that_customer() {
    let restored = (OLD_LI.stream(), customer::Event::CustomerRestored { survivor: LI }.into());
    let data = json!({"customer": OLD_LI, "metric": "csat", "rated": {"agent": ANNA}});
    let asked = sent(world().with(restored), "request_survey", data);
    let merged = asked.with((OLD_LI.stream(), customer::Event::CustomerMergedInto { survivor: LI }.into()));
    let answer = json!({"score": 5, "comment": "fine"});
    let answered = brought(&merged, "submit", answer.clone());
    let Event::FeedbackSubmitted { customer, content: Content::Response { comment: Some(comment), .. } } = answered
    else {
        panic!("{answered:?}");
    };
    assert_eq!((customer, comment.subject()), (OLD_LI, OLD_LI.0));
    let erased = merged.with((LI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() }.into()));
    assert_eq!(code(&erased, "submit", answer), Some(Code::SubjectErased));
}

#[test]
fn an_answer_is_not_changed_before_it_was_given() {
    let answered = sent(survey("csat"), "submit", json!({"score": 4}));
    let early = answered.occurred(monday() - TimeDelta::seconds(1));
    let refused = when(&early, "amend", json!({"score": 5})).unwrap_err();
    assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::Validation, "/occurred_at"));
}
