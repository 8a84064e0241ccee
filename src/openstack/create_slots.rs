//! Limits the concurrent writes that take quota of one project.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The quota-taking writes in flight for one project. Octavia locks the quota row of the project for the whole call, queues
/// the other calls behind it, and fails those that wait too long.
const CREATES_IN_FLIGHT: usize = 2;

/// The writes that may wait for a slot. Each occupies a worker of the controller, so one project may not occupy many.
const CREATES_WAITING: usize = 8;

/// The longest wait for a slot.
const SLOT_TIMEOUT: Duration = Duration::from_secs(5);

/// The slots of every project, common to all credentials that lead to it. Clones share them.
#[derive(Clone, Default)]
pub struct CreateSlots(Arc<Mutex<HashMap<SlotKey, Arc<SlotGate>>>>);

/// The identity of a project for its slots. The project id alone would not do: a Keystone and an Octavia of a tenant's own
/// could name another tenant's project and occupy its slots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SlotKey {
    pub(super) identity_url: String,
    pub(super) load_balancer_url: String,
    pub(super) project: String,
}

struct SlotGate {
    slots: Arc<Semaphore>,
    waiting: Semaphore,
}

/// The right to one quota-taking write; ends when dropped.
pub struct CreateSlot {
    _permit: OwnedSemaphorePermit,
}

impl CreateSlots {
    /// Waits for a slot; `None` when too many wait already, or none came free in time.
    pub(super) async fn acquire(&self, key: SlotKey) -> Option<CreateSlot> {
        let gate = self.gate(key);
        let _waiting = gate.waiting.try_acquire().ok()?;
        let permit = tokio::time::timeout(SLOT_TIMEOUT, gate.slots.clone().acquire_owned()).await;
        permit.ok()?.ok().map(|permit| CreateSlot { _permit: permit })
    }

    fn gate(&self, key: SlotKey) -> Arc<SlotGate> {
        let mut gates = self.0.lock();
        gates.retain(|_, gate| Arc::strong_count(gate) > 1 || gate.slots.available_permits() < CREATES_IN_FLIGHT);
        let new_gate = || SlotGate {
            slots: Arc::new(Semaphore::new(CREATES_IN_FLIGHT)),
            waiting: Semaphore::new(CREATES_WAITING),
        };
        gates.entry(key).or_insert_with(|| Arc::new(new_gate())).clone()
    }
}
