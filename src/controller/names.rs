//! The controller's own name in the cluster.

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
