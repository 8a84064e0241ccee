//! One whole tree, read from Octavia and not from the cache: a load balancer and all objects below it.
//!
//! No call of Octavia shows a whole tree with its attributes. Lists of its listeners and pools come first; monitors, L7
//! policies, members and rules follow, which the list records name by id only.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::Deserialize;

use super::parts::{Detail, TreeParts};
use super::records::{ListenerRecord, MonitorRecord, PoolRecord};
use crate::model::{Id, ObservedLoadBalancer, ObservedTree, TreeQuery};
use crate::openstack::collections::{HEALTH_MONITORS, L7_POLICIES, LISTENERS, LOAD_BALANCERS, POOLS};
use crate::openstack::http::{CloudError, ErrorClass};
use crate::openstack::neutron::unwatched_port;
use crate::openstack::pagination::{Budget, Listing};
use crate::openstack::session::{PARALLEL_READS, Session};

/// The most health monitors that are read one by one. One list of all monitors of the project is cheaper for a tree
/// with more.
const MAX_SINGLE_MONITORS: usize = 4;

/// A read below listeners or pools, not yet started.
type DetailRead<'a> = BoxFuture<'a, Result<Detail, CloudError>>;

impl Session {
    /// Reads the whole tree, and reads it again if it changed meanwhile: a mixture of two states must never be planned
    /// against.
    ///
    /// `updated_at` changes with every object of the tree, but only once a second, so the status is compared as well.
    ///
    /// # Errors
    /// `Locked` when the second read saw a change too, `NotFound` when the load balancer was deleted.
    pub(in crate::openstack) async fn tree(
        &self,
        load_balancer: ObservedLoadBalancer,
        query: TreeQuery<'_>,
    ) -> Result<ObservedTree, CloudError> {
        let id = load_balancer.id.clone();
        let mut before = load_balancer;
        for _ in 0..2 {
            let tree = self.read_tree(&before, query).await?;
            let after = self.existing_load_balancer(&id).await?;
            let unchanged =
                before.updated_at == after.updated_at && before.provisioning_status == after.provisioning_status;
            if let Some(tree) = tree.filter(|_| unchanged) {
                return Ok(ObservedTree { load_balancer: after, ..tree });
            }
            before = after;
        }
        let message = format!("load balancer {id} changes while it is being read");
        Err(LOAD_BALANCERS.item(&id).failed(ErrorClass::Locked, message))
    }

    /// Reads a load balancer that existed a moment ago.
    ///
    /// # Errors
    /// `NotFound` when it was deleted meanwhile.
    pub(super) async fn existing_load_balancer(&self, id: &str) -> Result<ObservedLoadBalancer, CloudError> {
        self.load_balancer(id).await?.ok_or_else(|| {
            let message = format!("load balancer {id} was deleted while it was being read");
            LOAD_BALANCERS.item(id).failed(ErrorClass::NotFound, message)
        })
    }

    /// Reads the tree once, with its floating IPs and the state of its VIP port; `None` when it changed between the
    /// calls. Octavia's lists share one memory budget.
    async fn read_tree(
        &self,
        load_balancer: &ObservedLoadBalancer,
        query: TreeQuery<'_>,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let budget = &Budget::default();
        let of_tree = |collection| async move {
            let listing = self.of_project(Listing::records(collection).with_budget(budget)).await?;
            Ok::<_, CloudError>(listing.query("loadbalancer_id", load_balancer.id.clone()))
        };
        let listeners = async { self.list::<ListenerRecord>(&of_tree(LISTENERS).await?).await };
        let pools = async { self.list::<PoolRecord>(&of_tree(POOLS).await?).await };
        let floating_ips = self.floating_ips(query, load_balancer.vip_port_id.as_deref());
        let (listeners, pools, floating_ips) = futures::try_join!(listeners, pools, floating_ips)?;
        let has_floating_ip = |port: &str| floating_ips.iter().any(|ip| ip.port_id.as_deref() == Some(port));
        // A floating IP on the VIP port reveals the loss of the port. Only a port without one is looked up.
        let unwatched = unwatched_port(load_balancer, has_floating_ip);
        let mut parts = TreeParts {
            load_balancer: load_balancer.clone(),
            listeners: listeners.items,
            pools: pools.items,
            floating_ips,
            ..TreeParts::default()
        };
        let port_gone = async {
            match unwatched {
                Some(port) => self.is_port_gone(port, budget).await,
                None => Ok(false),
            }
        };
        match futures::try_join!(self.read_details(&mut parts, budget), port_gone) {
            // A child was deleted after it was listed.
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(((), vip_port_missing)) => Ok(parts.assemble().map(|tree| ObservedTree { vip_port_missing, ..tree })),
        }
    }

    /// Adds monitors, L7 policies, members and rules. Objects without children cost no call.
    async fn read_details(&self, parts: &mut TreeParts, budget: &Budget) -> Result<(), CloudError> {
        let mut reads: Vec<DetailRead<'_>> = Vec::new();
        let monitors: Vec<Id> = parts.pools.iter().filter_map(|pool| pool.healthmonitor_id.clone()).collect();
        if monitors.len() <= MAX_SINGLE_MONITORS {
            reads.extend(monitors.into_iter().map(|id| self.monitor(id).boxed()));
        } else {
            reads.push(self.monitors(budget).boxed());
        }
        let listeners = parts.listeners.iter().filter(|listener| !listener.l7policies.is_empty());
        reads.extend(listeners.map(|listener| self.policies(listener.observed.id.clone(), budget).boxed()));
        let pools = parts.pools.iter().filter(|pool| !pool.members.is_empty());
        reads.extend(pools.map(|pool| self.members(pool.observed.id.clone(), budget).boxed()));
        parts.add(in_parallel(reads).await?);
        let policies = parts.policies.iter().filter(|policy| !policy.rules.is_empty());
        let reads = policies.map(|policy| self.rules(policy.observed.id.clone(), budget).boxed()).collect();
        let rules = in_parallel(reads).await?;
        parts.add(rules);
        Ok(())
    }

    /// Adds the members of these pools and the rules of these L7 policies, to a tree whose other parts the cache took
    /// from the lists of the project.
    pub(in crate::openstack) async fn read_members_and_rules(
        &self,
        parts: &mut TreeParts,
        pools: Vec<Id>,
        policies: Vec<Id>,
    ) -> Result<(), CloudError> {
        let budget = &Budget::default();
        let mut reads: Vec<DetailRead<'_>> = Vec::new();
        reads.extend(pools.into_iter().map(|id| self.members(id, budget).boxed()));
        reads.extend(policies.into_iter().map(|id| self.rules(id, budget).boxed()));
        parts.add(in_parallel(reads).await?);
        Ok(())
    }

    async fn monitor(&self, id: Id) -> Result<Detail, CloudError> {
        #[derive(Deserialize)]
        struct Root {
            healthmonitor: MonitorRecord,
        }
        Ok(Detail::Monitors(vec![self.send(&HEALTH_MONITORS.item(&id)).await?.json::<Root>()?.healthmonitor]))
    }

    async fn monitors(&self, budget: &Budget) -> Result<Detail, CloudError> {
        let listing = self.of_project(Listing::records(HEALTH_MONITORS).with_budget(budget)).await?;
        Ok(Detail::Monitors(self.list(&listing).await?.items))
    }

    async fn policies(&self, listener: Id, budget: &Budget) -> Result<Detail, CloudError> {
        let listing = self.of_project(Listing::records(L7_POLICIES).with_budget(budget)).await?;
        let listing = listing.query("listener_id", listener);
        Ok(Detail::Policies(self.list(&listing).await?.items))
    }

    async fn members(&self, pool: Id, budget: &Budget) -> Result<Detail, CloudError> {
        let members = self.list(&Listing::members(&pool).with_budget(budget)).await?.items;
        Ok(Detail::Members { pool, members })
    }

    async fn rules(&self, policy: Id, budget: &Budget) -> Result<Detail, CloudError> {
        let rules = self.list(&Listing::rules(&policy).with_budget(budget)).await?.items;
        Ok(Detail::Rules { policy, rules })
    }
}

/// Runs the reads, at most [`PARALLEL_READS`] at a time.
async fn in_parallel(reads: Vec<DetailRead<'_>>) -> Result<Vec<Detail>, CloudError> {
    futures::stream::iter(reads).buffered(PARALLEL_READS).try_collect().await
}
