//! Random lives of four customers: what is accepted folds, what is said again changes nothing, and what was merged
//! comes apart again.

use proptest::prelude::*;

use super::*;

fn customer() -> impl Strategy<Value = CustomerId> {
    prop::sample::select(vec![LI, MEI, BO, ACME])
}

fn any_command() -> impl Strategy<Value = Command> {
    let part = || (10_u128..16).prop_map(id);
    let consent = |kind: &'static str| {
        (0..3).prop_map(move |n| {
            command(&format!("{kind}_consent"), &format!(r#"{{"purpose":"p{n}","channel":"sms","source":"web"}}"#))
        })
    };
    let tags = || prop::collection::btree_set((0..4).prop_map(|n| name::<64>(&format!("t{n}"))), 0..3);
    let lifecycle =
        prop::sample::select(vec![Lifecycle::Prospect, Lifecycle::Active, Lifecycle::Dormant, Lifecycle::Churned]);
    let address =
        |number: Uuid| format!(r#"{{"address":{{"id":"{number}","kind":"service","place":{{"country":"CN"}}}}}}"#);
    let reference = |kind: &'static str| {
        (0..3).prop_map(move |n| command(&format!("{kind}_external_ref"), &format!(r#"{{"system":"crm","id":"{n}"}}"#)))
    };
    let phone = (10_u128..16, any::<bool>(), any::<bool>()).prop_map(|(number, primary, allow_duplicate)| {
        let point =
            format!(r#""id":"{}","kind":"phone","value":"+86138001380{number}","primary":{primary}"#, id(number));
        command("add_contact_point", &format!(r#"{{"contact_point":{{{point}}},"allow_duplicate":{allow_duplicate}}}"#))
    });
    prop_oneof![
        (10_u128..16, 0..4).prop_map(|(number, value)| email(number, &format!("a{value}@b.cn"))),
        phone,
        part().prop_map(|contact_point_id| Command::RemoveContactPoint { contact_point_id }),
        part().prop_map(|contact_point_id| Command::VerifyContactPoint { contact_point_id }),
        part().prop_map(|contact_point_id| Command::SetPrimaryContactPoint { contact_point_id }),
        part().prop_map(move |number| command("add_address", &address(number))),
        part().prop_map(|address_id| Command::RemoveAddress { address_id }),
        tags().prop_map(|tags| Command::Tag { tags }),
        tags().prop_map(|tags| Command::Untag { tags }),
        lifecycle.prop_map(|lifecycle| Command::ChangeLifecycle { lifecycle }),
        consent("grant"),
        consent("withdraw"),
        Just(command("block", r#"{"reason":"x"}"#)),
        Just(Command::Unblock {}),
        reference("link"),
        reference("unlink"),
        customer().prop_map(|organization| Command::LinkOrganization { organization, role: None, active: true }),
        customer().prop_map(|organization| Command::UnlinkOrganization { organization }),
        customer().prop_map(merge),
        customer().prop_map(unmerge),
        Just(Command::RequestErasure {}),
        Just(Command::Erase {}),
    ]
}

fn lives() -> impl Strategy<Value = Vec<(CustomerId, Command)>> {
    prop::collection::vec((customer(), any_command()), 0..40)
}

fn lived(lives: &[(CustomerId, Command)]) -> World {
    lives.iter().fold(customers(), |mut world, (id, command)| {
        // A refusal is a part of life too: nothing changes.
        let _ = world.try_send(*id, command);
        world
    })
}

/// What must be so in every state.
fn consistent(world: &World) {
    for (id, customer) in &world.states {
        for kind in [ContactKind::Phone, ContactKind::Email, ContactKind::Wechat, ContactKind::Other] {
            let of_kind = || customer.contact_points.iter().filter(|point| point.kind == kind);
            let primaries = of_kind().filter(|point| point.primary).count();
            assert_eq!(primaries, usize::from(of_kind().count() > 0), "one primary of each kind");
        }
        let held = world.claims.iter().filter(|(_, holder)| holder == id).count();
        let unique = customer.contact_points.iter().filter(|point| point.unique).count();
        let references = if customer.standing == Standing::Erased { 0 } else { customer.external_refs.len() };
        assert_eq!(held, unique + references, "claims are held exactly for what is claimed");
        for alias in customer.merged.keys() {
            let standing = world.state(*alias).standing;
            assert!(standing == Standing::Merged { survivor: *id } || standing == Standing::Erased);
        }
    }
    let mut keys: Vec<_> = world.claims.iter().map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), world.claims.len(), "each claim has one holder");
}

/// Whether saying it twice must change nothing the second time. Personal values are not compared, a merge is told.
fn can_be_so_already(command: &Command) -> bool {
    !matches!(
        command,
        Command::Register { .. }
            | Command::Rename { .. }
            | Command::CorrectAddress { .. }
            | Command::Merge { .. }
            | Command::Erase {}
    )
}

proptest! {
    #[test]
    fn every_accepted_life_folds_and_stays_consistent(lives in lives()) {
        consistent(&lived(&lives));
    }

    #[test]
    fn what_was_accepted_is_already_so(lives in lives(), customer in customer(), command in any_command()) {
        let mut world = lived(&lives);
        if world.try_send(customer, &command).is_ok() && can_be_so_already(&command) {
            prop_assert_eq!(world.when(customer, &command), already());
        }
    }

    #[test]
    fn a_merge_and_its_undoing_leave_everything_as_it_was(lives in lives(), survivor in customer(), loser in customer()) {
        let before = lived(&lives);
        let mut world = before.clone();
        if world.try_send(survivor, &merge(loser)).is_ok() {
            let world = world.send(survivor, &unmerge(loser));
            prop_assert_eq!(world.states, before.states);
            prop_assert_eq!(world.claims, before.claims);
        }
    }

    #[test]
    fn chains_of_merges_come_apart_in_reverse_order(lives in lives(), merges in prop::collection::vec((customer(), customer()), 0..6)) {
        let before = lived(&lives);
        let mut world = before.clone();
        let accepted: Vec<_> =
            merges.into_iter().filter(|(survivor, loser)| world.try_send(*survivor, &merge(*loser)).is_ok()).collect();
        let world = accepted.iter().rev().fold(world, |world, (survivor, loser)| world.send(*survivor, &unmerge(*loser)));
        prop_assert_eq!(world.states, before.states);
    }

    #[test]
    fn events_survive_json(lives in lives()) {
        let mut world = customers();
        for (id, command) in &lives {
            let Ok(decision) = world.try_send(*id, command) else { continue };
            for (stream, event) in decision.events {
                let (name, content) = event.write().unwrap();
                prop_assert_eq!(AnyEvent::read(stream.category, &name, &content).unwrap(), event);
            }
        }
    }
}
