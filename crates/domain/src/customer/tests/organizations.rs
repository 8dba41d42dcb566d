use super::*;

fn link(organization: CustomerId) -> Command {
    Command::LinkOrganization { organization, role: None, active: true }
}

fn organization(number: u128) -> CustomerId {
    CustomerId(id(1_000 + number))
}

fn organizations(count: u128) -> World {
    let data = register(r#"{"kind":"organization"}"#);
    (0..count).fold(customers(), |world, number| world.send(organization(number), &data))
}

#[test]
fn a_customer_has_one_place_in_an_organization() {
    let world = customers().send(LI, &link(ACME));
    assert_eq!(world.when(LI, &link(ACME)), already());
    let left = command("link_organization", &format!(r#"{{"organization":"{ACME}","role":"buyer","active":false}}"#));
    let world = world.send(LI, &left);
    assert_eq!(world.state(LI).organizations.len(), 1);
    let unlink = Command::UnlinkOrganization { organization: ACME };
    let world = world.send(LI, &unlink);
    assert_eq!(world.when(LI, &unlink), already());
}

#[test]
fn an_organization_exists_and_is_one() {
    assert_eq!(customers().code(LI, &link(NOBODY)), Some(Code::ReferenceMissing));
    assert_eq!(customers().pointer(LI, &link(MEI)).as_deref(), Some("/data/organization"));
}

#[test]
fn organizations_never_close_a_circle() {
    assert_eq!(customers().code(ACME, &link(ACME)), Some(Code::OrganizationCycle));
    let [a, b, c] = [0, 1, 2].map(organization);
    let world = organizations(3).send(a, &link(b)).send(b, &link(c));
    assert_eq!(world.code(c, &link(a)), Some(Code::OrganizationCycle));
    assert_eq!(world.code(a, &link(c)), None);
}

#[test]
fn a_circle_through_a_merged_organization_is_seen() {
    let [a, b, c] = [0, 1, 2].map(organization);
    let world = organizations(3).send(a, &link(b)).send(c, &merge(b));
    assert_eq!(world.code(c, &link(a)), Some(Code::OrganizationCycle));
    let world = organizations(3).send(a, &link(b)).send(b, &link(c));
    assert_eq!(world.code(a, &merge(c)), Some(Code::OrganizationCycle), "b would be between a and itself");
}

#[test]
fn a_chain_of_organizations_that_is_too_long_to_check_is_refused() {
    let deep = (1..12)
        .rev()
        .fold(organizations(12), |world, number| world.send(organization(number), &link(organization(number - 1))));
    assert_eq!(deep.code(LI, &link(organization(11))), Some(Code::LimitExceeded));
    assert_eq!(deep.code(LI, &link(organization(3))), None);
}

#[test]
fn a_customer_has_at_most_twenty_organizations() {
    let full = (0..20).fold(organizations(21), |world, number| world.send(LI, &link(organization(number))));
    assert_eq!(full.code(LI, &link(organization(20))), Some(Code::LimitExceeded));
}
