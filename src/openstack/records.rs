//! Octavia's records as they arrive: the seen values, and the links by which a tree is put together.

use serde::{Deserialize, Deserializer};

use crate::model::{
    Id, IdRef, ObservedL7Policy, ObservedL7Rule, ObservedListener, ObservedLoadBalancer, ObservedMember,
    ObservedMonitor, ObservedPool, ObservedTree, Provisioning,
};

/// `null` and absent both mean empty.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct LoadBalancerRecord {
    #[serde(flatten)]
    pub(super) seen: ObservedLoadBalancer,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) listeners: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) pools: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListenerRecord {
    #[serde(flatten)]
    pub(super) seen: ObservedListener,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) loadbalancers: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) l7policies: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PoolRecord {
    #[serde(flatten)]
    pub(super) seen: ObservedPool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) loadbalancers: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) members: Vec<IdRef>,
    /// Octavia leaves the key out of pools without a monitor.
    #[serde(default)]
    pub(super) healthmonitor_id: Option<Id>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct MonitorRecord {
    #[serde(flatten)]
    pub(super) seen: ObservedMonitor,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) pools: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PolicyRecord {
    #[serde(flatten)]
    pub(super) seen: ObservedL7Policy,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) rules: Vec<IdRef>,
}

/// The answer to the POST of a whole tree: the only one in which Octavia nests everything.
#[derive(Deserialize)]
pub(super) struct Created {
    loadbalancer: CreatedLoadBalancer,
}

#[derive(Deserialize)]
struct CreatedLoadBalancer {
    #[serde(flatten)]
    seen: ObservedLoadBalancer,
    #[serde(default, deserialize_with = "null_as_default")]
    listeners: Vec<CreatedListener>,
    #[serde(default, deserialize_with = "null_as_default")]
    pools: Vec<CreatedPool>,
}

#[derive(Deserialize)]
struct CreatedListener {
    #[serde(flatten)]
    seen: ObservedListener,
    #[serde(default, deserialize_with = "null_as_default")]
    l7policies: Vec<CreatedPolicy>,
}

#[derive(Deserialize)]
struct CreatedPolicy {
    #[serde(flatten)]
    seen: ObservedL7Policy,
    #[serde(default, deserialize_with = "null_as_default")]
    rules: Vec<ObservedL7Rule>,
}

#[derive(Deserialize)]
struct CreatedPool {
    #[serde(flatten)]
    seen: ObservedPool,
    #[serde(default, deserialize_with = "null_as_default")]
    members: Vec<ObservedMember>,
    healthmonitor: Option<ObservedMonitor>,
}

impl Created {
    pub(super) fn into_tree(self) -> ObservedTree {
        let CreatedLoadBalancer { seen, listeners, pools } = self.loadbalancer;
        let policy = |CreatedPolicy { seen, rules }| ObservedL7Policy { rules, ..seen };
        let listener = |CreatedListener { seen, l7policies }| ObservedListener {
            policies: l7policies.into_iter().map(policy).collect(),
            ..seen
        };
        let pool =
            |CreatedPool { seen, members, healthmonitor }| ObservedPool { members, monitor: healthmonitor, ..seen };
        let mut tree = ObservedTree {
            load_balancer: seen,
            listeners: listeners.into_iter().map(listener).collect(),
            pools: pools.into_iter().map(pool).collect(),
            ..ObservedTree::default()
        };
        put_in_order(&mut tree);
        tree
    }
}

/// Octavia gives lists in no order that can be relied on.
pub(super) fn put_in_order(tree: &mut ObservedTree) {
    tree.listeners.sort_by(|a, b| (a.protocol_port, &a.protocol, &a.id).cmp(&(b.protocol_port, &b.protocol, &b.id)));
    for listener in &mut tree.listeners {
        listener.policies.sort_by(|a, b| (a.position, &a.id).cmp(&(b.position, &b.id)));
        for policy in &mut listener.policies {
            policy.rules.sort_by(|a, b| a.id.cmp(&b.id));
        }
    }
    tree.pools.sort_by(|a, b| a.id.cmp(&b.id));
    for pool in &mut tree.pools {
        pool.members.sort_by(|a, b| (&a.address, a.protocol_port, &a.id).cmp(&(&b.address, b.protocol_port, &b.id)));
    }
    tree.floating_ips.sort_by(|a, b| a.id.cmp(&b.id));
}

/// `GET /loadbalancers/{id}/status`: states only, and only of what a listener leads to.
#[derive(Deserialize)]
pub(super) struct StatusAnswer {
    pub(super) statuses: StatusRoot,
}

#[derive(Deserialize)]
pub(super) struct StatusRoot {
    pub(super) loadbalancer: StatusNode,
}

/// One object and those below it, whatever its kind.
#[derive(Deserialize)]
pub(super) struct StatusNode {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) provisioning_status: Provisioning,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) operating_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) listeners: Vec<StatusNode>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) pools: Vec<StatusNode>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) members: Vec<StatusNode>,
    #[serde(default)]
    pub(super) health_monitor: Option<Box<StatusNode>>,
}
