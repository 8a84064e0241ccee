//! The structural schema of a custom resource: defaults, pruning, and the schema for merges.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::cel::Rules;
use super::object::metadata_mut;
use super::status::FieldProblem;
use super::validation;

/// The schema of one version, compiled.
#[derive(Debug)]
pub struct Schema {
    /// The schema of the CustomResourceDefinition.
    pub root: Value,
    /// The same with the schema of every object's metadata, for merges.
    pub merging: Value,
    rules: Rules,
}

/// The schema of metadata, for merges.
static METADATA: LazyLock<Value> = LazyLock::new(|| {
    json!({"type": "object", "properties": {
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
            "items": {"type": "object", "x-kubernetes-map-type": "atomic"},
        },
    }})
});

/// The schema of built-in kinds, for merges: all lists outside the metadata are atomic.
pub static BUILT_IN: LazyLock<Value> = LazyLock::new(|| json!({"properties": {"metadata": *METADATA}}));

impl Schema {
    pub fn new(root: &Value) -> Self {
        let mut merging = root.clone();
        merging["properties"]["metadata"] = METADATA.clone();
        Self { root: root.clone(), merging, rules: Rules::compile(root) }
    }

    /// The rules that do not compile. An API server rejects such a definition.
    pub fn problems(&self) -> Vec<FieldProblem> {
        self.rules.problems()
    }

    /// Fills in defaults at every level that is present.
    pub fn fill_defaults(&self, object: &mut Value) {
        fill_defaults(object, &self.root);
    }

    /// Removes fields that the schema does not declare, and returns their paths.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        prune(object, &self.root, "", &mut unknown);
        unknown
    }

    /// Every problem of `object`. With `old`, unchanged values are not judged again (validation ratcheting). CEL rules
    /// do not run on an object of the wrong shape.
    pub fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
        let mut problems = validation::validate(object, old, &self.root);
        if problems.iter().any(|problem| BLOCKS_RULES.contains(&problem.reason)) {
            problems.push(rules_not_checked());
        } else {
            problems.extend(self.rules.check(object, old));
        }
        problems
    }
}

/// Problems after which an API server does not run CEL rules.
const BLOCKS_RULES: &[&str] = &[
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

pub fn rules_not_checked() -> FieldProblem {
    FieldProblem::new(
        "<nil>",
        "FieldValueInvalid",
        "Invalid value: null: some validation rules were not checked because the object was invalid; correct the \
         existing errors to complete validation",
    )
}

/// Fills in defaults. A null where the schema does not allow it counts as absent: the default replaces it, or it is
/// removed.
fn fill_defaults(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => {
            for (name, child) in schema["properties"].as_object().into_iter().flatten() {
                let missing = map.get(name).is_none_or(|seen| seen.is_null() && child["nullable"] != true);
                if missing && !child["default"].is_null() {
                    map.insert(name.clone(), child["default"].clone());
                } else if missing {
                    map.remove(name);
                }
                if let Some(value) = map.get_mut(name) {
                    fill_defaults(value, child);
                }
            }
            let (declared, additional) = (&schema["properties"], &schema["additionalProperties"]);
            let is_declared = |name: &str| !declared[name].is_null();
            if additional.is_object() && additional["nullable"] != true {
                map.retain(|name, value| is_declared(name) || !value.is_null());
            }
            let others = map.iter_mut().filter(|(name, _)| !is_declared(name));
            others.for_each(|(_, value)| fill_defaults(value, additional));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_defaults(item, &schema["items"])),
        _ => {}
    }
}

fn prune(value: &mut Value, schema: &Value, path: &str, unknown: &mut Vec<String>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    match value {
        Value::Object(map) => {
            let root = path.is_empty();
            let join = |name: &str| if root { name.to_owned() } else { format!("{path}.{name}") };
            map.retain(|name, child| {
                let declared = &schema["properties"][name.as_str()];
                let any = &schema["additionalProperties"];
                match (root && matches!(name.as_str(), "apiVersion" | "kind" | "metadata"), declared, any) {
                    (true, ..) => true,
                    (_, Value::Object(_), _) => {
                        prune(child, declared, &join(name), unknown);
                        true
                    }
                    (_, _, Value::Object(_)) => {
                        prune(child, any, &join(name), unknown);
                        true
                    }
                    (_, _, Value::Bool(true)) => true,
                    _ => {
                        unknown.push(join(name));
                        false
                    }
                }
            });
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                prune(item, &schema["items"], &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

/// The fields of metadata. Others are unknown in every kind.
const METADATA_FIELDS: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// True for metadata without content, which is not stored.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Removes unknown and empty fields from the metadata, and returns the paths of the unknown ones.
pub fn prune_metadata(object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    metadata_mut(object).retain(|name, value| {
        let known = METADATA_FIELDS.contains(&name.as_str());
        if !known {
            unknown.push(format!("metadata.{name}"));
        }
        known && !is_empty(value)
    });
    unknown
}
