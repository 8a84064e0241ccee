//! Confirmation of a created tree by Octavia's status call, which shows the states of a whole tree at once.

use std::collections::HashMap;

use super::records::{StatusNode, StatusResponse};
use crate::model::{Id, ObservedTree, Provisioning, TreeQuery};
use crate::openstack::collections::LOAD_BALANCERS;
use crate::openstack::http::CloudError;
use crate::openstack::session::Session;

/// The two states of one object.
struct States {
    provisioning: Provisioning,
    operating: String,
}

impl Session {
    /// A created tree with its current states: one call, or a full read if that call does not show every object.
    pub(in crate::openstack) async fn confirm(
        &self,
        created: ObservedTree,
        query: TreeQuery<'_>,
    ) -> Result<ObservedTree, CloudError> {
        let id = created.load_balancer.id.clone();
        let request = LOAD_BALANCERS.item(&id).path_segment("status");
        let statuses = async { self.send(&request).await?.json::<StatusResponse>() };
        let floating_ips = self.floating_ips(query, created.load_balancer.vip_port_id.as_deref());
        let (statuses, floating_ips) = futures::try_join!(statuses, floating_ips)?;
        match with_states(created, statuses.statuses.loadbalancer) {
            Some(tree) => Ok(ObservedTree { floating_ips, ..tree }),
            None => self.tree(self.existing_load_balancer(&id).await?, query).await,
        }
    }
}

/// The tree with these states; `None` when the response lacks one of its objects or has others. It never has L7 policies,
/// rules, and pools without a listener.
fn with_states(mut tree: ObservedTree, root: StatusNode) -> Option<ObservedTree> {
    if tree.listeners.iter().any(|listener| !listener.policies.is_empty()) {
        return None;
    }
    let mut states = HashMap::new();
    collect(root, &mut states);
    let mut set = |id: &Id, provisioning: &mut Provisioning, operating: &mut String| {
        let found = states.remove(id)?;
        (*provisioning, *operating) = (found.provisioning, found.operating);
        Some(())
    };
    let load_balancer = &mut tree.load_balancer;
    set(&load_balancer.id, &mut load_balancer.provisioning_status, &mut load_balancer.operating_status)?;
    for listener in &mut tree.listeners {
        set(&listener.id, &mut listener.provisioning_status, &mut listener.operating_status)?;
    }
    for pool in &mut tree.pools {
        set(&pool.id, &mut pool.provisioning_status, &mut pool.operating_status)?;
        if let Some(monitor) = &mut pool.monitor {
            set(&monitor.id, &mut monitor.provisioning_status, &mut monitor.operating_status)?;
        }
        for member in &mut pool.members {
            set(&member.id, &mut member.provisioning_status, &mut member.operating_status)?;
        }
    }
    states.is_empty().then_some(tree)
}

fn collect(node: StatusNode, states: &mut HashMap<Id, States>) {
    let StatusNode { id, provisioning_status, operating_status, listeners, pools, members, health_monitor } = node;
    states.insert(id, States { provisioning: provisioning_status, operating: operating_status });
    let below = listeners.into_iter().chain(pools).chain(members).chain(health_monitor.map(|monitor| *monitor));
    below.for_each(|node| collect(node, states));
}
