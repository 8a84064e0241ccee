//! The floor of a pool (`minMembers`): members that are not ready and stay, because too few others are.
//!
//! An address outlives its pod: the next pod with it may belong to another tenant. So only an endpoint is held back whose
//! pod the API server still has, under the same UID and with that address, and which does not terminate. The watched
//! EndpointSlices say which pods to ask for, and let go of an endpoint as soon as its pod terminates; no pod is watched.
//!
//! Only a member is held back. A pod that has never been ready, such as one that crashes again and again, does not join.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::floor::{Floor, Unready, UnreadyByPod};
use super::pace::PoolEndpoints;
use crate::api::{MemberSourceSpec, PoolSpec};
use crate::cluster::kube_message;
use crate::controller::context::Context;
use crate::endpoints::{Endpoints, PodRef};
use crate::model::{
    Endpoint, EndpointPhase, IpFamily, Key, MemberKey, Problem, ProblemReason, SourceEndpoints, SourceKey,
};

/// Adds members that are not ready to the endpoints of a pool with fewer than its floor.
pub(super) async fn hold_back(
    context: &Context,
    namespace: &str,
    pool: &PoolSpec,
    floor: &mut Floor,
    endpoints: &mut PoolEndpoints,
) {
    let unready = unready(context, namespace, pool, endpoints);
    let versions = Versions::of(&unready, endpoints);
    let unready = if missing(pool, endpoints, &versions) > 0 { unready } else { UnreadyByPod::new() };
    floor.begin(&unready);
    if unready.is_empty() {
        return;
    }
    let Some(pods) = floor.members_among(unready) else {
        // The members stay as they are until the cloud has told them.
        return endpoints.values_mut().for_each(|source| *source = SourceEndpoints::Unknown(None));
    };
    for (pod, unready) in pods {
        if missing(pool, endpoints, &versions) == 0 {
            break;
        }
        match floor.addresses(&context.client, namespace, &pod).await {
            Ok(addresses) => keep(endpoints, unready, &addresses),
            Err(error) => return mark_unreadable(endpoints, pool, &unready, &pod, &error),
        }
    }
}

/// IP versions that the pods of a source have, whether ready or not.
struct Versions(BTreeMap<Key, BTreeSet<IpFamily>>);

impl Versions {
    fn of(unready: &UnreadyByPod, endpoints: &PoolEndpoints) -> Self {
        let mut versions: BTreeMap<Key, BTreeSet<IpFamily>> = BTreeMap::new();
        let mut add = |source: &Key, key: &MemberKey| {
            versions.entry(source.clone()).or_default().insert(IpFamily::of(key.address));
        };
        unready.values().flatten().for_each(|endpoint| add(&endpoint.source, &endpoint.key));
        for (source, found) in endpoints {
            if let SourceEndpoints::Known(known) = found {
                known.keys().for_each(|key| add(source, key));
            }
        }
        Self(versions)
    }

    /// Endpoints of the IP version that has the fewest: a pod with two addresses counts once, and only while the
    /// EndpointSlices of both versions say that it is ready.
    fn counted<'a>(&self, source: &MemberSourceSpec, known: &'a Endpoints) -> Vec<&'a MemberKey> {
        let of = |version: IpFamily| known.keys().filter(move |key| IpFamily::of(key.address) == version);
        let versions = self.0.get(&source.name).into_iter().flatten().copied();
        versions.map(|version| of(version).collect::<Vec<_>>()).min_by_key(Vec::len).unwrap_or_default()
    }
}

/// Number of members below the floor; 0 where a source is unknown, which leaves the members alone.
fn missing(pool: &PoolSpec, endpoints: &PoolEndpoints, versions: &Versions) -> usize {
    let mut members: BTreeSet<MemberKey> = pool
        .members
        .iter()
        .filter_map(|member| {
            Some(MemberKey { address: member.address.parse().ok()?, port: u16::try_from(member.port).ok()? })
        })
        .collect();
    for source in &pool.member_sources {
        let Some(SourceEndpoints::Known(known)) = endpoints.get(&source.name) else { return 0 };
        members.extend(versions.counted(source, known).into_iter().cloned());
    }
    pool.min_members().saturating_sub(members.len())
}

/// Endpoints of a pool whose pods are not ready, except for those that another EndpointSlice says are.
fn unready(context: &Context, namespace: &str, pool: &PoolSpec, endpoints: &PoolEndpoints) -> UnreadyByPod {
    let mut pods = UnreadyByPod::new();
    for source in &pool.member_sources {
        let Some(SourceEndpoints::Known(known)) = endpoints.get(&source.name) else { continue };
        for (key, pod) in context.sources.unready_endpoints(namespace, source) {
            if !known.contains_key(&key) {
                pods.entry(pod).or_default().push(Unready { source: source.name.clone(), key });
            }
        }
    }
    pods
}

/// Keeps the endpoints that have an address of their pod.
fn keep(endpoints: &mut PoolEndpoints, unready: Vec<Unready>, addresses: &[IpAddr]) {
    let held_back = Endpoint { phase: EndpointPhase::HeldBack, ..Endpoint::default() };
    for Unready { source, key } in unready.into_iter().filter(|endpoint| addresses.contains(&endpoint.key.address)) {
        if let Some(SourceEndpoints::Known(known)) = endpoints.get_mut(&source) {
            known.insert(key, held_back);
        }
    }
}

fn mark_unreadable(
    endpoints: &mut PoolEndpoints,
    pool: &PoolSpec,
    unready: &[Unready],
    pod: &PodRef,
    error: &kube::Error,
) {
    let message = format!(
        "fewer than minMembers endpoints are ready, and the Kubernetes API does not show pod {}, which is not ({}); the \
         members of the pool stay as they are: let the controller get pods",
        pod.name,
        kube_message(error),
    );
    for endpoint in unready {
        let path = SourceKey::new(&pool.name, &endpoint.source).path();
        let problem = Problem::new(path, ProblemReason::ReferenceUnusable, message.clone());
        endpoints.insert(endpoint.source.clone(), SourceEndpoints::Unknown(Some(problem)));
    }
}
