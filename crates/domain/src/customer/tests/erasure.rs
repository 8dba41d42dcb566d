use super::*;
use crate::agent;

#[test]
fn an_erasure_must_have_been_requested() {
    let rejection = customers().when(LI, &Command::Erase {}).unwrap_err();
    assert_eq!(rejection.code, Code::InvalidTransition);
    assert_eq!(rejection.facts["allowed"], serde_json::json!(["request_erasure"]));
}

#[test]
fn everybody_behind_the_customer_is_erased_and_all_claims_are_free() {
    let world = customers().send(LI, &email(10, "li@b.cn")).send(MEI, &email(11, "mei@b.cn"));
    let reference = command("link_external_ref", r#"{"system":"crm","id":"7"}"#);
    let world = world.send(BO, &reference).send(LI, &merge(MEI)).send(BO, &merge(LI));
    let world = world.send(BO, &Command::RequestErasure {});
    let decision = world.when(BO, &Command::Erase {}).unwrap();
    let streams: Vec<_> = decision.events.iter().map(|(stream, _)| stream.id).collect();
    assert_eq!(streams, [BO.0, LI.0, MEI.0]);
    assert!(decision.events.iter().all(|(_, event)| *event == Event::CustomerErased { inquiries: Vec::new() }.into()));
    assert_eq!(decision.erased_subjects, [BO.0, LI.0, MEI.0]);
    let world = world.send(BO, &Command::Erase {});
    assert_eq!(world.claims, []);
    assert!([LI, MEI, BO].iter().all(|customer| world.state(*customer).contact_points.is_empty()));
    assert_eq!(world.code(ACME, &email(12, "li@b.cn")), None);
}

#[test]
fn a_request_made_before_a_merge_counts_for_the_survivor() {
    let world = customers().send(MEI, &Command::RequestErasure {}).send(LI, &merge(MEI));
    assert_eq!(world.code(LI, &Command::Erase {}), None);
    assert_eq!(world.send(LI, &unmerge(MEI)).code(LI, &Command::Erase {}), Some(Code::InvalidTransition));
}

#[test]
fn a_customer_with_sixty_aliases_can_be_erased() {
    let alias = |number: usize| CustomerId(id(2_000 + number as u128));
    let full = (0..ALIASES_MAX)
        .fold(customers(), |world, number| world.send(alias(number), &register("{}")).send(LI, &merge(alias(number))));
    let erased = full.send(LI, &Command::RequestErasure {}).when(LI, &Command::Erase {}).unwrap();
    assert_eq!(erased.erased_subjects.len(), ALIASES_MAX + 1);
}

#[test]
fn every_command_on_an_erased_customer_is_refused() {
    let world = customers().send(LI, &Command::RequestErasure {}).send(LI, &Command::Erase {});
    let consent = r#"{"purpose":"newsletter","channel":"email","source":"call"}"#;
    let commands = [
        register("{}"),
        command("withdraw_consent", consent),
        command("unblock", "{}"),
        email(10, "li@b.cn"),
        merge(MEI),
        Command::RequestErasure {},
        Command::Erase {},
    ];
    for command in commands {
        assert_eq!(world.code(LI, &command), Some(Code::SubjectErased), "{command:?}");
    }
    assert_eq!(
        world.code(MEI, &Command::LinkOrganization { organization: LI, role: None, active: true }),
        Some(Code::SubjectErased)
    );
}

#[test]
fn erasing_takes_an_admin() {
    let anna = AgentId(id(50));
    let capacity = agent::Capacity::try_from(5).unwrap();
    let as_role = |role| {
        let name = name("Anna");
        let register = agent::Command::Register { name, role, capacity, skills: [].into() };
        let world = customers().send(LI, &Command::RequestErasure {});
        let given = world.given.then(anna.stream(), register).by_agent(anna);
        given.when(LI.stream(), Command::Erase {}).err().map(|rejection| rejection.code)
    };
    assert_eq!(as_role(agent::Role::Supervisor), Some(Code::Forbidden));
    assert_eq!(as_role(agent::Role::Admin), None);
}
