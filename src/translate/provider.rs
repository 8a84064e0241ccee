//! The provider drivers of Octavia that Evenkeel knows.

use crate::api::LoadBalancerStackSpec;

/// The driver that carries out a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Amphora,
    Ovn,
    /// Nothing is known of its data plane, so nothing is refused for it.
    Other,
}

impl Provider {
    /// Without a provider in the stack it is Octavia's own default. A stack on a cloud with another default names it.
    pub(super) fn of(spec: &LoadBalancerStackSpec) -> Self {
        match spec.load_balancer.provider.as_deref() {
            // Three names of one driver (the entry points `octavia.api.drivers` of Octavia).
            None | Some("amphora" | "amphorav2" | "octavia") => Self::Amphora,
            Some("ovn") => Self::Ovn,
            Some(_) => Self::Other,
        }
    }
}
