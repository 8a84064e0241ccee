//! Server-side apply: merges a configuration into an object, by the schema and by field ownership.

use http::StatusCode;
use serde_json::{Value, json};

use super::fields::{self, Fields, Path, Step, Structure, child_schema, structure};
use super::managed_fields::{Conflict, Manager, Managers, Operation, is_servers_own};
use super::status::StatusError;

/// Merges `configuration` into `live` for `manager`, and returns the object with its new field ownership.
///
/// # Errors
/// 409 with one cause for each field that other managers own with another value, unless `force` takes them over.
pub fn apply(
    live: &Value,
    configuration: &Value,
    schema: &Value,
    manager: &Manager,
    force: bool,
    now: &str,
) -> Result<(Value, Managers), StatusError> {
    let mut managers = Managers::read(live);
    let before = managers.fields(manager);
    let own: Fields = fields::set_by(configuration, schema).into_iter().filter(|path| !is_servers_own(path)).collect();
    managers.set(manager.clone(), own, now);

    let mut merged = merge(Some(live), configuration, schema);
    let kept = managers.owned();
    let given_up: Vec<&Path> = before.iter().filter(|path| !kept.contains(*path)).collect();
    remove_given_up(&mut merged, schema, given_up, &kept);

    let difference = fields::compare(live, &merged, schema);
    let conflicts = managers.conflicts(manager, &difference);
    if !force && !conflicts.is_empty() {
        return Err(conflict_error(&conflicts));
    }
    managers.yield_to(manager, &difference);
    Ok((merged, managers))
}

fn conflict_error(conflicts: &[Conflict]) -> StatusError {
    let who = |conflict: &Conflict| {
        let Manager { operation, name, api_version, subresource } = &conflict.manager;
        let subresource =
            if subresource.is_empty() { String::new() } else { format!(" with subresource \"{subresource}\"") };
        let using = match operation {
            Operation::Apply => String::new(),
            Operation::Update => format!(" using {api_version}"),
        };
        format!("conflict with \"{name}\"{subresource}{using}")
    };
    let text = if let [one] = conflicts {
        format!("Apply failed with 1 conflict: {}: {}", who(one), fields::display(&one.path))
    } else {
        let mut lines: Vec<String> = Vec::new();
        for (index, conflict) in conflicts.iter().enumerate() {
            if index == 0 || conflicts[index - 1].manager != conflict.manager {
                lines.push(format!("{}:", who(conflict).replacen("conflict", "conflicts", 1)));
            }
            lines.push(format!("- {}", fields::display(&conflict.path)));
        }
        format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|c| json!({"reason": "FieldManagerConflict", "message": who(c), "field": fields::display(&c.path)}))
        .collect();
    StatusError { details: json!({"causes": causes}), ..StatusError::new(StatusCode::CONFLICT, "Conflict", text) }
}

fn merge(live: Option<&Value>, configuration: &Value, schema: &Value) -> Value {
    let Some(live) = live else { return configuration.clone() };
    match (structure(live, schema), structure(configuration, schema)) {
        (Structure::Granular(old), Structure::Granular(new)) => {
            let mut merged = old.clone();
            for (name, value) in new {
                merged.insert(name.clone(), merge(old.get(name), value, child_schema(schema, name)));
            }
            Value::Object(merged)
        }
        (Structure::Keyed(old), Structure::Keyed(new)) => merge_lists(&old, &new, |item, wanted| match item {
            Some(item) => merge(Some(item), wanted, &schema["items"]),
            None => wanted.clone(),
        }),
        (Structure::Set(old), Structure::Set(new)) => {
            let pair = |steps: Vec<Step>, list: &'_ Value| -> Vec<(Step, Value)> {
                steps.into_iter().zip(list.as_array().cloned().unwrap_or_default()).collect()
            };
            let (old, new) = (pair(old, live), pair(new, configuration));
            let old: Vec<(Step, &Value)> = old.iter().map(|(step, item)| (step.clone(), item)).collect();
            let new: Vec<(Step, &Value)> = new.iter().map(|(step, item)| (step.clone(), item)).collect();
            merge_lists(&old, &new, |_, wanted| wanted.clone())
        }
        _ => configuration.clone(),
    }
}

/// Merges two lists as structured-merge-diff does: the items of `new` in their order, and those that only `old` has
/// before the items that they preceded.
fn merge_lists(
    old: &[(Step, &Value)],
    new: &[(Step, &Value)],
    join: impl Fn(Option<&Value>, &Value) -> Value,
) -> Value {
    let has = |items: &[(Step, &Value)], step: &Step| items.iter().any(|(s, _)| s == step);
    let joined = |step: &Step, item: &Value| join(old.iter().find(|(s, _)| s == step).map(|(_, item)| *item), item);
    let mut shared = new.iter().map(|(step, _)| step).filter(|step| has(old, step)).peekable();
    let mut woven = Vec::with_capacity(old.len() + new.len());
    let (mut left, mut right) = (old, new);
    loop {
        match (left, right) {
            ([(a, _), rest @ ..], [(b, item), others @ ..]) if a == b => {
                woven.push(joined(b, item));
                shared.next_if(|step| *step == b);
                (left, right) = (rest, others);
            }
            // The new order moved this item to another place.
            ([(a, _), rest @ ..], [_, ..]) if has(new, a) && shared.peek().is_some_and(|step| *step != a) => {
                left = rest
            }
            ([(a, item), rest @ ..], _) if !has(new, a) => {
                woven.push((*item).clone());
                left = rest;
            }
            (_, [(b, item), others @ ..]) => {
                woven.push(joined(b, item));
                shared.next_if(|step| *step == b);
                right = others;
            }
            ([_, rest @ ..], []) => left = rest,
            ([], []) => return Value::Array(woven),
        }
    }
}

/// Removes the fields that the manager set before and sets no more, unless another manager owns the field or something
/// below it. Containers that become empty are removed too.
fn remove_given_up(object: &mut Value, schema: &Value, given_up: Vec<&Path>, kept: &Fields) {
    let owned = |path: &[Step]| kept.iter().any(|owned| owned.starts_with(path));
    let mut paths = given_up;
    // An item before its fields: a removed item loses its keys too, one that stays keeps them.
    paths.sort_by_key(|path| path.len());
    for path in paths {
        let mut path = path.as_slice();
        if is_key(path) || owned(path) || !remove_at(object, schema, path) {
            continue;
        }
        while let [parent @ .., _] = path {
            let empty = parent.len() > 1
                && matches!(parent.last(), Some(Step::Field(_)))
                && is_empty_at(object, schema, parent);
            if !empty || owned(parent) {
                break;
            }
            remove_at(object, schema, parent);
            path = parent;
        }
    }
}

/// True when `path` leads to a key of an item of a map list.
fn is_key(path: &[Step]) -> bool {
    let [.., Step::Keys(keys), Step::Field(name)] = path else { return false };
    serde_json::from_str::<Value>(keys).is_ok_and(|keys| keys.get(name).is_some())
}

fn find_at<'a>(value: &'a mut Value, schema: &'a Value, path: &[Step]) -> Option<(&'a mut Value, &'a Value)> {
    let [step, rest @ ..] = path else { return Some((value, schema)) };
    match step {
        Step::Field(name) => find_at(value.get_mut(name)?, child_schema(schema, name), rest),
        Step::Keys(_) => {
            let item = value.as_array_mut()?.iter_mut().find(|item| fields::keys_of(item, schema) == *step)?;
            find_at(item, &schema["items"], rest)
        }
        Step::Item(_) => None,
    }
}

fn is_empty_at(object: &mut Value, schema: &Value, path: &[Step]) -> bool {
    match find_at(object, schema, path) {
        Some((Value::Object(map), _)) => map.is_empty(),
        Some((Value::Array(items), _)) => items.is_empty(),
        _ => false,
    }
}

fn remove_at(object: &mut Value, schema: &Value, path: &[Step]) -> bool {
    let [parent @ .., last] = path else { return false };
    let Some((container, schema)) = find_at(object, schema, parent) else { return false };
    match (container, last) {
        (Value::Object(map), Step::Field(name)) => map.remove(name).is_some(),
        (Value::Array(items), Step::Keys(_)) => {
            let count = items.len();
            items.retain(|item| fields::keys_of(item, schema) != *last);
            items.len() != count
        }
        (Value::Array(items), Step::Item(text)) => {
            let count = items.len();
            let wanted: Value = serde_json::from_str(text).unwrap_or_default();
            items.retain(|item| *item != wanted);
            items.len() != count
        }
        _ => false,
    }
}
