//! Checks by the OpenAPI schema of the CRD, as the API server makes them: kinds of values, required and unknown fields,
//! enumerations, patterns, bounds and duplicate keys. Most rules in CEL are the translator's business, which rejects the
//! same; `rules` has the others.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use parking_lot::Mutex;
use regex::Regex;
use serde_json::{Map, Value};

use crate::api::{self, object_name};

use super::rules::{self, BrokenRule};

/// A value that the schema does not admit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SchemaProblem {
    /// Path of the field; a list item is called by its name, or else by its index.
    pub(super) field: String,
    pub(super) message: String,
}

/// Kind of an object of Evenkeel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stack,
    ClusterCloud,
}

static STACK: LazyLock<Value> = LazyLock::new(|| schema_of(&api::crd()));
static CLUSTER_CLOUD: LazyLock<Value> = LazyLock::new(|| schema_of(&api::cluster_cloud_crd()));

fn schema_of(definition: &CustomResourceDefinition) -> Value {
    let definition = serde_json::to_value(definition).unwrap_or_default();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Checks an object without nulls.
pub(super) fn check(kind: Kind, object: &Value) -> Vec<SchemaProblem> {
    let mut checker = Checker { problems: Vec::new() };
    let schema = match kind {
        Kind::Stack => &STACK,
        Kind::ClusterCloud => &CLUSTER_CLOUD,
    };
    checker.visit(schema, object, "");
    let name = &object["metadata"]["name"];
    if name.as_str().is_none_or(|name| object_name(name).is_none()) {
        let message = match short(name).as_str() {
            "" | "null" => "is required".to_owned(),
            name => format!("must be a name in lower case that Kubernetes allows, not {name}"),
        };
        checker.add("metadata.name", message);
    }
    checker.problems
}

struct Checker {
    problems: Vec<SchemaProblem>,
}

impl Checker {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(SchemaProblem { field: field.to_owned(), message: message.into() });
    }

    fn visit(&mut self, schema: &Value, value: &Value, path: &str) {
        if let Err(kind) = fits(schema, value) {
            return self.add(path, format!("must be {kind}"));
        }
        if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
            let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
            self.add(path, format!("must be one of {}, not {}", allowed.join(", "), short(value)));
        }
        for BrokenRule { field, message } in rules::broken(schema, value) {
            self.add(&format!("{path}{field}"), message);
        }
        match value {
            Value::Object(fields) => self.object(schema, fields, path),
            Value::Array(items) => self.list(schema, items, path),
            Value::String(text) => self.text(schema, text, path),
            Value::Number(number) => self.number(schema, number.as_i64().unwrap_or_default(), path),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn object(&mut self, schema: &Value, fields: &Map<String, Value>, path: &str) {
        for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(field) {
                self.add(&join(path, field), "is required");
            }
        }
        let properties = schema["properties"].as_object();
        let additional = &schema["additionalProperties"];
        for (field, value) in fields {
            let at = join(path, field);
            match properties.and_then(|properties| properties.get(field)) {
                Some(property) => self.visit(property, value, &at),
                None if additional.is_object() => self.visit(additional, value, &at),
                // The schema says nothing of the fields of metadata.
                None if properties.is_none() => {}
                None => self.add(&at, unknown(field, properties)),
            }
        }
    }

    fn list(&mut self, schema: &Value, items: &[Value], path: &str) {
        if let Some(most) = schema["maxItems"].as_u64().filter(|most| items.len() as u64 > *most) {
            self.add(path, format!("has {} items, and at most {most} are allowed", items.len()));
        }
        if let Some(least) = schema["minItems"].as_u64().filter(|least| (items.len() as u64) < *least) {
            self.add(path, format!("has {} items, and at least {least} are required", items.len()));
        }
        let keys: Vec<&str> =
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_distinct = !keys.is_empty() || schema["x-kubernetes-list-type"] == "set";
        let mut identities = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let at = match (keys.as_slice(), item["name"].as_str()) {
                (["name"], Some(name)) => format!("{path}[{name}]"),
                _ => format!("{path}[{index}]"),
            };
            let identity = match keys.as_slice() {
                [] => short(item),
                keys => keys.iter().map(|key| short(&item[*key])).collect::<Vec<_>>().join(" "),
            };
            if is_distinct && !identities.insert(identity.clone()) {
                let key = if keys.is_empty() { "value" } else { &*keys.join(" and ") };
                self.add(&at, format!("another item has the same {key}: {identity}"));
            }
            self.visit(&schema["items"], item, &at);
        }
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count() as u64;
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
            self.add(path, format!("has {length} characters, and at most {most} are allowed"));
        }
        if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
            self.add(path, format!("has {length} characters, and at least {least} are required"));
        }
        if let Some(pattern) = schema["pattern"].as_str().filter(|pattern| !matches(pattern, text)) {
            self.add(path, format!("must match {pattern}, and {text:?} does not"));
        }
    }

    fn number(&mut self, schema: &Value, number: i64, path: &str) {
        if let Some(least) = schema["minimum"].as_f64().filter(|least| (number as f64) < *least) {
            self.add(path, format!("must be at least {least}, not {number}"));
        }
        if let Some(most) = schema["maximum"].as_f64().filter(|most| (number as f64) > *most) {
            self.add(path, format!("must be at most {most}, not {number}"));
        }
    }
}

/// Tells whether a value is of the kind that the schema wants; else that kind.
fn fits(schema: &Value, value: &Value) -> Result<(), &'static str> {
    let verdict = |fits: bool, kind| if fits { Ok(()) } else { Err(kind) };
    if schema["x-kubernetes-int-or-string"] == true {
        return verdict(value.is_i64() || value.is_string(), "a whole number or a text");
    }
    match schema["type"].as_str() {
        Some("object") => verdict(value.is_object(), "a map"),
        Some("array") => verdict(value.is_array(), "a list"),
        Some("string") => verdict(value.is_string(), "a text"),
        Some("integer") => verdict(value.is_i64(), "a whole number"),
        Some("boolean") => verdict(value.is_boolean(), "true or false"),
        _ => Ok(()),
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The value in messages.
fn short(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Message about an unknown field, with a known one of nearly the same name.
fn unknown(field: &str, known: Option<&Map<String, Value>>) -> String {
    let normal = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let alike = known.into_iter().flatten().find(|(name, _)| {
        let (name, field) = (normal(name), normal(field));
        name == field || name.trim_end_matches('s') == field.trim_end_matches('s')
    });
    match alike {
        Some((name, _)) => format!("there is no such field; did you mean {name}?"),
        None => "there is no such field".to_owned(),
    }
}

/// Tells whether a text matches a pattern. Each of the few patterns is compiled once.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut known = COMPILED.lock();
    let compiled = known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
    compiled.as_ref().is_none_or(|pattern| pattern.is_match(text))
}
