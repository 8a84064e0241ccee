//! Selectors of cloud objects, read from the reference fields of a spec.

use crate::api::{CloudRef, ExistingFloatingIp};
use crate::model::Selector;

/// Selector of a reference by id or by name; `None` if the reference gives neither or both.
pub(super) fn cloud_ref(reference: &CloudRef) -> Option<Selector> {
    match (&reference.id, &reference.name) {
        (Some(id), None) => Some(Selector::Id(id.clone())),
        (None, Some(name)) => Some(Selector::Name(name.clone())),
        _ => None,
    }
}

/// Selector of an existing floating IP by id or by address; `None` if the reference gives neither or both.
pub(super) fn floating_ip(reference: &ExistingFloatingIp) -> Option<Selector> {
    match (&reference.id, &reference.address) {
        (Some(id), None) => Some(Selector::Id(id.clone())),
        (None, Some(address)) => address.parse().ok().map(Selector::Address),
        _ => None,
    }
}
