use serde_json::Value;

use super::*;

/// Where the snapshot lies. `CARELOG_BLESS=1` writes it anew.
const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn described() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

#[test]
fn the_description_is_the_one_that_was_agreed_upon() {
    let text = format!("{:#}\n", described());
    if std::env::var_os("CARELOG_BLESS").is_some() {
        std::fs::write(SNAPSHOT, &text).unwrap();
    }
    let agreed = std::fs::read_to_string(SNAPSHOT).unwrap();
    assert!(agreed == text, "the API has changed: look at it, then write {SNAPSHOT} anew with CARELOG_BLESS=1");
}

#[test]
fn the_description_is_openapi_3_1_and_complete() {
    let described = described();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert_eq!(method, "get", "{path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{path}");
            assert!(operation["responses"]["200"]["description"].is_string(), "{path}");
        }
    }
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    let described = described();
    let mut open = vec![&described];
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(described.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[test]
fn every_category_of_the_domain_has_its_resource_and_its_history() {
    let paths = described();
    for category in domain::Category::ALL {
        for path in ["", "/{id}", "/{id}/history"] {
            let path = format!("/v1/{}{path}", category.resource());
            assert!(paths["paths"].get(&path).is_some(), "{path}");
        }
    }
}
