use serde_json::json;

use super::*;

const NAMESPACE: Uuid = Uuid::from_u128(1);

fn render(template: Value, values: &[(&str, &str)]) -> Result<Option<Value>, String> {
    let columns: StringRecord = values.iter().map(|(name, _)| *name).collect();
    let values: StringRecord = values.iter().map(|(_, value)| *value).collect();
    let row = Row { columns: &columns, values: &values, line: 7 };
    Template::parse(&template, NAMESPACE).expect("a template").render(row)
}

#[test]
fn a_text_takes_columns_and_the_line_and_keeps_doubled_braces() {
    let text = render(json!("{{{a}}} 第 {$line} 行 {b}"), &[("a", "1"), ("b", "王")]);
    assert_eq!(text, Ok(Some(json!("{1} 第 7 行 王"))));
}

#[test]
fn a_brace_without_its_counterpart_is_refused() {
    for text in ["{a", "a}", "{}", "{a {b"] {
        assert!(Text::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_decimal_number_becomes_minor_units_exactly() {
    let minor = |text| parse_minor(text, 2);
    assert_eq!(minor("11.77"), Ok(1_177));
    assert_eq!(minor("-0.5"), Ok(-50));
    assert_eq!(minor("12"), Ok(1_200));
    assert_eq!(minor("1.500"), Ok(150));
    assert_eq!(minor("92233720368547758.07"), Ok(i64::MAX));
    for wrong in ["1.505", "", ".", ".5", "1e3", "1,5", "- 1", "92233720368547758.08", "NaN"] {
        assert!(minor(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_time_is_read_in_the_usual_forms_or_in_the_one_that_is_given() {
    let expected = Ok(Some(json!("2026-01-31T00:00:00Z")));
    for text in ["2026-01-31", "2026-01-31 00:00:00", "2026-01-31T08:00:00+08:00"] {
        assert_eq!(render(json!({"$time": "{t}"}), &[("t", text)]), expected, "{text}");
    }
    assert_eq!(render(json!({"$time": "{t}", "format": "%d.%m.%Y"}), &[("t", "31.01.2026")]), expected);
    assert!(render(json!({"$time": "{t}"}), &[("t", "31.01.2026")]).is_err());
}

#[test]
fn typed_values_are_numbers_and_truth_values() {
    assert_eq!(render(json!({"$integer": "{n}"}), &[("n", " -3 ")]), Ok(Some(json!(-3))));
    assert_eq!(render(json!({"$boolean": "{n}"}), &[("n", "Yes")]), Ok(Some(json!(true))));
    assert!(render(json!({"$integer": "{n}"}), &[("n", "3.0")]).is_err());
}

#[test]
fn a_value_is_looked_up_or_refused() {
    let map = json!({"$map": "{x}", "values": {"pos": "praise"}});
    assert_eq!(render(map.clone(), &[("x", "pos")]), Ok(Some(json!("praise"))));
    assert!(render(map, &[("x", "neg")]).is_err());
    let map = json!({"$map": "{x}", "values": {}, "default": null});
    assert_eq!(render(map, &[("x", "neg")]), Ok(Some(Value::Null)));
}

#[test]
fn an_optional_value_is_left_out_where_a_column_is_empty() {
    let template = json!({"a": {"$optional": {"$integer": "{n}"}}, "list": [{"$optional": "{n}"}, 1]});
    assert_eq!(render(template.clone(), &[("n", " ")]), Ok(Some(json!({"list": [1]}))));
    assert_eq!(render(template, &[("n", "5")]), Ok(Some(json!({"a": 5, "list": ["5", 1]}))));
}

#[test]
fn a_refusal_names_the_field_and_not_the_value() {
    let error = render(json!({"age": {"$integer": "{n}"}}), &[("n", "王小明")]).expect_err("a refusal");
    assert!(error.contains("age") && !error.contains("王"), "{error}");
}

#[test]
fn the_same_text_names_the_same_aggregate() {
    let id = |template| render(template, &[("n", "5")]).expect("an id");
    assert_eq!(id(json!({"$id": "customer/{n}"})), id(json!({"$id": "customer/5"})));
    assert_ne!(id(json!({"$id": "customer/{n}"})), id(json!({"$id": "ticket/{n}"})));
}
