//! Writes of this process to a stack, kept while its view of the cluster is older: it reads its own writes.

use kube::Resource;

use crate::api::LoadBalancerStack;

/// A part of a stack that this process wrote. In a newer view another process may have changed it, which counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written<T> {
    version: u64,
    pub value: T,
}

impl<T> Written<T> {
    /// `version` is the resource version after the write; `None` for one that is no number.
    pub(super) fn at(version: Option<&str>, value: T) -> Option<Self> {
        Some(Self { version: number_of(version)?, value })
    }

    /// True if a view of the stack does not show the write. A version that is no number counts as a view that has caught
    /// up.
    pub(super) fn is_newer_than(&self, view: &LoadBalancerStack) -> bool {
        number_of(view.meta().resource_version.as_deref()).is_some_and(|seen| seen < self.version)
    }
}

/// Resource version as a number, which grows (Kubernetes 1.35 says so, etcd always did it).
fn number_of(version: Option<&str>) -> Option<u64> {
    version?.parse().ok()
}
