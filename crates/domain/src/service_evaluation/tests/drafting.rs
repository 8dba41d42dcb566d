//! Beginning an evaluation: who judges what, and by what.

use super::*;

fn draft(kind: &str, id: Uuid) -> Command {
    command("draft", drafting(kind, id))
}

fn draft_with(field: &str, value: impl Into<Value>) -> Command {
    let mut data = drafting("ticket", T.0);
    data[field] = value.into();
    command("draft", data)
}

#[test]
fn a_draft_holds_the_latest_revision_of_its_scorecard_and_whose_work_is_judged() {
    let mut revised = visits();
    revised["pass_from"] = json!(90);
    let card: scorecard::Card = serde_json::from_value(revised).unwrap();
    let desk = desk().by_agent(VERA).then(VISITS.stream(), scorecard::Command::Revise { card: card.clone() });
    let data = json!({"name": " March visits ", "content": "Ten visits.\n", "subject": {"kind": "ticket", "id": T},
        "period": {"start": "2026-02-01T00:00:00.0000009Z", "end": "2026-03-01T00:00:00Z"}, "scorecard": VISITS,
        "as_of_position": 4_000});
    let drafted = json!({"name": "March visits", "content": "Ten visits.\n", "subject": {"kind": "ticket", "id": T},
        "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
        "scorecard": {"id": VISITS, "revision": 2}, "card": card, "evaluator": ANNA, "executor": BORIS,
        "as_of_position": 4_000});
    let expected = event(Category::ServiceEvaluation, "EvaluationDrafted", drafted);
    assert_eq!(AnyEvent::from(brought(&desk.by_agent(ANNA), command("draft", data))), expected);
}

#[test]
fn a_later_revision_of_the_scorecard_changes_nothing() {
    let milder = json!({"criteria": [{"id": "kind", "name": "友好", "weight_permille": 1_000, "scale": 5}],
        "pass_from": 10, "conditional_from": 5});
    let card: scorecard::Card = serde_json::from_value(milder).unwrap();
    for status in [Status::Draft, Status::Submitted] {
        let before = an_evaluation(status);
        let revise = scorecard::Command::Revise { card: card.clone() };
        let later = before.clone().by_agent(VERA).then(VISITS.stream(), revise).by_agent(ANNA);
        for command in [score("clean", 5), score("kind", 5), submit(), FINALIZE] {
            assert_eq!(when(&later, command.clone()), when(&before, command));
        }
    }
}

#[test]
fn the_evaluator_is_the_acting_agent_or_whom_a_system_or_service_names() {
    let evaluator = |given: &Given, command: Command| {
        let Event::EvaluationDrafted { evaluator, .. } = brought(given, command) else { panic!("not a draft") };
        evaluator
    };
    let named = |id: AgentId| draft_with("evaluator", id.to_string());
    assert_eq!(evaluator(&desk(), draft("ticket", T.0)), ANNA);
    assert_eq!(evaluator(&desk(), named(ANNA)), ANNA);
    assert_eq!(code(&desk(), named(VERA)), Some(Code::Forbidden));
    for kind in [ActorKind::System, ActorKind::Service] {
        assert_eq!(evaluator(&desk().by(kind), named(ANNA)), ANNA);
        assert_eq!(code(&desk().by(kind), draft("ticket", T.0)), Some(Code::Forbidden));
        assert_eq!(code(&desk().by(kind), named(NOBODY)), Some(Code::ReferenceMissing));
        assert_eq!(pointer(&desk().by(kind), named(NOBODY)).as_deref(), Some("/data/evaluator"));
        assert_eq!(code(&desk().by(kind), named(BORIS)), Some(Code::EvaluatorIsRated));
    }
    for kind in [ActorKind::Customer, ActorKind::Rule] {
        assert_eq!(code(&desk().by(kind), named(ANNA)), Some(Code::Forbidden));
    }
    assert_eq!(code(&desk().by_agent(NOBODY), draft("ticket", T.0)), Some(Code::Forbidden));
}

#[test]
fn an_agent_who_is_not_at_work_evaluates_nothing() {
    let offline = agent::Command::ChangeAvailability { availability: agent::Availability::Offline };
    let away = |given: Given| given.then(ANNA.stream(), offline.clone());
    assert_eq!(code(&away(desk()), draft("ticket", T.0)), Some(Code::Forbidden));
    assert_eq!(code(&away(an_evaluation(Status::Draft)), submit()), Some(Code::Forbidden));
}

#[test]
fn nobody_evaluates_work_of_their_own() {
    for (agent, kind, id) in
        [(BORIS, "ticket", T.0), (BORIS, "agent", BORIS.0), (BORIS, "team", FIRST.0), (SVEN, "team", FIRST.0)]
    {
        let rejection = when(&desk().by_agent(agent), draft(kind, id)).unwrap_err();
        assert_eq!((rejection.code, rejection.code.status()), (Code::EvaluatorIsRated, 422), "{agent} {kind}");
    }
    for (kind, id, executor) in [("ticket", T.0, Some(BORIS)), ("agent", BORIS.0, Some(BORIS)), ("team", FIRST.0, None)]
    {
        let drafted = brought(&desk(), draft(kind, id));
        assert!(matches!(drafted, Event::EvaluationDrafted { executor: found, .. } if found == executor), "{kind}");
    }
}

#[test]
fn who_is_rated_stays_so_whoever_gets_the_ticket_later() {
    let sent = |given: Given, name, data: Value| {
        given.then(T.stream(), crate::Command::read(Category::Ticket, name, &data.to_string()).unwrap())
    };
    let later = |agent| sent(an_evaluation(Status::Submitted), "assign", json!({"agent": agent}));
    assert_eq!(code(&later(CARL).by_agent(BORIS), appeal()), None);
    assert_eq!(code(&later(CARL).by_agent(CARL), appeal()), Some(Code::Forbidden));
    assert_eq!(code(&later(ANNA).by_agent(ANNA), FINALIZE), None);
    let nobodys = sent(desk(), "unassign", json!({})).by_agent(BORIS);
    assert!(matches!(brought(&nobodys, draft("ticket", T.0)), Event::EvaluationDrafted { executor: None, .. }));
}

#[test]
fn what_a_draft_refers_to_exists() {
    let missing = Uuid::from_u128(99);
    for kind in ["ticket", "agent", "team"] {
        let rejection = when(&desk(), draft(kind, missing)).unwrap_err();
        assert_eq!((rejection.code, &*rejection.errors[0].pointer), (Code::ReferenceMissing, "/data/subject/id"));
        assert!(rejection.detail.contains(kind), "{}", rejection.detail);
    }
    let rejection = when(&desk(), draft_with("scorecard", missing.to_string())).unwrap_err();
    assert_eq!((rejection.code, &*rejection.errors[0].pointer), (Code::ReferenceMissing, "/data/scorecard"));
}

#[test]
fn a_period_ends_after_it_starts() {
    let period = |start: &str, end: &str| draft_with("period", json!({"start": start, "end": end}));
    let (march, april) = ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    for (start, end) in
        [(march, march), (april, march), ("2026-03-01T00:00:00.0000001Z", "2026-03-01T00:00:00.0000002Z")]
    {
        assert_eq!(pointer(&desk(), period(start, end)).as_deref(), Some("/data/period/end"), "{start} {end}");
    }
    assert_eq!(code(&desk(), period(march, "2026-03-01T00:00:00.000001Z")), None);
}

#[test]
fn what_cannot_be_read_is_named() {
    for (change, pointer) in [
        (json!({"name": ""}), "/data/name"),
        (json!({"subject": {"kind": "customer", "id": LI}}), "/data/subject/kind"),
        (json!({"subject": {"kind": "ticket", "id": T, "name": "x"}}), "/data/subject/name"),
        (json!({"period": {"start": "1899-12-31T23:59:59Z", "end": "2026-03-01T00:00:00Z"}}), "/data/period/start"),
        (json!({"period": {"start": "2026-03-01T00:00:00Z", "end": "+10000-01-01T00:00:00Z"}}), "/data/period/end"),
        (json!({"as_of_position": 0}), "/data/as_of_position"),
        (json!({"as_of_position": u64::MAX}), "/data/as_of_position"),
        (json!({"more": 1}), "/data/more"),
    ] {
        let mut data = drafting("ticket", T.0);
        data.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        match crate::codec::read_variant::<Command>("draft", "/data", &data.to_string()) {
            Err(crate::codec::VariantError::Content(error)) => assert_eq!(error.pointer, pointer, "{}", error.detail),
            other => panic!("{change}: {other:?}"),
        }
    }
}
