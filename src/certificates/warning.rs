//! Parts of a content that are left out.

use std::fmt;

/// Certificate that is not served, and the reason. The content is used all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateWarning {
    pub subject: String,
    pub reason: OmissionReason,
}

/// Reason for which a certificate is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmissionReason {
    /// Clients have the root of a chain, or do not trust it.
    Root,
    /// The certificate is no issuer in the chain.
    Stray,
    /// The authority has expired.
    Expired,
}

impl fmt::Display for CertificateWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            OmissionReason::Root => "it is a root, which clients have themselves",
            OmissionReason::Stray => "it is not part of the chain",
            OmissionReason::Expired => "it has expired",
        };
        write!(f, "certificate {} is left out: {reason}", self.subject)
    }
}
