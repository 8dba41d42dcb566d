use chrono::TimeZone as _;
use proptest::prelude::*;

use super::*;

fn opened() -> RecordedEvent {
    RecordedEvent {
        position: 9_007_199_254_740_993,
        event_id: Uuid::from_u128(0x0198),
        stream: StreamId { category: Category::Ticket, id: Uuid::from_u128(0x7) },
        version: 1,
        event_type: "TicketOpened".to_owned(),
        schema_version: 1,
        occurred_at: Utc.with_ymd_and_hms(2026, 1, 30, 16, 30, 0).single().expect("a time"),
        recorded_at: DateTime::from_timestamp_micros(1_769_790_600_000_001).expect("a time"),
        ordinal: Some(17),
        metadata: Metadata {
            publisher: Publisher::parse("web").expect("a publisher"),
            command_id: Uuid::from_u128(0xc),
            actor: Actor {
                kind: ActorKind::Agent,
                id: Name::parse(&Uuid::from_u128(0xa).to_string()).expect("a name"),
            },
            correlation_id: Some(Uuid::from_u128(0xb)),
            causation_id: None,
        },
        payload: r#"{"priority" : "P1","title":"打印机 is on fire"}"#.to_owned(),
        content_hash: [0xab; 32],
    }
}

#[test]
fn an_event_on_the_wire_is_the_cloud_event_that_the_contract_shows() {
    let golden = concat!(
        r#"{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000198","source":"/carelog/main","#,
        r#""type":"TicketOpened","subject":"00000000-0000-0000-0000-000000000007","time":"2026-01-30T16:30:00Z","#,
        r#""datacontenttype":"application/json","position":"9007199254740993","ordinal":"17","#,
        r#""recordedat":"2026-01-30T16:30:00.000001Z","streamversion":1,"schemaversion":1,"#,
        r#""correlationid":"00000000-0000-0000-0000-00000000000b","commandid":"00000000-0000-0000-0000-00000000000c","#,
        r#""publisher":"web","actor":"agent:00000000-0000-0000-0000-00000000000a","epoch":3,"#,
        r#""contenthash":"abababababababababababababababababababababababababababababababab","#,
        r#""data":{"priority" : "P1","title":"打印机 is on fire"}}"#,
    );
    let encoded = encode(&opened(), 3, "main").expect("an encoded event");
    assert_eq!(std::str::from_utf8(&encoded), Ok(golden));
    assert_eq!(decode(Category::Ticket, golden.as_bytes()), Ok((opened(), 3)));
}

#[test]
fn names_of_attributes_are_what_cloud_events_allow() {
    let json = encode(&opened(), 3, "main").expect("an encoded event");
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&json).expect("an object");
    for name in object.keys() {
        assert!(
            name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            "{name}"
        );
    }
}

#[test]
fn an_attribute_that_a_later_version_adds_is_left_aside() {
    let json = String::from_utf8(encode(&opened(), 3, "main").expect("an encoded event").to_vec()).expect("text");
    let later = json.replacen('{', r#"{"later":{"data":1},"#, 1);
    assert_eq!(decode(Category::Ticket, later.as_bytes()), Ok((opened(), 3)));
}

#[test]
fn what_is_no_event_is_told_apart() {
    let json = String::from_utf8(encode(&opened(), 3, "main").expect("an encoded event").to_vec()).expect("text");
    let damaged = [
        String::new(),
        "{}".to_owned(),
        json.replace(r#""1.0""#, r#""0.3""#),
        json.replace("9007199254740993", "-1"),
        json.replace("agent:", "ghost:"),
        json.replace("abab", "zz"),
        json.replace(r#""data""#, r#""date""#),
        json.replace(r#""position""#, r#""place""#),
    ];
    for message in damaged {
        assert!(decode(Category::Ticket, message.as_bytes()).is_err(), "{message}");
    }
    assert!(decode(Category::Ticket, &[0xff, 0xfe]).is_err());
}

/// JSON with white space in all places where it may stand.
fn spaced_json() -> impl Strategy<Value = String> {
    let space = "[ \t\r\n]{0,3}";
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1e2".to_owned()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        Just(r#""\u00e9\/""#.to_owned()),
    ];
    let padded = (space, scalar, space).prop_map(|(before, value, after)| format!("{before}{value}{after}"));
    padded.prop_recursive(3, 16, 4, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(",")));
        let field = (space, "[a-z]{1,5}", space, inner)
            .prop_map(|(before, name, after, value)| format!("{before}\"{name}\"{after}:{value}"));
        let object = prop::collection::vec(field, 0..4).prop_map(|fields| format!("{{{}}}", fields.join(",")));
        (space, prop_oneof![list, object], space).prop_map(|(before, value, after)| format!("{before}{value}{after}"))
    })
}

prop_compose! {
    fn any_event()(
        position: u64,
        ids: [u128; 4],
        correlation in any::<Option<u128>>(),
        causation in any::<Option<u128>>(),
        version: u64,
        schema_version: u16,
        micros in 0i64..4_000_000_000_000_000,
        ordinal in any::<Option<u64>>(),
        kind in 0usize..5,
        actor in r#"[a-z"\\:é]{1,20}"#,
        payload in spaced_json(),
        content_hash: [u8; 32],
    ) -> RecordedEvent {
        let kinds = [ActorKind::Agent, ActorKind::Customer, ActorKind::System, ActorKind::Rule, ActorKind::Service];
        let time = DateTime::from_timestamp_micros(micros).expect("a time");
        RecordedEvent {
            position,
            event_id: Uuid::from_u128(ids[0]),
            stream: StreamId { category: Category::Customer, id: Uuid::from_u128(ids[1]) },
            version,
            event_type: "CustomerRegistered".to_owned(),
            schema_version,
            occurred_at: time,
            recorded_at: time + chrono::TimeDelta::microseconds(1),
            ordinal,
            metadata: Metadata {
                publisher: Publisher::parse("web-1").expect("a publisher"),
                command_id: Uuid::from_u128(ids[2]),
                actor: Actor { kind: kinds[kind], id: Name::parse(&actor).expect("a name") },
                correlation_id: correlation.map(Uuid::from_u128),
                causation_id: causation.map(Uuid::from_u128),
            },
            payload,
            content_hash,
        }
    }
}

proptest! {
    #[test]
    fn an_event_comes_back_as_it_was_and_its_payload_byte_for_byte(event in any_event(), epoch: u64) {
        let encoded = encode(&event, epoch, "main").expect("an encoded event");
        let decoded = decode(Category::Customer, &encoded);
        prop_assert_eq!(decoded, Ok((event, epoch)), "{}", String::from_utf8_lossy(&encoded));
    }
}
