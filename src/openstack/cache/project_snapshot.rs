//! All load balancers of a project at the price of a few lists.
//!
//! Five lists show every tree except members and L7 rules, which take a call for each pool and policy
//! ([`tree_cache`](super::tree_cache)). A sixth list shows the floating IPs, a seventh the VIP ports without one. The load
//! balancers are listed first, so that the next observation notices a change between two lists.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::model::{Id, IdRef, ObservedFloatingIp, ObservedLoadBalancer, PREFIX, Provisioning, TreeQuery};
use crate::openstack::collections::{HEALTH_MONITORS, L7_POLICIES, LISTENERS, LOAD_BALANCERS, POOLS};
use crate::openstack::http::CloudError;
use crate::openstack::neutron::{is_relevant, unwatched_port};
use crate::openstack::octavia::{
    ListenerRecord, LoadBalancerRecord, MonitorRecord, PolicyRecord, PoolRecord, TreeParts,
};
use crate::openstack::pagination::{Budget, Listed, Listing};
use crate::openstack::session::Session;

/// MySQL keeps timestamps to the second: a tree that changed just before it was listed may change again under the same
/// timestamp.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The budget of all seven lists: thousands of load balancers with several listeners and pools each.
const MAX_MIB: usize = 128;

/// The trees of a project, as far as lists show them.
pub(super) struct ProjectSnapshot {
    began: Instant,
    completed: Instant,
    trees: HashMap<Id, SnapshotEntry>,
    floating_ips: Vec<ObservedFloatingIp>,
    /// Positions in `floating_ips`, by id, by port, and by owner tag or description.
    floating_ip_index: HashMap<String, Vec<usize>>,
    /// The VIP ports of stacks that Neutron does not list.
    unlisted_ports: BTreeSet<Id>,
}

/// One load balancer with its records from the lists.
pub(super) struct SnapshotEntry {
    pub(super) load_balancer: LoadBalancerRecord,
    /// ACTIVE, and unchanged for long enough to trust its timestamp.
    pub(super) is_settled: bool,
    pub(super) listeners: Vec<ListenerRecord>,
    pub(super) pools: Vec<PoolRecord>,
    pub(super) monitors: Vec<MonitorRecord>,
    pub(super) policies: Vec<PolicyRecord>,
}

impl ProjectSnapshot {
    pub(super) async fn read(session: &Session) -> Result<Self, CloudError> {
        let (began, budget) = (Instant::now(), Budget::of_mib(MAX_MIB));
        let listing = |collection| session.of_project(Listing::records(collection).with_budget(&budget));
        let load_balancers = session.list::<LoadBalancerRecord>(&listing(LOAD_BALANCERS).await?).await?;
        let listeners = async { session.list::<ListenerRecord>(&listing(LISTENERS).await?).await };
        let pools = async { session.list::<PoolRecord>(&listing(POOLS).await?).await };
        let monitors = async { session.list::<MonitorRecord>(&listing(HEALTH_MONITORS).await?).await };
        let policies = async { session.list::<PolicyRecord>(&listing(L7_POLICIES).await?).await };
        let (listeners, pools, monitors, policies) = futures::try_join!(listeners, pools, monitors, policies)?;
        let floating_ips = session.every_floating_ip(&budget).await?;
        let now = load_balancers.server_time.unwrap_or_else(|| session.now());
        let mut snapshot = Self::new(load_balancers, now, began);
        snapshot.add_children(listeners.items, pools.items, monitors.items, policies.items);
        snapshot.floating_ip_index = index(&floating_ips);
        snapshot.floating_ips = floating_ips;
        snapshot.unlisted_ports = session.unlisted_ports(snapshot.unwatched_ports(), &budget).await?;
        snapshot.completed = Instant::now();
        Ok(snapshot)
    }

    fn new(load_balancers: Listed<LoadBalancerRecord>, now: Timestamp, began: Instant) -> Self {
        let entries = load_balancers.items.into_iter().map(|load_balancer| {
            let entry = SnapshotEntry::new(load_balancer, now);
            (entry.load_balancer.observed.id.clone(), entry)
        });
        Self {
            began,
            completed: began,
            trees: entries.collect(),
            floating_ips: Vec::new(),
            floating_ip_index: HashMap::new(),
            unlisted_ports: BTreeSet::new(),
        }
    }

    /// The unwatched VIP ports of stacks. Other load balancers of the project are not observed.
    fn unwatched_ports(&self) -> BTreeSet<Id> {
        let load_balancers = self.trees.values().map(|entry| &entry.load_balancer.observed);
        let of_stacks = load_balancers.filter(|lb| lb.tags.iter().any(|tag| tag.starts_with(PREFIX)));
        let has_floating_ip = |port: &str| self.floating_ip_index.contains_key(port);
        of_stacks.filter_map(|lb| unwatched_port(lb, has_floating_ip).map(Id::from)).collect()
    }

    /// Adds every child to its load balancer. Monitors name only their pool, policies only their listener.
    fn add_children(
        &mut self,
        listeners: Vec<ListenerRecord>,
        pools: Vec<PoolRecord>,
        monitors: Vec<MonitorRecord>,
        policies: Vec<PolicyRecord>,
    ) {
        let mut load_balancer_of: HashMap<Id, Id> = HashMap::new();
        for listener in listeners {
            let Some(IdRef { id }) = listener.loadbalancers.first().cloned() else { continue };
            load_balancer_of.insert(listener.observed.id.clone(), id.clone());
            if let Some(entry) = self.trees.get_mut(&id) {
                entry.listeners.push(listener);
            }
        }
        for pool in pools {
            let Some(IdRef { id }) = pool.loadbalancers.first().cloned() else { continue };
            load_balancer_of.insert(pool.observed.id.clone(), id.clone());
            if let Some(entry) = self.trees.get_mut(&id) {
                entry.pools.push(pool);
            }
        }
        for monitor in monitors {
            let id = monitor.pools.first().and_then(|pool| load_balancer_of.get(&pool.id));
            if let Some(entry) = id.and_then(|id| self.trees.get_mut(id)) {
                entry.monitors.push(monitor);
            }
        }
        for policy in policies {
            let id = load_balancer_of.get(&policy.observed.listener_id);
            if let Some(entry) = id.and_then(|id| self.trees.get_mut(id)) {
                entry.policies.push(policy);
            }
        }
    }

    /// The time before which nothing of it was read.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// The time since all of it was read.
    pub(super) fn age(&self) -> Duration {
        self.completed.elapsed()
    }

    /// The time that its lists took.
    pub(super) fn cost(&self) -> Duration {
        self.completed.duration_since(self.began)
    }

    pub(super) fn get(&self, id: &str) -> Option<&SnapshotEntry> {
        self.trees.get(id)
    }

    /// True when the list of ports lacks the VIP port of this load balancer. A full read confirms it: the load balancer may
    /// have another port by now.
    pub(super) fn lacks_port(&self, load_balancer: &ObservedLoadBalancer) -> bool {
        load_balancer.vip_port_id.as_ref().is_some_and(|port| self.unlisted_ports.contains(port))
    }

    pub(super) fn floating_ips(&self, query: TreeQuery<'_>, vip_port_id: Option<&str>) -> Vec<ObservedFloatingIp> {
        let tags = [query.owner.uid_tag(), query.owner.created_tag()];
        let keys = vip_port_id.into_iter().chain(query.floating_ip).chain(tags.iter().map(String::as_str));
        let positions: HashSet<usize> =
            keys.filter_map(|key| self.floating_ip_index.get(key)).flatten().copied().collect();
        let found = positions.into_iter().filter_map(|position| self.floating_ips.get(position));
        found.filter(|ip| is_relevant(ip, query, vip_port_id)).cloned().collect()
    }
}

impl SnapshotEntry {
    fn new(load_balancer: LoadBalancerRecord, now: Timestamp) -> Self {
        Self {
            is_settled: is_settled(&load_balancer, now),
            load_balancer,
            listeners: Vec::new(),
            pools: Vec::new(),
            monitors: Vec::new(),
            policies: Vec::new(),
        }
    }

    /// True when the lists agree; a change between two lists makes them differ.
    pub(super) fn is_consistent(&self) -> bool {
        let same = |named: &[IdRef], listed: Vec<&Id>| {
            let named: HashSet<&Id> = named.iter().map(|reference| &reference.id).collect();
            named.len() == listed.len() && listed.into_iter().all(|id| named.contains(id))
        };
        let listeners = self.listeners.iter().map(|listener| &listener.observed.id).collect();
        let pools = self.pools.iter().map(|pool| &pool.observed.id).collect();
        same(&self.load_balancer.listeners, listeners) && same(&self.load_balancer.pools, pools)
    }

    /// The records of the tree, without members and rules.
    pub(super) fn parts(&self) -> TreeParts {
        TreeParts {
            load_balancer: self.load_balancer.observed.clone(),
            listeners: self.listeners.clone(),
            pools: self.pools.clone(),
            monitors: self.monitors.clone(),
            policies: self.policies.clone(),
            ..TreeParts::default()
        }
    }
}

/// Compares two timestamps of one server, so that a wrong clock here does no harm.
fn is_settled(record: &LoadBalancerRecord, now: Timestamp) -> bool {
    let text = record.observed.updated_at.as_deref().map(|text| text.trim_end_matches('Z'));
    let updated_at = text.and_then(|text| text.parse::<DateTime>().ok());
    let updated_at = updated_at.and_then(|time| time.to_zoned(TimeZone::UTC).ok()).map(|time| time.timestamp());
    let age = updated_at.and_then(|updated_at| Duration::try_from(now.duration_since(updated_at)).ok());
    record.observed.provisioning_status == Provisioning::Active && age.is_some_and(|age| age >= SETTLED_AFTER)
}

fn index(floating_ips: &[ObservedFloatingIp]) -> HashMap<String, Vec<usize>> {
    let mut index: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, ip) in floating_ips.iter().enumerate() {
        let description = ip.description.split(' ').next().filter(|word| word.starts_with(PREFIX));
        let tags = ip.tags.iter().map(String::as_str).filter(|tag| tag.starts_with(PREFIX));
        for key in ip.port_id.as_deref().into_iter().chain([ip.id.as_str()]).chain(description).chain(tags) {
            index.entry(key.to_owned()).or_default().push(position);
        }
    }
    index
}
