//! Looking at one load balancer and everything under it.

use std::collections::HashMap;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::Deserialize;

use super::neutron::unwatched_port;
use super::pagination::{Budget, Listing};
use super::records::{ListenerRecord, MonitorRecord, PolicyRecord, PoolRecord, StatusAnswer, StatusNode, put_in_order};
use super::session::{ApiRequest, Service, Session};
use super::{CloudError, ErrorClass};
use crate::model::{
    Id, ObservedFloatingIp, ObservedL7Policy, ObservedL7Rule, ObservedListener, ObservedLoadBalancer, ObservedMember,
    ObservedPool, ObservedTree, Owner, Provisioning, TreeQuery,
};

const LOAD_BALANCERS: &str = "/v2/lbaas/loadbalancers";
/// Reads in flight for one tree.
const READS_AT_ONCE: usize = 4;
/// So many health monitors are read one by one; more by one list of the project's.
const FEW_MONITORS: usize = 4;

/// Everything that a tree is put together from.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) load_balancer: ObservedLoadBalancer,
    pub(super) listeners: Vec<ListenerRecord>,
    pub(super) pools: Vec<PoolRecord>,
    pub(super) monitors: Vec<MonitorRecord>,
    pub(super) policies: Vec<PolicyRecord>,
    /// By pool.
    pub(super) members: HashMap<Id, Vec<ObservedMember>>,
    /// By policy.
    pub(super) rules: HashMap<Id, Vec<ObservedL7Rule>>,
    pub(super) floating_ips: Vec<ObservedFloatingIp>,
}

impl Parts {
    /// `None` when the parts do not fit together: they were read while the tree changed.
    pub(super) fn assemble(self) -> Option<ObservedTree> {
        let Self { load_balancer, listeners, pools, monitors, policies, mut members, mut rules, floating_ips } = self;
        let mut policies: HashMap<Id, PolicyRecord> = policies.into_iter().map(|p| (p.seen.id.clone(), p)).collect();
        let mut monitors: HashMap<Id, MonitorRecord> = monitors.into_iter().map(|m| (m.seen.id.clone(), m)).collect();
        let mut tree = ObservedTree { load_balancer, floating_ips, ..ObservedTree::default() };
        for ListenerRecord { seen, l7policies, .. } in listeners {
            let mut own = Vec::with_capacity(l7policies.len());
            for id in l7policies {
                let PolicyRecord { seen, rules: ids } = policies.remove(&id.id)?;
                let rules = if ids.is_empty() { Vec::new() } else { rules.remove(&seen.id)? };
                own.push(ObservedL7Policy { rules, ..seen });
            }
            tree.listeners.push(ObservedListener { policies: own, ..seen });
        }
        for PoolRecord { seen, members: ids, healthmonitor_id, .. } in pools {
            let monitor = match healthmonitor_id {
                Some(id) => Some(monitors.remove(&id)?.seen),
                None => None,
            };
            let members = if ids.is_empty() { Vec::new() } else { members.remove(&seen.id)? };
            tree.pools.push(ObservedPool { monitor, members, ..seen });
        }
        put_in_order(&mut tree);
        Some(tree)
    }
}

/// One of the independent reads below listeners and pools.
enum Detail {
    Monitors(Vec<MonitorRecord>),
    Policies(Vec<PolicyRecord>),
    Members(Id, Vec<ObservedMember>),
    Rules(Id, Vec<ObservedL7Rule>),
}

impl Session {
    /// One load balancer; `None` when Octavia says that there is none.
    pub(super) async fn load_balancer(&self, id: &str) -> Result<Option<ObservedLoadBalancer>, CloudError> {
        #[derive(Deserialize)]
        struct Root {
            loadbalancer: ObservedLoadBalancer,
        }
        let ask = ApiRequest::get(Service::LoadBalancer, LOAD_BALANCERS).path_segment(id);
        match self.send(&ask).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            answer => Ok(Some(answer?.json::<Root>()?.loadbalancer)),
        }
    }

    /// The load balancers of this place in any life of its object, by tags. Octavia's database may compare tags without
    /// case, so they are compared again here.
    pub(super) async fn find(&self, owner: &Owner) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        let listing =
            self.of_project(Listing::octavia("loadbalancers")).await?.query("tags", owner.place_tags().join(","));
        let mut found = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        found.retain(|seen| owner.owns(&seen.tags) || owner.can_take_over(&seen.tags));
        Ok(found)
    }

    /// The load balancers that use this port as their VIP.
    pub(super) async fn on_port(&self, port: &str) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        let listing = self.of_project(Listing::octavia("loadbalancers")).await?.query("vip_port_id", port);
        let mut found = self.list::<ObservedLoadBalancer>(&listing).await?.items;
        found.retain(|seen| seen.provisioning_status != Provisioning::Deleted);
        Ok(found)
    }

    /// Lists without a project span all of them for an administrator.
    pub(super) async fn of_project(&self, listing: Listing) -> Result<Listing, CloudError> {
        let login = self.login(None).await?;
        Ok(listing.query("project_id", login.project.id.clone()))
    }

    /// The whole tree, read now. One that changes meanwhile is read once more.
    ///
    /// # Errors
    /// `Locked` when it keeps changing, `Gone` when it went.
    pub(super) async fn tree(
        &self,
        load_balancer: ObservedLoadBalancer,
        interest: TreeQuery<'_>,
    ) -> Result<ObservedTree, CloudError> {
        let id = load_balancer.id.clone();
        let mut first = load_balancer;
        for _ in 0..2 {
            let tree = self.read_tree(&first, interest).await?;
            let last = self.load_balancer(&id).await?.ok_or_else(|| self.vanished(&id))?;
            let same = first.updated_at == last.updated_at && first.provisioning_status == last.provisioning_status;
            if let Some(tree) = tree.filter(|_| same) {
                return Ok(ObservedTree { load_balancer: last, ..tree });
            }
            first = last;
        }
        let ask = ApiRequest::get(Service::LoadBalancer, LOAD_BALANCERS).path_segment(&id);
        Err(ask.failed(ErrorClass::Locked, format!("load balancer {id} changes while it is being read")))
    }

    fn vanished(&self, id: &str) -> CloudError {
        let ask = ApiRequest::get(Service::LoadBalancer, LOAD_BALANCERS).path_segment(id);
        ask.failed(ErrorClass::NotFound, format!("load balancer {id} went while it was being read"))
    }

    async fn read_tree(
        &self,
        of: &ObservedLoadBalancer,
        interest: TreeQuery<'_>,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let budget = &Budget::default();
        let below = |collection| async move {
            let listing = self.of_project(Listing::octavia(collection).with_budget(budget)).await?;
            Ok::<_, CloudError>(listing.query("loadbalancer_id", of.id.clone()))
        };
        let listeners = async { self.list::<ListenerRecord>(&below("listeners").await?).await };
        let pools = async { self.list::<PoolRecord>(&below("pools").await?).await };
        let floating_ips = self.floating_ips(interest, of.vip_port_id.as_deref());
        let (listeners, pools, floating_ips) = futures::try_join!(listeners, pools, floating_ips)?;
        let on = |port: &str| floating_ips.iter().any(|seen| seen.port_id.as_deref() == Some(port));
        let unwatched = unwatched_port(of, on);
        let mut parts = Parts {
            load_balancer: of.clone(),
            listeners: listeners.items,
            pools: pools.items,
            floating_ips,
            ..Parts::default()
        };
        let port_gone = async {
            match unwatched {
                Some(port) => self.is_port_gone(port, budget).await,
                None => Ok(false),
            }
        };
        match futures::try_join!(self.read_details(&mut parts, budget), port_gone) {
            // A child that was listed a moment ago.
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(((), vip_port_gone)) => Ok(parts.assemble().map(|tree| ObservedTree { vip_port_gone, ..tree })),
        }
    }

    async fn read_details(&self, parts: &mut Parts, budget: &Budget) -> Result<(), CloudError> {
        let mut reads: Vec<BoxFuture<'_, Result<Detail, CloudError>>> = Vec::new();
        let monitors: Vec<Id> = parts.pools.iter().filter_map(|p| p.healthmonitor_id.clone()).collect();
        if monitors.len() <= FEW_MONITORS {
            reads.extend(monitors.into_iter().map(|id| self.monitor(id).boxed()));
        } else {
            reads.push(self.monitors(budget).boxed());
        }
        let listeners = parts.listeners.iter().filter(|l| !l.l7policies.is_empty());
        reads.extend(listeners.map(|l| self.policies(l.seen.id.clone(), budget).boxed()));
        let pools = parts.pools.iter().filter(|p| !p.members.is_empty());
        reads.extend(pools.map(|p| self.members(p.seen.id.clone(), budget).boxed()));
        parts.take(all(reads).await?);
        let policies = parts.policies.iter().filter(|p| !p.rules.is_empty());
        let reads = policies.map(|p| self.rules(p.seen.id.clone(), budget).boxed()).collect();
        let rules = all(reads).await?;
        parts.take(rules);
        Ok(())
    }

    /// Members of these pools and rules of these policies, for a tree whose other parts are known.
    pub(super) async fn read_leaves(
        &self,
        parts: &mut Parts,
        pools: Vec<Id>,
        policies: Vec<Id>,
    ) -> Result<(), CloudError> {
        let budget = &Budget::default();
        let mut reads: Vec<BoxFuture<'_, Result<Detail, CloudError>>> = Vec::new();
        reads.extend(pools.into_iter().map(|id| self.members(id, budget).boxed()));
        reads.extend(policies.into_iter().map(|id| self.rules(id, budget).boxed()));
        parts.take(all(reads).await?);
        Ok(())
    }

    async fn monitor(&self, id: Id) -> Result<Detail, CloudError> {
        #[derive(Deserialize)]
        struct Root {
            healthmonitor: MonitorRecord,
        }
        let ask = ApiRequest::get(Service::LoadBalancer, "/v2/lbaas/healthmonitors").path_segment(&id);
        Ok(Detail::Monitors(vec![self.send(&ask).await?.json::<Root>()?.healthmonitor]))
    }

    async fn monitors(&self, budget: &Budget) -> Result<Detail, CloudError> {
        let listing = self.of_project(Listing::octavia("healthmonitors").with_budget(budget)).await?;
        Ok(Detail::Monitors(self.list(&listing).await?.items))
    }

    async fn policies(&self, listener: Id, budget: &Budget) -> Result<Detail, CloudError> {
        let listing = self.of_project(Listing::octavia("l7policies").with_budget(budget)).await?;
        let listing = listing.query("listener_id", listener);
        Ok(Detail::Policies(self.list(&listing).await?.items))
    }

    async fn members(&self, pool: Id, budget: &Budget) -> Result<Detail, CloudError> {
        let members = self.list(&Listing::members(&pool).with_budget(budget)).await?.items;
        Ok(Detail::Members(pool, members))
    }

    async fn rules(&self, policy: Id, budget: &Budget) -> Result<Detail, CloudError> {
        let rules = self.list(&Listing::rules(&policy).with_budget(budget)).await?.items;
        Ok(Detail::Rules(policy, rules))
    }

    /// A tree that was just made, with the states that it has by now: one call, where that shows everything.
    pub(super) async fn confirm(
        &self,
        made: ObservedTree,
        interest: TreeQuery<'_>,
    ) -> Result<ObservedTree, CloudError> {
        let id = made.load_balancer.id.clone();
        let ask = ApiRequest::get(Service::LoadBalancer, LOAD_BALANCERS).path_segment(&id).path_segment("status");
        let statuses = async { self.send(&ask).await?.json::<StatusAnswer>() };
        let floating_ips = self.floating_ips(interest, made.load_balancer.vip_port_id.as_deref());
        let (statuses, floating_ips) = futures::try_join!(statuses, floating_ips)?;
        match with_statuses(made, statuses.statuses.loadbalancer) {
            Some(tree) => Ok(ObservedTree { floating_ips, ..tree }),
            None => {
                let now = self.load_balancer(&id).await?.ok_or_else(|| self.vanished(&id))?;
                self.tree(now, interest).await
            }
        }
    }
}

impl Parts {
    fn take(&mut self, details: Vec<Detail>) {
        for detail in details {
            match detail {
                Detail::Monitors(monitors) => self.monitors.extend(monitors),
                Detail::Policies(policies) => self.policies.extend(policies),
                Detail::Members(pool, members) => drop(self.members.insert(pool, members)),
                Detail::Rules(policy, rules) => drop(self.rules.insert(policy, rules)),
            }
        }
    }
}

async fn all(reads: Vec<BoxFuture<'_, Result<Detail, CloudError>>>) -> Result<Vec<Detail>, CloudError> {
    futures::stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await
}

/// The tree with these states; `None` when the answer lacks one of its objects or has others: policies, rules and pools
/// without a listener are never in it.
fn with_statuses(mut tree: ObservedTree, root: StatusNode) -> Option<ObservedTree> {
    if tree.listeners.iter().any(|listener| !listener.policies.is_empty()) {
        return None;
    }
    let mut states = HashMap::new();
    collect(root, &mut states);
    let mut state = |id: &str| states.remove(id);
    let lb = &mut tree.load_balancer;
    (lb.provisioning_status, lb.operating_status) = state(&lb.id)?;
    for listener in &mut tree.listeners {
        (listener.provisioning_status, listener.operating_status) = state(&listener.id)?;
    }
    for pool in &mut tree.pools {
        (pool.provisioning_status, pool.operating_status) = state(&pool.id)?;
        if let Some(monitor) = &mut pool.monitor {
            (monitor.provisioning_status, monitor.operating_status) = state(&monitor.id)?;
        }
        for member in &mut pool.members {
            (member.provisioning_status, member.operating_status) = state(&member.id)?;
        }
    }
    states.is_empty().then_some(tree)
}

fn collect(node: StatusNode, states: &mut HashMap<Id, (Provisioning, String)>) {
    let StatusNode { id, provisioning_status, operating_status, listeners, pools, members, health_monitor } = node;
    states.insert(id, (provisioning_status, operating_status));
    let below = listeners.into_iter().chain(pools).chain(members).chain(health_monitor.map(|monitor| *monitor));
    below.for_each(|node| collect(node, states));
}
