//! IP versions that a load balancer listens on.

use std::collections::BTreeSet;

use crate::model::IpFamily;

/// Knowledge of the IP versions of all addresses of a load balancer.
pub(super) enum IpFamilies {
    Known(BTreeSet<IpFamily>),
    /// Octavia chooses the subnet when it creates the load balancer, and will choose these. An existing load balancer may
    /// have come from another subnet, since the network may have got more of them afterwards.
    Predicted(BTreeSet<IpFamily>),
    Unknown,
}

/// A condition of a field on the IP versions of the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FamilyCondition {
    /// The field works only beside an address of this version.
    Needs(IpFamily),
    /// The field harms the traffic of an address of this version.
    Excludes(IpFamily),
}

impl FamilyCondition {
    pub(super) fn holds(self, families: &BTreeSet<IpFamily>) -> bool {
        match self {
            Self::Needs(family) => families.contains(&family),
            Self::Excludes(family) => !families.contains(&family),
        }
    }
}
