//! Defaults and checks of built-in kinds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::{Kind, group_resource_of};
use super::object::{self, map_at, put, set_field};
use super::schema::Schema;
use super::status::FieldProblem;

/// Fills in the defaults of `kind`.
pub fn complete(kind: &Kind, object: &mut Value, time: &str) {
    match kind.plural.as_str() {
        "namespaces" => complete_namespace(object),
        "secrets" => complete_secret(object),
        "services" => complete_service(object),
        "customresourcedefinitions" => complete_definition(object, time),
        _ => {}
    }
}

pub fn problems(kind: &Kind, object: &Value) -> Vec<FieldProblem> {
    if kind.plural != "customresourcedefinitions" {
        return Vec::new();
    }
    let group_resource = group_resource_of(object);
    let name = format!("{}.{}", group_resource.plural, group_resource.group);
    let mut problems = Vec::new();
    if object::name(object) != name {
        let why = format!("must be spec.names.plural+\".\"+spec.group, which is \"{name}\"");
        problems.push(FieldProblem::invalid("metadata.name", &object::name(object).into(), &why));
    }
    for version in object["spec"]["versions"].as_array().into_iter().flatten() {
        problems.extend(Schema::new(&version["schema"]["openAPIV3Schema"]).problems());
    }
    problems
}

fn complete_namespace(object: &mut Value) {
    let name = object::name(object).to_owned();
    let metadata = object::metadata_mut(object);
    if !metadata.get("labels").is_some_and(Value::is_object) {
        metadata.insert("labels".to_owned(), json!({}));
    }
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
    set_field(object, "spec", json!({"finalizers": ["kubernetes"]}));
    if object["status"]["phase"].is_null() {
        set_field(object, "status", json!({"phase": "Active"}));
    }
}

/// Merges `stringData` into `data`.
fn complete_secret(object: &mut Value) {
    if object["type"].is_null() {
        set_field(object, "type", "Opaque".into());
    }
    let Some(plain) = object.get("stringData").and_then(Value::as_object).cloned() else { return };
    let data = map_at(object, "data");
    for (key, value) in plain {
        put(data, &key, base64(value.as_str().unwrap_or_default().as_bytes()).into());
    }
    set_field(object, "stringData", Value::Null);
}

/// The defaults of a Service that do not depend on the network of a cluster.
fn complete_service(object: &mut Value) {
    let spec = map_at(object, "spec");
    spec.entry("type").or_insert_with(|| "ClusterIP".into());
    spec.entry("sessionAffinity").or_insert_with(|| "None".into());
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = port["port"].clone();
        let Some(port) = port.as_object_mut() else { continue };
        port.entry("protocol").or_insert_with(|| "TCP".into());
        port.entry("targetPort").or_insert(number);
    }
}

fn complete_definition(object: &mut Value, time: &str) {
    let names = map_at(&mut object["spec"], "names");
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    names.entry("singular").or_insert_with(|| kind.to_lowercase().into());
    names.entry("listKind").or_insert_with(|| format!("{kind}List").into());
    let accepted = Value::Object(names.clone());
    map_at(object, "spec").entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
    let stored = object["spec"]["versions"].as_array().into_iter().flatten();
    let stored: Vec<Value> = stored.filter(|v| v["storage"] == true).map(|v| v["name"].clone()).collect();
    if object["status"]["conditions"].is_null() {
        let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": time});
        set_field(
            object,
            "status",
            json!({"conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ]}),
        );
    }
    object["status"]["acceptedNames"] = accepted;
    object["status"]["storedVersions"] = stored.into();
}

/// A time in UTC with whole seconds, as metadata has it.
pub fn rfc3339(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, &byte| group << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (group >> (18 - 6 * digit)) & 63;
            let padding = digit > chunk.len();
            text.push(if padding { '=' } else { char::from(DIGITS[index as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_to_groups_of_four() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"1"), "MQ==");
        assert_eq!(base64(b"hunter2"), "aHVudGVyMg==");
        assert_eq!(base64(b"abc"), "YWJj");
    }
}
