use proptest::prelude::*;

use super::*;

fn normal(kind: ContactKind, value: &str) -> Result<String, String> {
    normalize(kind, &Name::parse(value).unwrap())
}

#[test]
fn phones_are_compared_in_e164() {
    let same =
        ["+86 138 0013 8000", "+86-138-0013-8000", "+8613800138000", "+86 (138) 0013 8000", "＋86 138 0013 8000"];
    for phone in same {
        assert_eq!(normal(ContactKind::Phone, phone).as_deref(), Ok("+8613800138000"), "{phone}");
    }
    assert_eq!(normal(ContactKind::Phone, "+1 (650) 253-0000").as_deref(), Ok("+16502530000"));
    assert_eq!(normal(ContactKind::Phone, "+49 30 901820").as_deref(), Ok("+4930901820"));
    assert_eq!(normal(ContactKind::Phone, "+39 06 6982").as_deref(), Ok("+39066982"), "Italy keeps its zero");
    assert_eq!(normal(ContactKind::Phone, "+1 650 253 0000 ext. 12").as_deref(), Ok("+16502530000;ext=12"));
}

#[test]
fn a_phone_without_country_code_or_of_no_network_is_refused() {
    for phone in ["13800138000", "0086 138 0013 8000", "+86", "+", "+999 1234567", "+86 12", "+phone"] {
        assert!(normal(ContactKind::Phone, phone).is_err(), "{phone}");
    }
}

#[test]
fn emails_are_compared_in_lower_case_with_idn_in_ascii() {
    let email = |value: &str| normal(ContactKind::Email, value);
    assert_eq!(email("Li.Lei@Example.COM").as_deref(), Ok("li.lei@example.com"));
    assert_eq!(email("lì@例子.公司").as_deref(), Ok("lì@xn--fsqu00a.xn--55qx5d"));
    assert_eq!(email("a@Bücher.example").as_deref(), Ok("a@xn--bcher-kva.example"));
    for wrong in ["a", "@b.cn", "a@", "a@b", "a b@c.cn", "a@b@c.cn", "a@b..cn", "a@-b.cn", "<a@b.cn>", "a@b.cn."] {
        assert!(email(wrong).is_err(), "{wrong}");
    }
    assert!(email(&format!("{}@b.cn", "a".repeat(64))).is_ok());
    assert!(email(&format!("{}@b.cn", "a".repeat(65))).is_err());
}

#[test]
fn wechat_ids_ignore_case_and_other_contacts_do_not() {
    assert_eq!(normal(ContactKind::Wechat, "LiLei_01").as_deref(), Ok("lilei_01"));
    assert_eq!(normal(ContactKind::Other, "LiLei").as_deref(), Ok("LiLei"));
}

proptest! {
    #[test]
    fn any_text_is_normalised_or_refused_and_what_is_normal_stays(text in "\\PC{1,40}|\\+[0-9 ()./;extpw,#-]{1,30}|[a-z.@-]{3,20}") {
        let Ok(value) = Name::<320>::parse(&text) else { return Ok(()) };
        for kind in [ContactKind::Phone, ContactKind::Email] {
            if let Ok(once) = normalize(kind, &value) {
                prop_assert_eq!(normalize(kind, &Name::parse(&once).unwrap()), Ok(once));
            }
        }
    }
}

#[test]
fn the_first_of_a_kind_is_primary_and_another_can_become_it() {
    let world = customers().send(LI, &email(10, "a@b.cn")).send(LI, &email(11, "b@b.cn"));
    let primary = |world: &World| world.state(LI).contact_points.iter().map(|point| point.primary).collect::<Vec<_>>();
    assert_eq!(primary(&world), [true, false]);
    let second = Command::SetPrimaryContactPoint { contact_point_id: id(11) };
    let world = world.send(LI, &second);
    assert_eq!(primary(&world), [false, true]);
    assert_eq!(world.when(LI, &second), already());
}

#[test]
fn a_new_primary_takes_over() {
    let point = format!(r#"{{"id":"{}","kind":"email","value":"b@b.cn","primary":true}}"#, id(11));
    let add = command("add_contact_point", &format!(r#"{{"contact_point":{point}}}"#));
    let world = customers().send(LI, &email(10, "a@b.cn")).send(LI, &add);
    let primary: Vec<_> = world.state(LI).contact_points.iter().map(|point| (point.id, point.primary)).collect();
    assert_eq!(primary, [(id(10), false), (id(11), true)]);
}

#[test]
fn when_the_primary_goes_the_next_of_its_kind_takes_over() {
    let world = customers().send(LI, &email(10, "a@b.cn")).send(LI, &email(11, "b@b.cn"));
    let remove = |number| Command::RemoveContactPoint { contact_point_id: id(number) };
    let events = ["CustomerContactPointRemoved", "CustomerPrimaryContactPointSet"];
    assert_eq!(world.events(LI, &remove(10)), events);
    assert_eq!(world.events(LI, &remove(11)), ["CustomerContactPointRemoved"]);
    let world = world.send(LI, &remove(10));
    assert!(world.state(LI).contact_points[0].primary);
    assert_eq!(world.when(LI, &remove(10)), already());
}

#[test]
fn a_removed_contact_point_is_free_for_others() {
    let world = customers().send(LI, &email(10, "a@b.cn"));
    assert_eq!(world.code(MEI, &email(11, "a@b.cn")), Some(Code::ContactPointTaken));
    let world = world.send(LI, &Command::RemoveContactPoint { contact_point_id: id(10) });
    assert_eq!(world.claims, []);
    assert_eq!(world.code(MEI, &email(11, "a@b.cn")), None);
}

#[test]
fn the_same_contact_point_is_added_once_and_the_same_value_only_once() {
    let world = customers().send(LI, &email(10, "a@b.cn"));
    assert_eq!(world.when(LI, &email(10, "a@b.cn")), already());
    assert_eq!(world.when(LI, &email(10, "other@b.cn")), already(), "only ids are compared");
    assert_eq!(world.fact(LI, &email(11, "a@b.cn"), "holder"), Some(LI.to_string()));
}

#[test]
fn a_contact_point_is_verified_once() {
    let verify = |number| Command::VerifyContactPoint { contact_point_id: id(number) };
    let world = customers().send(LI, &email(10, "a@b.cn")).send(LI, &verify(10));
    assert!(world.state(LI).contact_points[0].verified);
    assert_eq!(world.when(LI, &verify(10)), already());
    assert_eq!(world.code(LI, &verify(12)), Some(Code::ReferenceMissing));
    let prefer = Command::SetPrimaryContactPoint { contact_point_id: id(12) };
    assert_eq!(world.code(LI, &prefer), Some(Code::ReferenceMissing));
}

#[test]
fn a_contact_point_that_is_not_valid_names_the_field() {
    assert_eq!(customers().pointer(LI, &email(10, "nowhere")).as_deref(), Some("/data/contact_point/value"));
}

#[test]
fn a_customer_has_at_most_twenty_contact_points() {
    let add = |number: u128| email(number, &format!("a{number}@b.cn"));
    let full = (100..120).fold(customers(), |world, number| world.send(LI, &add(number)));
    assert_eq!(full.code(LI, &add(120)), Some(Code::LimitExceeded));
    assert_eq!(full.when(LI, &add(119)), already());
}
