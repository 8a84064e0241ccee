//! The CEL rules of a schema (`x-kubernetes-validations`), evaluated node by node.
//!
//! kube's own walk is not used, because a transition rule needs the old value of its own node: items of a map list are
//! paired by their keys. Nodes below an atomic list or a set have no old value, so their transition rules do not run.

use std::collections::BTreeMap;
use std::fmt;

use kube::core::cel::{CompiledSchema, ErrorKind, ValidationError, Validator, compile_schema};
use serde_json::Value;

use super::fields::keys_of;
use super::status::FieldProblem;

/// The rules of one node of the schema and of its descendants.
#[derive(Default)]
pub struct Rules {
    /// The node's own rules. `None` when there are none.
    own: Option<CompiledSchema>,
    properties: BTreeMap<String, Rules>,
    additional: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
    /// The schema of a map list, for its keys.
    keyed_by: Option<Value>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

impl Rules {
    pub fn compile(schema: &Value) -> Self {
        let own = schema["x-kubernetes-validations"].as_array().is_some_and(|rules| !rules.is_empty());
        let below =
            |schema: &Value| schema.is_object().then(|| Self::compile(schema)).filter(|rules| !rules.is_empty());
        Self {
            own: own.then(|| compile_schema(&without_rules_below(schema, true))),
            properties: schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(name, child)| Some((name.clone(), below(child)?)))
                .collect(),
            additional: below(&schema["additionalProperties"]).map(Box::new),
            items: below(&schema["items"]).map(Box::new),
            keyed_by: (schema["x-kubernetes-list-type"] == "map").then(|| schema.clone()),
        }
    }

    fn is_empty(&self) -> bool {
        self.own.is_none() && self.properties.is_empty() && self.additional.is_none() && self.items.is_none()
    }

    /// The rules that do not compile.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let own = self.own.iter().flat_map(|own| own.compilation_errors());
        let mut problems: Vec<FieldProblem> = own
            .map(|error| {
                let field = "spec.validation.openAPIV3Schema";
                FieldProblem::new(field, "FieldValueInvalid", format!("Invalid value: compilation failed: {error}"))
            })
            .collect();
        let below = self.properties.values().chain(self.additional.as_deref()).chain(self.items.as_deref());
        problems.extend(below.flat_map(Rules::problems));
        problems
    }

    /// Evaluates the rules on `value`. A value that equals its old one is not judged again.
    pub fn check(&self, value: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        thread_local! {
            static VALIDATOR: Validator = Validator::new();
        }
        VALIDATOR.with(|validator| self.walk(validator, value, old, "", &mut problems));
        problems
    }

    fn walk(
        &self,
        validator: &Validator,
        value: &Value,
        old: Option<&Value>,
        path: &str,
        problems: &mut Vec<FieldProblem>,
    ) {
        if old == Some(value) || value.is_null() {
            return;
        }
        if let Some(own) = &self.own
            && let Err(errors) = validator.validate_compiled(own, value, old)
        {
            problems.extend(errors.into_iter().map(|error| problem(path, &error)));
        }
        match value {
            Value::Object(map) => {
                for (name, child) in map {
                    let declared = self.properties.get(name);
                    let Some(rules) = declared.or(self.additional.as_deref()) else { continue };
                    let old = old.and_then(|old| old.get(name));
                    rules.walk(validator, child, old, &join(path, name, declared.is_some()), problems);
                }
            }
            Value::Array(items) => {
                let Some(rules) = &self.items else { return };
                for (index, item) in items.iter().enumerate() {
                    let old = self.old_item(item, old);
                    rules.walk(validator, item, old, &format!("{path}[{index}]"), problems);
                }
            }
            _ => {}
        }
    }

    fn old_item<'a>(&self, item: &Value, old: Option<&'a Value>) -> Option<&'a Value> {
        let schema = self.keyed_by.as_ref()?;
        let keys = keys_of(item, schema);
        old?.as_array()?.iter().find(|old| keys_of(old, schema) == keys)
    }
}

/// The path of a declared field, or of a key of a map.
pub fn join(path: &str, name: &str, declared: bool) -> String {
    match (path.is_empty(), declared) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (false, false) => format!("{path}[{name}]"),
    }
}

fn problem(path: &str, error: &ValidationError) -> FieldProblem {
    let field = match (path.is_empty(), error.field_path.trim_start_matches('.')) {
        (true, "") => "<nil>".to_owned(),
        (true, below) => below.to_owned(),
        (false, "") => path.to_owned(),
        (false, below) => format!("{path}.{below}"),
    };
    let text = match error.kind {
        ErrorKind::ValidationFailure => error.message.clone(),
        _ => format!("{}: {}", error.message, error.rule),
    };
    match error.reason.as_deref() {
        Some("FieldValueForbidden") => FieldProblem::new(field, "FieldValueForbidden", format!("Forbidden: {text}")),
        Some("FieldValueRequired") => FieldProblem::new(field, "FieldValueRequired", format!("Required value: {text}")),
        Some("FieldValueDuplicate") => {
            FieldProblem::new(field, "FieldValueDuplicate", format!("Duplicate value: {text}"))
        }
        _ => FieldProblem::new(field, "FieldValueInvalid", format!("Invalid value: {text}")),
    }
}

/// The schema with only its root's rules, so that one node can be judged alone.
fn without_rules_below(schema: &Value, root: bool) -> Value {
    match schema {
        Value::Object(map) => map
            .iter()
            .filter(|(name, _)| root || name.as_str() != "x-kubernetes-validations")
            .map(|(name, child)| {
                let kept = if name == "x-kubernetes-validations" || name == "default" {
                    child.clone()
                } else {
                    without_rules_below(child, false)
                };
                (name.clone(), kept)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| without_rules_below(item, false)).collect(),
        other => other.clone(),
    }
}
