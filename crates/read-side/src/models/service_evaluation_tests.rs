use domain::ids::ServiceEvaluationId;
use serde_json::{Value, json};

use super::*;

const E: ServiceEvaluationId = ServiceEvaluationId(Uuid::from_u128(1));

fn fold(events: &[(&str, Value)]) -> Result<ServiceEvaluationRow, Unfit> {
    let fold = |row, ((event_type, data), version): (&(&str, Value), u64)| {
        ServiceEvaluation::apply(
            row,
            &Happened {
                position: version,
                stream: E.stream(),
                version,
                ordinal: None,
                occurred_at: DateTime::UNIX_EPOCH,
                recorded_at: DateTime::UNIX_EPOCH,
                event: AnyEvent::read(Category::ServiceEvaluation, event_type, &data.to_string()).unwrap(),
            },
        )
    };
    events.iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn drafted() -> (&'static str, Value) {
    let criteria = json!([{"id": "clean", "name": "整洁", "weight_permille": 400, "scale": 5},
        {"id": "safe", "name": "安全", "weight_permille": 600, "scale": 10, "critical_below": 5}]);
    let (subject, agent) = (json!({"kind": "ticket", "id": Uuid::from_u128(2)}), Uuid::from_u128(3));
    let period = json!({"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"});
    let scorecard = json!({"id": Uuid::from_u128(4), "revision": 2});
    let card = json!({"criteria": criteria});
    (
        "EvaluationDrafted",
        json!({"name": "Visits 上门", "content": "a\n", "subject": subject, "period": period, "scorecard": scorecard,
            "card": card, "evaluator": agent, "executor": Uuid::from_u128(5), "as_of_position": 7}),
    )
}

fn scored(criterion: &str, score: impl Into<Value>) -> (&'static str, Value) {
    ("CriterionScored", json!({"criterion": criterion, "score": score.into()}))
}

fn submitted() -> (&'static str, Value) {
    ("EvaluationSubmitted", json!({"result_hundredths": 6_000, "verdict": "fail", "as_of_position": 9}))
}

fn appealed() -> (&'static str, Value) {
    ("EvaluationAppealed", json!({"reason": "No."}))
}

fn revised() -> (&'static str, Value) {
    let scores = json!([{"criterion": "clean", "score": 5}]);
    let told = json!({"outcome": "revised", "scores": scores, "reason": "Yes.", "result_hundredths": 8_800, "verdict": "pass"});
    ("AppealDecided", told)
}

fn facts(events: &[(&str, Value)]) -> Vec<Fact> {
    ServiceEvaluation::facts(&fold(events).unwrap())
}

#[test]
fn a_later_score_takes_the_place_of_the_one_before() {
    let row = fold(&[drafted(), scored("clean", 1), scored("safe", 8), scored("clean", "not_applicable")]).unwrap();
    let scores = json!([{"criterion": "clean", "score": "not_applicable"}, {"criterion": "safe", "score": 8}]);
    assert_eq!((json!(row.scores), row.result_hundredths), (scores, None));
}

#[test]
fn an_appeal_shows_what_it_led_to_beside_the_scores_that_count() {
    let until = [drafted(), scored("clean", 3), scored("safe", 8), submitted(), appealed(), revised()];
    let row = fold(&until).unwrap();
    assert_eq!(
        (row.status, row.verdict, row.as_of_position.map(u64::from)),
        (Status::Revised, Some(Verdict::Pass), Some(9))
    );
    assert_eq!(json!(row.scores)[0]["score"], 5);
    let decision = row.appeal.and_then(|appeal| appeal.decision).unwrap();
    assert_eq!((decision.outcome, decision.reason.as_str()), (AppealOutcome::Revised, "Yes."));
    let before = fold(&until[..5]).unwrap();
    assert_eq!((before.status, before.appeal.map(|appeal| appeal.decision)), (Status::Appealed, Some(None)));
}

#[test]
fn evaluations_count_by_status_and_those_handed_in_by_verdict() {
    let finalized = ("EvaluationFinalized", json!({"result_hundredths": 6_000, "verdict": "fail"}));
    let fact = |name: &str, numbers| (name.to_owned(), numbers);
    assert_eq!(facts(&[drafted()]), [fact("status/draft", [1, 0, 0, 0])]);
    let open = [fact("status/submitted", [1, 0, 0, 0]), fact("verdict/fail", [1, 0, 0, 0])];
    assert_eq!(facts(&[drafted(), submitted()]), open);
    let last = [fact("status/finalized", [1, 0, 0, 0]), fact("verdict/fail", [1, 1, 0, 0])];
    assert_eq!(facts(&[drafted(), submitted(), finalized]), last);
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold(&[submitted()]).is_err());
    assert!(fold(&[drafted(), drafted()]).is_err());
    assert!(fold(&[drafted(), submitted(), revised()]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let action = json!({"action_id": Uuid::from_u128(6), "text": "Clean.", "due": "2026-04-01T00:00:00Z"});
    let raised = ("ImprovementActionRaised", action);
    for events in [vec![drafted()], vec![drafted(), scored("clean", 3), submitted(), appealed(), revised(), raised]] {
        let row = fold(&events).unwrap();
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(serde_json::from_value::<ServiceEvaluationRow>(json.clone()).unwrap(), row);
        let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns: Vec<&str> =
            ServiceEvaluation::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
        columns.sort_unstable();
        assert_eq!(fields, columns);
    }
}
