//! A small pure model of Octavia (and of Neutron's floating IPs): applies one call to a tree at once, refuses what
//! Octavia refuses, normalises what Octavia normalises. It has no PENDING states: those are the engine's affair.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::*;
use crate::model::{Body, Call, Kind, Step};

/// Octavia's own limit.
const BODY_LIMIT: usize = 114_688;

pub type Answer = Result<(), String>;

#[derive(Debug, Clone, Default)]
pub struct Octavia {
    pub tree: Option<ObservedTree>,
    /// All other subnets are of IPv4.
    pub v6_subnets: BTreeSet<Id>,
    next: u64,
}

fn refuse<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

fn ensure(holds: bool, why: impl Fn() -> String) -> Answer {
    if holds { Ok(()) } else { Err(why()) }
}

/// Fields that a `PUT` takes, and for each what null does: `Ok` a reset to this value, `Err` a crash or nothing at all.
type Fields = &'static [(&'static str, Result<Reset, &'static str>)];

#[derive(Debug, Clone, Copy)]
enum Reset {
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
    fn value(self) -> Value {
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

const IGNORED: Result<Reset, &str> = Err("null is ignored");
const CRASH: Result<Reset, &str> = Err("null is a 500");
const REFUSED: Result<Reset, &str> = Err("null is a 400");
const TEXT: Result<Reset, &str> = Ok(Reset::Text(""));
const NULL: Result<Reset, &str> = Ok(Reset::Null);

const LOAD_BALANCER: Fields = &[
    ("name", TEXT),
    ("description", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("vip_qos_policy_id", NULL),
    ("vip_sg_ids", Ok(Reset::EmptyList)),
];
const LISTENER: Fields = &[
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
    ("client_authentication", REFUSED),
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
const POOL: Fields = &[
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
const MONITOR: Fields = &[
    ("name", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("delay", REFUSED),
    ("timeout", REFUSED),
    ("max_retries", REFUSED),
    ("max_retries_down", Ok(Reset::Number(3))),
    ("http_method", Ok(Reset::Text("GET"))),
    ("url_path", Ok(Reset::Text("/"))),
    ("expected_codes", Ok(Reset::Text("200"))),
    ("http_version", NULL),
    ("domain_name", NULL),
];
const POLICY: Fields = &[
    ("name", TEXT),
    ("description", TEXT),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
    ("action", REFUSED),
    ("redirect_pool_id", NULL),
    ("redirect_url", NULL),
    ("redirect_prefix", NULL),
    ("redirect_http_code", NULL),
    ("position", IGNORED),
];
const RULE: Fields = &[
    ("type", REFUSED),
    ("compare_type", REFUSED),
    ("key", CRASH),
    ("value", REFUSED),
    ("invert", Ok(Reset::No)),
    ("admin_state_up", IGNORED),
    ("tags", IGNORED),
];
/// In batches and in creates.
const MEMBER: Fields = &[
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

/// A record with some fields changed. Unknown fields are a 400, as are fields that only a create takes.
fn merged<T: Serialize + DeserializeOwned>(
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
            return refuse(format!("400 Unknown attribute {field}"));
        };
        check_tags(field, &record[field], value)?;
        record[field] =
            if value.is_null() { null.map_err(|why| format!("{field}: {why}"))?.value() } else { value.clone() };
    }
    serde_json::from_value(record).map_err(|e| format!("400 {e}"))
}

/// Doubles are a 500: the table's key is (resource, tag), and the database takes more for equal than Python does. So is a
/// tag that takes the place of its equal.
fn check_tags(field: &str, was: &Value, value: &Value) -> Answer {
    let items = value.as_array().filter(|_| matches!(field, "tags" | "allowed_cidrs" | "sni_container_refs"));
    let items = items.map_or(&[][..], Vec::as_slice);
    let there = was.as_array().filter(|_| field == "tags").map_or(&[][..], Vec::as_slice);
    let leaving = there.iter().filter(|tag| !items.contains(tag)).filter_map(Value::as_str);
    let leaving: BTreeSet<String> = leaving.map(collated).collect();
    let distinct: BTreeSet<String> = items.iter().filter_map(Value::as_str).map(collated).collect();
    ensure(distinct.is_disjoint(&leaving), || format!("500 {value} for {was}"))?;
    ensure(distinct.len() == items.len(), || format!("500 doubles in {field}"))?;
    ensure(items.iter().all(|tag| tag.as_str().is_some_and(|t| t.len() <= 255)), || format!("400 {field}"))
}

fn text(body: &Body, field: &str) -> Result<String, String> {
    body.get(field).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("400 {field} is mandatory"))
}

fn without(body: &Body, fields: &[&str]) -> Body {
    body.iter().filter(|(name, _)| !fields.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}

fn nested(body: &Body, field: &str) -> Vec<Body> {
    let items = body.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    items.into_iter().filter_map(|item| item.as_object().cloned()).collect()
}

impl Octavia {
    pub fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn id(&mut self) -> Id {
        format!("id-{:04}", self.fresh())
    }

    /// Executes one step as the cloud would.
    pub fn apply(&mut self, step: &Step) -> Answer {
        ensure(step.depends_on.is_none(), || format!("the first step waits for {:?}", step.depends_on))?;
        let printed = serde_json::to_string(&step.call).unwrap();
        ensure(!printed.contains("\"<"), || format!("a name stands where an id should be: {printed}"))?;
        ensure(printed.len() <= BODY_LIMIT, || "413".to_owned())?;
        if let Call::CreateLoadBalancer { body } = &step.call {
            ensure(self.tree.is_none(), || "there is one already".to_owned())?;
            return self.create_load_balancer(body);
        }
        // A refusal leaves nothing behind.
        let before = self.clone();
        let answer = self.mutate(step);
        if answer.is_err() {
            *self = before;
        }
        answer
    }

    fn tree_mut(&mut self) -> Result<&mut ObservedTree, String> {
        self.tree.as_mut().ok_or_else(|| "404".to_owned())
    }

    fn mutate(&mut self, step: &Step) -> Answer {
        if step.call.is_octavia() {
            let status = self.tree_mut()?.load_balancer.provisioning_status;
            ensure(status == Provisioning::Active, || "409 immutable".to_owned())?;
        }
        match (step.kind, &step.call) {
            (_, Call::UpdateLoadBalancer { id, body }) => {
                let tree = self.tree_mut()?;
                ensure(tree.load_balancer.id == *id, || "404".to_owned())?;
                tree.load_balancer = merged(&tree.load_balancer, body, LOAD_BALANCER, &[])?;
                Ok(())
            }
            (_, Call::DeleteLoadBalancer { .. }) => {
                let tree = self.tree_mut()?;
                let floating_ips = std::mem::take(&mut tree.floating_ips);
                *tree = ObservedTree { floating_ips, ..ObservedTree::default() };
                Ok(())
            }
            (Kind::Listener, Call::Create { body, .. }) => self.create_listener(body).map(drop),
            (Kind::Listener, Call::Update { id, body, .. }) => self.update_listener(id, body),
            (Kind::Listener, Call::Delete { id, .. }) => {
                let tree = self.tree_mut()?;
                let before = tree.listeners.len();
                tree.listeners.retain(|l| l.id != *id);
                ensure(tree.listeners.len() < before, || "404".to_owned())
            }
            (Kind::Pool, Call::Create { body, .. }) => {
                let body = without(body, &["loadbalancer_id"]);
                for never in ["members", "healthmonitor"] {
                    ensure(!body.contains_key(never), || "500 no attribute _sa_instance_state".to_owned())?;
                }
                self.create_pool(&body).map(drop)
            }
            (Kind::Pool, Call::Update { id, body, .. }) => self.update_pool(id, body),
            (Kind::Pool, Call::Delete { id, .. }) => self.delete_pool(id),
            (Kind::Member, Call::ReplaceMembers { pool, additive, members, grows }) => {
                self.replace_members(pool, *additive, members, *grows)
            }
            (Kind::Member, Call::Delete { parent: Some(pool), id }) => {
                let pool = self.writable_pool(pool)?;
                let before = pool.members.len();
                pool.members.retain(|m| m.id != *id);
                ensure(pool.members.len() < before, || "404".to_owned())
            }
            (Kind::HealthMonitor, call) => self.monitor(call),
            (Kind::L7Policy | Kind::L7Rule, call) => self.l7(step.kind, call),
            (Kind::FloatingIp, call) => self.floating_ip(call),
            (kind, call) => refuse(format!("no such call: {kind:?} {call:?}")),
        }
    }

    /// Everything in one: pools first, then listeners with their policies, as in `_graph_create`.
    fn create_load_balancer(&mut self, body: &Body) -> Answer {
        let id = self.id();
        let own = without(body, &["pools", "listeners", "additional_vips"]);
        let blank = ObservedLoadBalancer {
            id,
            admin_state_up: true,
            provisioning_status: Provisioning::Active,
            provider: "amphora".into(),
            ..ObservedLoadBalancer::default()
        };
        let mut load_balancer = self.listen(merged(&blank, &own, LOAD_BALANCER, &vips::CREATES)?, body)?;
        if load_balancer.provider == "octavia" {
            load_balancer.provider = "amphora".into();
        }
        let floating_ips = Vec::new();
        self.tree = Some(ObservedTree { load_balancer, floating_ips, ..ObservedTree::default() });
        let mut names = BTreeSet::new();
        for pool in nested(body, "pools") {
            ensure(names.insert(text(&pool, "name")?), || "400 pool names must be unique".to_owned())?;
            let (members, monitor) = (nested(&pool, "members"), pool.get("healthmonitor").cloned());
            let id = self.create_pool(&without(&pool, &["members", "healthmonitor"]))?;
            if !members.is_empty() {
                self.replace_members(&id, true, &members, true)?;
            }
            if let Some(Value::Object(mut monitor)) = monitor {
                monitor.insert("pool_id".into(), json!(id));
                self.monitor(&Call::Create { parent: None, body: monitor })?;
            }
        }
        for listener in nested(body, "listeners") {
            self.create_nested_listener(&listener)?;
        }
        Ok(())
    }

    fn pool_by_name(&self, reference: &Value) -> Result<Id, String> {
        let fields = reference.as_object().map_or(0, |o| o.len());
        ensure(fields == 1, || "a reference has a name only".to_owned())?;
        let pools = self.tree.iter().flat_map(|tree| &tree.pools);
        let found = pools.filter(|pool| reference["name"] == json!(pool.name)).map(|pool| pool.id.clone()).next();
        found.ok_or_else(|| format!("400 Pool {reference} was referenced but no full definition was found"))
    }

    fn create_nested_listener(&mut self, body: &Body) -> Answer {
        let mut own = without(body, &["default_pool", "l7policies"]);
        ensure(!own.contains_key("default_pool_id"), || "404".to_owned())?;
        if let Some(reference) = body.get("default_pool") {
            own.insert("default_pool_id".into(), json!(self.pool_by_name(reference)?));
        }
        let listener = self.create_listener(&own)?;
        for policy in nested(body, "l7policies") {
            let mut own = without(&policy, &["redirect_pool", "rules"]);
            ensure(!own.contains_key("redirect_pool_id"), || "400 unknown attribute redirect_pool_id".to_owned())?;
            if let Some(reference) = policy.get("redirect_pool") {
                own.insert("redirect_pool_id".into(), json!(self.pool_by_name(reference)?));
            }
            own.insert("listener_id".into(), json!(listener));
            let policy_id = self.create_policy(&own)?;
            for rule in nested(&policy, "rules") {
                self.l7(Kind::L7Rule, &Call::Create { parent: Some(policy_id.clone()), body: rule })?;
            }
        }
        Ok(())
    }
}

mod l7;
mod neutron;
mod pools;
mod serving;
mod vips;
