//! Octavia's records as they arrive: the seen values, and the links by which a tree is put together.

use serde::{Deserialize, Deserializer};

use crate::model::{
    Id, IdRef, Provisioning, SeenListener, SeenLoadBalancer, SeenMember, SeenMonitor, SeenPolicy, SeenPool, SeenRule,
    Tree,
};

/// `null` and absent both mean empty.
fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct LoadBalancerRecord {
    #[serde(flatten)]
    pub(super) seen: SeenLoadBalancer,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) listeners: Vec<IdRef>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) pools: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ListenerRecord {
    #[serde(flatten)]
    pub(super) seen: SeenListener,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) loadbalancers: Vec<IdRef>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) l7policies: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PoolRecord {
    #[serde(flatten)]
    pub(super) seen: SeenPool,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) loadbalancers: Vec<IdRef>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) members: Vec<IdRef>,
    /// Octavia leaves the key out of pools without a monitor.
    #[serde(default)]
    pub(super) healthmonitor_id: Option<Id>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct MonitorRecord {
    #[serde(flatten)]
    pub(super) seen: SeenMonitor,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) pools: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PolicyRecord {
    #[serde(flatten)]
    pub(super) seen: SeenPolicy,
    #[serde(default, deserialize_with = "or_empty")]
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
    seen: SeenLoadBalancer,
    #[serde(default, deserialize_with = "or_empty")]
    listeners: Vec<CreatedListener>,
    #[serde(default, deserialize_with = "or_empty")]
    pools: Vec<CreatedPool>,
}

#[derive(Deserialize)]
struct CreatedListener {
    #[serde(flatten)]
    seen: SeenListener,
    #[serde(default, deserialize_with = "or_empty")]
    l7policies: Vec<CreatedPolicy>,
}

#[derive(Deserialize)]
struct CreatedPolicy {
    #[serde(flatten)]
    seen: SeenPolicy,
    #[serde(default, deserialize_with = "or_empty")]
    rules: Vec<SeenRule>,
}

#[derive(Deserialize)]
struct CreatedPool {
    #[serde(flatten)]
    seen: SeenPool,
    #[serde(default, deserialize_with = "or_empty")]
    members: Vec<SeenMember>,
    healthmonitor: Option<SeenMonitor>,
}

impl Created {
    pub(super) fn into_tree(self) -> Tree {
        let CreatedLoadBalancer { seen, listeners, pools } = self.loadbalancer;
        let policy = |CreatedPolicy { seen, rules }| SeenPolicy { rules, ..seen };
        let listener = |CreatedListener { seen, l7policies }| SeenListener {
            policies: l7policies.into_iter().map(policy).collect(),
            ..seen
        };
        let pool = |CreatedPool { seen, members, healthmonitor }| SeenPool { members, monitor: healthmonitor, ..seen };
        let mut tree = Tree {
            load_balancer: seen,
            listeners: listeners.into_iter().map(listener).collect(),
            pools: pools.into_iter().map(pool).collect(),
            ..Tree::default()
        };
        put_in_order(&mut tree);
        tree
    }
}

/// Octavia gives lists in no order that can be relied on.
pub(super) fn put_in_order(tree: &mut Tree) {
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
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) operating_status: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) listeners: Vec<StatusNode>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) pools: Vec<StatusNode>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) members: Vec<StatusNode>,
    #[serde(default)]
    pub(super) health_monitor: Option<Box<StatusNode>>,
}
