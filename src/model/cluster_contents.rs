//! Objects of the cluster that a stack refers to.
//!
//! The shell reads them before the engine runs, and the translator joins them with the spec.

use std::collections::BTreeMap;

use super::{Problem, SourcedEndpoints, StoredSecret};

/// Contents that a stack takes from the cluster, as they were read for one reconcile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterContents {
    /// Endpoints of the member sources.
    pub endpoints: SourcedEndpoints,
    /// Contents of the Secrets and ConfigMaps in TLS fields.
    pub certificates: SourcedCertificates,
}

/// Certificates by the path of their field: `spec.listeners[https].tls.certificate`. One that is not among them has not
/// been read.
pub type SourcedCertificates = BTreeMap<String, SourcedCertificate>;

/// Certificate, authorities or revocation lists of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourcedCertificate {
    /// Checked, to be stored in the cloud.
    Known(StoredSecret),
    /// The object cannot be read or used now: the cloud keeps the content that it has.
    Unknown(Option<Problem>),
}
