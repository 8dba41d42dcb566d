use uuid::Uuid;

use super::*;
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::TeamId;
use crate::rejection::Code;
use crate::{Event as AnyEvent, agent};

const TEAM: TeamId = TeamId(Uuid::from_u128(1));
const ANNA: AgentId = AgentId(Uuid::from_u128(2));

fn name(text: &str) -> Name<200> {
    Name::parse(text).unwrap()
}

fn anna(role: Role) -> (StreamId, AnyEvent) {
    let capacity = agent::Capacity::try_from(5).unwrap();
    let event = agent::Event::AgentRegistered { name: name("Anna"), role, capacity, skills: BTreeSet::new() };
    (ANNA.stream(), event.into())
}

fn a_team() -> Given {
    given([anna(Role::Agent)]).then(TEAM.stream(), Command::Form { name: name("First line"), routing: Routing::Manual })
}

fn code(outcome: Result<Decision, Rejection>) -> Option<Code> {
    outcome.err().map(|rejection| rejection.code)
}

#[test]
fn a_member_is_added_once_and_removed_once() {
    let add = Command::AddMember { agent: ANNA };
    let with_anna = a_team().then(TEAM.stream(), add.clone());
    assert_eq!(with_anna.when(TEAM.stream(), add), Ok(Decision::already()));
    let remove = Command::RemoveMember { agent: ANNA };
    let expected = Decision::event(TEAM.stream(), Event::TeamMemberRemoved { agent: ANNA });
    assert_eq!(with_anna.when(TEAM.stream(), remove.clone()), Ok(expected));
    assert_eq!(a_team().when(TEAM.stream(), remove), Ok(Decision::already()));
}

#[test]
fn a_member_must_exist() {
    let nobody = AgentId(Uuid::from_u128(9));
    assert_eq!(code(a_team().when(TEAM.stream(), Command::AddMember { agent: nobody })), Some(Code::ReferenceMissing));
}

#[test]
fn a_team_is_formed_once() {
    let again = Command::Form { name: name("Other"), routing: Routing::Manual };
    assert_eq!(code(a_team().when(TEAM.stream(), again)), Some(Code::AlreadyExists));
    assert_eq!(code(given([]).when(TEAM.stream(), Command::Rename { name: name("x") })), Some(Code::NotFound));
}

#[test]
fn teams_are_changed_by_supervisors_only() {
    let rename = Command::Rename { name: name("Second line") };
    assert_eq!(code(a_team().by_agent(ANNA).when(TEAM.stream(), rename.clone())), Some(Code::Forbidden));
    assert_eq!(code(a_team().by(ActorKind::Customer).when(TEAM.stream(), rename.clone())), Some(Code::Forbidden));
    let supervised = given([
        anna(Role::Supervisor),
        (TEAM.stream(), Event::TeamFormed { name: name("a"), routing: Routing::Manual }.into()),
    ]);
    assert!(supervised.by_agent(ANNA).when(TEAM.stream(), rename).is_ok());
}

#[test]
fn saying_what_is_already_so_changes_nothing() {
    let team = a_team();
    for already in [Command::Rename { name: name("First line") }, Command::ChangeRouting { routing: Routing::Manual }] {
        assert_eq!(team.when(TEAM.stream(), already), Ok(Decision::already()));
    }
    let changed = Decision::event(TEAM.stream(), Event::TeamRoutingChanged { routing: Routing::LeastBusy });
    assert_eq!(team.when(TEAM.stream(), Command::ChangeRouting { routing: Routing::LeastBusy }), Ok(changed));
}

#[test]
fn a_team_has_at_most_a_thousand_members() {
    let members = (0..MEMBERS_MAX as u128)
        .map(|n| (TEAM.stream(), Event::TeamMemberAdded { agent: AgentId(Uuid::from_u128(1_000 + n)) }.into()));
    let formed = (TEAM.stream(), Event::TeamFormed { name: name("a"), routing: Routing::Manual }.into());
    let full = given([anna(Role::Agent), formed].into_iter().chain(members));
    assert_eq!(code(full.when(TEAM.stream(), Command::AddMember { agent: ANNA })), Some(Code::LimitExceeded));
}
