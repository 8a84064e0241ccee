//! Rules of `spec.loadBalancer` and its references.

use kube::core::Rule;

/// Requires one selector of a cloud object.
pub(crate) fn id_or_name() -> Rule {
    Rule::new("has(self.id) != has(self.name)").message("exactly one of id and name is required")
}

/// Requires one selector of a floating IP.
pub(crate) fn id_or_address() -> Rule {
    Rule::new("has(self.id) != has(self.address)").message("exactly one of id and address is required")
}

/// Requires a source of the VIP.
pub(crate) fn vip_has_source() -> Rule {
    Rule::new("has(self.subnet) || has(self.network) || has(self.port)")
        .message("one of subnet, network and port is required")
}

/// Requires that a network is the only source of the VIP.
pub(crate) fn vip_network_stands_alone() -> Rule {
    Rule::new("!has(self.network) || (!has(self.subnet) && !has(self.port))")
        .message("network stands alone: subnet and port each name their network already")
}

/// Requires one source of the floating IP.
pub(crate) fn allocate_or_existing() -> Rule {
    Rule::new("has(self.allocate) != has(self.existing)").message("exactly one of allocate and existing is required")
}
