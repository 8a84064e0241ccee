//! The cause behind a write of Neutron that is answered 404 or 409.
//!
//! A 404 names several things, of which one is missing or none: before anything is reported as gone, it is asked for. A
//! 409 is an address that is taken.

use crate::model::{Call, Kind, Step};
use crate::openstack::{CloudError, ErrorClass};

use super::addresses;
use super::messages::missing_vip_port_message;
use super::outcome::{Observed, Outcome, Retry, StallReason, WaitReason};
use super::reconciliation::Reconciliation;

impl Reconciliation<'_> {
    /// Outcome that names the cause of a failed write of a floating IP; `None` where the next reconcile finds it.
    pub(super) async fn missing(&self, error: &CloudError, step: &Step, observed: &Observed) -> Option<Outcome> {
        if let Some(outcome) = taken(error, step) {
            return Some(outcome);
        }
        // The tags of what is not there are a 500 (`TagPlugin` in neutron/services/tag/tag_plugin.py).
        if step.kind != Kind::FloatingIp || error.class != ErrorClass::NotFound && error.status != Some(500) {
            return None;
        }
        if error.is_external_network_unreachable() {
            return Some(unreachable(error));
        }
        // The network, its subnet or the floating IP itself, found when it was still there: looked up again.
        self.cloud.forget_references();
        if error.class != ErrorClass::NotFound {
            return None;
        }
        let load_balancer = observed.load_balancer()?;
        let port = load_balancer.vip_port_id.as_deref()?;
        // A failure to ask leaves it unknown.
        let is_gone = self.cloud.is_port_gone(port).await.unwrap_or(false);
        let message = || format!("{error}: {}", missing_vip_port_message(load_balancer, port));
        is_gone.then(|| Outcome::stalled(StallReason::VipPortMissing, message()))
    }
}

/// The address that the stack asks for is taken (`IpAddressAlreadyAllocated` in neutron_lib/exceptions).
fn taken(error: &CloudError, step: &Step) -> Option<Outcome> {
    let Call::CreateFloatingIp { body } = &step.call else { return None };
    let address = body.get("floating_ip_address").and_then(|address| address.as_str())?;
    if error.class != ErrorClass::Conflict || !addresses::names(&error.message, address) {
        return None;
    }
    let message = format!(
        "spec.loadBalancer.floatingIP.allocate.address: {error}: name another address, or name it under \
         floatingIP.existing if it is a floating IP of this project"
    );
    Some(Outcome::waiting(WaitReason::Conflict, message, Retry::Backoff))
}

/// No router leads to the network of the floating IP. The message leaves out the id of the request, so that it stays
/// the same as long as that is so.
fn unreachable(error: &CloudError) -> Outcome {
    let message = format!(
        "spec.loadBalancer.floatingIP: {} The load balancer serves without it. Connect the subnet of its VIP to a router \
         that has its gateway on that network, or choose another network; it is tried again every minute",
        error.message
    );
    Outcome::stalled(StallReason::ReferenceUnusable, message)
}
