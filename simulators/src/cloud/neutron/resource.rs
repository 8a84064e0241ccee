//! The kinds of resources in the simulated Neutron, its errors, and the rows of its database: reading them from
//! requests and filling in their common attributes.

use serde_json::{Map, Value, json};

use super::super::call::{Call, Caller};
use super::super::clock::Moment;
use super::super::ids::Ids;
use super::super::reply::{Reply, neutron_error};

/// A stored resource: its attributes by name, in the form in which the API shows them.
pub(crate) type Row = Map<String, Value>;

/// An error of Neutron, before it is rendered as JSON.
#[derive(Debug)]
pub(crate) struct NeutronError {
    pub status: u16,
    /// Name of the exception, the `type` of the error in the response.
    pub kind: &'static str,
    pub message: String,
}

impl From<NeutronError> for Reply {
    fn from(error: NeutronError) -> Self {
        neutron_error(error.status, error.kind, error.message)
    }
}

pub(crate) fn error(status: u16, kind: &'static str, message: impl Into<String>) -> NeutronError {
    NeutronError { status, kind, message: message.into() }
}

/// The 403 of a caller whom these policy rules do not allow the request.
pub(crate) fn not_authorized(rules: &str) -> NeutronError {
    error(403, "PolicyNotAuthorized", format!("{rules} is disallowed by policy"))
}

/// A request with its caller and its time, and the source of ids for new rows.
pub(crate) struct RequestContext<'a> {
    pub call: &'a Call,
    pub caller: &'a Caller,
    pub now: &'a Moment,
    pub ids: &'a mut Ids,
}

/// The kinds of resources, each with a collection that can be listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Network,
    Subnet,
    Port,
    /// Security group.
    SecurityGroup,
    /// QoS policy.
    QosPolicy,
    FloatingIp,
    /// RBAC policy: opens a network to other projects.
    RbacPolicy,
}

impl Resource {
    pub(super) const ALL: [Self; 7] = [
        Self::Network,
        Self::Subnet,
        Self::Port,
        Self::SecurityGroup,
        Self::QosPolicy,
        Self::FloatingIp,
        Self::RbacPolicy,
    ];

    /// The names of a resource in the API: the segment in paths, the key of one object, the key of a list.
    pub(super) fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Network => ("networks", "network", "networks"),
            Self::Subnet => ("subnets", "subnet", "subnets"),
            Self::Port => ("ports", "port", "ports"),
            Self::SecurityGroup => ("security-groups", "security_group", "security_groups"),
            Self::QosPolicy => ("policies", "policy", "policies"),
            Self::FloatingIp => ("floatingips", "floatingip", "floatingips"),
            Self::RbacPolicy => ("rbac-policies", "rbac_policy", "rbac_policies"),
        }
    }

    pub fn not_found(self, id: &str) -> NeutronError {
        let (kind, message) = match self {
            Self::Network => ("NetworkNotFound", format!("Network {id} could not be found.")),
            Self::Subnet => ("SubnetNotFound", format!("Subnet {id} could not be found.")),
            Self::Port => ("PortNotFound", format!("Port {id} could not be found.")),
            Self::SecurityGroup => ("SecurityGroupNotFound", format!("Security group {id} does not exist")),
            Self::QosPolicy => ("QosPolicyNotFound", format!("QoS policy {id} could not be found.")),
            Self::FloatingIp => ("FloatingIPNotFound", format!("Floating IP {id} could not be found")),
            Self::RbacPolicy => ("RbacPolicyNotFound", format!("RBAC policy of type unknown with ID {id} not found")),
        };
        error(404, kind, message)
    }
}

/// A new row with the attributes that every resource but an RBAC policy has.
pub(super) fn common(id: &str, name: &str, project: &str, now: &Moment) -> Row {
    object(json!({
        "id": id, "name": name, "project_id": project, "tenant_id": project, "description": "", "tags": [],
        "created_at": now.with_z(), "updated_at": now.with_z(), "revision_number": 0,
    }))
}

/// The attributes of a JSON object; none for any other JSON value.
pub(crate) fn object(value: Value) -> Row {
    if let Value::Object(row) = value { row } else { Row::new() }
}

/// An attribute that is a string; empty if it is absent or of another type.
pub(crate) fn text<'a>(row: &'a Row, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The attributes that a request gives under the key `root` of its body. Unknown attributes and references that are no
/// UUIDs are errors, as in Neutron.
pub(super) fn read_body(call: &Call, root: &str, known: &[&str]) -> Result<Row, NeutronError> {
    let bad = |text: String| error(400, "HTTPBadRequest", text);
    let body = call.json().ok_or_else(|| {
        bad("The server could not comply with the request since it is either malformed or otherwise incorrect.".into())
    })?;
    let Some(Value::Object(given)) = body.get(root) else {
        return Err(bad(format!("Unable to find '{root}' in request body")));
    };
    let unknown: Vec<_> = given.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    if !unknown.is_empty() {
        return Err(bad(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))));
    }
    for (key, value) in given {
        // References to other resources are UUIDs. The ids of devices and projects are free text to Neutron.
        let id = value.as_str().filter(|_| key.ends_with("_id") && !key.starts_with("device"));
        if let Some(id) = id.filter(|id| {
            uuid::Uuid::try_parse(id).is_err() && !key.starts_with("tenant") && !key.starts_with("project")
        }) {
            return Err(bad(format!("Invalid input for {key}. Reason: '{id}' is not a valid UUID.")));
        }
    }
    Ok(given.clone())
}

/// Records that a row has changed: in its time of update and its revision number.
pub(super) fn touch(row: &mut Row, now: &Moment) {
    row.insert("updated_at".into(), now.with_z().into());
    let revision = row.get("revision_number").and_then(Value::as_i64).unwrap_or_default();
    row.insert("revision_number".into(), (revision + 1).into());
}
