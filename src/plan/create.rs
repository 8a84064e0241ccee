//! The single POST: a load balancer with everything under it, in one write.

use serde_json::{Value, json};

use super::diff::object;
use super::member::size_of;
use super::{MAX_BODY, health_monitor, l7_policy, listener, load_balancer, member, pool};
use crate::model::{Body, Call, Desired, Key, Kind, L7Action, Listener, Pool, Step};

/// The whole tree in one `POST /loadbalancers`, at most [`MAX_BODY`] large. What does not fit is left to
/// [`change`](super::change()): members first, the longest lists, then policies, then listeners, then pools.
///
/// Pools are referred to by name, so their names have to differ. `attempt` is written down on the load balancer, so that
/// a lost answer can be told from no answer.
pub fn create(desired: &Desired, attempt: &str) -> Step {
    let mut draft = CreateBody::new(desired, attempt);
    draft.shrink();
    let name = &desired.load_balancer.name;
    Step::new(Kind::LoadBalancer, name, Call::CreateLoadBalancer { body: draft.body() })
}

/// The parts of the body with their sizes, so that the largest can be cut without printing the whole again.
struct CreateBody {
    top: Body,
    pools: Vec<DraftPool>,
    listeners: Vec<DraftListener>,
}

struct DraftPool {
    body: Body,
    members: Vec<Body>,
    bytes: usize,
    member_bytes: usize,
}

struct DraftListener {
    body: Body,
    policies: Vec<Body>,
    bytes: usize,
    policy_bytes: usize,
}

impl CreateBody {
    fn new(desired: &Desired, attempt: &str) -> Self {
        let pool_name = |key: &Key| desired.pools.get(key).map(|pool| pool.name.as_str());
        Self {
            top: load_balancer::body(desired, attempt),
            pools: desired.pools.iter().map(|(key, pool)| DraftPool::new(key, pool)).collect(),
            listeners: desired.listeners.iter().map(|(key, want)| DraftListener::new(key, want, pool_name)).collect(),
        }
    }

    fn bytes(&self) -> usize {
        let pools: usize = self.pools.iter().map(|pool| pool.bytes + pool.member_bytes).sum();
        let listeners: usize = self.listeners.iter().map(|listener| listener.bytes + listener.policy_bytes).sum();
        // The root key, and those of the two lists.
        size_of(&self.top) + pools + listeners + 64
    }

    fn shrink(&mut self) {
        while self.bytes() > MAX_BODY && self.cut_members() {}
        while self.bytes() > MAX_BODY && self.cut_policies() {}
        while self.bytes() > MAX_BODY && self.listeners.pop().is_some() {}
        while self.bytes() > MAX_BODY && self.pools.pop().is_some() {}
    }

    /// Takes some of the longest list, at least one.
    fn cut_members(&mut self) -> bool {
        let excess = self.bytes().saturating_sub(MAX_BODY);
        let Some(longest) = self.pools.iter_mut().max_by_key(|pool| pool.member_bytes) else { return false };
        let mut cut = 0;
        while cut < excess.min(longest.member_bytes.div_ceil(2)) {
            let Some(member) = longest.members.pop() else { break };
            cut += size_of(&member);
        }
        longest.member_bytes -= cut.min(longest.member_bytes);
        cut > 0
    }

    /// Takes the policies of the listener that has most of them; without them it must not serve yet.
    fn cut_policies(&mut self) -> bool {
        let Some(longest) = self.listeners.iter_mut().max_by_key(|l| l.policy_bytes) else { return false };
        if longest.policies.is_empty() {
            return false;
        }
        longest.policies.clear();
        longest.policy_bytes = 0;
        longest.body.insert("admin_state_up".to_owned(), Value::Bool(false));
        true
    }

    fn body(self) -> Body {
        let mut body = self.top;
        let pools: Vec<Body> = self.pools.into_iter().map(|pool| with(pool.body, "members", pool.members)).collect();
        let listeners: Vec<Body> =
            self.listeners.into_iter().map(|listener| with(listener.body, "l7policies", listener.policies)).collect();
        body = with(body, "pools", pools);
        with(body, "listeners", listeners)
    }
}

fn with(mut body: Body, field: &str, items: Vec<Body>) -> Body {
    if !items.is_empty() {
        body.insert(field.to_owned(), json!(items));
    }
    body
}

impl DraftPool {
    fn new(key: &str, pool: &Pool) -> Self {
        let mut body = pool::body(key, pool);
        if let Some(monitor) = &pool.monitor {
            body.insert("healthmonitor".to_owned(), json!(health_monitor::body(monitor)));
        }
        let members: Vec<Body> = pool.members.iter().map(|(key, member)| member::item(key, member, None)).collect();
        let (bytes, member_bytes) = (size_of(&body) + 16, members.iter().map(size_of).sum());
        Self { body, members, bytes, member_bytes }
    }
}

impl DraftListener {
    fn new<'a>(key: &str, want: &Listener, pool_name: impl Fn(&Key) -> Option<&'a str>) -> Self {
        let mut body = listener::body(key, want);
        if let Some(name) = want.default_pool.as_ref().and_then(&pool_name) {
            body.insert("default_pool".to_owned(), Value::from(object([("name", json!(name))])));
        }
        let redirect = |action: &L7Action| action.pool().and_then(&pool_name);
        let policies: Vec<Body> =
            (1..).zip(&want.policies).map(|(at, p)| l7_policy::nested_body(p, at, redirect(&p.action))).collect();
        let (bytes, policy_bytes) = (size_of(&body) + 16, policies.iter().map(size_of).sum());
        Self { body, policies, bytes, policy_bytes }
    }
}
