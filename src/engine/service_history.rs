//! The create of a load balancer as this process observed it: at work, failed, or served.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Id, ObservedLoadBalancer, Provisioning};

/// Longest time between two observations that count as watching: polls of a create are closer together, unless one failed.
const WATCHED: Duration = Duration::from_secs(30);

/// Observations of a create by this process: the worker at work, and ERROR at the next one.
#[derive(Debug, Default)]
pub(super) struct ServiceHistory {
    at_work: Option<(Id, Instant)>,
    /// With the timestamp of that moment, which any later change of the load balancer moves.
    failed: Option<(Id, String)>,
    /// Seen ACTIVE: this one has served, whatever its children look like later.
    served: Option<Id>,
}

impl ServiceHistory {
    /// Records one observation of the load balancer.
    pub(super) fn record(&mut self, seen: &ObservedLoadBalancer) {
        match seen.provisioning_status {
            Provisioning::PendingCreate => self.at_work = Some((seen.id.clone(), Instant::now())),
            Provisioning::Error => {
                let watched = self.at_work.take().filter(|(id, at)| *id == seen.id && at.elapsed() < WATCHED);
                if let Some((id, stamp)) = watched.and_then(|(id, _)| Some((id, seen.updated_at.clone()?))) {
                    self.failed = Some((id, stamp));
                }
            }
            Provisioning::Active => *self = Self { served: Some(seen.id.clone()), ..Self::default() },
            _ => (self.at_work, self.failed) = (None, None),
        }
    }

    pub(super) fn saw_serving(&self, seen: &ObservedLoadBalancer) -> bool {
        self.served.as_ref() == Some(&seen.id)
    }

    pub(super) fn saw_failing(&self, seen: &ObservedLoadBalancer) -> bool {
        self.failed.as_ref().is_some_and(|(id, stamp)| *id == seen.id && Some(stamp) == seen.updated_at.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_balancer_seen_active_stays_one_that_served() {
        let seen = |id: &str, provisioning_status| ObservedLoadBalancer {
            id: id.to_owned(),
            provisioning_status,
            ..ObservedLoadBalancer::default()
        };
        let mut history = ServiceHistory::default();
        history.record(&seen("a", Provisioning::PendingCreate));
        assert!(!history.saw_serving(&seen("a", Provisioning::Error)));
        history.record(&seen("a", Provisioning::Active));
        for later in [Provisioning::PendingUpdate, Provisioning::Error] {
            history.record(&seen("a", later));
            assert!(history.saw_serving(&seen("a", later)) && !history.saw_serving(&seen("b", later)));
        }
    }
}
