//! Bodies of POST and PUT.

use serde_json::{Map, Value};

use super::super::call::Call;
use super::super::reply::{Reply, fault};
use super::Kind;
use super::schema::{ReadError, Schema};
use super::tables::schema;

/// The object in a body `{"<root>": {...}}`.
pub(crate) fn read(call: &Call, kind: Kind, place: u8, minor: u32) -> Result<Map<String, Value>, Reply> {
    let body = parse(call, kind.argument())?;
    let object = unwrap_root(&body, kind.argument(), kind.root())?;
    schema(kind).read(object, place, minor).map_err(|error| error.inside(kind.root()).reply(kind.argument(), &body))
}

/// The list in a body `{"members": [...]}` of a batch.
pub(crate) fn read_members(call: &Call, place: u8, minor: u32) -> Result<Vec<Map<String, Value>>, Reply> {
    let body = parse(call, "members_")?;
    let list = unwrap_root(&body, "members_", "members")?;
    let Some(items) = list.as_array() else {
        return Err(fault(
            500,
            format!("'{}' object is not iterable", if list.is_null() { "NoneType" } else { "UnsetType" }),
        ));
    };
    let read = |item| schema(Kind::Member).read(item, place, minor);
    let members = items.iter().map(read).collect::<Result<_, _>>();
    members.map_err(|error: ReadError| error.inside("members").reply("members_", &body))
}

/// The quota of a body `{"quota": {...}}`.
pub(crate) fn read_quota(call: &Call, quota: &Schema, place: u8, minor: u32) -> Result<Map<String, Value>, Reply> {
    let body = parse(call, "quotas")?;
    let object = unwrap_root(&body, "quotas", "quota")?;
    quota.read(object, place, minor).map_err(|error| error.inside("quota").reply("quotas", &body))
}

fn parse(call: &Call, argument: &str) -> Result<Value, Reply> {
    if call.body.is_empty() {
        return Err(fault(400, format!("Missing argument: \"{argument}\"")));
    }
    if !call.header("content-type").is_some_and(|kind| kind.contains("json")) {
        return Err(fault(400, format!("Unknown argument: \"{}\"", String::from_utf8_lossy(&call.body))));
    }
    call.json().ok_or_else(|| fault(400, "Request is not in valid JSON format"))
}

/// wsme does not demand the root key, so that its absence and null crash the controller.
fn unwrap_root<'a>(body: &'a Value, argument: &str, root: &str) -> Result<&'a Value, Reply> {
    let crash = |class: &str| Err(fault(500, format!("'{class}' object has no attribute 'project_id'")));
    let Some(map) = body.as_object() else {
        let class = if body.is_array() { "list" } else { "str" };
        return Err(fault(500, format!("'{class}' object has no attribute 'keys'")));
    };
    let unknown: Vec<_> = map.keys().filter(|key| *key != root).cloned().collect();
    if !unknown.is_empty() {
        return Err(ReadError::Unknown { path: Vec::new(), names: unknown }.reply(argument, body));
    }
    match map.get(root) {
        None => crash("UnsetType"),
        Some(Value::Null) => crash("NoneType"),
        Some(object) => Ok(object),
    }
}
