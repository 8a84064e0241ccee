//! Counts of the members of each source, for the status.

use std::collections::BTreeSet;

use crate::api::{PoolSpec, SourceMembersStatus};
use crate::model::{EndpointPhase, ObservedPool, SourceEndpoints, SourceKey, SourcedEndpoints};

/// Octavia's operating statuses of a member that serves, or that nothing monitors.
pub(super) const SERVING: &[&str] = &["ONLINE", "NO_MONITOR"];

/// Members of a pool by source. A source whose endpoints are unknown is left out.
pub(super) fn by_source(pool: &ObservedPool, spec: &PoolSpec, sourced: &SourcedEndpoints) -> Vec<SourceMembersStatus> {
    let mut counted = BTreeSet::new();
    let mut result = Vec::new();
    for source in &spec.member_sources {
        let key = SourceKey::new(&spec.name, &source.name);
        let Some(SourceEndpoints::Known(endpoints)) = sourced.get(&key) else { continue };
        let mut count = SourceMembersStatus { name: source.name.clone(), ..SourceMembersStatus::default() };
        for member in &pool.members {
            let Some(key) = member.key() else { continue };
            let Some(endpoint) = endpoints.get(&key) else { continue };
            if counted.insert(key) {
                count.total += 1;
                if endpoint.phase == EndpointPhase::HeldBack {
                    count.held_back = Some(count.held_back.unwrap_or_default() + 1);
                }
                count.online += i32::from(SERVING.contains(&member.operating_status.as_str()));
            }
        }
        result.push(count);
    }
    result
}

/// Members that their pools hold back although they are not ready, in words.
pub(super) fn held_back(sourced: &SourcedEndpoints) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (source, endpoints) in sourced {
        let SourceEndpoints::Known(endpoints) = endpoints else { continue };
        let held_back = endpoints.iter().filter(|(_, endpoint)| endpoint.phase == EndpointPhase::HeldBack);
        found.extend(held_back.map(|(key, _)| format!("{key} of pool {}", source.pool)));
    }
    found.into_iter().collect()
}
