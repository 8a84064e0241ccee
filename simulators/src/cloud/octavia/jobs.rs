//! The simulated Octavia's worker: the lock of a load balancer, the in-flight changes, and the statuses after them.
//!
//! Octavia's API only checks and stores. A worker carries changes out, one at a time for each load balancer, while
//! everything that the change touches is PENDING_*. A [`Job`] is such a change. Nothing runs in the background:
//! [`World::settle`] ends the jobs that are due before each request.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::clock::Moment;
use super::super::faults::{Verb, WorkerEffect};
use super::super::reply::{Reply, fault};
use super::super::world::World;
use super::record::{Kind, Operating, Provisioning};

/// Objects of one load balancer, by kind and id.
pub(crate) type ObjectRefs = Vec<(Kind, String)>;

/// A change that the worker carries out.
#[derive(Debug)]
pub(crate) enum Change {
    CreateLoadBalancer,
    UpdateLoadBalancer,
    DeleteLoadBalancer,
    Failover,
    /// One or more children were created or updated. A batch may delete others in the same change.
    Children {
        /// The created and updated children.
        targets: ObjectRefs,
        /// The objects above them that are PENDING_UPDATE meanwhile.
        ancestors: ObjectRefs,
        /// The members that a batch deletes.
        removed: ObjectRefs,
    },
    /// One child was deleted.
    DeleteChild {
        target: (Kind, String),
        ancestors: ObjectRefs,
    },
}

/// An in-flight change, with the time and the way of its end, which are known from its start.
#[derive(Debug)]
pub(crate) struct Job {
    due: Instant,
    change: Change,
    /// `None`: the change succeeds.
    failure: Option<Failure>,
}

/// The point at which a change fails. It decides which listeners Octavia puts in ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The worker fails before it reaches the data plane.
    BeforeDataPlane,
    /// The data plane rejects the new configuration.
    InDataPlane,
}

impl World {
    /// Checks that a load balancer can be locked for a change: it must be ACTIVE. Octavia's message does not say in
    /// which status it is.
    pub fn check_lockable(&self, load_balancer: &str) -> Result<(), Reply> {
        let state = self.octavia.store.get(Kind::LoadBalancer, load_balancer).map(|lb| lb.provisioning);
        if state == Some(Provisioning::Active) { Ok(()) } else { Err(immutable_error("Load Balancer", load_balancer)) }
    }

    /// Checks that the load balancer of a pool or L7 policy can be locked for a change below it. The pool or policy
    /// must be ACTIVE too, and is checked first.
    pub fn check_lockable_below(&self, kind: Kind, id: &str) -> Result<(), Reply> {
        let Some(record) = self.octavia.store.get(kind, id) else { return Err(immutable_error("Load Balancer", id)) };
        if record.provisioning != Provisioning::Active {
            // Octavia writes "L7Policy" in this message and "L7 Policy" in its others.
            let word = if kind == Kind::L7Policy { "L7Policy" } else { kind.display_name() };
            return Err(immutable_error(word, id));
        }
        self.check_lockable(&record.load_balancer)
    }

    /// Locks the load balancer, which the caller has checked, and starts the change.
    pub fn start(&mut self, load_balancer: &str, change: Change, now: &Moment) {
        let (lb_status, kind, verb) = match &change {
            Change::CreateLoadBalancer => (Provisioning::PendingCreate, Kind::LoadBalancer, Verb::Create),
            Change::UpdateLoadBalancer => (Provisioning::PendingUpdate, Kind::LoadBalancer, Verb::Update),
            Change::DeleteLoadBalancer => (Provisioning::PendingDelete, Kind::LoadBalancer, Verb::Delete),
            Change::Failover => (Provisioning::PendingUpdate, Kind::LoadBalancer, Verb::Failover),
            Change::DeleteChild { target, .. } => (Provisioning::PendingUpdate, target.0, Verb::Delete),
            Change::Children { targets, removed, .. } => {
                let kind = targets.first().or(removed.first()).map_or(Kind::Member, |target| target.0);
                (Provisioning::PendingUpdate, kind, self.verb_of(targets))
            }
        };
        self.mark_pending(&change, now);
        if !matches!(change, Change::CreateLoadBalancer) {
            self.set_status(Kind::LoadBalancer, load_balancer, lb_status, now);
        }
        let name = self.octavia.store.get(Kind::LoadBalancer, load_balancer).map(|lb| lb.text("name").to_owned());
        let effect = self.faults.provider(kind, verb, &name.unwrap_or_default());
        if effect == Some(WorkerEffect::Hangs) || self.provider_is_mute(load_balancer) {
            // Without a job nothing ends the change: the objects stay PENDING_*.
            return;
        }
        let failure = match effect {
            Some(WorkerEffect::Fails) => Some(Failure::InDataPlane),
            _ if self.worker_fails(load_balancer, &change) => Some(Failure::BeforeDataPlane),
            _ => self.data_plane_rejects(load_balancer, &change).then_some(Failure::InDataPlane),
        };
        let due = now.at + self.duration(load_balancer, &change, kind);
        self.octavia.due.insert((due, load_balancer.to_owned()));
        self.octavia.jobs.insert(load_balancer.to_owned(), Job { due, change, failure });
    }

    /// The verb by which injected faults select a change of these children.
    fn verb_of(&self, targets: &ObjectRefs) -> Verb {
        let is_new = |(kind, id): &(Kind, String)| {
            self.octavia.store.get(*kind, id).is_some_and(|record| record.provisioning == Provisioning::PendingCreate)
        };
        if targets.iter().any(is_new) { Verb::Create } else { Verb::Update }
    }

    /// Sets the children that a change touches, and the objects above them, to PENDING_*. New ones are PENDING_CREATE
    /// since they were stored.
    fn mark_pending(&mut self, change: &Change, now: &Moment) {
        let (targets, ancestors, removed): (&[_], &[_], &[_]) = match change {
            Change::Children { targets, ancestors, removed } => (targets, ancestors, removed),
            Change::DeleteChild { target, ancestors } => (&[], ancestors, std::slice::from_ref(target)),
            _ => return,
        };
        for (kind, id) in ancestors {
            self.set_status(*kind, id, Provisioning::PendingUpdate, now);
        }
        for (kind, id) in targets {
            let record = self.octavia.store.get(*kind, id);
            if record.is_some_and(|record| record.provisioning != Provisioning::PendingCreate) {
                self.set_status(*kind, id, Provisioning::PendingUpdate, now);
            }
        }
        for (kind, id) in removed {
            self.set_status(*kind, id, Provisioning::PendingDelete, now);
        }
    }

    /// True for the provider `noop_driver`: its driver never reports the end of a change to Octavia.
    fn provider_is_mute(&self, load_balancer: &str) -> bool {
        let record = self.octavia.store.get(Kind::LoadBalancer, load_balancer);
        record.is_some_and(|lb| lb.text("provider") == "noop_driver")
    }

    /// True for a change that the API accepts and that fails in the worker, before the data plane is reached.
    fn worker_fails(&self, load_balancer: &str, change: &Change) -> bool {
        match change {
            Change::CreateLoadBalancer => {
                self.has_vip_without_address(load_balancer)
                    || self.has_unknown_member_subnet(load_balancer)
                    || self.has_redirect_to_wrong_protocol(load_balancer)
            }
            Change::DeleteLoadBalancer => self.has_vip_without_address(load_balancer),
            Change::Children { targets, .. } => {
                targets.iter().any(|(kind, id)| *kind == Kind::Member && self.member_subnet_is_unknown(id))
            }
            Change::UpdateLoadBalancer | Change::Failover | Change::DeleteChild { .. } => false,
        }
    }

    /// True for a change after which the data plane rejects the whole configuration.
    fn data_plane_rejects(&self, load_balancer: &str, change: &Change) -> bool {
        match change {
            Change::DeleteLoadBalancer => false,
            Change::DeleteChild { target, .. } => self.data_plane_rejects_tls(load_balancer, Some(target)),
            _ => self.data_plane_rejects_tls(load_balancer, None),
        }
    }

    /// True if an additional VIP has no address, because the tenant's own VIP port has none on its subnet. Octavia
    /// accepts such a load balancer, which then becomes neither ACTIVE nor deletable.
    fn has_vip_without_address(&self, load_balancer: &str) -> bool {
        let lb = self.octavia.store.get(Kind::LoadBalancer, load_balancer);
        let vips = lb.and_then(|lb| lb.fields.get("additional_vips")).and_then(Value::as_array);
        vips.is_some_and(|vips| vips.iter().any(|vip| vip["ip_address"].is_null()))
    }

    fn has_unknown_member_subnet(&self, load_balancer: &str) -> bool {
        let tree = self.octavia.store.tree(load_balancer);
        tree.iter().any(|(kind, id)| *kind == Kind::Member && self.member_subnet_is_unknown(id))
    }

    fn member_subnet_is_unknown(&self, member: &str) -> bool {
        let subnet = self.octavia.store.get(Kind::Member, member).map(|member| member.text("subnet_id"));
        subnet.is_some_and(|id| !id.is_empty() && !self.neutron.subnets.contains_key(id))
    }

    /// True if an HTTP listener uses a TCP pool. haproxy rejects a frontend in mode `http` with a backend in mode
    /// `tcp`.
    fn has_redirect_to_wrong_protocol(&self, load_balancer: &str) -> bool {
        let store = &self.octavia.store;
        store.children(Kind::Listener, load_balancer).any(|listener| {
            let is_http = matches!(listener.text("protocol"), "HTTP" | "TERMINATED_HTTPS");
            store
                .pools_of(listener)
                .iter()
                .filter_map(|pool| store.get(Kind::Pool, pool))
                .any(|pool| is_http && matches!(pool.text("protocol"), "TCP" | "HTTPS"))
        })
    }

    /// The time that a change takes. `kind` is the kind of the changed object.
    fn duration(&self, load_balancer: &str, change: &Change, kind: Kind) -> Duration {
        let timing = &self.config.timing;
        match change {
            Change::CreateLoadBalancer => {
                let children = self.octavia.store.tree(load_balancer).len();
                timing.create_load_balancer + timing.create_child * u32::try_from(children).unwrap_or(u32::MAX)
            }
            Change::DeleteLoadBalancer => timing.delete_load_balancer,
            _ => timing.change_of.get(&kind).copied().unwrap_or(timing.change),
        }
    }

    pub fn set_status(&mut self, kind: Kind, id: &str, status: Provisioning, now: &Moment) {
        if let Some(record) = self.octavia.store.get_mut(kind, id) {
            record.provisioning = status;
            record.updated = Some(now.without_offset());
        }
    }

    /// Brings the simulation up to `now`: ends every change that is due, and delivers the heartbeats that came
    /// meanwhile.
    ///
    /// Each happens at its own time, so timestamps do not depend on when the next request comes.
    pub fn settle(&mut self, now: &Moment) {
        while let Some((due, id)) = self.octavia.due.first().cloned().filter(|(due, _)| *due <= now.at) {
            self.octavia.due.remove(&(due, id.clone()));
            // A test can unlock a load balancer, and another change can then replace the first one.
            let is_due = self.octavia.jobs.get(&id).is_some_and(|job| job.due == due);
            let moment = self.clock.moment(due);
            if let Some(job) = is_due.then(|| self.octavia.jobs.remove(&id)).flatten() {
                self.end_change(&id, job, &moment);
            }
            if let Some(after) = self.config.healthy_after {
                self.octavia.heartbeats.insert((due + after, id));
            }
        }
        while let Some((at, id)) = self.octavia.heartbeats.first().cloned().filter(|(at, _)| *at <= now.at) {
            self.octavia.heartbeats.remove(&(at, id.clone()));
            let moment = self.clock.moment(at);
            self.heartbeat(&id, &moment);
        }
    }

    /// Sets the statuses after a change, and unlocks the load balancer. The `bool` in the patterns: the change failed.
    fn end_change(&mut self, load_balancer: &str, job: Job, now: &Moment) {
        if job.failure == Some(Failure::InDataPlane) {
            self.set_unmarked_listeners(load_balancer, &job.change, now);
        }
        match (job.change, job.failure.is_some()) {
            (Change::DeleteLoadBalancer, false) => self.remove_load_balancer(load_balancer, now),
            // Monitors are the only children whose operating_status becomes ONLINE, and only in a create.
            (change @ (Change::CreateLoadBalancer | Change::Failover), false) => {
                for (kind, id) in self.octavia.store.tree(load_balancer) {
                    if kind == Kind::HealthMonitor && matches!(change, Change::CreateLoadBalancer) {
                        self.activate(kind, &id, now);
                    } else {
                        self.set_status(kind, &id, Provisioning::Active, now);
                    }
                }
                self.set_status(Kind::LoadBalancer, load_balancer, Provisioning::Active, now);
            }
            (Change::UpdateLoadBalancer, false) => self.activate(Kind::LoadBalancer, load_balancer, now),
            // Children keep their statuses: after a failed create they are PENDING_CREATE for good.
            (
                Change::DeleteLoadBalancer | Change::CreateLoadBalancer | Change::UpdateLoadBalancer | Change::Failover,
                true,
            ) => self.set_status(Kind::LoadBalancer, load_balancer, Provisioning::Error, now),
            (Change::Children { targets, ancestors, removed }, failed) => {
                for (kind, id) in &targets {
                    if failed {
                        self.set_status(*kind, id, Provisioning::Error, now);
                    } else {
                        self.activate(*kind, id, now);
                    }
                }
                // The worker deletes their rows first, and the revert of a failed batch does not restore them.
                for (kind, id) in removed {
                    self.remove_child(kind, &id, now);
                }
                self.unlock(load_balancer, &ancestors, &targets, now);
            }
            (Change::DeleteChild { target: (kind, id), ancestors }, failed) => {
                if failed {
                    self.set_status(kind, &id, Provisioning::Error, now);
                } else {
                    self.remove_child(kind, &id, now);
                }
                self.unlock(load_balancer, &ancestors, &[], now);
            }
        }
    }

    /// Sets the statuses of the listeners that a change did not mark, after the data plane rejected it.
    ///
    /// Nearly every change sends the whole configuration, and its revert puts all listeners in ERROR
    /// (`ListenersUpdate`). The reverts for pools, members and monitors then make all of them ACTIVE
    /// (`PoolToErrorOnRevertTask` and its like), even those that were in ERROR before.
    fn set_unmarked_listeners(&mut self, load_balancer: &str, change: &Change, now: &Moment) {
        let (kind, ancestors): (_, &[_]) = match change {
            Change::Children { targets, ancestors, removed } => {
                (targets.first().or(removed.first()).map_or(Kind::Member, |(kind, _)| *kind), ancestors)
            }
            Change::DeleteChild { target: (kind, _), ancestors } if *kind != Kind::Listener => (*kind, ancestors),
            Change::UpdateLoadBalancer => (Kind::LoadBalancer, &[]),
            _ => return,
        };
        let status = match kind {
            Kind::Pool | Kind::Member | Kind::HealthMonitor => Provisioning::Active,
            _ => Provisioning::Error,
        };
        for id in self.octavia.store.child_ids(Kind::Listener, load_balancer) {
            if !ancestors.contains(&(Kind::Listener, id.clone())) {
                self.set_status(Kind::Listener, &id, status, now);
            }
        }
    }

    /// Makes the load balancer ACTIVE again, and the ancestors that were only marked: a target has its status already.
    fn unlock(&mut self, load_balancer: &str, ancestors: &[(Kind, String)], targets: &[(Kind, String)], now: &Moment) {
        for (kind, id) in ancestors.iter().filter(|ancestor| !targets.contains(ancestor)) {
            let status = self.octavia.store.get(*kind, id).map(|record| record.provisioning);
            if status == Some(Provisioning::PendingUpdate) {
                self.activate(*kind, id, now);
            }
        }
        self.set_status(Kind::LoadBalancer, load_balancer, Provisioning::Active, now);
    }

    /// Makes an object ACTIVE. Monitors, policies and rules become ONLINE too, unless they are disabled: heartbeats
    /// do not report these kinds.
    fn activate(&mut self, kind: Kind, id: &str, now: &Moment) {
        self.set_status(kind, id, Provisioning::Active, now);
        if let (Kind::HealthMonitor | Kind::L7Policy | Kind::L7Rule, Some(record)) =
            (kind, self.octavia.store.get_mut(kind, id))
        {
            record.operating = if record.flag("admin_state_up") { Operating::Online } else { Operating::Offline };
        }
    }

    /// Removes a deleted child, with everything below it. A listener loses a deleted default pool, and the policies
    /// after a deleted one move up.
    fn remove_child(&mut self, kind: Kind, id: &str, now: &Moment) {
        let Some(record) = self.octavia.store.get(kind, id).cloned() else { return };
        self.octavia.store.remove_tree(kind, id);
        match kind {
            Kind::Pool => {
                for listener in self.octavia.store.child_ids(Kind::Listener, &record.load_balancer) {
                    let listener = self.octavia.store.get_mut(Kind::Listener, &listener);
                    if let Some(listener) = listener.filter(|listener| listener.text("default_pool_id") == id) {
                        listener.set("default_pool_id", Value::Null);
                        listener.updated = Some(now.without_offset());
                    }
                }
            }
            Kind::L7Policy => self.renumber(&record.parent, None, now),
            _ => {}
        }
    }

    /// Removes a deleted load balancer: its rows, and the VIP port if Octavia created it. Floating IPs stay,
    /// disassociated.
    fn remove_load_balancer(&mut self, id: &str, now: &Moment) {
        if let Some(lb) = self.octavia.store.get(Kind::LoadBalancer, id).cloned() {
            if self.octavia.owned_ports.remove(id) {
                self.neutron.remove_port(lb.text("vip_port_id"), now);
            }
            self.octavia.store.remove_tree(Kind::LoadBalancer, id);
        }
    }
}

/// The error for a change of an object that is locked, or not ACTIVE.
fn immutable_error(what: &str, id: &str) -> Reply {
    fault(409, format!("{what} {id} is immutable and cannot be updated."))
}
