//! The single POST: a load balancer with everything under it, in one write.

use serde_json::{Value, json};

use super::diff::object;
use super::limits::{MAX_BODY, item_bytes};
use super::matching::{Gate, Matching};
use super::{certificates, health_monitor, l7_policy, listener, load_balancer, member, pool, secrets};
use crate::model::{
    Body, Call, Desired, Key, Kind, L7Action, Listener, ObservedSecrets, ObservedTree, Plan, Pool, Step,
};

/// Bytes around the parts of the body: the root key, and the keys of the lists of pools and listeners.
const ENVELOPE_BYTES: usize = 64;
/// Bytes of the key of a nested list: `"members":[]` or `"l7policies":[]`.
const NESTED_LIST_BYTES: usize = 16;

/// The whole tree in one `POST /loadbalancers`, at most [`MAX_BODY`] large. A part that does not fit is left to
/// [`update`](super::update()): members first, the longest lists, then policies, then listeners, then pools.
///
/// The body refers to pools by name, so their names have to differ. `attempt` names the create in a tag of the load
/// balancer: an answer that was lost can be told from a create that never happened.
///
/// Secrets are stored before it: the body has their URLs. A listener or pool whose certificate is unknown now is left to
/// `update` as well, and the plan has a problem that says so. A load balancer of a stack that has or may have secrets
/// carries the tag that leads to them.
pub fn create(desired: &Desired, secrets: &ObservedSecrets, attempt: &str) -> Plan {
    let nothing = ObservedTree { secrets: secrets.clone(), ..ObservedTree::default() };
    let resolved = certificates::resolved(desired, &nothing);
    let matching = Matching::new(&resolved, &nothing);
    let has_secrets = desired.stored_secrets().next().is_some() || *secrets != ObservedSecrets::default();
    let mut tree = CreateBody::new(&matching, attempt, has_secrets);
    tree.shrink();
    let name = &desired.load_balancer.name;
    let mut create = [Step::new(Kind::LoadBalancer, name, Call::CreateLoadBalancer { body: tree.into_body() })];
    let stored = secrets::creates(desired, &mut create);
    Plan {
        steps: stored.into_iter().chain(create).collect(),
        held_back: Vec::new(),
        problems: matching
            .waits_for_certificates()
            .into_iter()
            .chain(secrets::unreadable(desired, secrets))
            .chain(secrets::too_long(desired, secrets))
            .collect(),
    }
}

/// Parts of the body with their sizes, so that the largest can be cut without serialising the whole again.
struct CreateBody {
    load_balancer: Body,
    pools: Vec<CreatePool>,
    listeners: Vec<CreateListener>,
}

struct CreatePool {
    body: Body,
    members: Vec<Body>,
    bytes: usize,
    member_bytes: usize,
}

struct CreateListener {
    body: Body,
    policies: Vec<Body>,
    bytes: usize,
    policy_bytes: usize,
}

impl CreateBody {
    fn new(matching: &Matching<'_>, attempt: &str, has_secrets: bool) -> Self {
        let desired = matching.desired;
        let pool_name = |key: &Key| desired.pools.get(key).map(|pool| pool.name.as_str());
        let listeners = desired.listeners.iter().filter(|(key, _)| matching.gate(key) == Gate::Open);
        let pools = desired.pools.iter().filter(|(key, _)| !matching.pool_lacks_certificate(key));
        Self {
            load_balancer: load_balancer::create_body(desired, attempt, has_secrets),
            pools: pools.map(|(key, pool)| CreatePool::new(key, pool)).collect(),
            listeners: listeners.map(|(key, listener)| CreateListener::new(key, listener, pool_name)).collect(),
        }
    }

    fn bytes(&self) -> usize {
        let pools: usize = self.pools.iter().map(|pool| pool.bytes + pool.member_bytes).sum();
        let listeners: usize = self.listeners.iter().map(|listener| listener.bytes + listener.policy_bytes).sum();
        item_bytes(&self.load_balancer) + pools + listeners + ENVELOPE_BYTES
    }

    fn shrink(&mut self) {
        while self.bytes() > MAX_BODY && self.cut_members() {}
        while self.bytes() > MAX_BODY && self.cut_policies() {}
        while self.bytes() > MAX_BODY && self.listeners.pop().is_some() {}
        while self.bytes() > MAX_BODY && self.pools.pop().is_some() {}
    }

    /// Cuts at least one member of the longest list. False if there is none.
    fn cut_members(&mut self) -> bool {
        let excess = self.bytes().saturating_sub(MAX_BODY);
        let Some(longest) = self.pools.iter_mut().max_by_key(|pool| pool.member_bytes) else { return false };
        let mut cut = 0;
        while cut < excess.min(longest.member_bytes.div_ceil(2)) {
            let Some(member) = longest.members.pop() else { break };
            cut += item_bytes(&member);
        }
        longest.member_bytes -= cut.min(longest.member_bytes);
        cut > 0
    }

    /// Cuts the policies of the listener that has most of them; without them it must not serve yet. False if no
    /// listener has any.
    fn cut_policies(&mut self) -> bool {
        let Some(longest) = self.listeners.iter_mut().max_by_key(|listener| listener.policy_bytes) else {
            return false;
        };
        if longest.policies.is_empty() {
            return false;
        }
        longest.policies.clear();
        longest.policy_bytes = 0;
        longest.body.insert("admin_state_up".to_owned(), Value::Bool(false));
        true
    }

    fn into_body(self) -> Body {
        let pools = self.pools.into_iter().map(|pool| with_list(pool.body, "members", pool.members)).collect();
        let listeners =
            self.listeners.into_iter().map(|listener| with_list(listener.body, "l7policies", listener.policies));
        with_list(with_list(self.load_balancer, "pools", pools), "listeners", listeners.collect())
    }
}

/// Adds a list, unless it is empty.
fn with_list(mut body: Body, field: &str, items: Vec<Body>) -> Body {
    if !items.is_empty() {
        body.insert(field.to_owned(), json!(items));
    }
    body
}

impl CreatePool {
    fn new(key: &str, pool: &Pool) -> Self {
        let mut body = pool::create_body(key, pool);
        if let Some(monitor) = &pool.monitor {
            body.insert("healthmonitor".to_owned(), json!(health_monitor::create_body(monitor)));
        }
        let members: Vec<Body> = pool
            .members
            .known()
            .into_iter()
            .flatten()
            .map(|(key, member)| member::batch_item(key, member, None))
            .collect();
        let (bytes, member_bytes) = (item_bytes(&body) + NESTED_LIST_BYTES, members.iter().map(item_bytes).sum());
        Self { body, members, bytes, member_bytes }
    }
}

impl CreateListener {
    fn new<'a>(key: &str, listener: &Listener, pool_name: impl Fn(&Key) -> Option<&'a str>) -> Self {
        let mut body = listener::create_body(key, listener);
        if let Some(name) = listener.default_pool.as_ref().and_then(&pool_name) {
            body.insert("default_pool".to_owned(), Value::from(object([("name", json!(name))])));
        }
        let redirect_pool = |action: &L7Action| action.pool().and_then(&pool_name);
        let policies: Vec<Body> = (1..)
            .zip(&listener.policies)
            .map(|(position, policy)| l7_policy::nested_body(policy, position, redirect_pool(&policy.action)))
            .collect();
        let (bytes, policy_bytes) = (item_bytes(&body) + NESTED_LIST_BYTES, policies.iter().map(item_bytes).sum());
        Self { body, policies, bytes, policy_bytes }
    }
}
