//! Endpoints of a Service by their own addresses.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{ServicePort, ServiceSourceSpec};
use crate::model::{Endpoint, MemberKey};

use super::problem::SourceProblem;
use super::records::{Endpoints, UnreadyPods};
use super::service::{ServicePortRecord, number};
use super::slice::{EndpointState, PodRef, SliceRecord};

/// The endpoints that are ready or, if there are none, those that still serve while they terminate.
pub(super) fn pods(
    source: &ServiceSourceSpec,
    port: Option<&ServicePortRecord>,
    slices: &[&SliceRecord],
) -> Result<Endpoints, SourceProblem> {
    if !slices.is_empty() && slices.iter().all(|slice| slice.family.is_none()) {
        return Err(SourceProblem::NamesOnly);
    }
    let mut states: BTreeMap<MemberKey, EndpointState> = BTreeMap::new();
    for slice in slices.iter().filter(|slice| is_wanted(slice, source)) {
        let Some(port) = port_in(slice, source, port) else { continue };
        for endpoint in &slice.endpoints {
            // An endpoint that moves between slices is in both for a moment.
            let state = states.entry(MemberKey { address: endpoint.address, port }).or_insert(endpoint.state);
            *state = endpoint.state.min(*state);
        }
    }
    if let Some(family) = source.family
        && states.is_empty()
        && slices.iter().any(|slice| slice.family.is_some_and(|other| other != family) && !slice.endpoints.is_empty())
    {
        return Err(SourceProblem::OtherFamily { family: family.as_str() });
    }
    let best = states.values().min().copied().filter(|state| *state != EndpointState::NotServing);
    let chosen = states.into_iter().filter(|(_, state)| Some(*state) == best);
    Ok(chosen.map(|(key, _)| (key, Endpoint::default())).collect())
}

/// Endpoints that do not serve and do not terminate, with their pods.
pub(super) fn unready_pods(
    source: &ServiceSourceSpec,
    port: Option<&ServicePortRecord>,
    slices: &[&SliceRecord],
) -> UnreadyPods {
    let mut found = UnreadyPods::new();
    for slice in slices.iter().filter(|slice| is_wanted(slice, source)) {
        let Some(port) = port_in(slice, source, port) else { continue };
        for endpoint in &slice.endpoints {
            if let Some(pod) = &endpoint.unready_pod {
                found.insert(MemberKey { address: endpoint.address, port }, PodRef::clone(pod));
            }
        }
    }
    found
}

fn is_wanted(slice: &SliceRecord, source: &ServiceSourceSpec) -> bool {
    slice.family.is_some() && source.family.is_none_or(|family| slice.family == Some(family))
}

/// Number of the port in a slice: named target ports differ between pods, and their slices.
fn port_in(slice: &SliceRecord, source: &ServiceSourceSpec, port: Option<&ServicePortRecord>) -> Option<u16> {
    match (port, &source.port) {
        (Some(port), _) => slice.port(&port.name),
        // Headless, without ports: the number is that of the endpoints.
        (None, ServicePort::Number(wanted)) => number(*wanted),
        (None, ServicePort::Name(_)) => None,
    }
}

/// Names of the nodes that run a serving endpoint.
pub(super) fn serving_nodes<'a>(slices: &'a [&SliceRecord]) -> BTreeSet<&'a str> {
    let endpoints = || slices.iter().flat_map(|slice| &slice.endpoints);
    let best = endpoints().map(|endpoint| endpoint.state).min().filter(|state| *state != EndpointState::NotServing);
    endpoints()
        .filter(|endpoint| Some(endpoint.state) == best)
        .filter_map(|endpoint| endpoint.node.as_deref())
        .collect()
}
