use uuid::Uuid;

use super::*;
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::AgentId;
use crate::rejection::Code;

const ANNA: AgentId = AgentId(Uuid::from_u128(1));
const BORIS: AgentId = AgentId(Uuid::from_u128(2));

fn register(role: Role) -> Command {
    let capacity = Capacity::try_from(5).unwrap();
    Command::Register { name: Name::parse("Anna").unwrap(), role, capacity, skills: BTreeSet::new() }
}

fn anna(role: Role) -> Given {
    given([]).then(ANNA.stream(), register(role))
}

fn code(outcome: Result<Decision, Rejection>) -> Option<Code> {
    outcome.err().map(|rejection| rejection.code)
}

#[test]
fn agents_are_registered_by_admins_and_systems_only() {
    let both = |role| anna(role).by_agent(ANNA).when(BORIS.stream(), register(Role::Agent));
    assert_eq!(code(both(Role::Agent)), Some(Code::Forbidden));
    assert_eq!(code(both(Role::Supervisor)), Some(Code::Forbidden));
    assert!(both(Role::Admin).is_ok());
    assert_eq!(code(given([]).by(ActorKind::Rule).when(ANNA.stream(), register(Role::Agent))), Some(Code::Forbidden));
}

#[test]
fn an_agent_who_is_offline_has_no_rights() {
    let offline = Command::ChangeAvailability { availability: Availability::Offline };
    let anna = anna(Role::Admin).then(ANNA.stream(), offline).by_agent(ANNA);
    assert_eq!(code(anna.when(BORIS.stream(), register(Role::Agent))), Some(Code::Forbidden));
}

#[test]
fn agents_change_their_own_availability_and_nobody_elses() {
    let away = Command::ChangeAvailability { availability: Availability::Away };
    let two = anna(Role::Agent).then(BORIS.stream(), register(Role::Agent)).by_agent(ANNA);
    assert!(two.when(ANNA.stream(), away.clone()).is_ok());
    assert_eq!(code(two.when(BORIS.stream(), away)), Some(Code::Forbidden));
}

#[test]
fn an_agent_is_registered_once() {
    assert_eq!(code(anna(Role::Agent).when(ANNA.stream(), register(Role::Agent))), Some(Code::AlreadyExists));
    let role = Command::ChangeRole { role: Role::Admin };
    assert_eq!(code(given([]).when(ANNA.stream(), role)), Some(Code::NotFound));
}

#[test]
fn a_capacity_is_one_to_a_thousand() {
    assert!(Capacity::try_from(0).is_err());
    assert!(Capacity::try_from(CAPACITY_MAX).is_ok());
    assert!(Capacity::try_from(CAPACITY_MAX + 1).is_err());
}

#[test]
fn an_agent_has_at_most_fifty_skills() {
    let skills = |count: usize| Command::ChangeSkills {
        skills: (0..count).map(|n| Name::parse(&format!("skill {n}")).unwrap()).collect(),
    };
    assert!(anna(Role::Agent).when(ANNA.stream(), skills(SKILLS_MAX)).is_ok());
    assert_eq!(code(anna(Role::Agent).when(ANNA.stream(), skills(SKILLS_MAX + 1))), Some(Code::LimitExceeded));
}

#[test]
fn saying_what_is_already_so_changes_nothing() {
    let anna = anna(Role::Agent);
    let same = [
        Command::Rename { name: Name::parse(" Anna ").unwrap() },
        Command::ChangeRole { role: Role::Agent },
        Command::ChangeCapacity { capacity: Capacity::try_from(5).unwrap() },
        Command::ChangeSkills { skills: BTreeSet::new() },
        Command::ChangeAvailability { availability: Availability::Available },
    ];
    for command in same {
        assert_eq!(anna.when(ANNA.stream(), command), Ok(Decision::already()));
    }
    let changed = anna.then(ANNA.stream(), Command::ChangeCapacity { capacity: Capacity::try_from(6).unwrap() });
    let six = Command::ChangeCapacity { capacity: Capacity::try_from(6).unwrap() };
    assert_eq!(changed.when(ANNA.stream(), six), Ok(Decision::already()));
}

#[test]
fn each_change_takes_its_role_comes_about_once_and_is_so_afterwards() {
    let skills = BTreeSet::from([Name::parse("printers").unwrap()]);
    let changes = [
        (Role::Admin, Command::Rename { name: Name::parse("Anna Li").unwrap() }, "AgentRenamed"),
        (Role::Admin, Command::ChangeRole { role: Role::Supervisor }, "AgentRoleChanged"),
        (Role::Supervisor, Command::ChangeCapacity { capacity: Capacity(7) }, "AgentCapacityChanged"),
        (Role::Supervisor, Command::ChangeSkills { skills }, "AgentSkillsChanged"),
        (
            Role::Supervisor,
            Command::ChangeAvailability { availability: Availability::Away },
            "AgentAvailabilityChanged",
        ),
    ];
    for (least, command, event) in changes {
        for role in [Role::Agent, Role::Supervisor, Role::Admin] {
            let two = anna(Role::Agent).then(BORIS.stream(), register(role)).by_agent(BORIS);
            let outcome = two.when(ANNA.stream(), command.clone());
            if role < least {
                assert_eq!(code(outcome), Some(Code::Forbidden), "{event} by {}", role.name());
                continue;
            }
            let decided = outcome.unwrap();
            let types: Vec<_> = decided.events.iter().map(|(_, event)| event.write().unwrap().0).collect();
            assert_eq!(types, [event], "by {}", role.name());
            let changed = two.then(ANNA.stream(), command.clone());
            assert_eq!(changed.when(ANNA.stream(), command.clone()), Ok(Decision::already()), "{event} again");
        }
    }
}
