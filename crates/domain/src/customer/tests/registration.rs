use super::*;
use crate::decider::ClaimKind;

#[test]
fn a_customer_is_registered_with_all_that_is_known() {
    let data = r#"{"contact_points":[{"kind":"phone","value":"+86 138 0013 8000"},{"kind":"email","value":"Li@Example.com"}],
        "addresses":[{"kind":"billing","place":{"country":"CN","city":"上海市","lines":["南京东路 1 号"]}}],
        "external_refs":[{"system":"crm","id":"7"}],"tags":["vip"],"locale":"zh-CN","timezone":"Asia/Shanghai","lifecycle":"active"}"#;
    let world = World::new().send(LI, &register(data));
    let li = world.state(LI);
    assert_eq!(
        (li.lifecycle, li.contact_points.len(), li.addresses.len(), li.tags.len()),
        (Lifecycle::Active, 2, 1, 1)
    );
    assert!(li.contact_points.iter().all(|point| point.primary && point.unique && !point.verified));
    assert!(li.contact_points.iter().all(|point| point.contact.subject() == LI.0));
    let mut claims: Vec<_> =
        world.claims.iter().map(|(key, holder)| (key.scope, key.value.as_str(), *holder)).collect();
    claims.sort_unstable();
    let expected = [
        ("customer.email", "li@example.com", LI),
        ("customer.external_ref", "crm\x007", LI),
        ("customer.phone", "+8613800138000", LI),
    ];
    assert_eq!(claims, expected);
}

#[test]
fn a_customer_is_registered_once() {
    assert_eq!(customers().fact(LI, &register("{}"), "holder"), Some(LI.to_string()));
    assert_eq!(customers().code(LI, &register("{}")), Some(Code::AlreadyExists));
    assert_eq!(World::new().code(LI, &command("block", r#"{"reason":"x"}"#)), Some(Code::NotFound));
}

#[test]
fn ids_that_are_not_given_are_derived_from_the_command_and_differ() {
    let data = r#"{"contact_points":[{"kind":"wechat","value":"a"},{"kind":"wechat","value":"b"}],
        "addresses":[{"kind":"billing","place":{"country":"CN"}},{"kind":"billing","place":{"country":"CN"}}]}"#;
    let [once, twice] = [0, 1].map(|_| World::new().when(LI, &register(data)).unwrap());
    assert_eq!(once, twice);
    let world = World::new().send(LI, &register(data));
    let li = world.state(LI);
    let ids = li.contact_points.iter().map(|point| point.id).chain(li.addresses.iter().map(|address| address.id));
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 4);
}

#[test]
fn an_email_of_another_live_customer_is_refused_with_its_holder() {
    let world = customers().send(LI, &email(10, "li@example.com"));
    let taken = register(r#"{"contact_points":[{"kind":"email","value":"LI@example.COM"}]}"#);
    assert_eq!(world.code(NOBODY, &taken), Some(Code::ContactPointTaken));
    assert_eq!(world.fact(NOBODY, &taken, "holder"), Some(LI.to_string()));
    assert_eq!(world.code(MEI, &email(11, "Li@Example.com")), Some(Code::ContactPointTaken));
}

#[test]
fn a_duplicate_that_is_allowed_claims_nothing() {
    let world = customers().send(LI, &email(10, "li@example.com"));
    let shared = register(r#"{"contact_points":[{"kind":"email","value":"li@example.com"}],"allow_duplicate":true}"#);
    let decision = world.when(NOBODY, &shared).unwrap();
    assert_eq!(decision.claims, []);
    let world = world.send(NOBODY, &shared);
    let point = world.state(NOBODY).contact_points[0].id;
    let removed = world.when(NOBODY, &Command::RemoveContactPoint { contact_point_id: point }).unwrap();
    assert_eq!(removed.claims, [], "the claim stays with the one who has it");
}

#[test]
fn an_external_reference_is_of_one_customer_even_if_duplicates_are_allowed() {
    let reference = r#"{"external_refs":[{"system":"crm","id":"7"}],"allow_duplicate":true}"#;
    let world = World::new().send(LI, &register(reference));
    assert_eq!(world.code(MEI, &register(reference)), Some(Code::AlreadyExists));
    assert_eq!(world.fact(MEI, &register(reference), "holder"), Some(LI.to_string()));
    let apart = register(r#"{"external_refs":[{"system":"crm7","id":"x"},{"system":"crm","id":"7x"}]}"#);
    assert!(world.when(MEI, &apart).is_ok(), "system and id do not run into one another");
}

#[test]
fn the_reference_claim_is_unique_and_held_by_the_customer() {
    let decision = World::new().when(LI, &register(r#"{"external_refs":[{"system":"crm","id":"7"}]}"#)).unwrap();
    let key = ClaimKey::new("customer.external_ref", "crm\x007");
    assert_eq!(decision.claims, [ClaimChange::Take { key, holder: LI.stream(), kind: ClaimKind::Unique }]);
}

#[test]
fn a_registration_that_is_not_valid_names_the_field() {
    let pointer = |data: &str| World::new().pointer(LI, &register(data)).unwrap_or_default();
    let phone = r#"{"contact_points":[{"kind":"email","value":"a@b.cn"},{"kind":"phone","value":"12"}]}"#;
    assert_eq!(pointer(phone), "/data/contact_points/1/value");
    let twice = r#"{"contact_points":[{"kind":"email","value":"a@b.cn"},{"kind":"email","value":"A@b.cn"}]}"#;
    assert_eq!(pointer(twice), "/data/contact_points/1/value");
    let primaries = r#"{"contact_points":[{"kind":"wechat","value":"a","primary":true},{"kind":"wechat","value":"b","primary":true}]}"#;
    assert_eq!(pointer(primaries), "/data/contact_points/1/primary");
    let same = format!(r#"{{"id":"{}","kind":"billing","place":{{"country":"CN"}}}}"#, id(7));
    assert_eq!(pointer(&format!(r#"{{"addresses":[{same},{same}]}}"#)), "/data/addresses/1/id");
    let same = |value: &str| format!(r#"{{"id":"{}","kind":"wechat","value":"{value}"}}"#, id(7));
    assert_eq!(pointer(&format!(r#"{{"contact_points":[{},{}]}}"#, same("a"), same("b"))), "/data/contact_points/1/id");
}

#[test]
fn a_registration_is_bounded() {
    type Item<'a> = &'a dyn Fn(usize) -> String;
    let list = |item: Item<'_>, count| (0..count).map(item).collect::<Vec<_>>().join(",");
    let point = |n: usize| format!(r#"{{"kind":"other","value":"{n}"}}"#);
    let address = |_| r#"{"kind":"service","place":{"country":"DE"}}"#.to_owned();
    let reference = |n: usize| format!(r#"{{"system":"crm","id":"{n}"}}"#);
    let tag = |n: usize| format!("\"t{n}\"");
    let fields: [(&str, Item<'_>, usize); 4] = [
        ("contact_points", &point, CONTACT_POINTS_MAX),
        ("addresses", &address, ADDRESSES_MAX),
        ("external_refs", &reference, EXTERNAL_REFS_MAX),
        ("tags", &tag, TAGS_MAX),
    ];
    for (field, item, max) in fields {
        let code = |count| World::new().code(LI, &register(&format!(r#"{{"{field}":[{}]}}"#, list(item, count))));
        assert_eq!((code(max), code(max + 1)), (None, Some(Code::LimitExceeded)), "{field}");
    }
}

#[test]
fn a_time_zone_that_does_not_exist_is_refused_but_stays_readable_in_an_event() {
    let zoned = |zone: &str| register(&format!(r#"{{"timezone":"{zone}"}}"#));
    for zone in ["Asia/Shanghai", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+8", "PRC"] {
        assert_eq!(World::new().code(LI, &zoned(zone)), None, "{zone}");
    }
    for zone in ["Asia/Beijing", "asia/shanghai", "Europe/Atlantis", "GMT+8"] {
        let rejection = World::new().when(LI, &zoned(zone)).unwrap_err();
        assert_eq!(rejection.code, Code::Validation, "{zone}");
        assert_eq!(rejection.errors[0].pointer, "/data/timezone");
        assert!(Timezone::parse(zone).is_ok(), "{zone}");
    }
}

#[test]
fn countries_locales_and_time_zones_are_checked() {
    assert!(Country::parse("CN").is_ok() && Country::parse("XX").is_err() && Country::parse("cn").is_err());
    for locale in ["zh-CN", "en", "zh-Hans-CN", "es-419"] {
        assert!(Locale::parse(locale).is_ok(), "{locale}");
    }
    for locale in ["", "zh_CN", "z", "zh-", "1a", "中文", "zh-CN-aaaaaaaaa"] {
        assert!(Locale::parse(locale).is_err(), "{locale}");
    }
    for zone in ["Asia/Shanghai", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+8"] {
        assert!(Timezone::parse(zone).is_ok(), "{zone}");
    }
    for zone in ["", "/", "Asia/", "+08:00", "Asia/上海"] {
        assert!(Timezone::parse(zone).is_err(), "{zone}");
    }
    let lines = |count| Lines::try_from(vec![name::<200>("a"); count]);
    assert!(lines(Lines::MAX).is_ok() && lines(Lines::MAX + 1).is_err());
}
