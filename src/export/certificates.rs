//! References of certificates, authorities and revocation lists: all lead to Barbican.

use crate::api::{CertificateSpec, TrustSpec};

pub(super) fn certificate(reference: &str) -> CertificateSpec {
    CertificateSpec { barbican_ref: Some(reference.to_owned()), secret_ref: None }
}

pub(super) fn trust(reference: &str) -> TrustSpec {
    TrustSpec { barbican_ref: Some(reference.to_owned()), ..TrustSpec::default() }
}
