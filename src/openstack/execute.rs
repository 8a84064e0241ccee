//! One step, one HTTP call.

use http::Method;
use serde_json::{Value, json};

use super::records::Created;
use super::session::{ApiRequest, Service, Session};
use super::{CloudError, ErrorClass};
use crate::failpoint;
use crate::model::{Body, Call, Kind, ObservedTree, Step};

/// How a step went.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// The single POST: the whole tree with its new ids, all of it still PENDING.
    Created(Box<ObservedTree>),
    /// Octavia works on it, or nothing was left to do.
    Accepted,
}

impl Session {
    /// # Errors
    /// As the cloud answered. A delete of what is gone is no error.
    pub(super) async fn execute(&self, step: &Step) -> Result<Done, CloudError> {
        let ask = self.ask_for(step)?;
        if let Some(waits) = &step.depends_on {
            return Err(ask.failed(ErrorClass::Rejected, format!("{waits} has to be made first")));
        }
        failpoint::point(format_args!("before-{}-{}", step.call.verb(), step.kind.noun()));
        let answer = self.send(&ask).await;
        failpoint::point(format_args!("after-{}-{}", step.call.verb(), step.kind.noun()));
        match (&step.call, answer) {
            (Call::CreateLoadBalancer { .. }, answer) => {
                Ok(Done::Created(Box::new(answer?.json::<Created>()?.into_tree())))
            }
            (call, Err(error)) if removes(call) && error.class == ErrorClass::NotFound => Ok(Done::Accepted),
            (_, answer) => answer.map(|_| Done::Accepted),
        }
    }

    fn ask_for(&self, step: &Step) -> Result<ApiRequest, CloudError> {
        let create_timeout = self.settings().create_timeout;
        let of = |method, parent: &Option<String>| place(method, step.kind, parent.as_deref(), &step.name);
        let ask = match &step.call {
            Call::CreateLoadBalancer { body } => {
                octavia(Method::POST, LOAD_BALANCERS).body(rooted("loadbalancer", body))
            }
            Call::UpdateLoadBalancer { id, body } => {
                octavia(Method::PUT, LOAD_BALANCERS).path_segment(id).body(rooted("loadbalancer", body))
            }
            Call::DeleteLoadBalancer { id } => {
                octavia(Method::DELETE, LOAD_BALANCERS).path_segment(id).query("cascade", "true")
            }
            Call::Create { parent, body } => {
                let (ask, root) = of(Method::POST, parent)?;
                ask.body(rooted(root, body))
            }
            Call::Update { parent, id, body } => {
                let (ask, root) = of(Method::PUT, parent)?;
                ask.path_segment(id).body(rooted(root, body))
            }
            Call::Delete { parent, id } => of(Method::DELETE, parent)?.0.path_segment(id),
            Call::ReplaceMembers { pool, additive, members, grows: _ } => {
                let ask = octavia(Method::PUT, POOLS)
                    .path_segment(pool)
                    .path_segment("members")
                    .body(json!({"members": members}));
                if *additive { ask.query("additive_only", "true") } else { ask }
            }
            Call::CreateFloatingIp { body } => floating_ip(Method::POST).body(rooted("floatingip", body)),
            Call::UpdateFloatingIp { id, body, revision } => {
                floating_ip(Method::PUT).path_segment(id).body(rooted("floatingip", body)).if_revision(*revision)
            }
            Call::DeleteFloatingIp { id, revision } => {
                floating_ip(Method::DELETE).path_segment(id).if_revision(*revision)
            }
            Call::TagFloatingIp { id, tag, present } => {
                let method = if *present { Method::PUT } else { Method::DELETE };
                floating_ip(method).path_segment(id).path_segment("tags").path_segment(tag)
            }
        };
        Ok(if step.call.takes_quota() { ask.timeout(create_timeout) } else { ask })
    }
}

const LOAD_BALANCERS: &str = "/v2/lbaas/loadbalancers";
const POOLS: &str = "/v2/lbaas/pools";

/// Where objects of a kind are, and the root key of their bodies.
fn place(
    method: Method,
    kind: Kind,
    parent: Option<&str>,
    name: &str,
) -> Result<(ApiRequest, &'static str), CloudError> {
    Ok(match (kind, parent) {
        (Kind::Listener, None) => (octavia(method, "/v2/lbaas/listeners"), "listener"),
        (Kind::Pool, None) => (octavia(method, POOLS), "pool"),
        (Kind::HealthMonitor, None) => (octavia(method, "/v2/lbaas/healthmonitors"), "healthmonitor"),
        (Kind::L7Policy, None) => (octavia(method, "/v2/lbaas/l7policies"), "l7policy"),
        (Kind::Member, Some(pool)) => (octavia(method, POOLS).path_segment(pool).path_segment("members"), "member"),
        (Kind::L7Rule, Some(policy)) => {
            (octavia(method, "/v2/lbaas/l7policies").path_segment(policy).path_segment("rules"), "rule")
        }
        (kind, parent) => {
            let parent = if parent.is_some() { "below a parent" } else { "without a parent" };
            let message = format!("a {} cannot be written {parent}: {name}", kind.noun());
            return Err(octavia(method, LOAD_BALANCERS).failed(ErrorClass::Rejected, message));
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

fn octavia(method: Method, path: &'static str) -> ApiRequest {
    ApiRequest::new(Service::LoadBalancer, method, path)
}

fn floating_ip(method: Method) -> ApiRequest {
    ApiRequest::new(Service::Network, method, "/v2.0/floatingips")
}
