//! Endpoints that the member sources of a stack lead to.
//!
//! The shell reads them from the cluster before the engine runs; the translator makes members of them.

use std::collections::BTreeMap;

use super::{Key, MemberKey, Problem};

/// One member source of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    pub pool: Key,
    pub source: Key,
}

impl SourceKey {
    pub fn new(pool: impl Into<Key>, source: impl Into<Key>) -> Self {
        Self { pool: pool.into(), source: source.into() }
    }

    /// Path of the source in the spec.
    pub fn path(&self) -> String {
        format!("spec.pools[{}].memberSources[{}]", self.pool, self.source)
    }
}

/// Endpoints by source. A source that is not among them has not been read.
pub type SourcedEndpoints = BTreeMap<SourceKey, SourceEndpoints>;

/// Endpoints of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEndpoints {
    /// All of them; none is an authoritative zero.
    Known(BTreeMap<MemberKey, Endpoint>),
    /// The source cannot be read or used, or its zero is not confirmed yet: the members of the pool stay as they are.
    Unknown(Option<Problem>),
}

/// One endpoint: the facts that differ between the members of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Endpoint {
    /// Port to check in place of the endpoint's own: the health check node port of its Service.
    pub health_check_port: Option<u16>,
    pub phase: EndpointPhase,
}

/// Reason for which an endpoint is a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EndpointPhase {
    #[default]
    Serving,
    /// It left its source and drains: its weight is 0.
    Draining,
    /// It is not ready, and `minMembers` of its pool keeps it.
    HeldBack,
}
