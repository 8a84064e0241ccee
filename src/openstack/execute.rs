//! Executes one step as exactly one HTTP call: the only writer to the cloud.

use http::Method;
use serde_json::{Value, json};

use super::collections::{
    Collection, FLOATING_IPS, HEALTH_MONITORS, L7_POLICIES, LISTENERS, LOAD_BALANCERS, MEMBERS, POOLS, RULES, SECRETS,
};
use super::http::{ApiRequest, CloudError, ErrorClass};
use super::octavia::Created;
use super::secrets::{document, without_payload};
use super::session::Session;
use crate::failpoint;
use crate::model::{Body, Call, Kind, ObservedTree, Step};

/// The result of an executed step.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// A load balancer was created: the whole tree with its new ids, all of it still PENDING.
    Created(Box<ObservedTree>),
    /// The service has accepted the change, or the object to delete was absent.
    Accepted,
}

impl Session {
    /// Sends the call of a step, once.
    ///
    /// # Errors
    /// As the cloud responds. A delete of an absent object is no error.
    pub(super) async fn execute(&self, step: &Step) -> Result<Done, CloudError> {
        let request = self.request_for(step)?;
        if let Some(dependency) = &step.depends_on {
            return Err(
                request.failed(ErrorClass::Rejected, format!("{dependency} has to be created or changed first"))
            );
        }
        failpoint::hit(format_args!("before-{}-{}", step.call.verb(), step.kind.noun()));
        let result = self.send(&request).await;
        failpoint::hit(format_args!("after-{}-{}", step.call.verb(), step.kind.noun()));
        match (&step.call, result) {
            (Call::CreateLoadBalancer { .. }, response) => {
                Ok(Done::Created(Box::new(response?.json::<Created>()?.into_tree())))
            }
            (call, Err(error)) if is_delete(call) && error.class == ErrorClass::NotFound => Ok(Done::Accepted),
            (Call::CreateSecret { secret }, response) => {
                response.map(|_| Done::Accepted).map_err(|error| without_payload(error, secret))
            }
            (_, response) => response.map(|_| Done::Accepted),
        }
    }

    fn request_for(&self, step: &Step) -> Result<ApiRequest, CloudError> {
        let child = |method, parent: &Option<String>| child_request(method, step.kind, parent.as_deref(), &step.name);
        let request = match &step.call {
            Call::CreateLoadBalancer { body } => {
                with_object(LOAD_BALANCERS.request(Method::POST), LOAD_BALANCERS, body)
            }
            Call::UpdateLoadBalancer { id, body } => {
                with_object(LOAD_BALANCERS.request(Method::PUT).path_segment(id), LOAD_BALANCERS, body)
            }
            Call::DeleteLoadBalancer { id } => {
                LOAD_BALANCERS.request(Method::DELETE).path_segment(id).query("cascade", "true")
            }
            Call::Create { parent, body } => {
                let ChildRequest { request, key } = child(Method::POST, parent)?;
                request.body(object(key, body))
            }
            Call::Update { parent, id, body } => {
                let ChildRequest { request, key } = child(Method::PUT, parent)?;
                request.path_segment(id).body(object(key, body))
            }
            Call::Delete { parent, id } => child(Method::DELETE, parent)?.request.path_segment(id),
            Call::ReplaceMembers { pool, additive, members, grows: _ } => {
                let request = members_of(pool, Method::PUT).body(json!({MEMBERS: members}));
                if *additive { request.query("additive_only", "true") } else { request }
            }
            Call::CreateFloatingIp { body } => with_object(FLOATING_IPS.request(Method::POST), FLOATING_IPS, body),
            Call::UpdateFloatingIp { id, body, revision } => {
                let request = FLOATING_IPS.request(Method::PUT).path_segment(id).if_revision(*revision);
                with_object(request, FLOATING_IPS, body)
            }
            Call::DeleteFloatingIp { id, revision } => {
                FLOATING_IPS.request(Method::DELETE).path_segment(id).if_revision(*revision)
            }
            Call::TagFloatingIp { id, tag, present } => {
                let method = if *present { Method::PUT } else { Method::DELETE };
                FLOATING_IPS.request(method).path_segment(id).path_segment("tags").path_segment(tag)
            }
            Call::CreateSecret { secret } => {
                let request = SECRETS.request(Method::POST);
                let unreadable = || format!("secret {} was not sent: its content is no text", secret.name);
                let json = document(secret).ok_or_else(|| request.failed(ErrorClass::Rejected, unreadable()))?;
                request.secret_body(json)
            }
            Call::DeleteSecret { id } => SECRETS.request(Method::DELETE).path_segment(id),
        };
        let takes_quota = step.call.takes_quota();
        Ok(if takes_quota { request.with_timeout(self.settings().create_timeout) } else { request })
    }
}

/// A request to the collection of a child, and the key of the object in its body.
struct ChildRequest {
    request: ApiRequest,
    key: &'static str,
}

fn child_request(method: Method, kind: Kind, parent: Option<&str>, name: &str) -> Result<ChildRequest, CloudError> {
    let top_level =
        |collection: Collection, method| ChildRequest { request: collection.request(method), key: collection.item_key };
    Ok(match (kind, parent) {
        (Kind::Listener, None) => top_level(LISTENERS, method),
        (Kind::Pool, None) => top_level(POOLS, method),
        (Kind::HealthMonitor, None) => top_level(HEALTH_MONITORS, method),
        (Kind::L7Policy, None) => top_level(L7_POLICIES, method),
        (Kind::Member, Some(pool)) => ChildRequest { request: members_of(pool, method), key: "member" },
        (Kind::L7Rule, Some(policy)) => {
            let request = L7_POLICIES.request(method).path_segment(policy).path_segment(RULES);
            ChildRequest { request, key: "rule" }
        }
        (kind, parent) => {
            let parent = if parent.is_some() { "below a parent" } else { "without a parent" };
            let message = format!("a {} cannot be written {parent}: {name}", kind.noun());
            return Err(LOAD_BALANCERS.request(method).failed(ErrorClass::Rejected, message));
        }
    })
}

fn members_of(pool: &str, method: Method) -> ApiRequest {
    POOLS.request(method).path_segment(pool).path_segment(MEMBERS)
}

fn is_delete(call: &Call) -> bool {
    matches!(
        call,
        Call::DeleteLoadBalancer { .. }
            | Call::Delete { .. }
            | Call::DeleteFloatingIp { .. }
            | Call::DeleteSecret { .. }
            | Call::TagFloatingIp { present: false, .. }
    )
}

fn with_object(request: ApiRequest, collection: Collection, body: &Body) -> ApiRequest {
    request.body(object(collection.item_key, body))
}

fn object(key: &str, body: &Body) -> Value {
    json!({key: body})
}
