//! Sets of fields, as `managedFields` stores them, and the comparison of two objects field by field.
//!
//! The rules are those of structured-merge-diff: objects are granular unless the schema says `atomic`, and lists are
//! atomic unless the schema makes them a set or a map by keys.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// One step of a path into an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Field(String),
    /// An item of a map list: its keys as JSON text with sorted names.
    Keys(String),
    /// An item of a set: the item as JSON text.
    Item(String),
}

pub type Path = Vec<Step>;
pub type Fields = BTreeSet<Path>;

/// The structure of a value, by its schema.
pub enum Structure<'a> {
    /// Atomic: owned and compared as a whole.
    Whole,
    Granular(&'a Map<String, Value>),
    Keyed(Vec<(Step, &'a Value)>),
    Set(Vec<Step>),
}

pub fn structure<'a>(value: &'a Value, schema: &Value) -> Structure<'a> {
    match value {
        Value::Object(map) if schema["x-kubernetes-map-type"] != "atomic" => Structure::Granular(map),
        Value::Array(items) => match schema["x-kubernetes-list-type"].as_str() {
            Some("map") => Structure::Keyed(items.iter().map(|item| (keys_of(item, schema), item)).collect()),
            Some("set") => Structure::Set(items.iter().map(|item| Step::Item(item.to_string())).collect()),
            _ => Structure::Whole,
        },
        _ => Structure::Whole,
    }
}

/// The keys of an item of a map list. The schema's defaults stand for those left out.
pub fn keys_of(item: &Value, schema: &Value) -> Step {
    let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named: Map<String, Value> = keys
        .map(|key| {
            let default = &schema["items"]["properties"][key]["default"];
            let value = if item[key].is_null() { default } else { &item[key] };
            (key.to_owned(), value.clone())
        })
        .collect();
    Step::Keys(Value::Object(named).to_string())
}

/// The schema of the field `name` of an object.
pub fn child_schema<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let declared = &schema["properties"][name];
    if declared.is_null() { &schema["additionalProperties"] } else { declared }
}

fn with(path: &Path, step: Step) -> Path {
    let mut longer = path.clone();
    longer.push(step);
    longer
}

/// The fields that a configuration sets: leaves, and items of lists.
pub fn set_by(value: &Value, schema: &Value) -> Fields {
    let mut found = Fields::new();
    collect(value, schema, &Path::new(), false, &mut found);
    found
}

fn collect(value: &Value, schema: &Value, path: &Path, containers: bool, found: &mut Fields) {
    let mut leaf = containers;
    match structure(value, schema) {
        Structure::Whole => leaf = true,
        Structure::Granular(map) => {
            leaf |= map.is_empty();
            for (name, child) in map {
                let child_path = with(path, Step::Field(name.clone()));
                collect(child, child_schema(schema, name), &child_path, containers, found);
            }
        }
        Structure::Keyed(items) => {
            leaf |= items.is_empty();
            for (step, item) in items {
                let item_path = with(path, step);
                collect(item, &schema["items"], &item_path, containers, found);
                found.insert(item_path);
            }
        }
        Structure::Set(items) => {
            leaf |= items.is_empty();
            found.extend(items.into_iter().map(|step| with(path, step)));
        }
    }
    if leaf && !path.is_empty() {
        found.insert(path.clone());
    }
}

/// The first field of `object` that its schema does not declare, in the form of [`display`].
pub fn undeclared(object: &Value, schema: &Value) -> Option<String> {
    let content = object.as_object()?.iter();
    content
        .filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"))
        .find_map(|(name, child)| find_undeclared(child, child_schema(schema, name), &vec![Step::Field(name.clone())]))
}

fn find_undeclared(value: &Value, schema: &Value, path: &Path) -> Option<String> {
    if schema["x-kubernetes-preserve-unknown-fields"] == true || *schema == true {
        return None;
    }
    if !schema.is_object() {
        return Some(display(path));
    }
    match value {
        Value::Object(map) => map.iter().find_map(|(name, child)| {
            find_undeclared(child, child_schema(schema, name), &with(path, Step::Field(name.clone())))
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let keyed = schema["x-kubernetes-list-type"] == "map";
            let step = if keyed { keys_of(item, schema) } else { Step::Item(index.to_string()) };
            find_undeclared(item, &schema["items"], &with(path, step))
        }),
        _ => None,
    }
}

/// The differences between two objects.
#[derive(Debug, Default)]
pub struct Difference {
    pub added: Fields,
    pub modified: Fields,
    pub removed: Fields,
}

impl Difference {
    pub fn written(&self) -> Fields {
        self.added.union(&self.modified).cloned().collect()
    }
}

pub fn compare(old: &Value, new: &Value, schema: &Value) -> Difference {
    let mut difference = Difference::default();
    descend(Some(old), Some(new), schema, &Path::new(), &mut difference);
    difference
}

fn descend(old: Option<&Value>, new: Option<&Value>, schema: &Value, path: &Path, out: &mut Difference) {
    let (old, new) = match (old, new) {
        (None, None) => return,
        (None, Some(new)) => return collect(new, schema, path, true, &mut out.added),
        (Some(old), None) => return collect(old, schema, path, true, &mut out.removed),
        (Some(old), Some(new)) if old == new => return,
        (Some(old), Some(new)) => (old, new),
    };
    match (structure(old, schema), structure(new, schema)) {
        (Structure::Granular(a), Structure::Granular(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let child = with(path, Step::Field(name.clone()));
                descend(a.get(name), b.get(name), child_schema(schema, name), &child, out);
            }
        }
        (Structure::Keyed(a), Structure::Keyed(b)) => {
            let steps: BTreeSet<&Step> = a.iter().chain(&b).map(|(step, _)| step).collect();
            let find = |items: &[(Step, &'_ Value)], step: &Step| {
                items.iter().find(|(s, _)| s == step).map(|(_, item)| (*item).clone())
            };
            for step in steps {
                let (a, b) = (find(&a, step), find(&b, step));
                descend(a.as_ref(), b.as_ref(), &schema["items"], &with(path, step.clone()), out);
            }
        }
        (Structure::Set(a), Structure::Set(b)) => {
            out.added.extend(b.iter().filter(|step| !a.contains(step)).map(|step| with(path, step.clone())));
            out.removed.extend(a.iter().filter(|step| !b.contains(step)).map(|step| with(path, step.clone())));
        }
        _ => {
            out.modified.insert(path.clone());
        }
    }
}

/// The fields in the form of `fieldsV1`.
pub fn to_json(fields: &Fields) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut node = &mut root;
        for step in path {
            node = &mut node[encode(step)];
            if node.is_null() {
                *node = json!({});
            }
        }
        node["."] = json!({});
    }
    tidy(&mut root);
    root
}

/// Shortens a leaf to `{}`, without the mark that it is a member.
fn tidy(node: &mut Value) {
    let Value::Object(map) = node else { return };
    if map.len() == 1 {
        map.remove(".");
    }
    map.values_mut().for_each(tidy);
}

pub fn from_json(value: &Value) -> Fields {
    let mut found = Fields::new();
    read(value, &Path::new(), &mut found);
    found
}

fn read(value: &Value, path: &Path, found: &mut Fields) {
    let Some(map) = value.as_object() else { return };
    if !path.is_empty() && (map.is_empty() || map.contains_key(".")) {
        found.insert(path.clone());
    }
    for (text, child) in map {
        if let Some(step) = decode(text) {
            read(child, &with(path, step), found);
        }
    }
}

fn encode(step: &Step) -> String {
    match step {
        Step::Field(name) => format!("f:{name}"),
        Step::Keys(keys) => format!("k:{keys}"),
        Step::Item(item) => format!("v:{item}"),
    }
}

fn decode(text: &str) -> Option<Step> {
    let (form, rest) = text.split_once(':')?;
    match form {
        "f" => Some(Step::Field(rest.to_owned())),
        "k" => Some(Step::Keys(serde_json::from_str::<Value>(rest).ok()?.to_string())),
        "v" => Some(Step::Item(serde_json::from_str::<Value>(rest).ok()?.to_string())),
        _ => None,
    }
}

/// A path as conflicts print it: `.spec.parts[name="x"].v`.
pub fn display(path: &Path) -> String {
    path.iter()
        .map(|step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Item(item) => format!("[={item}]"),
            Step::Keys(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let texts: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("[{}]", texts.join(","))
            }
        })
        .collect()
}
