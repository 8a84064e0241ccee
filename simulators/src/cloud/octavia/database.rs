//! Octavia's tables and quotas, and the in-flight work of its worker.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::catalog::Catalog;
use super::health::Health;
use super::jobs;
use super::record::Store;

/// Octavia's database, and the work of its worker.
#[derive(Debug, Default)]
pub(crate) struct Octavia {
    pub store: Store,
    /// The in-flight change of each locked load balancer.
    pub(super) jobs: BTreeMap<String, jobs::Job>,
    /// Ends of changes.
    pub(super) due: BTreeSet<(Instant, String)>,
    /// Heartbeats to come: their times and their load balancers.
    pub(super) heartbeats: BTreeSet<(Instant, String)>,
    /// Health of members by id, as the data planes find it. All others are up.
    pub health: BTreeMap<String, Health>,
    /// Load balancers whose VIP port Octavia created, and therefore deletes.
    pub(super) owned_ports: BTreeSet<String>,
    /// Quotas of projects by field. Absent: -1.
    pub quotas: BTreeMap<String, BTreeMap<&'static str, i64>>,
    pub catalog: Catalog,
}

impl Octavia {
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog, ..Self::default() }
    }
}
