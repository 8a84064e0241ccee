//! References whose contents are unknown.

use std::fmt;

use serde::Serialize;

use crate::cli::manifests::{Place, StackManifest};

/// A field whose content is in a cluster that was not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Unknown {
    #[serde(flatten)]
    place: Place,
    field: String,
    /// Object that has the content: `Service web`.
    object: String,
    content: UnknownContent,
}

/// Content of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum UnknownContent {
    Members,
    /// Members that are not ready, of a pool with minMembers.
    UnreadyMembers,
    Certificate,
    Permissions,
}

impl Unknown {
    pub(super) fn new(manifest: &StackManifest, field: &str, object: String, content: UnknownContent) -> Self {
        Self { place: manifest.place_of(field), field: field.to_owned(), object, content }
    }

    fn message(&self) -> String {
        let object = &self.object;
        match self.content {
            UnknownContent::Members => {
                format!("members of {object} are unknown without --kubeconfig; the plan keeps those of the cloud")
            }
            UnknownContent::UnreadyMembers => format!(
                "{object} has pods that are not ready; the controller keeps their members while fewer than minMembers \
                 others are ready"
            ),
            UnknownContent::Certificate => {
                format!("the certificate of {object} is unknown without --kubeconfig; the plan keeps that of the cloud")
            }
            UnknownContent::Permissions => {
                format!("the permissions of {object} are unknown; the plan does without them")
            }
        }
    }

    /// Tells whether the plan keeps what the cloud has because of this.
    pub(in crate::cli) const fn keeps_cloud(&self) -> bool {
        matches!(self.content, UnknownContent::Members | UnknownContent::Certificate)
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.field, self.message())
    }
}
