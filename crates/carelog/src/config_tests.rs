use super::*;

const KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn complete() -> Environment {
    Environment::default()
        .with("DATABASE_URL", "postgres://h/d")
        .with("NATS_URL", "nats://t@h:1")
        .with("CARELOG_MASTER_KEY", KEY)
}

fn message<T>(result: Result<T>) -> String {
    result.map(drop).expect_err("a refusal").to_string()
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let relay = RelaySettings::read(&complete()).expect("settings");
    assert_eq!((relay.cell.as_str(), relay.bus.prefix.as_str()), ("main", "carelog"));
    assert_eq!((relay.events_max_age.as_secs(), relay.events_max_bytes), (604_800, 2_147_483_648));
    let query = QuerySettings::read(&complete()).expect("settings");
    assert_eq!(query.http_addr.to_string(), "127.0.0.1:8080");
}

#[test]
fn a_missing_setting_is_named_together_with_its_remedy() {
    let text = message(ProjectorSettings::read(&Environment::default()));
    assert!(text.contains("DATABASE_URL") && text.contains("carelog up"), "{text}");
    let text = message(complete().with("CARELOG_MASTER_KEY", " ").master_keys());
    assert!(text.contains("CARELOG_MASTER_KEY_FILE") && text.contains("openssl rand"), "{text}");
}

#[test]
fn a_malformed_database_url_is_named_and_never_shown() {
    for wrong in
        ["nonsense", "mysql://u:secret@h/d", "postgres://u:secret@h:port/d", "postgres://u:secret@h/d?sslmode=x"]
    {
        let text = message(complete().with("DATABASE_URL", wrong).database_url());
        assert!(text.contains("DATABASE_URL") && !text.contains("secret"), "{text}");
    }
    assert!(complete().with("DATABASE_URL", "postgresql:///carelog?host=/run/postgresql").database_url().is_ok());
}

#[test]
fn a_wrong_setting_is_named_together_with_what_is_expected() {
    let cases = [
        ("CARELOG_EVENTS_MAX_AGE", "0d", "30d"),
        ("CARELOG_EVENTS_MAX_AGE", "week", "30d"),
        ("CARELOG_EVENTS_MAX_BYTES", "10GB", "10GiB"),
        ("CARELOG_CELL", "Ost 1", "a-z"),
    ];
    for (name, value, expected) in cases {
        let text = message(RelaySettings::read(&complete().with(name, value)));
        assert!(text.contains(name) && text.contains(value) && text.contains(expected), "{text}");
    }
}

#[test]
fn the_api_is_never_open_to_other_machines_without_keys() {
    let open = complete().with("CARELOG_HTTP_ADDR", "0.0.0.0:80");
    assert!(message(QuerySettings::read(&open)).contains("CARELOG_API_KEYS"));
    assert!(QuerySettings::read(&open.with("CARELOG_API_KEYS", "/keys")).is_ok());
}

#[test]
fn a_publisher_is_limited_to_the_actor_kinds_that_are_named() {
    let read = |text| publisher_actors(&Environment::default().with("CARELOG_PUBLISHER_ACTORS", text));
    let limits = read("web=customer+service; bot=rule").expect("limits");
    let of = |name: &str| limits.get(name).cloned();
    assert_eq!(of("web"), Some(vec![ActorKind::Customer, ActorKind::Service]));
    assert_eq!(of("bot"), Some(vec![ActorKind::Rule]));
    assert_eq!(of("crm"), None);
    for wrong in ["web", "web=", "web=robot", "Web=rule"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_master_key_is_never_part_of_a_message() {
    let text = message(complete().with("CARELOG_MASTER_KEY", "secret").master_keys());
    assert!(text.contains("CARELOG_MASTER_KEY") && !text.contains("secret"), "{text}");
}
