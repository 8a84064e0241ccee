//! Trees at rest: project lists show all but members and L7 rules, which are remembered while their tree is unchanged.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::freshness::Freshness;
use super::latest_snapshot::LatestSnapshot;
use super::project_snapshot::{ProjectSnapshot, SnapshotEntry};
use crate::model::{Id, ObservedL7Rule, ObservedMember, ObservedTree, TreeQuery};
use crate::openstack::http::{CloudError, ErrorClass};
use crate::openstack::octavia::TreeParts;
use crate::openstack::session::Session;

/// Members and rules of one tree, read under one timestamp of its load balancer.
#[derive(Default)]
struct CachedDetails {
    updated_at: Option<String>,
    /// By pool.
    members: HashMap<Id, CachedMembers>,
    /// By L7 policy.
    rules: HashMap<Id, Vec<ObservedL7Rule>>,
}

struct CachedMembers {
    /// The operating status of the pool at the time of the read.
    pool_status: String,
    members: Vec<ObservedMember>,
}

/// The pools and L7 policies whose children have to be read.
#[derive(Default)]
struct Unread {
    pools: Vec<Id>,
    policies: Vec<Id>,
}

/// The latest lists of a project, and the details that they do not show.
pub(in crate::openstack) struct TreeCache {
    latest: LatestSnapshot,
    details: Mutex<HashMap<Id, Arc<CachedDetails>>>,
}

impl TreeCache {
    pub(in crate::openstack) fn new() -> Self {
        Self { latest: LatestSnapshot::new(), details: Mutex::default() }
    }

    /// A tree from lists that are fresh; `None` when there are none, or no such load balancer.
    pub(in crate::openstack) async fn tree(
        &self,
        session: &Arc<Session>,
        id: &str,
        query: TreeQuery<'_>,
        freshness: Freshness,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let forget_deleted = |snapshot: &ProjectSnapshot| {
            self.details.lock().retain(|id, _| snapshot.get(id).is_some());
        };
        let Some(snapshot) = self.latest.get(session, freshness, forget_deleted).await? else { return Ok(None) };
        if let Some(entry) = snapshot.get(id).filter(|entry| entry.is_consistent())
            && let Some(tree) = self.assemble(session, id, entry).await?
        {
            let floating_ips = snapshot.floating_ips(query, tree.load_balancer.vip_port_id.as_deref());
            let vip_port_missing = snapshot.lacks_port(&tree.load_balancer);
            return Ok(Some(ObservedTree { floating_ips, vip_port_missing, ..tree }));
        }
        // Created after the lists, deleted since, or changed between them: a read of its own decides.
        match session.load_balancer(id).await? {
            Some(load_balancer) => session.tree(load_balancer, query).await.map(Some),
            None => Ok(None),
        }
    }

    /// `None` when the tree has changed since the lists.
    async fn assemble(
        &self,
        session: &Session,
        id: &str,
        entry: &SnapshotEntry,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let cached = self.details.lock().get(id).cloned().unwrap_or_default();
        let mut parts = entry.parts();
        let Unread { pools, policies } = cached.reuse(entry, &mut parts);
        match session.read_members_and_rules(&mut parts, pools, policies).await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            result => result?,
        }
        if entry.is_settled {
            self.details.lock().insert(id.to_owned(), Arc::new(CachedDetails::of(&parts)));
        }
        Ok(parts.assemble())
    }
}

impl CachedDetails {
    fn of(parts: &TreeParts) -> Self {
        let status_of = |id: &Id| {
            let pool = parts.pools.iter().find(|pool| pool.observed.id == *id);
            pool.map(|pool| pool.observed.operating_status.clone()).unwrap_or_default()
        };
        let members = parts.members.iter().map(|(pool, members)| {
            let cached = CachedMembers { pool_status: status_of(pool), members: members.clone() };
            (pool.clone(), cached)
        });
        Self {
            updated_at: parts.load_balancer.updated_at.clone(),
            members: members.collect(),
            rules: parts.rules.clone(),
        }
    }

    /// Fills in the details that are still valid.
    fn reuse(&self, entry: &SnapshotEntry, parts: &mut TreeParts) -> Unread {
        let unchanged = entry.is_settled && self.updated_at == entry.load_balancer.observed.updated_at;
        let mut unread = Unread::default();
        for pool in entry.pools.iter().filter(|pool| !pool.members.is_empty()) {
            let (id, status) = (&pool.observed.id, &pool.observed.operating_status);
            match self.members.get(id) {
                Some(cached) if unchanged && cached.pool_status == *status && is_stable(status) => {
                    parts.members.insert(id.clone(), cached.members.clone());
                }
                _ => unread.pools.push(id.clone()),
            }
        }
        for policy in entry.policies.iter().filter(|policy| !policy.rules.is_empty()) {
            let id = &policy.observed.id;
            match self.rules.get(id) {
                Some(rules) if unchanged => {
                    parts.rules.insert(id.clone(), rules.clone());
                }
                _ => unread.policies.push(id.clone()),
            }
        }
        unread
    }
}

/// True for a pool whose members cannot change their state without changing the pool's. In a DEGRADED pool a second member
/// may fail unnoticed. OFFLINE is the state before the first heartbeat of the data plane.
fn is_stable(operating_status: &str) -> bool {
    matches!(operating_status, "ONLINE" | "OFFLINE" | "NO_MONITOR")
}
