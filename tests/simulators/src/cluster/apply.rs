//! Server-side apply: the merge of a configuration into an object, by the schema and by who owns what.

use http::StatusCode;
use serde_json::{Value, json};

use super::fields::{self, Fields, Parts, Path, Step, child_schema, parts};
use super::managers::{Conflict, Manager, Managers, Operation, is_servers_own};
use super::status::Refusal;

/// Merges `configuration` into `live` in the name of `manager`, and says who owns what afterwards.
///
/// # Errors
/// 409 with one cause for each field that others own with another value, unless `force` takes them.
pub fn apply(
    live: &Value,
    configuration: &Value,
    schema: &Value,
    manager: &Manager,
    force: bool,
    now: &str,
) -> Result<(Value, Managers), Refusal> {
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
        return Err(refuse(&conflicts));
    }
    managers.yield_to(manager, &difference);
    Ok((merged, managers))
}

fn refuse(conflicts: &[Conflict]) -> Refusal {
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
    let count = conflicts.len();
    let text = if let [one] = conflicts {
        format!("Apply failed with 1 conflict: {}: {}", who(one), fields::display(&one.path))
    } else {
        let mut text = format!("Apply failed with {count} conflicts: ");
        let mut last = String::new();
        for conflict in conflicts {
            let who = who(conflict);
            if who != last {
                text.push_str(&format!("{}{who}:", if last.is_empty() { "" } else { "\n" }));
                last = who;
            }
            text.push_str(&format!("\n- {}", fields::display(&conflict.path)));
        }
        text
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|c| json!({"reason": "FieldManagerConflict", "message": who(c), "field": fields::display(&c.path)}))
        .collect();
    Refusal { details: json!({"causes": causes}), ..Refusal::new(StatusCode::CONFLICT, "Conflict", text) }
}

fn merge(live: Option<&Value>, configuration: &Value, schema: &Value) -> Value {
    let Some(live) = live else { return configuration.clone() };
    match (parts(live, schema), parts(configuration, schema)) {
        (Parts::Granular(old), Parts::Granular(new)) => {
            let mut merged = old.clone();
            for (name, value) in new {
                merged.insert(name.clone(), merge(old.get(name), value, child_schema(schema, name)));
            }
            Value::Object(merged)
        }
        (Parts::Keyed(old), Parts::Keyed(new)) => {
            let find = |items: &[(Step, &Value)], step: &Step| {
                items.iter().find(|(s, _)| s == step).map(|(_, item)| (*item).clone())
            };
            let mut merged: Vec<Value> = old
                .iter()
                .map(|(step, item)| match find(&new, step) {
                    Some(wanted) => merge(Some(item), &wanted, &schema["items"]),
                    None => (*item).clone(),
                })
                .collect();
            merged.extend(new.iter().filter(|(step, _)| find(&old, step).is_none()).map(|(_, item)| (*item).clone()));
            in_the_order_of(&mut merged, configuration, schema);
            Value::Array(merged)
        }
        (Parts::Set(_), Parts::Set(_)) => {
            let mut merged = live.as_array().cloned().unwrap_or_default();
            let added = configuration.as_array().into_iter().flatten();
            for item in added {
                if !merged.contains(item) {
                    merged.push(item.clone());
                }
            }
            Value::Array(merged)
        }
        _ => configuration.clone(),
    }
}

/// Items that the configuration names stand in its order, at the places where such items stood.
fn in_the_order_of(merged: &mut [Value], configuration: &Value, schema: &Value) {
    let Parts::Keyed(wanted) = parts(configuration, schema) else { return };
    let steps: Vec<Step> = merged.iter().map(|item| fields::keys_of(item, schema)).collect();
    let slots: Vec<usize> = (0..merged.len()).filter(|&i| wanted.iter().any(|(step, _)| *step == steps[i])).collect();
    let ordered: Vec<Value> =
        wanted.iter().filter_map(|(step, _)| steps.iter().position(|s| s == step).map(|i| merged[i].clone())).collect();
    for (slot, item) in slots.into_iter().zip(ordered) {
        merged[slot] = item;
    }
}

/// Takes out what the manager set before and sets no more, unless somebody owns it or something below it.
/// Containers that this leaves empty go too.
fn remove_given_up(object: &mut Value, schema: &Value, given_up: Vec<&Path>, kept: &Fields) {
    let owned = |path: &[Step]| kept.iter().any(|owned| owned.starts_with(path));
    let mut paths = given_up;
    paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
    for path in paths {
        let mut path = path.as_slice();
        if owned(path) || !remove_at(object, schema, path) {
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
