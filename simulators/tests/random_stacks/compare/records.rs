//! Parts of the cloud's records.

use std::collections::BTreeMap;

use serde_json::Value;

/// The key in the owner tags of an object.
pub fn key(seen: &Value) -> Option<&str> {
    seen["tags"].as_array()?.iter().find_map(|tag| tag.as_str()?.strip_prefix("evenkeel:key="))
}

pub(super) fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}

pub(super) fn keyed<'a>(of: &'a Value, field: &str) -> BTreeMap<&'a str, &'a Value> {
    list(of, field).filter_map(|seen| Some((key(seen)?, seen))).collect()
}

pub(super) fn user_tags(seen: &Value) -> Value {
    let tags = list(seen, "tags").filter(|tag| !tag.as_str().is_some_and(|tag| tag.starts_with("evenkeel:")));
    sorted(&tags.cloned().collect())
}

/// A set as a sorted list. Null is an empty set.
pub(super) fn sorted(set: &Value) -> Value {
    let mut items = set.as_array().cloned().unwrap_or_default();
    items.sort_by_key(ToString::to_string);
    Value::Array(items)
}
