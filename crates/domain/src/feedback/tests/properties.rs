//! What holds for every sequence of commands.

use proptest::prelude::*;

use super::*;

fn any_step() -> impl Strategy<Value = (Command, i64)> {
    let all: Vec<Command> = samples::beginnings().into_iter().chain(samples::commands()).collect();
    let scored = (0..=10_u32, any::<bool>()).prop_map(|(score, amends)| {
        let (score, comment) = (Score::try_from(score).unwrap(), None);
        if amends { Command::Amend { score, comment } } else { Command::Submit { score, comment } }
    });
    (prop_oneof![2 => prop::sample::select(all), 1 => scored], 0..5 * 24 * 3_600_i64)
}

proptest! {
    #[test]
    fn a_survey_has_one_answer_in_its_scale_and_a_timer_as_long_as_it_waits(steps in prop::collection::vec(any_step(), 0..40)) {
        let (mut past, mut state, mut now, mut timer) = (world(), Feedback::default(), monday(), None);
        let mut answers = 0;
        for (command, pause) in steps {
            now += TimeDelta::seconds(pause);
            let expires = matches!(command, Command::Expire {});
            past = past.at(now).by(if expires { ActorKind::System } else { ActorKind::Service });
            let Ok(decision) = past.when(F.stream(), command.clone()) else { continue };
            past = past.then(F.stream(), command.clone());
            for (_, event) in &decision.events {
                let AnyEvent::Feedback(event) = event else { continue };
                state.evolve(event);
                answers += usize::from(event.status() == Some(Status::Responded));
                if let Some(status) = event.status() {
                    prop_assert_eq!(state.matter.as_ref().map(|matter| matter.status), Some(status));
                }
            }
            for change in &decision.timers {
                timer = match change {
                    TimerChange::Set { due_at, .. } => Some(*due_at),
                    TimerChange::Cancel { .. } => None,
                };
            }
            let Some(survey) = state.matter.as_ref().and_then(Matter::survey) else { continue };
            let waits = state.matter.as_ref().is_some_and(|matter| {
                matches!(matter.status, Status::Requested | Status::Reminded)
            });
            if waits {
                prop_assert_eq!(timer, Some(survey.expires_at));
            }
            prop_assert_eq!(survey.answer.is_some(), answers == 1);
            prop_assert!(survey.answer.iter().all(|answer| survey.metric.scale().contains(&answer.score.get())));
        }
    }

    #[test]
    fn a_command_of_the_desk_that_was_accepted_is_already_so(status in prop::sample::select(Status::ALL.to_vec()), command in prop::sample::select(samples::commands())) {
        let given = feedback_in(status);
        if given.when(F.stream(), command.clone()).is_ok() {
            let again = given.then(F.stream(), command.clone()).when(F.stream(), command.clone());
            match command.name() {
                // What is personal cannot be compared, and what has ended, or was answered, is told so.
                "submit" => prop_assert_eq!(again.unwrap_err().code, Code::AlreadyAnswered),
                "offer_remedy" | "close" => prop_assert_eq!(again.unwrap_err().code, Code::InvalidTransition),
                "amend" => prop_assert_eq!(again.unwrap().events.len(), 1),
                _ => prop_assert_eq!(again, Ok(Decision::already())),
            }
        }
    }
}
