use super::*;
use crate::agent;
use crate::envelope::ActorKind;

#[test]
fn a_merge_makes_the_loser_an_alias_in_one_append() {
    let decision = customers().when(LI, &merge(MEI)).unwrap();
    let merged = Event::CustomerMerged { loser: MEI, aliases: [].into(), filled: Filled::default() };
    let expected = Decision::event(LI.stream(), merged).and(MEI.stream(), Event::CustomerMergedInto { survivor: LI });
    assert_eq!(decision, expected);
}

#[test]
fn the_survivors_values_win_and_what_it_lacks_is_filled() {
    let li = register(r#"{"contact_points":[{"kind":"email","value":"li@b.cn"}],"tags":["vip"],"locale":"en"}"#);
    let mei = register(
        r#"{"contact_points":[{"kind":"email","value":"mei@b.cn"},{"kind":"phone","value":"+8613800138000"}],
        "addresses":[{"kind":"billing","place":{"country":"CN"}}],"tags":["vip","beta"],"locale":"zh-CN","timezone":"Asia/Shanghai"}"#,
    );
    let world = World::new().send(LI, &li).send(MEI, &mei);
    let before = world.claims.clone();
    let world = world.send(LI, &merge(MEI));
    let li = world.state(LI);
    let points: Vec<_> = li.contact_points.iter().map(|p| (p.kind, p.contact.subject(), p.primary, p.unique)).collect();
    assert_eq!(points, [(ContactKind::Email, LI.0, true, true), (ContactKind::Phone, MEI.0, true, false)]);
    assert_eq!((li.addresses[0].place.subject(), li.tags.len()), (MEI.0, 2));
    assert_eq!(li.locale.as_ref().map(Locale::as_str), Some("en"));
    assert_eq!(li.timezone.as_ref().map(Timezone::as_str), Some("Asia/Shanghai"));
    assert_eq!(world.claims, before, "the loser keeps its claims");
}

#[test]
fn a_merge_that_cannot_be_is_refused() {
    let world = customers().send(LI, &merge(MEI));
    assert_eq!(world.code(LI, &merge(LI)), Some(Code::SelfMerge));
    assert_eq!(world.code(LI, &merge(NOBODY)), Some(Code::ReferenceMissing));
    assert_eq!(world.code(LI, &merge(MEI)), Some(Code::AlreadyMerged));
    assert_eq!(world.code(BO, &merge(MEI)), Some(Code::AlreadyMerged));
    assert_eq!(world.fact(BO, &merge(MEI), "survivor"), Some(LI.to_string()));
    assert_eq!(world.code(MEI, &merge(LI)), Some(Code::MergeCycle));
    assert_eq!(world.code(MEI, &merge(BO)), Some(Code::MergedInto));
    let chain = world.send(BO, &merge(LI));
    assert_eq!(chain.code(MEI, &merge(BO)), Some(Code::MergeCycle), "also through others");
    let erased = customers().send(MEI, &Command::RequestErasure {}).send(MEI, &Command::Erase {});
    assert_eq!(erased.code(LI, &merge(MEI)), Some(Code::SubjectErased));
    assert_eq!(erased.code(MEI, &merge(LI)), Some(Code::SubjectErased));
    assert_eq!(erased.code(LI, &unmerge(MEI)), Some(Code::SubjectErased));
}

#[test]
fn a_merged_customer_refuses_changes_and_names_the_last_survivor() {
    let world = customers().send(LI, &merge(MEI)).send(BO, &merge(LI));
    let rename = command("rename", r#"{"display_name":"x"}"#);
    assert_eq!(world.code(MEI, &rename), Some(Code::MergedInto));
    assert_eq!(world.fact(MEI, &rename, "survivor"), Some(BO.to_string()));
    assert_eq!(world.code(MEI, &register("{}")), Some(Code::MergedInto));
    assert_eq!(world.code(MEI, &Command::Erase {}), Some(Code::MergedInto));
}

#[test]
fn a_consent_can_be_withdrawn_on_a_merged_customer_but_not_given() {
    let data = r#"{"purpose":"newsletter","channel":"email","source":"call"}"#;
    let world = customers().send(MEI, &command("grant_consent", data)).send(LI, &merge(MEI));
    assert_eq!(world.events(MEI, &command("withdraw_consent", data)), ["CustomerConsentWithdrawn"]);
    assert_eq!(world.code(MEI, &command("grant_consent", data)), Some(Code::MergedInto));
    assert_eq!(world.state(LI).consents.len(), 0, "a merge brings no consent");
}

#[test]
fn a_contact_point_of_an_alias_is_taken_by_its_survivor() {
    let world = customers().send(MEI, &email(10, "mei@b.cn")).send(LI, &merge(MEI));
    assert_eq!(world.fact(BO, &email(11, "mei@b.cn"), "holder"), Some(LI.to_string()));
    assert_eq!(world.code(BO, &email(11, "mei@b.cn")), Some(Code::ContactPointTaken));
}

#[test]
fn merging_takes_a_supervisor() {
    let anna = AgentId(id(50));
    let capacity = agent::Capacity::try_from(5).unwrap();
    let as_role = |role, command: Command| {
        let name = name("Anna");
        let register = agent::Command::Register { name, role, capacity, skills: [].into() };
        let given = customers().given.then(anna.stream(), register).by_agent(anna);
        given.when(LI.stream(), command).err().map(|rejection| rejection.code)
    };
    for command in [merge(MEI), unmerge(MEI)] {
        assert_eq!(as_role(agent::Role::Agent, command.clone()), Some(Code::Forbidden));
        assert_eq!(as_role(agent::Role::Supervisor, command.clone()), None);
        let customer = customers().given.by(ActorKind::Customer).when(LI.stream(), command);
        assert_eq!(customer.unwrap_err().code, Code::Forbidden);
    }
}

#[test]
fn an_unmerge_restores_both_exactly() {
    let point = r#"{"contact_points":[{"kind":"phone","value":"+8613800138000"}],"tags":["beta"],"locale":"zh-CN","timezone":"UTC"}"#;
    let before = World::new().send(LI, &register("{}")).send(MEI, &register(point));
    let after = before.clone().send(LI, &merge(MEI)).send(LI, &unmerge(MEI));
    assert_eq!(after.states, before.states);
    assert_eq!(after.claims, before.claims);
    assert_eq!(after.when(LI, &unmerge(MEI)), already());
}

#[test]
fn a_chain_comes_apart_as_it_was() {
    let point = r#"{"contact_points":[{"kind":"phone","value":"+8613800138000"}]}"#;
    let apart = World::new().send(LI, &register("{}")).send(MEI, &register(point)).send(BO, &register("{}"));
    let pair = apart.clone().send(LI, &merge(MEI));
    let chain = pair.clone().send(BO, &merge(LI));
    assert_eq!(chain.state(BO).contact_points[0].contact.subject(), MEI.0);
    assert_eq!(chain.state(BO).aliases().collect::<Vec<_>>(), [LI, MEI]);
    assert_eq!(chain.code(BO, &unmerge(MEI)), Some(Code::MergedInto), "the last merge comes apart first");
    assert_eq!(chain.fact(BO, &unmerge(MEI), "survivor"), Some(LI.to_string()));
    assert_eq!(chain.code(LI, &unmerge(MEI)), Some(Code::MergedInto));
    let back = chain.send(BO, &unmerge(LI));
    assert_eq!(back.states, pair.states);
    assert_eq!(back.send(LI, &unmerge(MEI)).states, apart.states);
}

#[test]
fn what_the_survivor_did_itself_since_the_merge_stays() {
    let phone = r#"{"contact_points":[{"kind":"phone","value":"+8613800138000"}],"tags":["beta","vip"]}"#;
    let own = format!(r#"{{"contact_point":{{"id":"{}","kind":"phone","value":"+8613900139000"}}}}"#, id(10));
    let tag = |texts: [&str; 1]| texts.map(name).into();
    let world = World::new().send(LI, &register("{}")).send(MEI, &register(phone)).send(LI, &merge(MEI));
    let world = world.send(LI, &command("add_contact_point", &own));
    let world = world.send(LI, &Command::Untag { tags: tag(["vip"]) }).send(LI, &Command::Tag { tags: tag(["vip"]) });
    let events = ["CustomerUnmerged", "CustomerPrimaryContactPointSet", "CustomerRestored"];
    assert_eq!(world.events(LI, &unmerge(MEI)), events, "its own phone becomes primary");
    let world = world.send(LI, &unmerge(MEI));
    let li = world.state(LI);
    assert_eq!(li.contact_points.iter().map(|point| (point.id, point.primary)).collect::<Vec<_>>(), [(id(10), true)]);
    assert_eq!(li.tags, tag(["vip"]));
}

#[test]
fn what_was_filled_and_removed_since_is_not_taken_twice() {
    let phone = r#"{"contact_points":[{"kind":"phone","value":"+8613800138000"}],"addresses":[{"kind":"billing","place":{"country":"CN"}}]}"#;
    let world = World::new().send(LI, &register("{}")).send(MEI, &register(phone)).send(LI, &merge(MEI));
    let (point, address) = (world.state(LI).contact_points[0].id, world.state(LI).addresses[0].id);
    let world = world.send(LI, &Command::RemoveContactPoint { contact_point_id: point });
    let world = world.send(LI, &Command::RemoveAddress { address_id: address });
    assert_eq!(world.claims.len(), 1, "the phone stays the loser's");
    assert_eq!(world.state(LI).merged[&MEI].withdrawn, Withdrawn::default());
}

#[test]
fn at_most_sixty_customers_stand_behind_one() {
    let alias = |number: usize| CustomerId(id(2_000 + number as u128));
    let full = (0..ALIASES_MAX)
        .fold(customers(), |world, number| world.send(alias(number), &register("{}")).send(LI, &merge(alias(number))));
    assert_eq!(full.code(LI, &merge(MEI)), Some(Code::LimitExceeded));
    assert_eq!(full.code(MEI, &merge(LI)), Some(Code::LimitExceeded));
}

#[test]
fn a_customer_with_many_aliases_is_merged_into_one_with_many_organizations() {
    let alias = |number: u128| CustomerId(id(2_000 + number));
    let organization = |number: u128| CustomerId(id(3_000 + number));
    let full = (0..58)
        .fold(customers(), |world, number| world.send(alias(number), &register("{}")).send(LI, &merge(alias(number))));
    let linked = (0..18).fold(full, |world, number| {
        let link = Command::LinkOrganization { organization: organization(number), role: None, active: true };
        world.send(organization(number), &register(r#"{"kind":"organization"}"#)).send(BO, &link)
    });
    assert_eq!(linked.send(BO, &merge(LI)).state(BO).aliases().count(), 59);
}

#[test]
fn five_customers_are_merged_one_into_the_other_and_a_sixth_takes_none_of_them() {
    let [first, second, third] = [6, 7, 8].map(|number| CustomerId(id(number)));
    let apart = [first, second, third].into_iter().fold(customers(), |world, id| world.send(id, &register("{}")));
    let links = [(second, first), (third, second), (LI, third), (MEI, LI)];
    let chain = links.into_iter().fold(apart, |world, (survivor, loser)| world.send(survivor, &merge(loser)));
    assert_eq!(chain.fact(first, &Command::Unblock {}, "survivor"), Some(MEI.to_string()));
    assert_eq!(chain.code(BO, &merge(MEI)), Some(Code::LimitExceeded));
    let longer = chain.clone().send(MEI, &merge(BO));
    assert_eq!(longer.code(ACME, &merge(MEI)), Some(Code::LimitExceeded), "whatever else stands behind it");
    assert_eq!(chain.send(MEI, &unmerge(LI)).code(BO, &merge(MEI)), None);
}

#[test]
fn others_learn_what_became_of_a_customer() {
    let world = customers().send(LI, &merge(MEI)).send(BO, &merge(LI));
    let record = |customer: CustomerId| {
        let data = format!(
            r#"{{"customer":"{customer}","source":{{"system":"shop","order_no":"1"}},"currency":"CNY","amount_minor":1}}"#
        );
        crate::codec::read_variant::<crate::transaction::Command>("record", "/data", &data).unwrap()
    };
    let stream = crate::ids::TransactionId(id(9)).stream();
    let rejection = world.given.when(stream, record(MEI)).unwrap_err();
    assert_eq!((rejection.code, &rejection.facts["survivor"]), (Code::MergedInto, &BO.to_string().into()));
    let erased = world.send(BO, &Command::RequestErasure {}).send(BO, &Command::Erase {});
    assert_eq!(erased.given.when(stream, record(MEI)).unwrap_err().code, Code::SubjectErased);
    let rejection = erased.given.when(stream, record(NOBODY)).unwrap_err();
    assert_eq!((rejection.code, rejection.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/customer"));
    assert!(erased.given.when(stream, record(ACME)).is_ok());
}

#[test]
fn where_there_is_room_for_one_only_the_primary_is_filled() {
    let phones = r#"{"contact_points":[{"kind":"phone","value":"+8613800138000"},{"kind":"phone","value":"+8613900139000","primary":true}]}"#;
    let emails = (100..119).fold(customers(), |world, n| world.send(LI, &email(n, &format!("a{n}@b.cn"))));
    let world = emails.send(CustomerId(id(5)), &register(phones)).send(LI, &merge(CustomerId(id(5))));
    let phone = world.state(LI).contact_points.last().unwrap();
    assert_eq!(phone.contact.reveal().unwrap().normalized, "+8613900139000");
}

#[test]
fn an_owner_is_filled_and_stays_if_assigned_again_since() {
    let [anna, boris, cora] = [50, 51, 52].map(|number| AgentId(id(number)));
    let agents = [anna, boris, cora].into_iter().fold(customers(), |mut world, agent| {
        let capacity = agent::Capacity::try_from(5).unwrap();
        let (name, role) = (name("Anna"), agent::Role::Agent);
        let register = agent::Command::Register { name, role, capacity, skills: [].into() };
        world.given = world.given.then(agent.stream(), register);
        world
    });
    let assign = |owner| Command::AssignOwner { owner };
    let filled = agents.clone().send(MEI, &assign(anna)).send(LI, &merge(MEI));
    assert_eq!(filled.state(LI).owner, Some(anna));
    assert_eq!(filled.clone().send(LI, &unmerge(MEI)).state(LI).owner, None);
    let again = filled.send(LI, &assign(boris)).send(LI, &unmerge(MEI));
    assert_eq!(again.state(LI).owner, Some(boris));
    let both = agents.send(MEI, &assign(anna)).send(LI, &assign(cora)).send(LI, &merge(MEI));
    assert_eq!(both.state(LI).owner, Some(cora));
    assert_eq!(both.send(LI, &unmerge(MEI)).state(LI).owner, Some(cora));
}
