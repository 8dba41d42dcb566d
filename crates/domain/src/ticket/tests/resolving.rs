//! Settling, closing, reopening, cancelling.

use super::*;

const AUTO_CLOSE: &str = "auto_close";

fn resolve(world: World, id: TicketId) -> World {
    world.send(id, "resolve", json!({"code": "other"}))
}

#[test]
fn problems_and_the_most_important_tickets_are_resolved_with_a_root_cause() {
    let problem = world().opened(T).send(T, "classify", json!({"type": "problem"}));
    let important = world().opened(T).send(T, "change_priority", json!({"impact": 1, "urgency": 1}));
    for world in [problem, important] {
        assert_eq!(world.code(T, "resolve", json!({"code": "bug_fixed"})), Code::RootCauseRequired);
        let resolved = world.send(T, "resolve", json!({"code": "bug_fixed", "root_cause": "overflow"}));
        assert_eq!(resolved.status(T), Status::Resolved);
    }
}

#[test]
fn a_resolution_needs_a_code_and_names_at_most_twenty_articles() {
    assert!(crate::codec::read_variant::<Command>("resolve", "/data", "{}").is_err());
    let articles = |count: usize| json!({"code": "other", "articles": (0..count).collect::<Vec<_>>().iter().map(ToString::to_string).collect::<Vec<_>>()});
    let open = world().opened(T);
    assert!(open.when(T, "resolve", articles(ARTICLES_MAX)).is_ok());
    assert_eq!(open.code(T, "resolve", articles(ARTICLES_MAX + 1)), Code::LimitExceeded);
}

#[test]
fn open_blockers_and_children_stand_in_the_way() {
    let blocked = world().opened(T).opened(U).opened(V).send(T, "block", json!({"blocked_by": U})).send(
        V,
        "set_parent",
        json!({"parent": T}),
    );
    let refused = blocked.rejection(T, "resolve", json!({"code": "other"}));
    assert_eq!((refused.code, &refused.facts["blocked_by"]), (Code::Blocked, &json!([U, V])));
    let one_left = resolve(blocked, U);
    assert_eq!(one_left.rejection(T, "resolve", json!({"code": "other"})).facts["blocked_by"], json!([V]));
    let free = one_left.send(V, "cancel", json!({}));
    assert_eq!(resolve(free, T).status(T), Status::Resolved);
}

#[test]
fn a_merged_blocker_stands_in_the_way_as_what_it_was_merged_into() {
    let merged = world().opened(T).opened(U).opened(V).send(T, "block", json!({"blocked_by": U})).send(
        V,
        "merge",
        json!({"loser": U}),
    );
    assert_eq!(merged.rejection(T, "resolve", json!({"code": "other"})).facts["blocked_by"], json!([V]));
    let into_itself =
        world().opened(T).opened(U).send(T, "block", json!({"blocked_by": U})).send(T, "merge", json!({"loser": U}));
    assert_eq!(resolve(into_itself, T).status(T), Status::Resolved);
}

#[test]
fn a_resolved_ticket_closes_by_itself_after_fourteen_days() {
    let resolved = world().ticket_in(T, Status::Resolved);
    let due_at = monday() + TimeDelta::days(14);
    assert_eq!(resolved.timer(T, AUTO_CLOSE), Some(due_at));
    assert_eq!(resolved.state(T).standing.reopen_until, Some(due_at));
    let (_, command) = &resolved.timers[&(T.stream(), AUTO_CLOSE)];
    assert_eq!(*command, Command::Close { auto: true }.into());
    let closed = resolved.fire(T, AUTO_CLOSE);
    assert_eq!((closed.status(T), closed.timer(T, AUTO_CLOSE)), (Status::Closed, None));
    assert_eq!(closed.events.last().unwrap().1, Event::TicketClosed { by: ClosedBy::Auto }.into());
}

#[test]
fn reopening_and_closing_by_hand_cancel_the_closing_timer() {
    let resolved = world().ticket_in(T, Status::Resolved);
    for name in ["reopen", "close", "reject_resolution"] {
        assert_eq!(resolved.clone().send(T, name, json!({})).timer(T, AUTO_CLOSE), None, "{name}");
    }
    let closed = resolved.when(T, "close", json!({})).unwrap();
    assert_eq!(closed.events, [(T.stream(), Event::TicketClosed { by: ClosedBy::Manual }.into())]);
    assert_eq!(resolved.code(T, "close", json!({"auto": true})), Code::Forbidden);
}

#[test]
fn a_timer_of_an_earlier_resolution_closes_nothing() {
    let again = world().ticket_in(T, Status::Resolved).later(TimeDelta::days(7)).send(T, "reopen", json!({}));
    let again = resolve(again, T).later(TimeDelta::days(7)).by_kind(ActorKind::System);
    assert_eq!(again.when(T, "close", json!({"auto": true})), Ok(Decision::already()));
    assert_eq!(again.timer(T, AUTO_CLOSE), Some(monday() + TimeDelta::days(21)));
}

#[test]
fn a_ticket_is_reopened_until_the_last_instant_of_the_window() {
    let resolved = world().ticket_in(T, Status::Resolved);
    let last = resolved.clone().later(REOPEN_WINDOW);
    let reopened = last.clone().send(T, "reopen", json!({"reason": "again"}));
    assert_eq!((reopened.status(T), reopened.state(T).reopen_count), (Status::Open, 1));
    let late = resolved.later(REOPEN_WINDOW + TimeDelta::microseconds(1));
    for name in ["reopen", "reject_resolution"] {
        assert!(last.when(T, name, json!({})).is_ok());
        assert_eq!(late.code(T, name, json!({})), Code::ReopenWindowPassed, "{name}");
    }
}

#[test]
fn reopenings_are_counted() {
    let twice = world().ticket_in(T, Status::Resolved).send(T, "reopen", json!({}));
    let twice = resolve(twice, T).send(T, "reject_resolution", json!({"reason": "no"}));
    assert_eq!(twice.state(T).reopen_count, 2);
    let types: Vec<String> = twice.events.iter().rev().take(2).map(|(_, event)| event.write().unwrap().0).collect();
    assert_eq!(types, ["TicketReopened", "ResolutionRejected"]);
}

fn survey_id(number: u32) -> StreamId {
    FeedbackId(Uuid::new_v5(&T.0, format!("survey {number}").as_bytes())).stream()
}

/// The surveys that were requested, with who is rated.
fn surveys(world: &World) -> Vec<(StreamId, feedback::About)> {
    let requested = |(stream, event): &(StreamId, AnyEvent)| {
        let AnyEvent::Feedback(feedback::Event::SurveyRequested { rated, .. }) = event else { return None };
        Some((*stream, *rated))
    };
    world.events.iter().filter_map(requested).collect()
}

#[test]
fn a_resolution_asks_for_a_score_of_who_has_the_ticket_then_whoever_has_it_later() {
    let open = world().opened(T).send(T, "assign", json!({"team": FIRST, "agent": ANNA}));
    assert_eq!(open.events(T, "resolve", json!({"code": "other"})).len(), 2, "both in one append");
    let resolved = resolve(open, T);
    let annas = feedback::About { ticket: Some(T), agent: Some(ANNA), team: Some(FIRST), plan: None };
    assert_eq!(surveys(&resolved), [(survey_id(1), annas)]);
    let (due_at, command) = &resolved.timers[&(survey_id(1), "survey_expiry")];
    assert_eq!((*due_at, command), (monday() + TimeDelta::days(14), &feedback::Command::Expire {}.into()));
    let reassigned = resolved.send(T, "reopen", json!({})).send(T, "assign", json!({"team": SECOND, "agent": BORIS}));
    let again = resolve(reassigned, T);
    let boris = feedback::About { ticket: Some(T), agent: Some(BORIS), team: Some(SECOND), plan: None };
    assert_eq!(surveys(&again), [(survey_id(1), annas), (survey_id(2), boris)]);
    let answer = feedback::Command::Submit { score: feedback::Score::try_from(5).unwrap(), comment: None };
    let answered = again.given().when(survey_id(1), answer).unwrap();
    assert!(matches!(&answered.events[..], [(stream, AnyEvent::Feedback(_))] if *stream == survey_id(1)));
}

#[test]
fn nobody_is_asked_about_a_duplicate_nor_after_there_was_no_response() {
    for code in ResolutionCode::ALL {
        let events = world().opened(T).events(T, "resolve", json!({"code": code.name()}));
        let silent = matches!(code, ResolutionCode::Duplicate | ResolutionCode::NoResponse);
        assert_eq!(events.len(), if silent { 1 } else { 2 }, "{}: {events:?}", code.name());
    }
}

#[test]
fn a_survey_that_is_there_already_stands_in_no_ones_way() {
    let taken = feedback::Event::FeedbackSubmitted {
        customer: MEI,
        content: feedback::Content::Praise {
            body: Personal::new(MEI.0, crate::text::FreeText::parse("x".to_owned()).unwrap()),
            about: feedback::About::default(),
        },
    };
    let world = world().opened(T).happened(survey_id(1), taken);
    assert_eq!(world.events(T, "resolve", json!({"code": "other"})), ["TicketResolved"]);
}

#[test]
fn nobody_is_asked_about_what_was_settled_long_ago() {
    let then = monday();
    let resolve = |now: DateTime<Utc>| {
        let world = world().opened(T);
        let message = command("resolve", json!({"code": "other"}));
        world.given().at(now).occurred(then).when(T.stream(), message).unwrap().events.len()
    };
    assert_eq!(resolve(then + TimeDelta::days(14) - TimeDelta::microseconds(1)), 2);
    assert_eq!(resolve(then + TimeDelta::days(14)), 1);
}

#[test]
fn a_cancelled_ticket_comes_back_as_what_it_was() {
    for (before, after) in [
        (Status::New, Status::New),
        (Status::Open, Status::Open),
        (Status::Pending, Status::Open),
        (Status::OnHold, Status::Open),
    ] {
        let cancelled = world().ticket_in(T, before).send(T, "cancel", json!({"reason": "by mistake"}));
        assert_eq!(cancelled.status(T), Status::Cancelled);
        assert_eq!(cancelled.send(T, "restore", json!({})).status(T), after, "{}", before.name());
    }
}
