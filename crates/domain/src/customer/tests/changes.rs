use std::collections::BTreeSet;

use super::*;
use crate::agent;
use crate::envelope::ActorKind;

const ANNA: AgentId = AgentId(Uuid::from_u128(50));

fn tags(texts: &[&str]) -> BTreeSet<Name<64>> {
    texts.iter().map(|text| name(text)).collect()
}

#[test]
fn a_rename_is_recorded_whatever_the_name() {
    let rename = command("rename", r#"{"display_name":"李雷"}"#);
    assert_eq!(customers().events(LI, &rename), ["CustomerRenamed"], "a personal value is not compared");
}

#[test]
fn an_address_is_added_corrected_and_removed() {
    let add = command(
        "add_address",
        &format!(r#"{{"address":{{"id":"{}","kind":"service","place":{{"country":"CN"}}}}}}"#, id(5)),
    );
    let correct = |number| {
        let data = format!(r#"{{"address_id":"{}","place":{{"country":"CN","province":"江苏省"}}}}"#, id(number));
        command("correct_address", &data)
    };
    let remove = Command::RemoveAddress { address_id: id(5) };
    let world = customers().send(LI, &add);
    assert_eq!(world.when(LI, &add), already());
    assert_eq!(world.code(LI, &correct(6)), Some(Code::ReferenceMissing));
    let world = world.send(LI, &correct(5));
    let place = world.state(LI).addresses[0].place.reveal().unwrap();
    assert_eq!(place.province, Some(name("江苏省")));
    let world = world.send(LI, &remove);
    assert_eq!(world.state(LI).addresses, []);
    assert_eq!(world.when(LI, &remove), already());
}

#[test]
fn a_customer_has_at_most_twenty_addresses() {
    let add = |number| {
        let data = format!(r#"{{"address":{{"id":"{}","kind":"service","place":{{"country":"CN"}}}}}}"#, id(number));
        command("add_address", &data)
    };
    let full = (100..120).fold(customers(), |world, number| world.send(LI, &add(number)));
    assert_eq!(full.code(LI, &add(120)), Some(Code::LimitExceeded));
}

#[test]
fn tags_are_added_and_taken_once() {
    let world = customers().send(LI, &Command::Tag { tags: tags(&["vip", "beta"]) });
    assert_eq!(world.when(LI, &Command::Tag { tags: tags(&["vip"]) }), already());
    let more = world.when(LI, &Command::Tag { tags: tags(&["vip", "new"]) });
    assert_eq!(more, Ok(Decision::event(LI.stream(), Event::CustomerTagged { tags: tags(&["new"]) })));
    let less = world.when(LI, &Command::Untag { tags: tags(&["vip", "gone"]) });
    assert_eq!(less, Ok(Decision::event(LI.stream(), Event::CustomerUntagged { tags: tags(&["vip"]) })));
    assert_eq!(world.when(LI, &Command::Untag { tags: tags(&["gone"]) }), already());
    let many: BTreeSet<_> = (0..TAGS_MAX - 1).map(|n| name(&format!("t{n}"))).collect();
    assert_eq!(world.code(LI, &Command::Tag { tags: many }), Some(Code::LimitExceeded));
}

#[test]
fn an_owner_is_an_agent_who_exists() {
    let assign = Command::AssignOwner { owner: ANNA };
    assert_eq!(customers().code(LI, &assign), Some(Code::ReferenceMissing));
    let capacity = agent::Capacity::try_from(5).unwrap();
    let register =
        agent::Command::Register { name: name("Anna"), role: agent::Role::Agent, capacity, skills: BTreeSet::new() };
    let mut world = customers();
    world.given = world.given.then(ANNA.stream(), register);
    let world = world.send(LI, &assign);
    assert_eq!(world.state(LI).owner, Some(ANNA));
    assert_eq!(world.when(LI, &assign), already());
}

#[test]
fn the_lifecycle_goes_only_where_it_leads() {
    use Lifecycle::{Active, Churned, Dormant, Prospect};
    let allowed = [(Prospect, Active), (Active, Dormant), (Dormant, Active), (Dormant, Churned), (Churned, Active)];
    let all = [Prospect, Active, Dormant, Churned];
    for (from, to) in all.into_iter().flat_map(|from| all.map(|to| (from, to))) {
        let world = World::new().send(LI, &register(&format!(r#"{{"lifecycle":"{}"}}"#, from.name())));
        let outcome = world.when(LI, &Command::ChangeLifecycle { lifecycle: to });
        if from == to {
            assert_eq!(outcome, already());
        } else if allowed.contains(&(from, to)) {
            let changed = Decision::event(LI.stream(), Event::CustomerLifecycleChanged { from, to });
            assert_eq!(outcome, Ok(changed));
        } else {
            let rejection = outcome.unwrap_err();
            assert_eq!(rejection.code, Code::InvalidTransition);
            assert_eq!(rejection.facts["from"], from.name());
            let leads: Vec<_> = from.next().iter().map(|next| next.name()).collect();
            assert_eq!(rejection.facts["allowed"], serde_json::json!(leads));
        }
    }
}

#[test]
fn a_consent_is_given_changed_and_taken_back() {
    let grant = |source: &str| {
        command("grant_consent", &format!(r#"{{"purpose":"newsletter","channel":"email","source":"{source}"}}"#))
    };
    let withdraw = command("withdraw_consent", r#"{"purpose":"newsletter","channel":"email","source":"call"}"#);
    let world = customers().send(LI, &grant("web"));
    assert_eq!(world.when(LI, &grant("web")), already());
    assert_eq!(world.events(LI, &grant("shop")), ["CustomerConsentGranted"]);
    let world = world.send(LI, &withdraw);
    assert_eq!(world.when(LI, &withdraw), already());
    assert_eq!(world.events(LI, &grant("web")), ["CustomerConsentGranted"]);
    assert_eq!(customers().events(LI, &withdraw), ["CustomerConsentWithdrawn"], "an objection needs no consent before");
}

#[test]
fn consents_are_bounded_and_those_on_record_can_be_withdrawn_all_the_same() {
    let consent = |kind: &str, n: usize| {
        command(&format!("{kind}_consent"), &format!(r#"{{"purpose":"p{n}","channel":"any","source":"web"}}"#))
    };
    let full = (0..CONSENTS_MAX).fold(customers(), |world, n| world.send(LI, &consent("grant", n)));
    assert_eq!(full.code(LI, &consent("grant", CONSENTS_MAX)), Some(Code::LimitExceeded));
    assert_eq!(full.code(LI, &consent("withdraw", CONSENTS_MAX)), Some(Code::LimitExceeded));
    assert_eq!(full.events(LI, &consent("withdraw", 0)), ["CustomerConsentWithdrawn"]);
}

#[test]
fn blocking_is_beside_the_lifecycle() {
    let block = command("block", r#"{"reason":"付款欺诈"}"#);
    assert_eq!(customers().when(LI, &Command::Unblock {}), already());
    let world = customers().send(LI, &block);
    assert_eq!(world.when(LI, &block), already());
    assert_eq!(world.events(LI, &command("change_lifecycle", r#"{"lifecycle":"active"}"#)).len(), 1);
    let world = world.send(LI, &Command::Unblock {});
    assert!(!world.state(LI).blocked);
    let unreasoned: Result<Command, _> = crate::codec::read_variant("block", "/data", r#"{"reason":""}"#);
    assert!(unreasoned.is_err());
}

#[test]
fn an_external_reference_is_linked_to_one_customer_at_a_time() {
    let data = r#"{"system":"crm","id":"7"}"#;
    let (link, unlink) = (command("link_external_ref", data), command("unlink_external_ref", data));
    let world = customers().send(LI, &link);
    assert_eq!(world.when(LI, &link), already());
    assert_eq!(world.code(MEI, &link), Some(Code::AlreadyExists));
    assert_eq!(world.when(MEI, &unlink), already());
    let world = world.send(LI, &unlink).send(MEI, &link);
    assert_eq!(world.when(LI, &unlink), already());
    assert_eq!(world.fact(LI, &link, "holder"), Some(MEI.to_string()));
    let next = |n: usize| command("link_external_ref", &format!(r#"{{"system":"shop","id":"{n}"}}"#));
    let full = (0..EXTERNAL_REFS_MAX).fold(customers(), |world, n| world.send(LI, &next(n)));
    assert_eq!(full.code(LI, &next(EXTERNAL_REFS_MAX)), Some(Code::LimitExceeded));
}

#[test]
fn an_erasure_is_requested_by_anyone_but_a_rule() {
    let request = Command::RequestErasure {};
    let by = |kind| customers().given.by(kind).when(LI.stream(), request.clone());
    assert_eq!(by(ActorKind::Rule).unwrap_err().code, Code::Forbidden);
    assert!(by(ActorKind::Customer).is_ok());
    let world = customers().send(LI, &request);
    assert_eq!(world.when(LI, &request), already());
}
