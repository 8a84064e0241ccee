//! Access to the metadata of an object in JSON.

use serde_json::{Map, Value, json};

/// The text at `metadata.<key>`. Empty when there is none.
pub fn meta_text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

pub fn name(object: &Value) -> &str {
    meta_text(object, "name")
}

pub fn namespace(object: &Value) -> &str {
    meta_text(object, "namespace")
}

/// A mutable view of `metadata`, which becomes an object when it is not one.
pub fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    map_at(object, "metadata")
}

/// The map at `key` of `value`, which replaces a value of another type.
pub fn map_at<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    into_map(into_map(value).entry(key).or_insert_with(|| json!({})))
}

fn into_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object just above"),
    }
}

/// Sets `metadata.<key>`. Null removes it.
pub fn set_meta(object: &mut Value, key: &str, value: Value) {
    put(metadata_mut(object), key, value);
}

/// Sets `key` in `map`. Null removes it.
pub fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    if value.is_null() {
        map.remove(key);
    } else {
        map.insert(key.to_owned(), value);
    }
}

/// Sets the top-level field `key` of `object`. Null removes it.
pub fn set_field(object: &mut Value, key: &str, value: Value) {
    put(into_map(object), key, value);
}

pub fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

pub fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or_default()
}

/// The part of `object` that a generation counts: all but its metadata and, when `status` is false, its status.
pub fn content(object: &Value, status: bool) -> Value {
    let mut content = object.clone();
    set_field(&mut content, "metadata", Value::Null);
    set_field(&mut content, "apiVersion", Value::Null);
    if !status {
        set_field(&mut content, "status", Value::Null);
    }
    content
}

/// True for a DNS subdomain name of RFC 1123: lower-case letters and digits, with `-` and `.` inside.
pub fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let edge = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = label.as_bytes();
        bytes.iter().all(|&c| edge(c) || c == b'-')
            && bytes.first().is_some_and(|&c| edge(c))
            && bytes.last().is_some_and(|&c| edge(c))
    };
    name.len() <= 253 && name.split('.').all(label)
}
