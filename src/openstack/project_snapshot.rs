//! Watching many quiet load balancers at the price of a few lists.
//!
//! Five lists of the project show every tree but for members and L7 rules, which need a call for each pool and policy
//! ([`leaves`](super::leaves)). A sixth list shows the floating IPs, a seventh the VIP ports to which none leads. The load
//! balancers are listed first, so that a change between two lists is seen as one at the next look.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::CloudError;
use super::neutron::{is_relevant, unwatched_port};
use super::observe::Parts;
use super::pagination::{Budget, Listed, Listing};
use super::records::{ListenerRecord, LoadBalancerRecord, MonitorRecord, PolicyRecord, PoolRecord};
use super::session::Session;
use crate::model::{Id, IdRef, ObservedFloatingIp, ObservedLoadBalancer, PREFIX, Provisioning, TreeQuery};

/// MySQL keeps stamps to the second: a tree that changed a moment before it was listed may change again under the same
/// stamp.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// For all seven lists: thousands of load balancers with several listeners and pools each.
const MAX_MIB: usize = 128;

/// All trees of a project, as far as lists show them.
pub(super) struct ProjectSnapshot {
    taken: Instant,
    trees: HashMap<Id, SnapshotEntry>,
    floating_ips: Vec<ObservedFloatingIp>,
    /// Positions in `floating_ips`, by id, by port and by tag or mark of the owner.
    by_key: HashMap<String, Vec<usize>>,
    /// VIP ports of stacks that Neutron does not list.
    unlisted_ports: BTreeSet<Id>,
}

/// One load balancer's share of the lists.
pub(super) struct SnapshotEntry {
    pub(super) load_balancer: LoadBalancerRecord,
    /// It is at rest, and for long enough to trust its stamp.
    pub(super) settled: bool,
    pub(super) listeners: Vec<ListenerRecord>,
    pub(super) pools: Vec<PoolRecord>,
    pub(super) monitors: Vec<MonitorRecord>,
    pub(super) policies: Vec<PolicyRecord>,
}

impl ProjectSnapshot {
    pub(super) async fn read(session: &Session) -> Result<Self, CloudError> {
        let (taken, budget) = (Instant::now(), Budget::of_mib(MAX_MIB));
        let list = |collection| session.of_project(Listing::octavia(collection).with_budget(&budget));
        let load_balancers = session.list::<LoadBalancerRecord>(&list("loadbalancers").await?).await?;
        let listeners = async { session.list::<ListenerRecord>(&list("listeners").await?).await };
        let pools = async { session.list::<PoolRecord>(&list("pools").await?).await };
        let monitors = async { session.list::<MonitorRecord>(&list("healthmonitors").await?).await };
        let policies = async { session.list::<PolicyRecord>(&list("l7policies").await?).await };
        let (listeners, pools, monitors, policies) = futures::try_join!(listeners, pools, monitors, policies)?;
        let floating_ips = session.every_floating_ip(&budget).await?;
        let now = load_balancers.server_time.unwrap_or_else(|| session.now());
        let mut inventory = Self::of(load_balancers, now, taken);
        inventory.place(listeners.items, pools.items, monitors.items, policies.items);
        inventory.by_key = index(&floating_ips);
        inventory.floating_ips = floating_ips;
        inventory.unlisted_ports = session.unlisted_ports(inventory.unwatched_ports(), &budget).await?;
        Ok(inventory)
    }

    fn of(load_balancers: Listed<LoadBalancerRecord>, now: Timestamp, taken: Instant) -> Self {
        let entry = |load_balancer: LoadBalancerRecord| {
            let entry = SnapshotEntry {
                settled: is_settled(&load_balancer, now),
                load_balancer,
                listeners: Vec::new(),
                pools: Vec::new(),
                monitors: Vec::new(),
                policies: Vec::new(),
            };
            (entry.load_balancer.seen.id.clone(), entry)
        };
        let trees = load_balancers.items.into_iter().map(entry).collect();
        Self { taken, trees, floating_ips: Vec::new(), by_key: HashMap::new(), unlisted_ports: BTreeSet::new() }
    }

    /// Of stacks: what becomes of the other load balancers of the project is nothing to us.
    fn unwatched_ports(&self) -> BTreeSet<Id> {
        let seen = self.trees.values().map(|entry| &entry.load_balancer.seen);
        let of_stacks = seen.filter(|seen| seen.tags.iter().any(|tag| tag.starts_with(PREFIX)));
        of_stacks.filter_map(|seen| unwatched_port(seen, |port| self.by_key.contains_key(port)).map(Id::from)).collect()
    }

    /// Gives every child to its load balancer; monitors name only their pool, policies only their listener.
    fn place(
        &mut self,
        listeners: Vec<ListenerRecord>,
        pools: Vec<PoolRecord>,
        monitors: Vec<MonitorRecord>,
        policies: Vec<PolicyRecord>,
    ) {
        let mut owner_of: HashMap<Id, Id> = HashMap::new();
        for listener in listeners {
            let Some(IdRef { id }) = listener.loadbalancers.first().cloned() else { continue };
            owner_of.insert(listener.seen.id.clone(), id.clone());
            if let Some(entry) = self.trees.get_mut(&id) {
                entry.listeners.push(listener);
            }
        }
        for pool in pools {
            let Some(IdRef { id }) = pool.loadbalancers.first().cloned() else { continue };
            owner_of.insert(pool.seen.id.clone(), id.clone());
            if let Some(entry) = self.trees.get_mut(&id) {
                entry.pools.push(pool);
            }
        }
        for monitor in monitors {
            let id = monitor.pools.first().and_then(|pool| owner_of.get(&pool.id));
            if let Some(entry) = id.and_then(|id| self.trees.get_mut(id)) {
                entry.monitors.push(monitor);
            }
        }
        for policy in policies {
            let id = owner_of.get(&policy.seen.listener_id);
            if let Some(entry) = id.and_then(|id| self.trees.get_mut(id)) {
                entry.policies.push(policy);
            }
        }
    }

    pub(super) fn age(&self) -> Duration {
        self.taken.elapsed()
    }

    pub(super) fn get(&self, id: &str) -> Option<&SnapshotEntry> {
        self.trees.get(id)
    }

    /// Whether the list of ports lacks the VIP port of this load balancer. It may have another one by now: a look of its own
    /// tells.
    pub(super) fn lacks_port(&self, load_balancer: &ObservedLoadBalancer) -> bool {
        load_balancer.vip_port_id.as_ref().is_some_and(|port| self.unlisted_ports.contains(port))
    }

    pub(super) fn floating_ips(&self, interest: TreeQuery<'_>, vip_port_id: Option<&str>) -> Vec<ObservedFloatingIp> {
        let tags = [interest.owner.uid_tag(), interest.owner.created_tag()];
        let keys = vip_port_id.into_iter().chain(interest.floating_ip).chain(tags.iter().map(String::as_str));
        let positions: HashSet<usize> = keys.filter_map(|key| self.by_key.get(key)).flatten().copied().collect();
        let seen = positions.into_iter().filter_map(|position| self.floating_ips.get(position));
        seen.filter(|seen| is_relevant(seen, interest, vip_port_id)).cloned().collect()
    }
}

impl SnapshotEntry {
    /// The lists agree with each other; else something changed between them.
    pub(super) fn is_complete(&self) -> bool {
        let same = |named: &[IdRef], listed: Vec<&Id>| {
            let named: HashSet<&Id> = named.iter().map(|r| &r.id).collect();
            named.len() == listed.len() && listed.into_iter().all(|id| named.contains(id))
        };
        same(&self.load_balancer.listeners, self.listeners.iter().map(|l| &l.seen.id).collect())
            && same(&self.load_balancer.pools, self.pools.iter().map(|p| &p.seen.id).collect())
    }

    /// Everything but the leaves.
    pub(super) fn parts(&self) -> Parts {
        Parts {
            load_balancer: self.load_balancer.seen.clone(),
            listeners: self.listeners.clone(),
            pools: self.pools.clone(),
            monitors: self.monitors.clone(),
            policies: self.policies.clone(),
            ..Parts::default()
        }
    }
}

/// Two stamps of one server are compared: whether our clock is right does not matter.
fn is_settled(record: &LoadBalancerRecord, now: Timestamp) -> bool {
    let stamp = record.seen.updated_at.as_deref().and_then(|text| text.trim_end_matches('Z').parse::<DateTime>().ok());
    let stamp = stamp.and_then(|stamp| stamp.to_zoned(TimeZone::UTC).ok()).map(|stamp| stamp.timestamp());
    let age = stamp.and_then(|stamp| Duration::try_from(now.duration_since(stamp)).ok());
    record.seen.provisioning_status == Provisioning::Active && age.is_some_and(|age| age >= SETTLED_AFTER)
}

fn index(floating_ips: &[ObservedFloatingIp]) -> HashMap<String, Vec<usize>> {
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, seen) in floating_ips.iter().enumerate() {
        let mark = seen.description.split(' ').next().filter(|word| word.starts_with(PREFIX));
        let tags = seen.tags.iter().map(String::as_str).filter(|tag| tag.starts_with(PREFIX));
        for key in seen.port_id.as_deref().into_iter().chain([seen.id.as_str()]).chain(mark).chain(tags) {
            by_key.entry(key.to_owned()).or_default().push(position);
        }
    }
    by_key
}
