//! Bodies of POST and PUT, read as Octavia reads them with its library wsme. A malformed body gets Octavia's own
//! response, even where that is a 500 with the message of a Python exception.
//!
//! `argument` is the name of the Python parameter that wsme fills from the body, `root` the only key that the body may
//! have, and `minor` the minor version of the API: older versions reject newer attributes.

use serde_json::{Map, Value};

use super::super::call::Call;
use super::super::reply::{Reply, fault, invalid};
use super::Kind;
use super::python::python;
use super::schema::{ReadError, Schema, request_kind};
use super::tables::schema;

/// Reads the object in a body `{"<root>": {...}}`.
pub(crate) fn read(call: &Call, kind: Kind, request_kind: u8, minor: u32) -> Result<Map<String, Value>, Reply> {
    let body = parse(call, kind.argument())?;
    let object = unwrap_root(&body, kind.argument(), kind.json_key(), first_attribute_read(kind, request_kind))?;
    schema(kind)
        .read(object, request_kind, minor)
        .map_err(|error| error.inside(kind.json_key()).reply(kind.argument(), &body))
}

/// The members of a batch. The error is the Python class that Octavia finds in place of a list: `UnsetType` without the
/// key, `NoneType` with null. It is no response yet: Octavia goes on, and crashes only when it uses the list.
type BatchMembers = Result<Vec<Map<String, Value>>, &'static str>;

/// Reads the list in the body `{"members": [...]}` of PUT /pools/{id}/members, the batch.
pub(crate) fn read_members(call: &Call, request_kind: u8, minor: u32) -> Result<BatchMembers, Reply> {
    if call.body.is_empty() {
        return Err(fault(500, "'NoneType' object has no attribute 'members'"));
    }
    let body = parse(call, "members_")?;
    let items = match root_of(&body, "members_", "members")? {
        Some(Value::Array(items)) => items,
        None => return Ok(Err("UnsetType")),
        Some(Value::Null) => return Ok(Err("NoneType")),
        Some(other) => {
            return Err(
                ReadError::Conversion(format!("Value not a valid list: {}", python(other))).reply("members_", &body)
            );
        }
    };
    let read = |item| schema(Kind::Member).read(item, request_kind, minor);
    let members = items.iter().map(read).collect::<Result<_, _>>();
    members.map(Ok).map_err(|error: ReadError| error.inside("members").reply("members_", &body))
}

/// Reads the limits in a body `{"quota": {...}}`.
pub(crate) fn read_quota(
    call: &Call,
    quota: &Schema,
    request_kind: u8,
    minor: u32,
) -> Result<Map<String, Value>, Reply> {
    let body = parse(call, "quotas")?;
    let object = unwrap_root(&body, "quotas", "quota", "to_dict")?;
    quota.read(object, request_kind, minor).map_err(|error| error.inside("quota").reply("quotas", &body))
}

/// The body as JSON. wsme returns 400 for an empty body, another content type, and anything but JSON.
fn parse(call: &Call, argument: &str) -> Result<Value, Reply> {
    if call.body.is_empty() {
        return Err(fault(400, format!("Missing argument: \"{argument}\"")));
    }
    if !call.header("content-type").is_some_and(|kind| kind.contains("json")) {
        return Err(fault(400, format!("Unknown argument: \"{}\"", String::from_utf8_lossy(&call.body))));
    }
    call.json().ok_or_else(|| fault(400, "Request is not in valid JSON format"))
}

/// The attribute that the controller of this request reads first: the message of its crash on a missing object names
/// it. Empty for PUT of listeners, the only controller that checks for the object.
fn first_attribute_read(kind: Kind, request_kind: u8) -> &'static str {
    match (kind, request_kind) {
        (Kind::LoadBalancer, request_kind::PUT) => "vip_sg_ids",
        (Kind::Listener, request_kind::PUT) => "",
        (Kind::Pool, request_kind::PUT) => "tls_versions",
        (Kind::Listener | Kind::Pool, _) => "loadbalancer_id",
        (Kind::HealthMonitor, request_kind::POST) => "pool_id",
        (Kind::L7Policy, request_kind::POST) => "listener_id",
        _ => "project_id",
    }
}

/// The object below the root key. wsme accepts a body without the key or with null, and the controller crashes on it;
/// `attribute` is the one in the message of the crash.
fn unwrap_root<'a>(body: &'a Value, argument: &str, root: &str, attribute: &str) -> Result<&'a Value, Reply> {
    let crash = |class: &str| match attribute {
        "" => Err(invalid("No listener object supplied.")),
        attribute => Err(fault(500, format!("'{class}' object has no attribute '{attribute}'"))),
    };
    match root_of(body, argument, root)? {
        None => crash("UnsetType"),
        Some(Value::Null) => crash("NoneType"),
        Some(object) => Ok(object),
    }
}

/// The value below the root key, `None` without the key. Any other key is an error.
fn root_of<'a>(body: &'a Value, argument: &str, root: &str) -> Result<Option<&'a Value>, Reply> {
    let Some(map) = body.as_object() else {
        let class = if body.is_array() { "list" } else { "str" };
        return Err(fault(500, format!("'{class}' object has no attribute 'keys'")));
    };
    let unknown: Vec<_> = map.keys().filter(|key| *key != root).cloned().collect();
    if !unknown.is_empty() {
        return Err(ReadError::Unknown { path: Vec::new(), names: unknown }.reply(argument, body));
    }
    Ok(map.get(root))
}
