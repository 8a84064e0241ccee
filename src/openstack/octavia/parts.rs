//! The separately read parts of a tree, and their assembly.

use std::collections::HashMap;

use super::records::{ListenerRecord, MonitorRecord, PolicyRecord, PoolRecord, sort_tree};
use crate::model::{
    Id, ObservedFloatingIp, ObservedL7Policy, ObservedL7Rule, ObservedListener, ObservedLoadBalancer, ObservedMember,
    ObservedPool, ObservedTree,
};

/// All records of one tree.
#[derive(Default)]
pub(in crate::openstack) struct TreeParts {
    pub(in crate::openstack) load_balancer: ObservedLoadBalancer,
    pub(in crate::openstack) listeners: Vec<ListenerRecord>,
    pub(in crate::openstack) pools: Vec<PoolRecord>,
    pub(in crate::openstack) monitors: Vec<MonitorRecord>,
    pub(in crate::openstack) policies: Vec<PolicyRecord>,
    /// By pool.
    pub(in crate::openstack) members: HashMap<Id, Vec<ObservedMember>>,
    /// By L7 policy.
    pub(in crate::openstack) rules: HashMap<Id, Vec<ObservedL7Rule>>,
    pub(in crate::openstack) floating_ips: Vec<ObservedFloatingIp>,
}

/// The result of one independent read below listeners and pools.
pub(super) enum Detail {
    Monitors(Vec<MonitorRecord>),
    Policies(Vec<PolicyRecord>),
    Members { pool: Id, members: Vec<ObservedMember> },
    Rules { policy: Id, rules: Vec<ObservedL7Rule> },
}

impl TreeParts {
    pub(super) fn add(&mut self, details: Vec<Detail>) {
        for detail in details {
            match detail {
                Detail::Monitors(monitors) => self.monitors.extend(monitors),
                Detail::Policies(policies) => self.policies.extend(policies),
                Detail::Members { pool, members } => {
                    self.members.insert(pool, members);
                }
                Detail::Rules { policy, rules } => {
                    self.rules.insert(policy, rules);
                }
            }
        }
    }

    /// Puts the tree together; `None` when parts are missing, because the tree changed between the reads.
    pub(in crate::openstack) fn assemble(self) -> Option<ObservedTree> {
        let Self { load_balancer, listeners, pools, monitors, policies, mut members, mut rules, floating_ips } = self;
        let mut policies: HashMap<Id, PolicyRecord> =
            policies.into_iter().map(|policy| (policy.observed.id.clone(), policy)).collect();
        let mut monitors: HashMap<Id, MonitorRecord> =
            monitors.into_iter().map(|monitor| (monitor.observed.id.clone(), monitor)).collect();
        let mut tree = ObservedTree { load_balancer, floating_ips, ..ObservedTree::default() };
        for ListenerRecord { observed, l7policies, .. } in listeners {
            let mut own = Vec::with_capacity(l7policies.len());
            for id in l7policies {
                let PolicyRecord { observed, rules: ids } = policies.remove(&id.id)?;
                let rules = if ids.is_empty() { Vec::new() } else { rules.remove(&observed.id)? };
                own.push(ObservedL7Policy { rules, ..observed });
            }
            tree.listeners.push(ObservedListener { policies: own, ..observed });
        }
        for PoolRecord { observed, members: ids, healthmonitor_id, .. } in pools {
            let monitor = match healthmonitor_id {
                Some(id) => Some(monitors.remove(&id)?.observed),
                None => None,
            };
            let members = if ids.is_empty() { Vec::new() } else { members.remove(&observed.id)? };
            tree.pools.push(ObservedPool { monitor, members, ..observed });
        }
        sort_tree(&mut tree);
        Some(tree)
    }
}
