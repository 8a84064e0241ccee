//! What a project may have and has, and the turns in which its quota is taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::CloudError;
use super::pagination::Listing;
use super::records::PoolRecord;
use super::session::{ApiRequest, Service, Session};
use crate::model::{IdRef, Kind};

/// Quota-taking calls in flight for one project: Octavia holds the project's quota row for the whole call, queues the
/// others behind it and gives up on those that wait too long.
const QUOTA_CALLS: usize = 2;

/// Calls that queue for a turn: each holds a worker of the controller meanwhile, so a project may not keep many.
const QUEUED: usize = 8;

/// How long a queued call waits for its turn before it gives way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The turns of every project, whichever credentials lead to it. Clones share them.
#[derive(Clone, Default)]
pub struct CreateSlots(Arc<Mutex<HashMap<SlotKey, Arc<SlotGate>>>>);

/// Who takes turns with each other. Not by the project alone: its id is what a Keystone says, and a Keystone and an
/// Octavia of somebody's own would name another's project and keep its turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SlotKey {
    pub(super) identity: String,
    pub(super) load_balancer: String,
    pub(super) project: String,
}

struct SlotGate {
    turns: Arc<Semaphore>,
    queue: Semaphore,
}

/// The right to one quota-taking call, as long as it is kept.
pub struct CreateSlot {
    _permit: OwnedSemaphorePermit,
}

impl CreateSlots {
    /// `None`: too many are before us.
    pub(super) async fn take(&self, queue: SlotKey) -> Option<CreateSlot> {
        let gate = self.gate(queue);
        let _queued = gate.queue.try_acquire().ok()?;
        let turn = tokio::time::timeout(PATIENCE, gate.turns.clone().acquire_owned()).await;
        turn.ok()?.ok().map(|permit| CreateSlot { _permit: permit })
    }

    fn gate(&self, queue: SlotKey) -> Arc<SlotGate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| Arc::strong_count(gate) > 1 || gate.turns.available_permits() < QUOTA_CALLS);
        let gate = || SlotGate { turns: Arc::new(Semaphore::new(QUOTA_CALLS)), queue: Semaphore::new(QUEUED) };
        gates.entry(queue).or_insert_with(|| Arc::new(gate())).clone()
    }
}

/// One kind of object of a project that is limited, counted. Octavia shows the limit but not the use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    pub kind: Kind,
    pub used: i64,
    pub limit: i64,
}

#[derive(Deserialize)]
struct QuotaResponse {
    quota: Limits,
}

/// The kinds that Octavia counts when it makes a whole tree; of policies and rules it does not. -1 is no limit.
#[derive(Deserialize)]
struct Limits {
    loadbalancer: Option<i64>,
    listener: Option<i64>,
    pool: Option<i64>,
    member: Option<i64>,
    healthmonitor: Option<i64>,
}

impl Session {
    /// Reads the limits, and counts what there is of each kind that has one.
    pub(super) async fn quota_uses(&self) -> Result<Vec<QuotaUse>, CloudError> {
        let project = self.login(None).await?.project.id.clone();
        let ask = ApiRequest::get(Service::LoadBalancer, "/v2/lbaas/quotas").path_segment(&project);
        let QuotaResponse { quota } = self.send(&ask).await?.json()?;
        let Limits { loadbalancer, listener, pool, member, healthmonitor } = quota;
        let mut uses = Vec::new();
        let mut add = |kind, limit: i64, used: i64| uses.push(QuotaUse { kind, used, limit });
        let counted = [
            (Kind::LoadBalancer, loadbalancer, "loadbalancers"),
            (Kind::Listener, listener, "listeners"),
            (Kind::HealthMonitor, healthmonitor, "healthmonitors"),
        ];
        for (kind, limit, collection) in counted {
            if let Some(limit) = limited(limit) {
                add(kind, limit, self.count(collection).await?);
            }
        }
        let (pool, member) = (limited(pool), limited(member));
        if pool.is_some() || member.is_some() {
            let pools = self.list::<PoolRecord>(&self.of_project(Listing::octavia("pools")).await?).await?.items;
            let members = pools.iter().map(|pool| pool.members.len() as i64).sum();
            pool.into_iter().for_each(|limit| add(Kind::Pool, limit, pools.len() as i64));
            member.into_iter().for_each(|limit| add(Kind::Member, limit, members));
        }
        Ok(uses)
    }

    async fn count(&self, collection: &'static str) -> Result<i64, CloudError> {
        let listing = self.of_project(Listing::octavia(collection)).await?;
        Ok(self.list::<IdRef>(&listing).await?.items.len() as i64)
    }
}

fn limited(limit: Option<i64>) -> Option<i64> {
    limit.filter(|limit| *limit >= 0)
}
