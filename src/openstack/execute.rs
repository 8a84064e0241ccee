//! One step, one HTTP call.

use http::Method;
use serde_json::{Value, json};

use super::records::Created;
use super::session::{Ask, Service, Session};
use super::{Class, CloudError};
use crate::kill;
use crate::model::Tree;
use crate::plan::{Body, Call, Kind, Step};

/// How a step went.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// The single POST: the whole tree with its new ids, all of it still PENDING.
    Created(Box<Tree>),
    /// Octavia works on it, or nothing was left to do.
    Accepted,
}

impl Session {
    /// # Errors
    /// As the cloud answered. A delete of what is gone is no error.
    pub(super) async fn execute(&self, step: &Step) -> Result<Done, CloudError> {
        let ask = self.ask_for(step)?;
        if let Some(waits) = &step.waits {
            return Err(ask.failed(Class::Refused, format!("{waits} has to be made first")));
        }
        kill::point(format_args!("before-{}-{}", step.call.verb(), step.kind.noun()));
        let answer = self.send(&ask).await;
        kill::point(format_args!("after-{}-{}", step.call.verb(), step.kind.noun()));
        match (&step.call, answer) {
            (Call::CreateLoadBalancer { .. }, answer) => {
                Ok(Done::Created(Box::new(answer?.json::<Created>()?.into_tree())))
            }
            (call, Err(error)) if removes(call) && error.class == Class::Gone => Ok(Done::Accepted),
            (_, answer) => answer.map(|_| Done::Accepted),
        }
    }

    fn ask_for(&self, step: &Step) -> Result<Ask, CloudError> {
        let create_timeout = self.settings().create_timeout;
        let of = |method, parent: &Option<String>| place(method, step.kind, parent.as_deref(), &step.name);
        let ask = match &step.call {
            Call::CreateLoadBalancer { body } => {
                octavia(Method::POST, LOAD_BALANCERS).body(rooted("loadbalancer", body))
            }
            Call::UpdateLoadBalancer { id, body } => {
                octavia(Method::PUT, LOAD_BALANCERS).at(id).body(rooted("loadbalancer", body))
            }
            Call::DeleteLoadBalancer { id } => octavia(Method::DELETE, LOAD_BALANCERS).at(id).with("cascade", "true"),
            Call::Create { parent, body } => {
                let (ask, root) = of(Method::POST, parent)?;
                ask.body(rooted(root, body))
            }
            Call::Update { parent, id, body } => {
                let (ask, root) = of(Method::PUT, parent)?;
                ask.at(id).body(rooted(root, body))
            }
            Call::Delete { parent, id } => of(Method::DELETE, parent)?.0.at(id),
            Call::ReplaceMembers { pool, additive, members, grows: _ } => {
                let ask = octavia(Method::PUT, POOLS).at(pool).at("members").body(json!({"members": members}));
                if *additive { ask.with("additive_only", "true") } else { ask }
            }
            Call::CreateFloatingIp { body } => floating_ip(Method::POST).body(rooted("floatingip", body)),
            Call::UpdateFloatingIp { id, body, revision } => {
                floating_ip(Method::PUT).at(id).body(rooted("floatingip", body)).of_revision(*revision)
            }
            Call::DeleteFloatingIp { id } => floating_ip(Method::DELETE).at(id),
            Call::TagFloatingIp { id, tag, present } => {
                let method = if *present { Method::PUT } else { Method::DELETE };
                floating_ip(method).at(id).at("tags").at(tag)
            }
        };
        Ok(if step.call.takes_quota() { ask.within(create_timeout) } else { ask })
    }
}

const LOAD_BALANCERS: &str = "/v2/lbaas/loadbalancers";
const POOLS: &str = "/v2/lbaas/pools";

/// Where objects of a kind are, and the root key of their bodies.
fn place(method: Method, kind: Kind, parent: Option<&str>, name: &str) -> Result<(Ask, &'static str), CloudError> {
    Ok(match (kind, parent) {
        (Kind::Listener, None) => (octavia(method, "/v2/lbaas/listeners"), "listener"),
        (Kind::Pool, None) => (octavia(method, POOLS), "pool"),
        (Kind::HealthMonitor, None) => (octavia(method, "/v2/lbaas/healthmonitors"), "healthmonitor"),
        (Kind::L7Policy, None) => (octavia(method, "/v2/lbaas/l7policies"), "l7policy"),
        (Kind::Member, Some(pool)) => (octavia(method, POOLS).at(pool).at("members"), "member"),
        (Kind::L7Rule, Some(policy)) => (octavia(method, "/v2/lbaas/l7policies").at(policy).at("rules"), "rule"),
        (kind, parent) => {
            let parent = if parent.is_some() { "below a parent" } else { "without a parent" };
            let message = format!("a {} cannot be written {parent}: {name}", kind.noun());
            return Err(octavia(method, LOAD_BALANCERS).failed(Class::Refused, message));
        }
    })
}

fn removes(call: &Call) -> bool {
    matches!(
        call,
        Call::DeleteLoadBalancer { .. }
            | Call::Delete { .. }
            | Call::DeleteFloatingIp { .. }
            | Call::TagFloatingIp { present: false, .. }
    )
}

fn rooted(root: &str, body: &Body) -> Value {
    json!({root: body})
}

fn octavia(method: Method, path: &'static str) -> Ask {
    Ask::new(Service::LoadBalancer, method, path)
}

fn floating_ip(method: Method) -> Ask {
    Ask::new(Service::Network, method, "/v2.0/floatingips")
}
