//! Settings that members and member sources have in common, for checks that treat both alike.

use crate::api::{MemberSourceSpec, MemberSpec, PoolSpec};
use crate::translate::validator::Validator;

/// Settings of one member, or of all members of a source.
pub(super) struct MemberSettings {
    /// Path of the member or source.
    pub path: String,
    pub backup: bool,
    /// The fields that redirect health checks, as far as the spec sets them.
    pub monitor_fields: Vec<&'static str>,
}

impl MemberSettings {
    pub(super) fn of_member(spec: &MemberSpec, pool_path: &str) -> Self {
        let path = member_path(pool_path, spec);
        Self::new(path, spec.backup, spec.monitor_address.is_some(), spec.monitor_port.is_some())
    }

    pub(super) fn of_source(spec: &MemberSourceSpec, pool_path: &str) -> Self {
        let path = source_path(pool_path, spec);
        Self::new(path, spec.backup, spec.monitor_address.is_some(), spec.monitor_port.is_some())
    }

    /// Settings of all sources and members of a pool.
    pub(super) fn of_pool(pool: &PoolSpec, pool_path: &str) -> Vec<Self> {
        let sources = pool.member_sources.iter().map(|spec| Self::of_source(spec, pool_path));
        sources.chain(pool.members.iter().map(|spec| Self::of_member(spec, pool_path))).collect()
    }

    fn new(path: String, backup: Option<bool>, has_monitor_address: bool, has_monitor_port: bool) -> Self {
        let address = has_monitor_address.then_some("monitorAddress");
        let port = has_monitor_port.then_some("monitorPort");
        let monitor_fields = address.into_iter().chain(port).collect();
        Self { path, backup: backup.unwrap_or_default(), monitor_fields }
    }

    /// Rejects the fields that redirect health checks, in a pool that has none.
    pub(super) fn reject_monitor_fields(&self, validator: &mut Validator<'_>) {
        for field in &self.monitor_fields {
            validator.invalid(
                format!("{}.{field}", self.path),
                "has no effect without a healthMonitor in the pool: give the pool one, or remove the field",
            );
        }
    }
}

/// The path of a member: `spec.pools[web].members[10.0.0.1:80]`.
pub(super) fn member_path(pool_path: &str, member: &MemberSpec) -> String {
    let MemberSpec { address, port, .. } = member;
    if address.contains(':') {
        format!("{pool_path}.members[[{address}]:{port}]")
    } else {
        format!("{pool_path}.members[{address}:{port}]")
    }
}

/// The path of a source: `spec.pools[web].memberSources[pods]`.
pub(super) fn source_path(pool_path: &str, source: &MemberSourceSpec) -> String {
    format!("{pool_path}.memberSources[{}]", source.name)
}
