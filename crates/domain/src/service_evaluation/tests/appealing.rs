//! Appeals, what they lead to, and the end.

use super::*;

fn told(hundredths: u16, verdict: Verdict) -> impl Fn(&Event) -> bool {
    move |event| {
        let (Event::AppealDecided { result_hundredths, verdict: found, .. }
        | Event::EvaluationFinalized { result_hundredths, verdict: found }) = event
        else {
            return false;
        };
        (result_hundredths.get(), *found) == (hundredths, verdict)
    }
}

fn appealed() -> Given {
    an_evaluation(Status::Appealed).by_agent(VERA)
}

#[test]
fn what_is_upheld_keeps_its_result_and_what_is_revised_gets_another() {
    let upheld = brought(&appealed(), uphold());
    assert!(told(6_800, Verdict::Fail)(&upheld), "{upheld:?}");
    let final_one = brought(&appealed().then(E.stream(), uphold()), FINALIZE);
    assert!(told(6_800, Verdict::Fail)(&final_one), "{final_one:?}");

    let revise = revise(json!([{"criterion": "punctual", "score": 5, "comment": "The road was closed."}]));
    let revised = brought(&appealed(), revise.clone());
    assert!(told(8_400, Verdict::Conditional)(&revised), "{revised:?}");
    let final_one = brought(&appealed().then(E.stream(), revise), FINALIZE);
    assert!(told(8_400, Verdict::Conditional)(&final_one), "{final_one:?}");
}

#[test]
fn without_an_appeal_the_result_that_was_handed_in_is_final() {
    let final_one = brought(&an_evaluation(Status::Submitted), FINALIZE);
    assert!(told(6_800, Verdict::Fail)(&final_one), "{final_one:?}");
}

#[test]
fn other_scores_come_with_a_revision_and_only_with_one() {
    let mut upheld = json!({"outcome": "upheld", "reason": "It was.", "scores": [{"criterion": "clean", "score": 9}]});
    assert_eq!(pointer(&appealed(), command("decide_appeal", upheld.clone())).as_deref(), Some("/data/scores"));
    upheld["scores"] = json!([]);
    assert_eq!(code(&appealed(), command("decide_appeal", upheld)), None);
    assert_eq!(pointer(&appealed(), revise(json!([]))).as_deref(), Some("/data/scores"));
}

#[test]
fn the_scores_of_a_revision_are_checked_like_any() {
    let clean = json!({"criterion": "clean", "score": 9});
    for (wrong, place) in [
        (json!([clean, {"criterion": "punctual", "score": 6}]), "/data/scores/1/score"),
        (json!([{"criterion": "polite", "score": 1}]), "/data/scores/0/criterion"),
        (json!([clean, clean]), "/data/scores/1/criterion"),
    ] {
        assert_eq!(code(&appealed(), revise(wrong.clone())), Some(Code::Validation));
        assert_eq!(pointer(&appealed(), revise(wrong)).as_deref(), Some(place));
    }
    let evidence: Vec<_> = (0..51).map(Uuid::from_u128).collect();
    let shown = json!([{"criterion": "clean", "score": 9, "evidence": evidence}]);
    assert_eq!(code(&appealed(), revise(shown)), Some(Code::LimitExceeded));
    let nothing_applies = ["punctual", "clean", "safe"].map(|id| json!({"criterion": id, "score": "not_applicable"}));
    assert_eq!(code(&appealed(), revise(json!(nothing_applies))), Some(Code::ScoresMissing));
}

#[test]
fn an_appeal_is_decided_by_a_supervisor_who_neither_evaluated_nor_is_rated() {
    let by_team = |evaluator| {
        let draft = command("draft", drafting("team", FIRST.0));
        let drafted = desk().by_agent(evaluator).then(E.stream(), draft);
        let scored =
            ["punctual", "clean", "safe"].into_iter().fold(drafted, |given, id| given.then(E.stream(), score(id, 5)));
        scored.then(E.stream(), submit())
    };
    // Whoever is in the team may appeal, and decides nothing about it.
    for member in [BORIS, SVEN] {
        assert_eq!(code(&by_team(ANNA).by_agent(member), appeal()), None);
    }
    assert_eq!(code(&by_team(ANNA).by_agent(CARL), appeal()), Some(Code::Forbidden));
    let appealed = |evaluator| by_team(evaluator).by_agent(BORIS).then(E.stream(), appeal());
    assert_eq!(code(&appealed(ANNA).by_agent(SVEN), uphold()), Some(Code::Forbidden));
    assert_eq!(code(&appealed(ANNA).by_agent(VERA), uphold()), None);
    assert_eq!(code(&appealed(VERA).by_agent(VERA), uphold()), Some(Code::Forbidden));
}
