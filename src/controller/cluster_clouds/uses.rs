//! Uses of clouds by stacks, for the index.

use std::collections::BTreeSet;

use crate::api::LoadBalancerStack;
use crate::cluster::NamespacedName;
use crate::controller::finalizer;
use crate::controller::pending_create_annotation::pending_creates_of;
use crate::controller::watch::MaybeStack;

/// Relation of a stack to a cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum CloudUse {
    /// It refers to the cloud of this name.
    Refers(String),
    /// It is in this namespace and refers to some cloud.
    In(String),
    /// It has the finalizer, and needs the cloud for its deletion at least. One with a record has, or may have, a load
    /// balancer.
    Needs { cloud: String, recorded: bool },
}

impl CloudUse {
    /// Name of the cloud that the stack needs.
    pub(super) fn needed(&self) -> Option<&str> {
        match self {
            Self::Needs { cloud, .. } => Some(cloud),
            Self::Refers(_) | Self::In(_) => None,
        }
    }
}

/// The uses of a valid stack.
pub(super) fn uses(stored: &MaybeStack) -> BTreeSet<CloudUse> {
    let mut found = BTreeSet::new();
    let Ok(stack) = &stored.0 else { return found };
    let Some(cloud) = cluster_cloud_of(stack) else { return found };
    found.insert(CloudUse::Refers(cloud.to_owned()));
    found.insert(CloudUse::In(NamespacedName::of(stack).namespace));
    if finalizer::has_finalizer(stack) {
        found.insert(CloudUse::Needs { cloud: cloud.to_owned(), recorded: has_record(stack) });
    }
    found
}

/// Name of the cloud that a stack refers to.
pub(crate) fn cluster_cloud_of(stack: &LoadBalancerStack) -> Option<&str> {
    stack.spec.cloud_credentials_ref.as_ref()?.cluster_cloud()
}

/// Tells whether a stack has, or may have, a load balancer.
pub(super) fn has_record(stack: &LoadBalancerStack) -> bool {
    has_load_balancer(stack) || !pending_creates_of(stack).is_empty()
}

/// Tells whether a stack has a load balancer by its status.
pub(super) fn has_load_balancer(stack: &LoadBalancerStack) -> bool {
    let status = stack.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    status.and_then(|lb| lb.id.as_ref()).is_some_and(|id| !id.is_empty())
}
