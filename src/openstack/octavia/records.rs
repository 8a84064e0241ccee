//! Octavia's records as it sends them: the observed values, and the links from which a tree is put together.

use serde::Deserialize;

use crate::model::{
    Id, IdRef, ObservedL7Policy, ObservedL7Rule, ObservedListener, ObservedLoadBalancer, ObservedMember,
    ObservedMonitor, ObservedPool, ObservedTree, Provisioning, null_as_default,
};

#[derive(Debug, Clone, Deserialize)]
pub(in crate::openstack) struct LoadBalancerRecord {
    #[serde(flatten)]
    pub(in crate::openstack) observed: ObservedLoadBalancer,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) listeners: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) pools: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::openstack) struct ListenerRecord {
    #[serde(flatten)]
    pub(in crate::openstack) observed: ObservedListener,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) loadbalancers: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) l7policies: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::openstack) struct PoolRecord {
    #[serde(flatten)]
    pub(in crate::openstack) observed: ObservedPool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) loadbalancers: Vec<IdRef>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) members: Vec<IdRef>,
    /// Octavia omits the key for pools without a monitor.
    #[serde(default)]
    pub(in crate::openstack) healthmonitor_id: Option<Id>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::openstack) struct MonitorRecord {
    #[serde(flatten)]
    pub(in crate::openstack) observed: ObservedMonitor,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) pools: Vec<IdRef>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::openstack) struct PolicyRecord {
    #[serde(flatten)]
    pub(in crate::openstack) observed: ObservedL7Policy,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) rules: Vec<IdRef>,
}

/// The response to the create of a whole tree: the only one in which Octavia nests all objects.
#[derive(Deserialize)]
pub(in crate::openstack) struct Created {
    loadbalancer: CreatedLoadBalancer,
}

#[derive(Deserialize)]
struct CreatedLoadBalancer {
    #[serde(flatten)]
    observed: ObservedLoadBalancer,
    #[serde(default, deserialize_with = "null_as_default")]
    listeners: Vec<CreatedListener>,
    #[serde(default, deserialize_with = "null_as_default")]
    pools: Vec<CreatedPool>,
}

#[derive(Deserialize)]
struct CreatedListener {
    #[serde(flatten)]
    observed: ObservedListener,
    #[serde(default, deserialize_with = "null_as_default")]
    l7policies: Vec<CreatedPolicy>,
}

#[derive(Deserialize)]
struct CreatedPolicy {
    #[serde(flatten)]
    observed: ObservedL7Policy,
    #[serde(default, deserialize_with = "null_as_default")]
    rules: Vec<ObservedL7Rule>,
}

#[derive(Deserialize)]
struct CreatedPool {
    #[serde(flatten)]
    observed: ObservedPool,
    #[serde(default, deserialize_with = "null_as_default")]
    members: Vec<ObservedMember>,
    healthmonitor: Option<ObservedMonitor>,
}

impl Created {
    pub(in crate::openstack) fn into_tree(self) -> ObservedTree {
        let CreatedLoadBalancer { observed, listeners, pools } = self.loadbalancer;
        let policy = |CreatedPolicy { observed, rules }| ObservedL7Policy { rules, ..observed };
        let listener = |CreatedListener { observed, l7policies }| ObservedListener {
            policies: l7policies.into_iter().map(policy).collect(),
            ..observed
        };
        let pool = |CreatedPool { observed, members, healthmonitor }| ObservedPool {
            members,
            monitor: healthmonitor,
            ..observed
        };
        let mut tree = ObservedTree {
            load_balancer: observed,
            listeners: listeners.into_iter().map(listener).collect(),
            pools: pools.into_iter().map(pool).collect(),
            ..ObservedTree::default()
        };
        sort_tree(&mut tree);
        tree
    }
}

/// Sorts a tree, since Octavia's lists have no stable order.
pub(in crate::openstack) fn sort_tree(tree: &mut ObservedTree) {
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

/// `GET /loadbalancers/{id}/status`: the states of all objects that a listener leads to.
#[derive(Deserialize)]
pub(in crate::openstack) struct StatusResponse {
    pub(in crate::openstack) statuses: StatusRoot,
}

#[derive(Deserialize)]
pub(in crate::openstack) struct StatusRoot {
    pub(in crate::openstack) loadbalancer: StatusNode,
}

/// One object of any kind, with the objects below it.
#[derive(Deserialize)]
pub(in crate::openstack) struct StatusNode {
    pub(in crate::openstack) id: Id,
    #[serde(default)]
    pub(in crate::openstack) provisioning_status: Provisioning,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) operating_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) listeners: Vec<StatusNode>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) pools: Vec<StatusNode>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::openstack) members: Vec<StatusNode>,
    #[serde(default)]
    pub(in crate::openstack) health_monitor: Option<Box<StatusNode>>,
}
