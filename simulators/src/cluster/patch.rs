//! JSON patch (RFC 6902) and merge patch (RFC 7396), with the API server's deviations.

use serde_json::{Map, Value};

use super::status::StatusError;
use http::StatusCode;

/// Applies a JSON patch. As in the API server, `test` of a missing path against null succeeds: clients use that to add
/// a finalizer only where there is none.
pub fn json_patch(object: &mut Value, patch: &Value) -> Result<(), StatusError> {
    let operations =
        patch.as_array().ok_or_else(|| StatusError::bad_request("a JSON patch is a list of operations"))?;
    for operation in operations {
        apply_operation(object, operation)?;
    }
    Ok(())
}

fn apply_operation(object: &mut Value, operation: &Value) -> Result<(), StatusError> {
    let path = operation["path"].as_str().ok_or_else(|| bad_request("an operation has no path"))?;
    let from = || operation["from"].as_str().ok_or_else(|| bad_request("an operation has no from"));
    match operation["op"].as_str().unwrap_or_default() {
        "test" => {
            let seen = object.pointer(path).unwrap_or(&Value::Null);
            if *seen == operation["value"] { Ok(()) } else { Err(failed_test()) }
        }
        "add" => add(object, path, operation["value"].clone()),
        "remove" => remove(object, path).map(drop),
        "replace" => {
            let place = object.pointer_mut(path).ok_or_else(|| missing(path))?;
            *place = operation["value"].clone();
            Ok(())
        }
        "move" => {
            let value = remove(object, from()?)?;
            add(object, path, value)
        }
        "copy" => {
            let from = from()?;
            let value = object.pointer(from).cloned().ok_or_else(|| missing(from))?;
            add(object, path, value)
        }
        other => Err(bad_request(&format!("unknown operation {other:?}"))),
    }
}

fn bad_request(message: &str) -> StatusError {
    StatusError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
}

/// The error of a failed `test`. The API server does not name the test.
fn failed_test() -> StatusError {
    bad_request("the server rejected our request due to an error in our request")
}

fn missing(path: &str) -> StatusError {
    bad_request(&format!("the path {path} is not there"))
}

/// The container of the last step of `path`, and that step unescaped.
fn parent<'a>(object: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), StatusError> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| missing(path))?;
    let container = object.pointer_mut(parent).ok_or_else(|| missing(path))?;
    Ok((container, last.replace("~1", "/").replace("~0", "~")))
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<(), StatusError> {
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    let (container, last) = parent(object, path)?;
    match container {
        Value::Object(map) => {
            map.insert(last, value);
            Ok(())
        }
        Value::Array(items) if last == "-" => {
            items.push(value);
            Ok(())
        }
        Value::Array(items) => {
            let index = last.parse().ok().filter(|&i: &usize| i <= items.len()).ok_or_else(|| missing(path))?;
            items.insert(index, value);
            Ok(())
        }
        _ => Err(missing(path)),
    }
}

fn remove(object: &mut Value, path: &str) -> Result<Value, StatusError> {
    let (container, last) = parent(object, path)?;
    let removed = match container {
        Value::Object(map) => map.remove(&last),
        Value::Array(items) => last.parse().ok().filter(|&i: &usize| i < items.len()).map(|i| items.remove(i)),
        _ => None,
    };
    removed.ok_or_else(|| missing(path))
}

/// Applies a merge patch.
pub fn merge_patch(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(target) = object else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a strategic merge patch to a built-in kind. Of the lists of the kinds served here only those in the metadata
/// have a strategy: finalizers are a set, owner references are keyed by uid. All others are replaced.
pub fn strategic_patch(object: &mut Value, patch: &Value) {
    let mut plain = patch.clone();
    let directives = take_directives(&mut plain);
    let lists = [("finalizers", None), ("ownerReferences", Some("uid"))];
    for (list, key) in lists {
        let Some(mut items) = plain["metadata"][list].as_array().cloned() else { continue };
        for seen in object["metadata"][list].as_array().into_iter().flatten() {
            let same = |item: &&mut Value| key.map_or(**item == *seen, |key| item[key] == seen[key]);
            match items.iter_mut().find(same) {
                Some(item) => {
                    let mut merged = seen.clone();
                    merge_patch(&mut merged, item);
                    *item = merged;
                }
                None => items.push(seen.clone()),
            }
        }
        plain["metadata"][list] = Value::Array(items);
    }
    merge_patch(object, &plain);
    for (path, unwanted) in directives {
        if let Some(Value::Array(items)) = object.pointer_mut(&path) {
            items.retain(|item| !unwanted.contains(item));
        }
    }
}

/// Takes the `$…` directives out of `patch`. Those that delete items of lists are returned.
fn take_directives(patch: &mut Value) -> Vec<(String, Vec<Value>)> {
    let mut found = Vec::new();
    collect_directives(patch, "", &mut found);
    found
}

fn collect_directives(value: &mut Value, path: &str, found: &mut Vec<(String, Vec<Value>)>) {
    let Value::Object(map) = value else { return };
    for (key, directive) in map.iter().filter(|(key, _)| key.starts_with('$')) {
        if let (Some(list), Some(items)) = (key.strip_prefix("$deleteFromPrimitiveList/"), directive.as_array()) {
            found.push((format!("{path}/{list}"), items.clone()));
        }
    }
    map.retain(|key, _| !key.starts_with('$'));
    for (key, child) in map.iter_mut() {
        let step = key.replace('~', "~0").replace('/', "~1");
        collect_directives(child, &format!("{path}/{step}"), found);
    }
}
