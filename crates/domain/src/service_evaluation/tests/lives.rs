//! Random lives of an evaluation: what is told follows from the scores, and what is final stays so.

use proptest::prelude::*;

use super::*;

fn any_command() -> impl Strategy<Value = Command> {
    let any_score = || prop_oneof![4 => (0..=6_u8).prop_map(Value::from), 1 => Just(json!("not_applicable"))];
    let criterion = || prop::sample::select(vec!["punctual", "clean", "safe"]);
    let revised = (criterion(), any_score()).prop_map(|(id, score)| revise(json!([{"criterion": id, "score": score}])));
    prop_oneof![
        6 => (criterion(), any_score()).prop_map(|(id, value)| score(id, value)),
        2 => Just(submit()),
        1 => Just(appeal()),
        1 => Just(uphold()),
        1 => revised,
        1 => Just(FINALIZE),
        1 => (0..3_u128).prop_map(raise),
    ]
}

fn any_actor() -> impl Strategy<Value = AgentId> {
    prop::sample::select(vec![ANNA, ANNA, ANNA, BORIS, VERA, CARL])
}

proptest! {
    #[test]
    fn every_result_is_that_of_the_scores_and_a_final_one_never_changes(
        life in prop::collection::vec((any_actor(), any_command()), 0..60)
    ) {
        let mut past = a_draft();
        let mut evaluation = ServiceEvaluation::default();
        evaluation.evolve(&brought(&desk(), command("draft", drafting("ticket", T.0))));
        for (actor, command) in life {
            past = past.by_agent(actor);
            let Ok(decision) = when(&past, command.clone()) else { continue };
            let (status, scores) = (evaluation.status, evaluation.scores.clone());
            for (_, event) in &decision.events {
                let AnyEvent::ServiceEvaluation(event) = event else { panic!("an event of another category") };
                evaluation.evolve(event);
                let card = &evaluation.matter.as_ref().unwrap().card;
                if let Event::EvaluationSubmitted { result_hundredths, verdict, .. }
                | Event::AppealDecided { result_hundredths, verdict, .. }
                | Event::EvaluationFinalized { result_hundredths, verdict } = event
                {
                    let (result_hundredths, verdict) = (*result_hundredths, *verdict);
                    prop_assert_eq!(judge(card, &evaluation.scores), Some(Judgement { result_hundredths, verdict }));
                }
            }
            past = past.then(E.stream(), command.clone());
            if status == Status::Finalized {
                prop_assert_eq!((status, &scores), (evaluation.status, &evaluation.scores));
            }
            // Said again, it changes nothing: it is already so, or too late for it.
            let again = when(&past, command.clone());
            prop_assert!(
                again == Ok(Decision::already())
                    || again.is_err_and(|rejection| rejection.code == Code::InvalidTransition),
                "{}",
                command.name()
            );
        }
    }
}
