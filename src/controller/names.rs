//! The controller's own name in the cluster, and versions of objects.

use kube::Resource;
use kube::api::{PatchParams, PostParams};

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
