//! Access of one stack to the cloud that it refers to.

use std::sync::Arc;

use crate::api::ClusterOpenStackCloudSpec;

/// Use of a cloud by the stacks of one namespace.
#[derive(Debug, Clone)]
pub(crate) struct CloudAccess {
    /// Name of the ClusterOpenStackCloud.
    pub name: String,
    pub spec: Arc<ClusterOpenStackCloudSpec>,
    /// The namespace may use it.
    pub is_granted: bool,
    /// The object is being deleted, and kept for the stacks that use it.
    pub is_deleting: bool,
}

/// Equal if a stack has nothing to do after a change from one to the other.
impl PartialEq for CloudAccess {
    fn eq(&self, other: &Self) -> bool {
        let (spec, others) = (&self.spec, &other.spec);
        self.name == other.name
            && self.is_granted == other.is_granted
            && spec.secret_ref == others.secret_ref
            && spec.cloud_name == others.cloud_name
            && spec.allow == others.allow
    }
}

/// Reason for which a stack has no access, whatever its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessProblem {
    /// The objects were not listed yet. After an error that takes longer than a moment.
    NotListed {
        has_failed: bool,
    },
    Missing,
    /// This version cannot read the object.
    Unreadable,
}
