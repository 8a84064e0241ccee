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
        let ask = match &step.call {
            Call::CreateLoadBalancer { body } => {
                write(Method::POST, LOAD_BALANCERS.into(), Some(rooted("loadbalancer", body)))
            }
            Call::UpdateLoadBalancer { id, body } => {
                write(Method::PUT, format!("{LOAD_BALANCERS}/{id}"), Some(rooted("loadbalancer", body)))
            }
            Call::DeleteLoadBalancer { id } => {
                write(Method::DELETE, format!("{LOAD_BALANCERS}/{id}"), None).with("cascade", "true")
            }
            Call::Create { parent, body } => {
                let (path, root) = place(step.kind, parent.as_deref(), &step.name)?;
                write(Method::POST, path, Some(rooted(root, body)))
            }
            Call::Update { parent, id, body } => {
                let (path, root) = place(step.kind, parent.as_deref(), &step.name)?;
                write(Method::PUT, format!("{path}/{id}"), Some(rooted(root, body)))
            }
            Call::Delete { parent, id } => {
                let (path, _) = place(step.kind, parent.as_deref(), &step.name)?;
                write(Method::DELETE, format!("{path}/{id}"), None)
            }
            Call::ReplaceMembers { pool, additive, members, grows: _ } => {
                let body = json!({"members": members});
                let ask = write(Method::PUT, format!("/v2/lbaas/pools/{pool}/members"), Some(body));
                if *additive { ask.with("additive_only", "true") } else { ask }
            }
            Call::CreateFloatingIp { body } => {
                neutron(Method::POST, FLOATING_IPS.into(), Some(rooted("floatingip", body)))
            }
            Call::UpdateFloatingIp { id, body } => {
                neutron(Method::PUT, format!("{FLOATING_IPS}/{id}"), Some(rooted("floatingip", body)))
            }
            Call::DeleteFloatingIp { id } => neutron(Method::DELETE, format!("{FLOATING_IPS}/{id}"), None),
            Call::TagFloatingIp { id, tag, present } => {
                let method = if *present { Method::PUT } else { Method::DELETE };
                neutron(method, format!("{FLOATING_IPS}/{id}/tags/{tag}"), None)
            }
        };
        Ok(if step.call.takes_quota() { ask.within(create_timeout) } else { ask })
    }
}

const LOAD_BALANCERS: &str = "/v2/lbaas/loadbalancers";
const FLOATING_IPS: &str = "/v2.0/floatingips";

/// Where objects of a kind are made, and the root key of their bodies.
fn place(kind: Kind, parent: Option<&str>, name: &str) -> Result<(String, &'static str), CloudError> {
    let (path, root) = match (kind, parent) {
        (Kind::Listener, None) => ("/v2/lbaas/listeners".to_owned(), "listener"),
        (Kind::Pool, None) => ("/v2/lbaas/pools".to_owned(), "pool"),
        (Kind::HealthMonitor, None) => ("/v2/lbaas/healthmonitors".to_owned(), "healthmonitor"),
        (Kind::L7Policy, None) => ("/v2/lbaas/l7policies".to_owned(), "l7policy"),
        (Kind::Member, Some(pool)) => (format!("/v2/lbaas/pools/{pool}/members"), "member"),
        (Kind::L7Rule, Some(policy)) => (format!("/v2/lbaas/l7policies/{policy}/rules"), "rule"),
        (kind, parent) => {
            let parent = if parent.is_some() { "below a parent" } else { "without a parent" };
            let message = format!("a {} cannot be written {parent}: {name}", kind.noun());
            return Err(write(Method::POST, LOAD_BALANCERS.into(), None).failed(Class::Refused, message));
        }
    };
    Ok((path, root))
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

fn write(method: Method, path: String, body: Option<Value>) -> Ask {
    with_body(Ask::new(Service::LoadBalancer, method, path), body)
}

fn neutron(method: Method, path: String, body: Option<Value>) -> Ask {
    with_body(Ask::new(Service::Network, method, path), body)
}

fn with_body(ask: Ask, body: Option<Value>) -> Ask {
    match body {
        Some(body) => ask.body(body),
        None => ask,
    }
}
