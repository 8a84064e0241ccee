//! The parts of a load balancer's tree, which Octavia gives in separate lists, and their assembly to one tree.

use std::collections::HashMap;

use super::records::{ListenerRecord, MonitorRecord, PolicyRecord, PoolRecord, sort_tree};
use crate::model::{
    Id, ObservedFloatingIp, ObservedL7Policy, ObservedL7Rule, ObservedListener, ObservedLoadBalancer, ObservedMember,
    ObservedPool, ObservedTree,
};

/// The records of one tree, before they are put together. Each record names its children by id only.
#[derive(Default)]
pub(in crate::openstack) struct TreeParts {
    pub(in crate::openstack) load_balancer: ObservedLoadBalancer,
    pub(in crate::openstack) listeners: Vec<ListenerRecord>,
    pub(in crate::openstack) pools: Vec<PoolRecord>,
    /// Possibly with monitors of other load balancers: one list of the project may have been cheaper than many reads.
    pub(in crate::openstack) monitors: Vec<MonitorRecord>,
    pub(in crate::openstack) policies: Vec<PolicyRecord>,
    /// By the id of their pool.
    pub(in crate::openstack) members: HashMap<Id, Vec<ObservedMember>>,
    /// By the id of their L7 policy.
    pub(in crate::openstack) rules: HashMap<Id, Vec<ObservedL7Rule>>,
    pub(in crate::openstack) floating_ips: Vec<ObservedFloatingIp>,
}

/// The result of one read below the listeners and pools. These reads run in parallel, so each says which part it is.
pub(super) enum Detail {
    Monitors(Vec<MonitorRecord>),
    Policies(Vec<PolicyRecord>),
    Members { pool: Id, members: Vec<ObservedMember> },
    Rules { policy: Id, rules: Vec<ObservedL7Rule> },
}

impl TreeParts {
    /// Adds the results of reads to the parts of their kind.
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

    /// Puts the tree together. `None` when a record names a child that no read has found: the tree changed between the
    /// reads.
    pub(in crate::openstack) fn assemble(self) -> Option<ObservedTree> {
        let Self { load_balancer, listeners, pools, monitors, policies, mut members, mut rules, floating_ips } = self;
        let mut policies_by_id: HashMap<Id, PolicyRecord> =
            policies.into_iter().map(|policy| (policy.observed.id.clone(), policy)).collect();
        let mut monitors_by_id: HashMap<Id, MonitorRecord> =
            monitors.into_iter().map(|monitor| (monitor.observed.id.clone(), monitor)).collect();
        let mut tree = ObservedTree { load_balancer, floating_ips, ..ObservedTree::default() };
        for ListenerRecord { observed, l7policies, .. } in listeners {
            let mut policies = Vec::with_capacity(l7policies.len());
            for policy in l7policies {
                let PolicyRecord { observed, rules: rule_ids } = policies_by_id.remove(&policy.id)?;
                // The rules of a policy without any are not read.
                let rules = if rule_ids.is_empty() { Vec::new() } else { rules.remove(&observed.id)? };
                policies.push(ObservedL7Policy { rules, ..observed });
            }
            tree.listeners.push(ObservedListener { policies, ..observed });
        }
        for PoolRecord { observed, members: member_ids, healthmonitor_id, .. } in pools {
            let monitor = match healthmonitor_id {
                Some(id) => Some(monitors_by_id.remove(&id)?.observed),
                None => None,
            };
            let members = if member_ids.is_empty() { Vec::new() } else { members.remove(&observed.id)? };
            tree.pools.push(ObservedPool { monitor, members, ..observed });
        }
        sort_tree(&mut tree);
        Some(tree)
    }
}
