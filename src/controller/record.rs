//! Durable facts of a stack, from its status and its annotation.

use super::pending_create_annotation::pending_creates_of;
use super::stack_state::StackState;
use crate::api::{AdditionalVipStatus, LoadBalancerStack};
use crate::engine::Record;
use crate::model::AdditionalVip;

/// The record of a stack. Pending creates that this process wrote count even if its view of the cluster does not show
/// them yet.
pub(super) fn record_of(stack: &LoadBalancerStack, state: &mut StackState) -> Record {
    state.pending_creates = state.pending_creates.take().filter(|written| written.is_newer_than(stack));
    let written = state.pending_creates.as_ref().map(|written| written.value.clone());
    let status = stack.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    Record {
        load_balancer_id: filled(status.and_then(|lb| lb.id.as_ref())),
        region: filled(status.and_then(|lb| lb.region.as_ref())),
        project_id: filled(status.and_then(|lb| lb.project_id.as_ref())),
        vip_address: filled(status.and_then(|lb| lb.vip_address.as_ref())),
        additional_vips: status.map(|lb| lb.additional_vips.iter().map(recorded_vip).collect()).unwrap_or_default(),
        pending_creates: written.unwrap_or_else(|| pending_creates_of(stack)),
    }
}

fn recorded_vip(vip: &AdditionalVipStatus) -> AdditionalVip {
    AdditionalVip { subnet_id: vip.subnet_id.clone(), address: vip.address.clone() }
}
