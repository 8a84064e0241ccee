//! Counts of the members of each source, for the status.

use std::collections::BTreeSet;

use crate::api::{PoolSpec, SourceMembersStatus};
use crate::model::{MemberKey, ObservedPool, SourceEndpoints, SourceKey, SourcedEndpoints};

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
            let Ok(address) = member.address.parse() else { continue };
            let key = MemberKey { address, port: member.protocol_port };
            if endpoints.contains_key(&key) && counted.insert(key) {
                count.total += 1;
                count.online += i32::from(SERVING.contains(&member.operating_status.as_str()));
            }
        }
        result.push(count);
    }
    result
}
