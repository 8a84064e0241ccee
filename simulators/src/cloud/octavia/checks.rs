//! Checks shared by several kinds: tags, certificates, protocols, quotas.

use std::collections::BTreeSet;

use evenkeel::model::collated;
use serde_json::{Map, Value, json};

use super::super::reply::{Reply, fault, invalid, routing_error};
use super::super::world::World;
use super::python::python_repr;
use super::{Context, Kind, Record};

/// Checks that a listener may use a pool of this protocol (`VALID_LISTENER_POOL_PROTOCOL_MAP`).
pub(crate) fn protocols_fit(listener: &str, pool: &str) -> Result<(), Reply> {
    let fitting: &[&str] = match listener {
        "TCP" => &["TCP", "HTTP", "HTTPS", "PROXY", "PROXYV2"],
        "HTTP" | "TERMINATED_HTTPS" => &["HTTP", "PROXY", "PROXYV2"],
        "HTTPS" => &["TCP", "HTTPS", "PROXY", "PROXYV2"],
        "UDP" => &["UDP"],
        "SCTP" => &["SCTP"],
        _ => &[],
    };
    if fitting.contains(&pool) {
        return Ok(());
    }
    Err(invalid(format!("The pool protocol '{pool}' is invalid while the listener protocol is '{listener}'.")))
}

/// The transport layer of a protocol. Listeners of different layers may share a port.
pub(crate) fn layer4(protocol: &str) -> &str {
    if matches!(protocol, "UDP" | "SCTP") { protocol } else { "TCP" }
}

pub(crate) fn no_children() -> Reply {
    fault(400, "Protocol PROMETHEUS listeners cannot have child objects.")
}

pub(crate) fn unsupported(text: &str) -> Reply {
    fault(501, format!("Provider 'amphora' does not support a requested option: {text}"))
}

/// The crash of SQLAlchemy on a body with children that only POST /loadbalancers may contain.
pub(crate) fn no_nesting() -> Reply {
    fault(500, "'dict' object has no attribute '_sa_instance_state'")
}

pub(crate) fn quota_met(kind: Kind) -> Reply {
    fault(403, format!("Quota has been met for resources: {}", kind.display_name()))
}

/// True for a value that is neither absent nor null nor empty (Python's truth).
pub(crate) fn truthy(given: &Map<String, Value>, field: &str) -> bool {
    match given.get(field) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Bool(true)) => true,
    }
}

pub(crate) fn text<'a>(given: &'a Map<String, Value>, field: &str) -> &'a str {
    given.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Stores tags as the database does: a set in the database's order. Two tags that the collation takes for equal, such
/// as `a` and `A`, are duplicates and crash the request.
fn store_tags(given: &mut Map<String, Value>, on_null: OnNull) -> Result<(), Reply> {
    let Some(tags) = given.get("tags") else { return Ok(()) };
    let Some(list) = tags.as_array() else {
        match on_null {
            OnNull::Keep => given.remove("tags"),
            OnNull::Clear => given.insert("tags".into(), Value::Array(Vec::new())),
        };
        return Ok(());
    };
    let mut tags: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    tags.sort_by_key(|tag| tag.to_lowercase());
    let mut known = BTreeSet::new();
    if let Some(twin) = tags.iter().find(|tag| !known.insert(collated(tag))) {
        return Err(twins(twin));
    }
    given.insert("tags".into(), tags.into());
    Ok(())
}

/// Prepares the attributes of a change. Octavia inserts new tags before it deletes old ones, so a tag that replaces its
/// duplicate (by the collation) crashes the request.
pub(crate) fn store_change(given: &mut Map<String, Value>, stored: &Record, on_null: OnNull) -> Result<(), Reply> {
    store_common(given, on_null)?;
    let texts = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (new, old) = (texts(given.get("tags")), texts(stored.fields.get("tags")));
    let is_twin = |tag: &&String| !old.contains(tag) && old.iter().any(|old| collated(old) == collated(tag));
    new.iter().find(is_twin).map_or(Ok(()), |tag| Err(twins(tag)))
}

fn twins(entry: &str) -> Reply {
    fault(500, format!("(pymysql.err.IntegrityError) (1062, \"Duplicate entry '{entry}' for key 'PRIMARY'\")"))
}

/// Checks security groups for duplicates, which crash Octavia.
pub(crate) fn check_groups_differ(given: &Map<String, Value>) -> Result<(), Reply> {
    let groups: Vec<&str> =
        given.get("vip_sg_ids").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    match groups.iter().enumerate().find(|(at, group)| groups[..*at].contains(group)) {
        Some((_, twin)) => Err(twins(twin)),
        None => Ok(()),
    }
}

/// The effect of null on tags in a PUT: most kinds ignore it, policies and rules lose their tags.
#[derive(Clone, Copy)]
pub(crate) enum OnNull {
    Keep,
    Clear,
}

/// Stores the attributes that all kinds have in common. A create fills those that are left out.
fn store_common(given: &mut Map<String, Value>, on_null: OnNull) -> Result<(), Reply> {
    if given.get("admin_state_up").is_some_and(Value::is_null) {
        given.insert("admin_state_up".into(), false.into());
    }
    store_tags(given, on_null)
}

/// Fills the attributes of a new row. The schema has filled its own before.
pub(crate) fn complete(kind: Kind, given: &mut Map<String, Value>, fields: &[(&str, Value)]) -> Result<(), Reply> {
    store_common(given, OnNull::Clear).map_err(|_| duplicate_entry(kind, given))?;
    given.remove("project_id");
    given.remove("tenant_id");
    for (name, value) in fields {
        given.entry(*name).or_insert_with(|| value.clone());
    }
    Ok(())
}

/// The error of a create for any duplicate key, duplicate tags included.
fn duplicate_entry(kind: Kind, given: &Map<String, Value>) -> Reply {
    let port = given.get("protocol_port").and_then(Value::as_i64);
    match kind {
        Kind::Listener => listener_exists(text(given, "protocol"), port),
        Kind::Member => member_exists(text(given, "address"), port),
        Kind::HealthMonitor => fault(409, "This pool already has a health monitor"),
        Kind::LoadBalancer | Kind::Pool | Kind::L7Policy | Kind::L7Rule => {
            fault(409, "Already an entity with that specified id.")
        }
    }
}

pub(crate) fn listener_exists(protocol: &str, port: Option<i64>) -> Reply {
    let port = port.unwrap_or_default();
    let text =
        format!("Another Listener on this Load Balancer is already using protocol {protocol} and protocol_port {port}");
    fault(409, text)
}

pub(crate) fn member_exists(address: &str, port: Option<i64>) -> Reply {
    let port = port.unwrap_or_default();
    fault(409, format!("Another member on this pool is already using ip {address} on protocol_port {port}"))
}

/// A set of texts, in the order of the database.
pub(crate) fn as_set(value: Option<&Value>) -> Vec<String> {
    let texts = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}

impl World {
    /// Checks that Octavia can read the certificates with the caller's token.
    pub fn check_certificates(&self, ctx: Context<'_>, refs: &[String]) -> Result<(), Reply> {
        let unreadable = |reference: &&String| !self.barbican.is_certificate(ctx.caller, reference, ctx.now);
        bad_references(refs.iter().filter(unreadable))
    }

    /// Checks a CA certificate and its revocation list.
    pub fn check_ca(&self, ctx: Context<'_>, ca: &str, crl: &str) -> Result<(), Reply> {
        let refs = [ca.to_owned(), crl.to_owned()];
        let given = refs.iter().filter(|reference| !reference.is_empty());
        bad_references(given.filter(|reference| self.barbican.payload(ctx.caller, reference, ctx.now).is_none()))?;
        let payload = self.barbican.payload(ctx.caller, ca, ctx.now).unwrap_or_default();
        if String::from_utf8_lossy(payload).contains("BEGIN CERTIFICATE") {
            return Ok(());
        }
        Err(invalid(
            "The client authentication CA certificate is invalid. It must be a valid x509 PEM format certificate. \
             Error: Unable to load PEM file. See https://cryptography.io/en/latest/faq/#why-can-t-i-import-my-pem-file \
             for more details. MalformedFraming",
        ))
    }

    /// Checks that the quota of a project leaves room for more objects of a kind.
    pub fn check_quota(&self, kind: Kind, project: &str, more: usize) -> Result<(), Reply> {
        let limit = self.octavia.quotas.get(project).and_then(|limits| limits.get(kind.quota_field())).copied();
        match limit.and_then(|limit| usize::try_from(limit).ok()) {
            Some(limit) if self.octavia.store.count(kind, project) + more > limit => Err(quota_met(kind)),
            _ => Ok(()),
        }
    }

    /// The VIP addresses of a load balancer.
    pub fn vip_addresses(lb: &Record) -> Vec<String> {
        let more = lb.fields.get("additional_vips").and_then(Value::as_array).into_iter().flatten();
        let more = more.filter_map(|vip| vip["ip_address"].as_str()).map(str::to_owned);
        std::iter::once(lb.text("vip_address").to_owned()).chain(more).collect()
    }
}

fn bad_references<'a>(bad: impl Iterator<Item = &'a String>) -> Result<(), Reply> {
    let bad: Vec<_> = bad.map(|reference| Value::from(reference.as_str())).collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(fault(400, format!("Could not retrieve certificate: {}", python_repr(&Value::Array(bad)))))
}

pub(super) fn method_not_allowed() -> Reply {
    routing_error(405, "Method Not Allowed", "")
}

pub(super) fn no_statistics() -> Reply {
    let zeros = ["active_connections", "bytes_in", "bytes_out", "request_errors", "total_connections"];
    let zeros: Map<_, _> = zeros.into_iter().map(|name| (name.to_owned(), 0.into())).collect();
    Reply::json(200, &json!({"stats": zeros}))
}
