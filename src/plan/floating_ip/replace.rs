//! Replacement of a floating IP that another one is to take the place of.

use serde_json::json;

use super::acquire::{UNNAMED, acquire, allocate, desired_description, drop_tag_of_borrowed, owner_tags};
use super::calls::{tag_step, update};
use super::release::{release, retains};
use super::vip::VipTarget;
use crate::model::{Call, FloatingIp, Kind, ObservedFloatingIp, Owner, Ownership, Step, StepReason};
use crate::plan::diff::Patch;
use crate::plan::step::Target;

/// Replacement of the floating IPs that block the VIP.
pub(super) struct Replacement<'a> {
    pub owner: &'a Owner,
    pub desired: &'a FloatingIp,
    /// The desired one, if it exists already.
    pub observed: Option<&'a ObservedFloatingIp>,
    pub vip: &'a VipTarget<'a>,
    /// The stack's floating IPs on the VIP.
    pub blocking: Vec<(&'a ObservedFloatingIp, Ownership)>,
}

impl Replacement<'_> {
    /// Neutron takes one floating IP of each external network for an address (`neutron/db/l3_db.py`,
    /// `_check_and_get_fip_assoc`). So one of another network is associated beside the old one, which serves until
    /// then. One of the same network has to be exchanged.
    pub(super) fn steps(&self) -> Vec<Step> {
        let beside = self.blocking.iter().all(|(old, _)| self.is_of_another_network(old));
        let steps = if beside { self.add_then_release() } else { self.exchange() };
        steps.into_iter().map(|step| step.because(StepReason::Replace)).collect()
    }

    fn is_of_another_network(&self, old: &ObservedFloatingIp) -> bool {
        let network = match self.desired {
            FloatingIp::Allocate { network_id, .. } => Some(network_id),
            FloatingIp::Existing { .. } => self.observed.map(|observed| &observed.floating_network_id),
        };
        network.is_some_and(|network| *network != old.floating_network_id)
    }

    fn add_then_release(&self) -> Vec<Step> {
        let released = self.blocking.iter().flat_map(|(old, ownership)| self.release(old, *ownership));
        acquire(self.owner, self.desired, self.observed, self.vip).into_iter().chain(released).collect()
    }

    /// The new one is obtained first. Then the address changes hands in two writes, and only then is the old one
    /// released.
    fn exchange(&self) -> Vec<Step> {
        let (mut steps, target, name) = self.obtain();
        steps.extend(self.blocking.iter().filter_map(|(old, _)| update(old, None, None)));
        steps.push(self.associate(&target, &name));
        steps.extend(self.observed.and_then(|one| drop_tag_of_borrowed(self.owner, self.desired, one)));
        for (old, ownership) in &self.blocking {
            let unassociated = ObservedFloatingIp { port_id: None, ..(*old).clone() };
            steps.extend(self.release(&unassociated, *ownership));
        }
        steps
    }

    /// Steps that create or tag the new one without associating it, its id, and its name for people.
    fn obtain(&self) -> (Vec<Step>, Target, String) {
        match (self.desired, self.observed) {
            (FloatingIp::Allocate { address, .. }, None) => {
                let name = address.as_deref().unwrap_or(UNNAMED);
                let steps = allocate(self.owner, self.desired, None);
                (steps, Target::pending(Kind::FloatingIp, name), name.to_owned())
            }
            (FloatingIp::Existing { id }, None) => {
                let tag = tag_step(id, id, &self.owner.uid_tag(), true);
                (vec![tag], Target::existing(id), id.clone())
            }
            (_, Some(observed)) => {
                let steps = owner_tags(self.owner, self.desired, observed);
                (steps, Target::existing(&observed.id), observed.floating_ip_address.clone())
            }
        }
    }

    fn associate(&self, target: &Target, name: &str) -> Step {
        let mut patch = Patch::default();
        patch.set("port_id", json!(self.observed.and_then(|one| one.port_id.as_ref())), json!(self.vip.port));
        patch.body.extend(self.vip.fields());
        if let Some(observed) = self.observed
            && let Some(description) = desired_description(self.owner, self.desired, observed)
            && description != observed.description
        {
            patch.set("description", json!(observed.description), json!(description));
        }
        let revision = self.observed.and_then(|one| one.revision);
        let call = Call::UpdateFloatingIp { id: target.id.clone(), body: patch.body, revision };
        Step { changes: patch.changes, ..Step::new(Kind::FloatingIp, name, call) }.after(target)
    }

    fn release(&self, old: &ObservedFloatingIp, ownership: Ownership) -> Vec<Step> {
        release(self.owner, old, ownership, retains(old), Some(self.vip))
    }
}
