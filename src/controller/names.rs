//! Names of objects in the cluster, and the controller's own name in it.

use std::fmt;

use kube::{Resource, ResourceExt};

/// The controller's name as a writer of objects and Events.
pub(super) const MANAGER: &str = "evenkeel";

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
