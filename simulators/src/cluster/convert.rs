//! Conversion between the form in which a kind shows objects and the form in which they are stored. Custom resources
//! change only their version; an Event of `events.k8s.io/v1` is stored as a core Event.

use std::sync::Arc;

use serde_json::Value;

use super::kinds::Kind;
use super::object::set_field;

/// Field names of the core Event and of the Event of `events.k8s.io/v1`, where they differ.
const EVENT_NAMES: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// A stored object in the form of `kind`.
pub fn shown(kind: &Kind, kept: &Value) -> Value {
    let mut object = kept.clone();
    if kind.is("events.k8s.io", "events") {
        rename(&mut object, EVENT_NAMES.iter().map(|&(core, new)| (core, new)));
    }
    set_field(&mut object, "apiVersion", kind.api_version().into());
    set_field(&mut object, "kind", kind.kind.clone().into());
    object
}

/// The stored form of an object that was given as `kind`.
pub fn kept(kind: &Kind, mut object: Value) -> Value {
    if kind.is("events.k8s.io", "events") {
        rename(&mut object, EVENT_NAMES.iter().map(|&(core, new)| (new, core)));
        set_field(&mut object, "apiVersion", "v1".into());
    }
    object
}

pub fn shown_all(kind: &Kind, kept: &[Arc<Value>]) -> Vec<Value> {
    kept.iter().map(|object| shown(kind, object)).collect()
}

fn rename<'a>(object: &mut Value, names: impl Iterator<Item = (&'a str, &'a str)>) {
    let Value::Object(map) = object else { return };
    for (from, to) in names {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}
