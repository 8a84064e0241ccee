//! Single writes to a floating IP.

use serde_json::{Value, json};

use super::vip::VipTarget;
use crate::model::{Call, Change, Impact, Kind, ObservedFloatingIp, Step};
use crate::plan::diff::Patch;

/// Tag of a created floating IP that is kept when the stack no longer wants it.
pub const RETAIN: &str = "evenkeel:reclaim-policy=Retain";

/// One `PUT` of the fields that differ. `vip`: the VIP that it shall lead to; `None` takes it off its port.
pub(super) fn update(
    observed: &ObservedFloatingIp,
    description: Option<&str>,
    vip: Option<&VipTarget<'_>>,
) -> Option<Step> {
    let mut patch = Patch::default();
    if let Some(description) = description.filter(|description| *description != observed.description) {
        patch.set("description", json!(observed.description), json!(description));
    }
    match vip {
        Some(vip) if !vip.has(observed) => {
            patch.set("port_id", json!(observed.port_id), json!(vip.port));
            patch.body.extend(vip.fields());
        }
        None if observed.port_id.is_some() => patch.set("port_id", json!(observed.port_id), Value::Null),
        _ => {}
    }
    (!patch.is_empty()).then(|| put(observed, patch))
}

/// Another description; the floating IP stays where it is.
pub(super) fn describe(observed: &ObservedFloatingIp, description: &str) -> Step {
    let mut patch = Patch::default();
    patch.set("description", json!(observed.description), json!(description));
    put(observed, patch)
}

/// `PUT` that names the revision of the record: Neutron rejects it when another client has changed the floating IP
/// since.
fn put(observed: &ObservedFloatingIp, patch: Patch) -> Step {
    let impact = if patch.clears("port_id") { Impact::Interrupts } else { Impact::None };
    let call = Call::UpdateFloatingIp { id: observed.id.clone(), body: patch.body, revision: observed.revision };
    Step { changes: patch.changes, ..Step::new(Kind::FloatingIp, &observed.floating_ip_address, call) }.impact(impact)
}

/// `DELETE`, on the same condition.
pub(super) fn delete(observed: &ObservedFloatingIp) -> Step {
    let impact = if observed.port_id.is_some() { Impact::Interrupts } else { Impact::None };
    let call = Call::DeleteFloatingIp { id: observed.id.clone(), revision: observed.revision };
    Step::new(Kind::FloatingIp, &observed.floating_ip_address, call).impact(impact)
}

/// Puts a tag on an existing floating IP, or takes it off.
pub(super) fn set_tag(observed: &ObservedFloatingIp, tag: &str, present: bool) -> Step {
    tag_step(&observed.floating_ip_address, &observed.id, tag, present)
}

/// The same by id, where no record is known.
pub(super) fn tag_step(name: &str, id: &str, tag: &str, present: bool) -> Step {
    let (was, want) = if present { (Value::Null, json!(tag)) } else { (json!(tag), Value::Null) };
    let call = Call::TagFloatingIp { id: id.to_owned(), tag: tag.to_owned(), present };
    let changes = vec![Change { field: "tags".to_owned(), was, want }];
    Step { changes, ..Step::new(Kind::FloatingIp, name, call) }
}
