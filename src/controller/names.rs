//! Names of objects in the cluster, and the controller's own name in it.

use std::fmt;

use kube::api::{PatchParams, PostParams};
use kube::{Resource, ResourceExt};

/// The controller's name as a writer of objects and Events.
pub(super) const MANAGER: &str = "evenkeel";

/// Parameters of a patch that is no server-side apply. Its fields are the controller's in `managedFields`, so that tools
/// which compare a stack with its source can leave them out.
pub(super) fn patched_by_evenkeel() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// Likewise of a create or a replacement.
pub(super) fn posted_by_evenkeel() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

/// Resource version as a number, which grows (Kubernetes 1.35 says so, etcd always did it). A version that is no number
/// counts as a view that has caught up.
pub(super) fn version_of(object: &impl Resource) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}

/// Namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NamespacedName {
    pub namespace: String,
    pub name: String,
}

impl NamespacedName {
    pub(super) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    pub(super) fn of(object: &impl Resource) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
