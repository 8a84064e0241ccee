//! OpenAPI validation of values, with the API server's messages in its order: first the schema, then the lists.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use regex::Regex;
use serde_json::{Number, Value};

use super::cel::join;
use super::fields::{Step, keys_of};
use super::status::FieldProblem;

/// All problems of `object` by the schema without its CEL rules.
pub fn validate(object: &Value, old: Option<&Value>, schema: &Value) -> Vec<FieldProblem> {
    let mut judge = Validation::default();
    judge.value(object, old, schema, "");
    let Validation { early, values, lists, .. } = judge;
    early.into_iter().chain(values).chain(lists).collect()
}

/// The problems, separated by the pass in which the API server finds them.
#[derive(Default)]
struct Validation {
    /// Lengths of strings and missing fields, which come before all others.
    early: Vec<FieldProblem>,
    values: Vec<FieldProblem>,
    lists: Vec<FieldProblem>,
}

impl Validation {
    fn value(&mut self, value: &Value, old: Option<&Value>, schema: &Value, path: &str) {
        if old == Some(value) || !schema.is_object() || (value.is_null() && schema["nullable"] == true) {
            return;
        }
        if !self.type_fits(value, schema, path) {
            return;
        }
        self.one_of_the_allowed(value, schema, path);
        match value {
            Value::String(text) => self.text(text, schema, path),
            Value::Number(number) => self.number(number, schema, path),
            Value::Array(items) => self.items(items, old, schema, path),
            Value::Object(map) => {
                self.required(value, schema, path);
                self.count(map.len(), ("minProperties", "maxProperties"), "properties", schema, path);
                for (name, child) in map.iter().filter(|(name, _)| !path.is_empty() || !is_type_meta(name)) {
                    let declared = &schema["properties"][name.as_str()];
                    let known = declared.is_object();
                    let child_schema = if known { declared } else { &schema["additionalProperties"] };
                    let old = old.and_then(|old| old.get(name));
                    self.value(child, old, child_schema, &join(path, name, known));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
        self.branches(value, schema, path);
    }

    fn type_fits(&mut self, value: &Value, schema: &Value, path: &str) -> bool {
        if schema["x-kubernetes-int-or-string"] == true {
            return true;
        }
        let Some(wanted) = schema["type"].as_str() else { return true };
        let seen = type_of(value);
        let fits = wanted == seen || (wanted == "number" && seen == "integer");
        if !fits {
            let why = format!("{path} in body must be of type {wanted}: \"{seen}\"");
            let text = format!("Invalid value: \"{seen}\": {why}");
            self.values.push(FieldProblem::new(path, "FieldValueTypeInvalid", text));
        }
        fits
    }

    fn one_of_the_allowed(&mut self, value: &Value, schema: &Value, path: &str) {
        let Some(allowed) = schema["enum"].as_array() else { return };
        if !allowed.contains(value) {
            let supported: Vec<String> = allowed.iter().map(Value::to_string).collect();
            let text = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
            self.values.push(FieldProblem::new(path, "FieldValueNotSupported", text));
        }
    }

    fn text(&mut self, text: &str, schema: &Value, path: &str) {
        let value = Value::from(text);
        let length = text.chars().count() as u64;
        if let Some(most) = schema["maxLength"].as_u64().filter(|&most| length > most) {
            let why = format!("Too long: may not be more than {most} bytes");
            self.early.push(FieldProblem::new(path, "FieldValueTooLong", why));
            return;
        }
        if let Some(least) = schema["minLength"].as_u64().filter(|&least| length < least) {
            let why = format!("{path} in body should be at least {least} chars long");
            self.values.push(FieldProblem::invalid(path, &value, &why));
        }
        if let Some(pattern) = schema["pattern"].as_str().filter(|pattern| !matches(pattern, text)) {
            let why = format!("{path} in body should match '{pattern}'");
            self.values.push(FieldProblem::invalid(path, &value, &why));
        }
        if let Some(format) = schema["format"].as_str().filter(|format| !has_format(text, format)) {
            let why = format!("{path} in body must be of type {format}: \"{text}\"");
            self.values.push(FieldProblem::invalid(path, &value, &why));
        }
    }

    fn number(&mut self, number: &Number, schema: &Value, path: &str) {
        let Some(seen) = number.as_f64() else { return };
        let value = Value::Number(number.clone());
        if let Some(least) = schema["minimum"].as_f64() {
            let strict = schema["exclusiveMinimum"] == true;
            if seen < least || (strict && seen <= least) {
                let or_equal = if strict { "" } else { " or equal to" };
                let why = format!("{path} in body should be greater than{or_equal} {}", plain(&schema["minimum"]));
                self.values.push(FieldProblem::invalid(path, &value, &why));
            }
        }
        if let Some(most) = schema["maximum"].as_f64() {
            let strict = schema["exclusiveMaximum"] == true;
            if seen > most || (strict && seen >= most) {
                let or_equal = if strict { "" } else { " or equal to" };
                let why = format!("{path} in body should be less than{or_equal} {}", plain(&schema["maximum"]));
                self.values.push(FieldProblem::invalid(path, &value, &why));
            }
        }
        let divides = |step: f64| (seen / step).fract() == 0.0;
        if let Some(step) = schema["multipleOf"].as_f64().filter(|&step| !divides(step)) {
            let why = format!("{path} in body should be a multiple of {step}");
            self.values.push(FieldProblem::invalid(path, &value, &why));
        }
    }

    fn items(&mut self, items: &[Value], old: Option<&Value>, schema: &Value, path: &str) {
        self.count(items.len(), ("minItems", "maxItems"), "items", schema, path);
        let by_keys = schema["x-kubernetes-list-type"] == "map";
        let steps: Vec<Step> = match schema["x-kubernetes-list-type"].as_str() {
            Some("map") => items.iter().map(|item| keys_of(item, schema)).collect(),
            Some("set") => items.iter().map(|item| Step::Item(item.to_string())).collect(),
            _ => Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            if let (false, Step::Keys(text) | Step::Item(text)) = (seen.insert(step), step) {
                let why = format!("Duplicate value: {text}");
                self.lists.push(FieldProblem::new(format!("{path}[{index}]"), "FieldValueDuplicate", why));
            }
        }
        let old_items = old.and_then(Value::as_array).filter(|_| by_keys);
        for (index, item) in items.iter().enumerate() {
            let same = |old: &&Value| steps.get(index).is_some_and(|step| keys_of(old, schema) == *step);
            let old = old_items.and_then(|items| items.iter().find(same));
            self.value(item, old, &schema["items"], &format!("{path}[{index}]"));
        }
    }

    fn required(&mut self, value: &Value, schema: &Value, path: &str) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                self.early.push(FieldProblem::required(join(path, name, true)));
            }
        }
    }

    fn count(&mut self, count: usize, limits: (&str, &str), what: &str, schema: &Value, path: &str) {
        let count = count as u64;
        if let Some(most) = schema[limits.1].as_u64().filter(|&most| count > most) {
            let why = format!("Too many: {count}: must have at most {most} {what}");
            self.values.push(FieldProblem::new(path, "FieldValueTooMany", why));
        }
        if let Some(least) = schema[limits.0].as_u64().filter(|&least| count < least) {
            let why = format!("Invalid value: {count}: {path} in body should have at least {least} {what}");
            self.values.push(FieldProblem::new(path, "FieldValueInvalid", why));
        }
    }

    /// Checks `allOf`, `anyOf`, `oneOf` and `not`. The messages say only how many hold, not why.
    fn branches(&mut self, value: &Value, schema: &Value, path: &str) {
        let holds = |branch: &&Value| validate_branch(value, branch);
        let branches = |keyword: &str| schema[keyword].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut problem = |why: &str| {
            let why = format!("{path} in body must validate {why}");
            self.values.push(FieldProblem::invalid(path, value, &why));
        };
        if !branches("allOf").iter().all(|branch| holds(&branch)) {
            problem("all the schemas (allOf)");
        }
        if !branches("anyOf").is_empty() && !branches("anyOf").iter().any(|branch| holds(&branch)) {
            problem("at least one schema (anyOf)");
        }
        if !branches("oneOf").is_empty() && branches("oneOf").iter().filter(holds).count() != 1 {
            problem("one and only one schema (oneOf)");
        }
        if schema["not"].is_object() && holds(&&schema["not"]) {
            problem("not the schema (not)");
        }
    }
}

fn validate_branch(value: &Value, branch: &Value) -> bool {
    let mut judge = Validation::default();
    judge.value(value, None, branch, "branch");
    judge.early.is_empty() && judge.values.is_empty() && judge.lists.is_empty()
}

/// True when `text` has a match of `pattern`. A pattern that does not compile holds.
fn matches(pattern: &str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    })
}

/// A limit as text, without the `.0` of a whole number.
fn plain(limit: &Value) -> String {
    limit.as_f64().map_or_else(|| limit.to_string(), |limit| limit.to_string())
}

fn is_type_meta(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() != 0.0) => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// True when `text` has the format. Only the formats of Evenkeel's custom resource are known; others hold.
fn has_format(text: &str, format: &str) -> bool {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => text.parse::<ipnet::IpNet>().is_ok(),
        "uuid" => uuid::Uuid::parse_str(text).is_ok(),
        _ => true,
    }
}
