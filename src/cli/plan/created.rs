//! Objects that a create makes, with their most important values. That of a load balancer makes a whole tree.

use serde::Serialize;
use serde_json::Value;

use crate::model::{Body, Call, Kind, Step};

/// An object that a create makes below its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CreatedObject {
    /// Depth below the object of the step.
    #[serde(skip)]
    pub(super) depth: usize,
    /// Object for people: `listener http: HTTP 80 -> pool web`.
    pub(super) object: String,
}

/// Members that are listed one by one.
const MEMBERS_LISTED: usize = 8;

/// The values of the object that a step creates: `HTTP 80`. Empty for other steps, and where the name says it all.
pub(super) fn detail(step: &Step) -> String {
    match (&step.call, step.kind) {
        // Its name has address and port.
        (Call::Create { body, .. }, Kind::Member) => weight(body),
        (Call::Create { body, .. }, kind) => values(kind, body),
        _ => String::new(),
    }
}

/// The objects below the one that a step creates.
pub(super) fn created_objects(call: &Call) -> Vec<CreatedObject> {
    let mut created = Created(Vec::new());
    match call {
        Call::CreateLoadBalancer { body } => created.add_tree(body),
        Call::Create { body, .. } => created.add_members(body, 1),
        _ => {}
    }
    created.0
}

struct Created(Vec<CreatedObject>);

impl Created {
    fn add(&mut self, depth: usize, kind: Kind, body: &Body) {
        let name = match kind {
            Kind::HealthMonitor => String::new(),
            Kind::Member => format!(" {}:{}", text(body, "address"), text(body, "protocol_port")),
            _ => format!(" {}", text(body, "name")),
        };
        let values = if kind == Kind::Member { weight(body) } else { values(kind, body) };
        let separator = if values.is_empty() { "" } else { ": " };
        self.0.push(CreatedObject { depth, object: format!("{}{name}{separator}{values}", kind.noun()) });
    }

    fn add_tree(&mut self, body: &Body) {
        for listener in children(body, "listeners") {
            self.add(1, Kind::Listener, listener);
            children(listener, "l7policies").for_each(|policy| self.add(2, Kind::L7Policy, policy));
        }
        for pool in children(body, "pools") {
            self.add(1, Kind::Pool, pool);
            self.add_members(pool, 2);
        }
    }

    fn add_members(&mut self, pool: &Body, depth: usize) {
        if let Some(monitor) = object(pool, "healthmonitor") {
            self.add(depth, Kind::HealthMonitor, monitor);
        }
        let members: Vec<&Body> = children(pool, "members").collect();
        members.iter().take(MEMBERS_LISTED).for_each(|member| self.add(depth, Kind::Member, member));
        if let Some(more) = members.len().checked_sub(MEMBERS_LISTED).filter(|more| *more > 0) {
            self.0.push(CreatedObject { depth, object: format!("{more} more members") });
        }
    }
}

/// The values of an object that matter most.
fn values(kind: Kind, body: &Body) -> String {
    let pool = |key| object(body, key).map(|pool| format!("-> pool {}", text(pool, "name"))).unwrap_or_default();
    let words = match kind {
        Kind::Listener => vec![text(body, "protocol"), text(body, "protocol_port"), pool("default_pool")],
        Kind::L7Policy => {
            vec![text(body, "action"), text(body, "redirect_url"), text(body, "redirect_prefix"), pool("redirect_pool")]
        }
        Kind::Pool => vec![text(body, "protocol"), text(body, "lb_algorithm")],
        Kind::HealthMonitor => vec![text(body, "type"), text(body, "url_path"), every(body)],
        _ => Vec::new(),
    };
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn every(monitor: &Body) -> String {
    format!("every {}s", text(monitor, "delay"))
}

/// Weight and role of a member, as far as they are not the usual ones.
fn weight(member: &Body) -> String {
    let weight = text(member, "weight");
    let weight = if matches!(&*weight, "" | "1") { String::new() } else { format!("weight {weight}") };
    let backup = if text(member, "backup") == "true" { "backup" } else { "" };
    [&*weight, backup].into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(", ")
}

fn children<'a>(body: &'a Body, key: &str) -> impl Iterator<Item = &'a Body> {
    body.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn object<'a>(body: &'a Body, key: &str) -> Option<&'a Body> {
    body.get(key).and_then(Value::as_object)
}

fn text(body: &Body, key: &str) -> String {
    match body.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
