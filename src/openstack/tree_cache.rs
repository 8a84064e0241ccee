//! Members and L7 rules: what no list of a project shows. They are remembered while nothing in their tree changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::observe::Parts;
use super::project_snapshot::{ProjectSnapshot, SnapshotEntry};
use super::session::Session;
use super::single_flight::SingleFlight;
use super::{CloudError, ErrorClass};
use crate::model::{Id, ObservedL7Rule, ObservedMember, ObservedTree, TreeQuery};

/// The leaves of one tree, as they were under one stamp of its load balancer.
#[derive(Default)]
struct CachedDetails {
    updated_at: Option<String>,
    /// By pool: its operating status then, and its members.
    members: HashMap<Id, (String, Vec<ObservedMember>)>,
    /// By policy.
    rules: HashMap<Id, Vec<ObservedL7Rule>>,
}

/// The lists that all stacks of a session share, and what they do not show.
pub(super) struct TreeCache {
    latest: SingleFlight<Arc<ProjectSnapshot>>,
    leaves: Mutex<HashMap<Id, Arc<CachedDetails>>>,
}

impl TreeCache {
    pub(super) fn new() -> Self {
        Self { latest: SingleFlight::new(), leaves: Mutex::default() }
    }

    /// A tree, at most `max_age` old; `None` when there is no such load balancer.
    pub(super) async fn tree(
        &self,
        session: &Session,
        id: &str,
        interest: TreeQuery<'_>,
        max_age: Duration,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let inventory = self.latest.get(|last| last.age() <= max_age, |_| self.read(session)).await?;
        if let Some(entry) = inventory.get(id).filter(|entry| entry.is_complete())
            && let Some(tree) = self.assemble(session, id, entry).await?
        {
            let floating_ips = inventory.floating_ips(interest, tree.load_balancer.vip_port_id.as_deref());
            let vip_port_gone = inventory.lacks_port(&tree.load_balancer);
            return Ok(Some(ObservedTree { floating_ips, vip_port_gone, ..tree }));
        }
        // Younger than the lists, gone since, or changed while they were read: a look of its own tells.
        match session.load_balancer(id).await? {
            Some(seen) => session.tree(seen, interest).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(&self, session: &Session) -> Result<Arc<ProjectSnapshot>, CloudError> {
        let inventory = ProjectSnapshot::read(session).await?;
        self.lock().retain(|id, _| inventory.get(id).is_some());
        Ok(Arc::new(inventory))
    }

    /// `None` when the tree changed meanwhile.
    async fn assemble(
        &self,
        session: &Session,
        id: &str,
        entry: &SnapshotEntry,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let known = self.lock().get(id).cloned().unwrap_or_default();
        let mut parts = entry.parts();
        let (pools, policies) = known.reuse(entry, &mut parts);
        match session.read_leaves(&mut parts, pools, policies).await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            result => result?,
        }
        if entry.settled {
            self.lock().insert(id.to_owned(), Arc::new(CachedDetails::of(&parts)));
        }
        Ok(parts.assemble())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Id, Arc<CachedDetails>>> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedDetails {
    fn of(parts: &Parts) -> Self {
        let status =
            |pool: &Id| parts.pools.iter().find(|p| p.seen.id == *pool).map(|p| p.seen.operating_status.clone());
        let members = parts
            .members
            .iter()
            .map(|(pool, members)| (pool.clone(), (status(pool).unwrap_or_default(), members.clone())));
        Self {
            updated_at: parts.load_balancer.updated_at.clone(),
            members: members.collect(),
            rules: parts.rules.clone(),
        }
    }

    /// Fills in what is still good; the rest is to be read: pools and policies.
    fn reuse(&self, entry: &SnapshotEntry, parts: &mut Parts) -> (Vec<Id>, Vec<Id>) {
        let unmoved = entry.settled && self.updated_at == entry.load_balancer.seen.updated_at;
        let (mut pools, mut policies) = (Vec::new(), Vec::new());
        for pool in entry.pools.iter().filter(|pool| !pool.members.is_empty()) {
            let id = &pool.seen.id;
            match self.members.get(id) {
                Some((status, members)) if unmoved && *status == pool.seen.operating_status && is_stable(status) => {
                    parts.members.insert(id.clone(), members.clone());
                }
                _ => pools.push(id.clone()),
            }
        }
        for policy in entry.policies.iter().filter(|policy| !policy.rules.is_empty()) {
            let id = &policy.seen.id;
            match self.rules.get(id) {
                Some(rules) if unmoved => drop(parts.rules.insert(id.clone(), rules.clone())),
                _ => policies.push(id.clone()),
            }
        }
        (pools, policies)
    }
}

/// A pool whose members cannot change their state without changing its own. In a DEGRADED one a second member may fail
/// unseen. OFFLINE is the state before the first heartbeat of the data plane.
fn is_stable(operating_status: &str) -> bool {
    matches!(operating_status, "ONLINE" | "OFFLINE" | "NO_MONITOR")
}
