//! Fields of Octavia's records: the values that a request may give them, and the effect of null.

use std::collections::BTreeSet;

use evenkeel::model::{Body, collated};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub type Verdict = Result<(), String>;

pub(super) fn reject<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

pub(super) fn ensure(holds: bool, why: impl Fn() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(why()) }
}

/// Fields that a `PUT` takes, each with the effect of null: `Ok` a reset to this value, `Err` a crash or nothing at
/// all.
pub(super) type Fields = &'static [(&'static str, Result<Reset, &'static str>)];

#[derive(Debug, Clone, Copy)]
pub(super) enum Reset {
    Null,
    Text(&'static str),
    Number(i64),
    No,
    EmptyList,
    EmptyMap,
    Versions,
    Alpn,
}

impl Reset {
    pub(super) fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::No => json!(false),
            Self::EmptyList => json!([]),
            Self::EmptyMap => json!({}),
            Self::Versions => json!(["TLSv1.2", "TLSv1.3"]),
            Self::Alpn => json!(["h2", "http/1.1", "http/1.0"]),
        }
    }
}

pub(super) const IGNORED: Result<Reset, &str> = Err("null is ignored");
pub(super) const CRASH: Result<Reset, &str> = Err("null is a 500");
pub(super) const REJECTED: Result<Reset, &str> = Err("null is a 400");
pub(super) const TEXT: Result<Reset, &str> = Ok(Reset::Text(""));
pub(super) const NULL: Result<Reset, &str> = Ok(Reset::Null);

pub(super) const LOAD_BALANCER: Fields = &[
    ("name", TEXT),
    ("description", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("vip_qos_policy_id", NULL),
    ("vip_sg_ids", Ok(Reset::EmptyList)),
];
pub(super) const LISTENER: Fields = &[
    ("name", TEXT),
    ("description", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("connection_limit", Ok(Reset::Number(-1))),
    ("default_pool_id", NULL),
    ("insert_headers", Ok(Reset::EmptyMap)),
    ("timeout_client_data", Ok(Reset::Number(50_000))),
    ("timeout_member_connect", Ok(Reset::Number(5_000))),
    ("timeout_member_data", Ok(Reset::Number(50_000))),
    ("timeout_tcp_inspect", Ok(Reset::Number(0))),
    ("default_tls_container_ref", NULL),
    ("sni_container_refs", Ok(Reset::EmptyList)),
    ("client_authentication", REJECTED),
    ("client_ca_tls_container_ref", NULL),
    ("client_crl_container_ref", NULL),
    ("allowed_cidrs", NULL),
    ("tls_ciphers", Ok(Reset::Text("operators-default"))),
    ("tls_versions", CRASH),
    ("alpn_protocols", Ok(Reset::Alpn)),
    ("hsts_max_age", NULL),
    ("hsts_include_subdomains", Ok(Reset::No)),
    ("hsts_preload", Ok(Reset::No)),
];
pub(super) const POOL: Fields = &[
    ("name", TEXT),
    ("description", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("lb_algorithm", CRASH),
    ("session_persistence", NULL),
    ("tls_enabled", CRASH),
    ("tls_container_ref", NULL),
    ("ca_tls_container_ref", NULL),
    ("crl_container_ref", NULL),
    ("tls_ciphers", Ok(Reset::Text("operators-default"))),
    ("tls_versions", Ok(Reset::Versions)),
    ("alpn_protocols", NULL),
];
pub(super) const MONITOR: Fields = &[
    ("name", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("delay", REJECTED),
    ("timeout", REJECTED),
    ("max_retries", REJECTED),
    ("max_retries_down", Ok(Reset::Number(3))),
    ("http_method", Ok(Reset::Text("GET"))),
    ("url_path", Ok(Reset::Text("/"))),
    ("expected_codes", Ok(Reset::Text("200"))),
    ("http_version", NULL),
    ("domain_name", NULL),
];
pub(super) const POLICY: Fields = &[
    ("name", TEXT),
    ("description", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("action", REJECTED),
    ("redirect_pool_id", NULL),
    ("redirect_url", NULL),
    ("redirect_prefix", NULL),
    ("redirect_http_code", NULL),
    ("position", IGNORED),
];
pub(super) const RULE: Fields = &[
    ("type", REJECTED),
    ("compare_type", REJECTED),
    ("key", CRASH),
    ("value", REJECTED),
    ("invert", Ok(Reset::No)),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
];
/// Fields of members in batches and in creates.
pub(super) const MEMBER: Fields = &[
    ("address", CRASH),
    ("protocol_port", CRASH),
    ("name", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("weight", CRASH),
    ("backup", CRASH),
    ("subnet_id", NULL),
    ("monitor_address", NULL),
    ("monitor_port", NULL),
];

/// Fields of a load balancer that only the create takes.
pub(super) const CREATES: [&str; 7] =
    ["provider", "flavor_id", "availability_zone", "vip_subnet_id", "vip_network_id", "vip_port_id", "vip_address"];

/// A record with some fields changed. Unknown fields are a 400, as are fields that only a create takes.
pub(super) fn merged<T: Serialize + DeserializeOwned>(
    was: &T,
    body: &Body,
    fields: Fields,
    creates: &[&str],
) -> Result<T, String> {
    let mut record = serde_json::to_value(was).map_err(|e| e.to_string())?;
    for (field, value) in body {
        if creates.contains(&field.as_str()) {
            record[field] = value.clone();
            continue;
        }
        let Some((_, null)) = fields.iter().find(|(name, _)| name == field) else {
            return reject(format!("400 Unknown attribute {field}"));
        };
        check_tags(field, &record[field], value)?;
        record[field] =
            if value.is_null() { null.map_err(|why| format!("{field}: {why}"))?.value() } else { value.clone() };
    }
    serde_json::from_value(record).map_err(|e| format!("400 {e}"))
}

/// Checks sets. Duplicates are a 500: the table's key is (resource, tag), and the database takes more for equal than
/// Python does. So is a tag that takes the place of its equal.
pub(super) fn check_tags(field: &str, was: &Value, value: &Value) -> Verdict {
    let items = value.as_array().filter(|_| matches!(field, "tags" | "allowed_cidrs" | "sni_container_refs"));
    let items = items.map_or(&[][..], Vec::as_slice);
    let there = was.as_array().filter(|_| field == "tags").map_or(&[][..], Vec::as_slice);
    let leaving = there.iter().filter(|tag| !items.contains(tag)).filter_map(Value::as_str);
    let leaving: BTreeSet<String> = leaving.map(collated).collect();
    let distinct: BTreeSet<String> = items.iter().filter_map(Value::as_str).map(collated).collect();
    ensure(distinct.is_disjoint(&leaving), || format!("500 {value} for {was}"))?;
    ensure(distinct.len() == items.len(), || format!("500 duplicates in {field}"))?;
    ensure(items.iter().all(|tag| tag.as_str().is_some_and(|t| t.len() <= 255)), || format!("400 {field}"))
}

pub(super) fn text(body: &Body, field: &str) -> Result<String, String> {
    body.get(field).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("400 {field} is mandatory"))
}

pub(super) fn without(body: &Body, fields: &[&str]) -> Body {
    body.iter().filter(|(name, _)| !fields.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}

pub(super) fn nested(body: &Body, field: &str) -> Vec<Body> {
    let items = body.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    items.into_iter().filter_map(|item| item.as_object().cloned()).collect()
}
