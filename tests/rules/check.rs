//! Validation of an object by an OpenAPI schema without CEL rules, with the messages of the API server. It covers the
//! keywords that the CRD uses.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use regex::Regex;
use serde_json::{Map, Value};

/// All problems of the value, each as `path: message`.
pub fn check(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    visit(schema, value, path, &mut problems);
    problems
}

/// Removes nulls, as the server does first if the schema does not allow them.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn visit(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    let kind = match schema["x-kubernetes-int-or-string"] == true {
        true => "integer or string",
        false => schema["type"].as_str().unwrap_or_default(),
    };
    let fits = match kind {
        "integer or string" => value.is_i64() || value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("{path}: the schema has type {other:?}"),
    };
    if !fits {
        return problems.push(format!("{path}: must be of type {kind}"));
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        problems.push(format!("{path}: Unsupported value: {value}"));
    }
    match value {
        Value::Object(fields) => object(schema, fields, path, problems),
        Value::Array(items) => array(schema, items, path, problems),
        Value::String(text) => string(schema, text, path, problems),
        Value::Number(number) => integer(schema, number.as_i64().unwrap(), path, problems),
        _ => {}
    }
}

fn object(schema: &Value, fields: &Map<String, Value>, path: &str, problems: &mut Vec<String>) {
    for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(field) {
            problems.push(format!("{path}.{field}: Required value"));
        }
    }
    // Metadata has no properties in the schema: the server validates it itself.
    let Some(properties) = schema["properties"].as_object() else { return };
    for (field, value) in fields {
        let at = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
        match properties.get(field) {
            Some(property) => visit(property, value, &at, problems),
            None => problems.push(format!("unknown field \"{at}\"")),
        }
    }
}

fn array(schema: &Value, items: &[Value], path: &str, problems: &mut Vec<String>) {
    if schema["maxItems"].as_u64().is_some_and(|most| items.len() as u64 > most) {
        problems.push(format!("{path}: Too many: must have at most {} items", schema["maxItems"]));
    }
    if schema["minItems"].as_u64().is_some_and(|least| (items.len() as u64) < least) {
        problems.push(format!("{path}: should have at least {} items", schema["minItems"]));
    }
    let keys: Option<Vec<&str>> =
        schema["x-kubernetes-list-map-keys"].as_array().map(|keys| keys.iter().filter_map(Value::as_str).collect());
    let is_distinct = keys.is_some() || schema["x-kubernetes-list-type"] == "set";
    let mut identities = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("{path}[{index}]");
        let identity = match &keys {
            Some(keys) => keys.iter().map(|key| item[*key].to_string()).collect::<Vec<_>>().join(" "),
            None => item.to_string(),
        };
        if is_distinct && !identities.insert(identity.clone()) {
            problems.push(format!("{at}: Duplicate value: {identity}"));
        }
        visit(&schema["items"], item, &at, problems);
    }
}

fn string(schema: &Value, text: &str, path: &str, problems: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        problems.push(format!("{path}: Too long"));
    }
    if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        problems.push(format!("{path}: should be at least {} chars long", schema["minLength"]));
    }
    if let Some(pattern) = schema["pattern"].as_str().filter(|p| !matches(p, text)) {
        problems.push(format!("{path}: should match '{pattern}'"));
    }
}

/// True if a text matches a pattern. Each of the few patterns is compiled once.
fn matches(pattern: &str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|known| {
        let compiled = known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap());
        compiled.is_match(text)
    })
}

fn integer(schema: &Value, number: i64, path: &str, problems: &mut Vec<String>) {
    // Limits are floating point in the schema.
    if let Some(least) = schema["minimum"].as_f64().filter(|least| (number as f64) < *least) {
        problems.push(format!("{path}: should be greater than or equal to {least}"));
    }
    if let Some(most) = schema["maximum"].as_f64().filter(|most| number as f64 > *most) {
        problems.push(format!("{path}: should be less than or equal to {most}"));
    }
}
