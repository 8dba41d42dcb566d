use csv::StringRecord;

use super::*;

const CDNOW: &str = include_str!("../../../../deploy/import/cdnow.json");

fn cdnow(line: u64, values: [&str; 4]) -> Vec<Outgoing> {
    let mapping = Mapping::parse(CDNOW).expect("the mapping that is delivered");
    let columns = StringRecord::from(vec!["customer_id", "date", "quantity", "amount_usd"]);
    let values = StringRecord::from(values.to_vec());
    let row = Row { columns: &columns, values: &values, line };
    let command = |step: &Step| {
        let key = step.key.render(row).expect("a key");
        step.command(&mapping, row, mapping.command_id(step, &key, 1)).expect("a command")
    };
    mapping.steps.iter().map(command).collect()
}

fn data(command: &Outgoing) -> Value {
    serde_json::from_str(command.body.data.get()).expect("JSON")
}

#[test]
fn a_purchase_of_cdnow_becomes_its_customer_and_its_transaction() {
    let commands = cdnow(3, ["00002", "1997-01-12", "1", "12.00"]);
    let [customer, transaction] = commands.as_slice() else { panic!("two commands, not {}", commands.len()) };
    assert_eq!((customer.aggregate.as_str(), customer.name.as_str()), ("customer", "register"));
    assert_eq!(data(customer)["display_name"], "Customer 00002");
    assert_eq!(data(customer)["external_refs"], serde_json::json!([{"system": "cdnow", "id": "00002"}]));
    assert_eq!((transaction.aggregate.as_str(), transaction.name.as_str()), ("transaction", "record"));
    let expected = serde_json::json!({
        "customer": customer.body.id,
        "source": {"system": "cdnow", "order_no": "3"},
        "type": "purchase",
        "currency": "USD",
        "amount_minor": 1_200,
    });
    assert_eq!(data(transaction), expected);
    assert_eq!(transaction.body.occurred_at, "1997-01-12T00:00:00Z".parse().ok());
}

#[test]
fn the_same_row_makes_the_same_ids_and_another_row_makes_others() {
    let ids = |line, customer| {
        let commands = cdnow(line, [customer, "1997-01-12", "1", "12.00"]);
        commands.into_iter().map(|command| (command.body.command_id, command.body.id)).collect::<Vec<_>>()
    };
    assert_eq!(ids(3, "00002"), ids(3, "00002"));
    assert_eq!(ids(3, "00002")[0], ids(4, "00002")[0], "one registration of each customer");
    assert_ne!(ids(3, "00002")[1], ids(4, "00002")[1]);
    assert_ne!(ids(3, "00002")[0], ids(3, "00003")[0]);
}

#[test]
fn a_further_attempt_has_an_id_of_its_own() {
    let mapping = Mapping::parse(CDNOW).expect("a mapping");
    let step = &mapping.steps[0];
    assert_ne!(mapping.command_id(step, "1", 1), mapping.command_id(step, "1", 2));
    assert_ne!(mapping.command_id(step, "1", 12), mapping.command_id(step, "2/1", 1));
}

#[test]
fn what_is_wrong_with_a_mapping_is_told_with_its_place() {
    let with = |step: &str| format!(r#"{{"name":"x","commands":[{step}]}}"#);
    let cases = [
        ("{}".to_owned(), "name"),
        (r#"{"name":"x","commands":[]}"#.to_owned(), "at least one command"),
        (with(r#"{"command":"ticket","key":"{a}","id":"{a}","data":{}}"#), "/commands/0/command"),
        (with(r#"{"command":"a.b","key":"{a","id":"{a}","data":{}}"#), "/commands/0/key"),
        (with(r#"{"command":"a.b","key":"1","id":"1","data":{"x":{"$money":"{a}"}}}"#), "/commands/0/data/x/$money"),
        (with(r#"{"command":"a.b","key":"1","id":"1","data":{},"unless":"{a}"}"#), "unless"),
    ];
    for (text, expected) in cases {
        let error = Mapping::parse(&text).expect_err("a refusal");
        assert!(error.contains(expected), "{error} should contain {expected}");
    }
}

#[test]
fn two_steps_with_the_same_command_need_names_of_their_own() {
    let step = |name: &str| format!(r#"{{"command":"a.b","key":"1","id":"1","data":{{}}{name}}}"#);
    let mapping = |a: &str, b: &str| Mapping::parse(&format!(r#"{{"name":"x","commands":[{},{}]}}"#, step(a), step(b)));
    assert!(mapping("", "").is_err());
    assert!(mapping("", r#","step":"second""#).is_ok());
}
