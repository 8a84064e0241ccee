//! What a project may have and has, and the turns in which its quota is taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::CloudError;
use super::lists::Listing;
use super::records::PoolRecord;
use super::session::{Ask, Service, Session};
use crate::model::IdRef;
use crate::plan::Kind;

/// Quota-taking calls in flight for one project: Octavia holds the project's quota row for the whole call, queues the
/// others behind it and gives up on those that wait too long.
const QUOTA_CALLS: usize = 2;

/// Calls that queue for a turn: each holds a worker of the controller meanwhile, so a project may not keep many.
const QUEUE: usize = 8;

/// How long a queued call waits for its turn before it gives way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The turns of every project, whichever credentials lead to it. Clones share them.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Arc<Gate>>>>);

struct Gate {
    turns: Arc<Semaphore>,
    queue: Semaphore,
}

/// The right to one quota-taking call, as long as it is kept.
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Turns {
    /// `None`: too many are before us.
    pub(super) async fn take(&self, project: &str) -> Option<Turn> {
        let gate = self.gate(project);
        let _queued = gate.queue.try_acquire().ok()?;
        let turn = tokio::time::timeout(PATIENCE, gate.turns.clone().acquire_owned()).await;
        turn.ok()?.ok().map(|permit| Turn { _permit: permit })
    }

    fn gate(&self, project: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = || Gate { turns: Arc::new(Semaphore::new(QUOTA_CALLS)), queue: Semaphore::new(QUEUE) };
        gates.entry(project.to_owned()).or_insert_with(|| Arc::new(gate())).clone()
    }
}

/// One kind of object of a project, counted. Octavia shows the limit but not the use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    pub kind: Kind,
    pub used: i64,
    /// -1: no limit.
    pub limit: i64,
}

#[derive(Deserialize)]
struct Answer {
    quota: Limits,
}

/// The kinds that Octavia counts when it makes a whole tree; of policies and rules it does not.
#[derive(Deserialize)]
struct Limits {
    loadbalancer: Option<i64>,
    listener: Option<i64>,
    pool: Option<i64>,
    member: Option<i64>,
    healthmonitor: Option<i64>,
}

impl Session {
    /// Reads the limits, and counts what there is.
    pub(super) async fn quota_uses(&self) -> Result<Vec<QuotaUse>, CloudError> {
        let project = self.login(None).await?.project.id.clone();
        let ask = Ask::get(Service::LoadBalancer, format!("/v2/lbaas/quotas/{project}"));
        let Answer { quota } = self.send(&ask).await?.json()?;
        let Limits { loadbalancer, listener, pool, member, healthmonitor } = quota;
        let pools = self.list::<PoolRecord>(&self.of_project(Listing::octavia("pools")).await?).await?.items;
        let members = pools.iter().map(|pool| pool.members.len() as i64).sum();
        let counted = [
            (Kind::LoadBalancer, loadbalancer, self.count("loadbalancers").await?),
            (Kind::Listener, listener, self.count("listeners").await?),
            (Kind::Pool, pool, pools.len() as i64),
            (Kind::Member, member, members),
            (Kind::HealthMonitor, healthmonitor, self.count("healthmonitors").await?),
        ];
        Ok(counted.into_iter().map(|(kind, limit, used)| QuotaUse { kind, used, limit: limit.unwrap_or(-1) }).collect())
    }

    async fn count(&self, collection: &'static str) -> Result<i64, CloudError> {
        let listing = self.of_project(Listing::octavia(collection)).await?;
        Ok(self.list::<IdRef>(&listing).await?.items.len() as i64)
    }
}
