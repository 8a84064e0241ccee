//! operating_status, as Octavia derives it from the heartbeats of amphorae.

use std::collections::BTreeMap;

use super::super::clock::Moment;
use super::super::world::World;
use super::record::{Kind, Operating, Provisioning, Record};

/// The health of a member, as the data plane finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Up,
    Down,
}

impl World {
    /// Processes a heartbeat of the amphora of a load balancer. Writes only the statuses that changed.
    pub fn heartbeat(&mut self, load_balancer: &str, now: &Moment) {
        let Some(lb) = self.octavia.store.get(Kind::LoadBalancer, load_balancer) else { return };
        if !matches!(lb.provisioning, Provisioning::Active | Provisioning::PendingUpdate) {
            return;
        }
        for ((kind, id), status) in self.statuses(lb) {
            if let Some(record) = self.octavia.store.get_mut(kind, &id).filter(|record| record.operating != status) {
                record.operating = status;
                record.updated = Some(now.without_offset());
            }
        }
    }

    fn statuses(&self, lb: &Record) -> BTreeMap<(Kind, String), Operating> {
        let store = &self.octavia.store;
        let mut found = BTreeMap::new();
        let mut worst = Operating::Online;
        for listener in store.children(Kind::Listener, &lb.id) {
            let online = listener.flag("admin_state_up");
            let status = if online { Operating::Online } else { Operating::Offline };
            found.insert((Kind::Listener, listener.id.clone()), status);
        }
        for pool in store.children(Kind::Pool, &lb.id) {
            // Amphorae know only pools that a listener uses. Other pools are OFFLINE, and their members keep their
            // status.
            if !pool.flag("admin_state_up") || store.listeners_of(pool).is_empty() {
                found.insert((Kind::Pool, pool.id.clone()), Operating::Offline);
                continue;
            }
            let members = self.member_statuses(pool);
            let status = pool_status(members.iter().map(|(_, status)| *status));
            worst = match (worst, status) {
                (Operating::Error, _) | (_, Operating::Error) => Operating::Error,
                (Operating::Degraded, _) | (_, Operating::Degraded) => Operating::Degraded,
                _ => worst,
            };
            found.insert((Kind::Pool, pool.id.clone()), status);
            found.extend(members.into_iter().map(|(id, status)| ((Kind::Member, id), status)));
        }
        let status = if lb.flag("admin_state_up") { worst } else { Operating::Offline };
        found.insert((Kind::LoadBalancer, lb.id.clone()), status);
        found
    }

    fn member_statuses(&self, pool: &Record) -> Vec<(String, Operating)> {
        let store = &self.octavia.store;
        let monitored = store.children(Kind::HealthMonitor, &pool.id).any(|monitor| monitor.flag("admin_state_up"));
        let status = |member: &Record| match self.octavia.health.get(&member.id) {
            _ if !member.flag("admin_state_up") => Operating::Offline,
            // The weight does not show without a monitor.
            _ if !monitored => Operating::NoMonitor,
            Some(Health::Down) => Operating::Error,
            _ if member.number("weight") == Some(0) => Operating::Draining,
            _ => Operating::Online,
        };
        store.children(Kind::Member, &pool.id).map(|member| (member.id.clone(), status(member))).collect()
    }
}

/// The status of a pool: ERROR when haproxy has no server left, DEGRADED when it lost some. A backup member that serves
/// keeps a pool DEGRADED.
fn pool_status(members: impl Iterator<Item = Operating>) -> Operating {
    let (mut lost, mut left) = (false, false);
    for member in members {
        match member {
            Operating::Error => lost = true,
            Operating::Offline => {}
            _ => left = true,
        }
    }
    match (lost, left) {
        (false, _) => Operating::Online,
        (true, true) => Operating::Degraded,
        (true, false) => Operating::Error,
    }
}
