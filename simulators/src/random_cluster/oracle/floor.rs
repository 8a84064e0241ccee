//! The floor of a pool (`minMembers`): members that are not ready, and stay while too few others are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::Value;

use super::cluster_objects::ClusterObjects;
use super::endpoints::{of_source, unready_of_source};
use super::members::socket_address;

/// Addresses that are held back, by source.
pub type HeldBack = BTreeMap<String, BTreeSet<SocketAddr>>;

/// The floor of a pool whose sources can all be used.
#[derive(Debug, Clone)]
pub struct Floor {
    at_least: usize,
    listed: BTreeSet<SocketAddr>,
    sources: BTreeMap<String, SourceState>,
}

/// Endpoints of one source.
#[derive(Debug, Clone)]
struct SourceState {
    ready: BTreeSet<SocketAddr>,
    /// Endpoints of pods that are not ready, with the names of the pods.
    unready: BTreeMap<SocketAddr, String>,
}

impl SourceState {
    /// Members by the IP version with the fewest, if these of the unready pods stay.
    fn counted(&self, staying: &BTreeSet<String>) -> Vec<SocketAddr> {
        let members: Vec<SocketAddr> = self.ready.iter().copied().chain(self.of_pods(staying)).collect();
        let all = || self.ready.iter().chain(self.unready.keys());
        let versions = [true, false].into_iter().filter(|ipv4| all().any(|key| key.is_ipv4() == *ipv4));
        let of = |ipv4: bool| members.iter().filter(|key| key.is_ipv4() == ipv4).copied().collect();
        versions.map(of).min_by_key(Vec::len).unwrap_or_default()
    }

    fn of_pods(&self, pods: &BTreeSet<String>) -> impl Iterator<Item = SocketAddr> {
        self.unready.iter().filter(|(_, pod)| pods.contains(*pod)).map(|(key, _)| *key)
    }
}

impl Floor {
    /// `None` for a pool without a floor, and where a source cannot be used.
    pub fn of(pool: &Value, objects: &ClusterObjects) -> Option<Self> {
        let at_least = usize::try_from(pool["minMembers"].as_u64()?).ok()?;
        let mut sources = BTreeMap::new();
        for source in pool["memberSources"].as_array()? {
            let ready: BTreeSet<SocketAddr> = of_source(source, pool, objects)?.into_keys().collect();
            let mut unready = unready_of_source(source, objects);
            unready.retain(|key, _| !ready.contains(key));
            sources.insert(source["name"].as_str()?.to_owned(), SourceState { ready, unready });
        }
        let listed = pool["members"].as_array().into_iter().flatten();
        let listed = listed.filter_map(|member| socket_address(member, "port"));
        Some(Self { at_least, listed: listed.collect(), sources })
    }

    /// Addresses that stay although they are not ready, in a pool with these members.
    pub fn held(&self, has: &BTreeSet<SocketAddr>) -> HeldBack {
        if !self.is_short(&BTreeSet::new()) {
            return HeldBack::new();
        }
        let pods = self.pods(has);
        self.sources.iter().map(|(name, source)| (name.clone(), source.of_pods(&pods).collect())).collect()
    }

    /// True if a pool with these members may lose one that is not ready.
    pub fn may_lose(&self, member: SocketAddr, has: &BTreeSet<SocketAddr>) -> bool {
        let its = self.pods(&BTreeSet::from([member]));
        its.is_empty() || !self.is_short(&(&self.pods(has) - &its))
    }

    /// The difference between the members that are held back and those that should be, of the members that there were.
    pub fn difference(&self, had: &BTreeSet<SocketAddr>, has: &BTreeSet<SocketAddr>) -> Option<String> {
        let (had, has) = (self.pods(had), self.pods(has));
        if self.is_short(&has) && !had.is_subset(&has) {
            return Some(format!("of the pods {had:?}, only {has:?} stay below minMembers"));
        }
        let is_needed = |pod: &String| self.is_short(&(&has - &BTreeSet::from([pod.clone()])));
        let is_too_many = !has.is_empty() && !has.iter().any(is_needed);
        is_too_many.then(|| format!("of {has:?}, too many are held back"))
    }

    /// Pods that are not ready and have one of these addresses.
    pub fn pods(&self, addresses: &BTreeSet<SocketAddr>) -> BTreeSet<String> {
        let unready = self.sources.values().flat_map(|source| &source.unready);
        unready.filter(|(key, _)| addresses.contains(key)).map(|(_, pod)| pod.clone()).collect()
    }

    /// True if the pool has fewer members than its floor when these of the unready pods stay.
    fn is_short(&self, staying: &BTreeSet<String>) -> bool {
        let mut members = self.listed.clone();
        members.extend(self.sources.values().flat_map(|source| source.counted(staying)));
        members.len() < self.at_least
    }
}
