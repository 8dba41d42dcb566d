//! Scoring, and handing the scores in.

use super::*;

#[test]
fn a_later_score_replaces_an_earlier_one_and_the_same_again_changes_nothing() {
    let first = score("punctual", 3);
    let once = a_draft().then(E.stream(), first.clone());
    assert_eq!(when(&once, first.clone()), Ok(Decision::already()));
    let twice = once.then(E.stream(), score("punctual", 5));
    assert!(matches!(brought(&twice, first), Event::CriterionScored { score: Score::Points(3), .. }));
    let data =
        json!({"criterion": "punctual", "score": 5, "comment": "To the minute.", "evidence": [Uuid::from_u128(7)]});
    let scored = brought(&twice, command("score", data.clone()));
    assert_eq!(AnyEvent::from(scored), event(Category::ServiceEvaluation, "CriterionScored", data));
}

#[test]
fn a_score_is_from_zero_to_the_scale_of_a_criterion_that_is_there() {
    for points in [0, 5] {
        assert_eq!(code(&a_draft(), score("punctual", points)), None);
    }
    for (wrong, place) in [(score("punctual", 6), "/data/score"), (score("polite", 1), "/data/criterion")] {
        assert_eq!(code(&a_draft(), wrong.clone()), Some(Code::Validation));
        assert_eq!(pointer(&a_draft(), wrong).as_deref(), Some(place));
    }
}

#[test]
fn a_score_is_a_whole_number_or_not_applicable() {
    let read = |score: Value| {
        let data = json!({"criterion": "punctual", "score": score});
        crate::codec::read_variant::<Command>("score", "/data", &data.to_string())
    };
    assert!(read(json!("not_applicable")).is_ok() && read(json!(0)).is_ok());
    for wrong in [json!(-1), json!(256), json!(2.5), json!("5"), json!("n/a"), json!(null), json!({"points": 5})] {
        match read(wrong.clone()) {
            Err(crate::codec::VariantError::Content(error)) => {
                assert_eq!(error.pointer, "/data/score", "{wrong}");
                assert!(error.detail.contains("a whole score from 0 to the criterion's scale"), "{}", error.detail);
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
}

#[test]
fn a_score_is_shown_by_fifty_events_at_most() {
    let shown_by = |count: u128| {
        let evidence: Vec<_> = (0..count).map(Uuid::from_u128).collect();
        command("score", json!({"criterion": "punctual", "score": 5, "evidence": evidence}))
    };
    let rejection = when(&a_draft(), shown_by(51)).unwrap_err();
    assert_eq!((rejection.code, &rejection.facts["limit"]), (Code::LimitExceeded, &json!(EVIDENCE_MAX)));
    assert_eq!(code(&a_draft(), shown_by(50)), None);
}

#[test]
fn what_is_handed_in_has_a_score_for_each_criterion_and_one_that_applies() {
    let missing = |given: &Given| {
        let rejection = when(given, submit()).unwrap_err();
        assert_eq!((rejection.code, rejection.code.status()), (Code::ScoresMissing, 422));
        rejection.facts["criteria"].clone()
    };
    let scored = |scores: &[(&str, Value)]| {
        scores.iter().fold(a_draft(), |given, (id, value)| given.then(E.stream(), score(id, value.clone())))
    };
    let none = || json!("not_applicable");
    assert_eq!(missing(&a_draft()), json!(["punctual", "clean", "safe"]));
    assert_eq!(missing(&scored(&[("clean", json!(0))])), json!(["punctual", "safe"]));
    assert_eq!(missing(&scored(&[("clean", none()), ("safe", none())])), json!(["punctual"]));
    let nothing_applies = scored(&[("punctual", none()), ("clean", none()), ("safe", none())]);
    assert_eq!(missing(&nothing_applies), json!(["punctual", "clean", "safe"]));
    assert_eq!(code(&nothing_applies.then(E.stream(), score("safe", 0)), submit()), None);
}

#[test]
fn what_is_handed_in_tells_its_result_and_the_position_that_was_looked_at() {
    let expected = json!({"result_hundredths": 6_800, "verdict": "fail", "as_of_position": 4_100});
    let submitted = brought(&a_scored_draft(), submit());
    assert_eq!(AnyEvent::from(submitted), event(Category::ServiceEvaluation, "EvaluationSubmitted", expected));
    let later = a_scored_draft().then(E.stream(), score("punctual", "not_applicable"));
    let submitted = brought(&later, submit());
    assert!(
        matches!(submitted, Event::EvaluationSubmitted { result_hundredths, .. } if result_hundredths.get() == 7_333),
        "(0.4 · 6/10 + 0.2 · 10/10) / 0.6: {submitted:?}"
    );
}
