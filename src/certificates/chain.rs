//! Chain of a certificate: the certificate itself, its issuer, the issuer of that, and so on.

use super::certificate::Certificate;
use super::warning::{CertificateWarning, OmissionReason};

/// A chain in order, without its root.
pub(super) struct Chain<'a> {
    pub(super) certificates: Vec<Certificate<'a>>,
    pub(super) warnings: Vec<CertificateWarning>,
}

/// Puts the chain of a leaf in order. `others` are the other certificates, in any order.
pub(super) fn chain<'a>(leaf: Certificate<'a>, mut others: Vec<Certificate<'a>>) -> Chain<'a> {
    let mut chain = Chain { certificates: vec![leaf], warnings: Vec::new() };
    while let Some(position) = chain.certificates.last().and_then(|last| issuer_position(last, &others)) {
        let issuer = others.remove(position);
        if issuer.is_self_issued() {
            chain.warn(&issuer, OmissionReason::Root);
            break;
        }
        chain.certificates.push(issuer);
    }
    for stray in &others {
        chain.warn(stray, if stray.is_self_issued() { OmissionReason::Root } else { OmissionReason::Stray });
    }
    chain
}

impl Chain<'_> {
    fn warn(&mut self, omitted: &Certificate<'_>, reason: OmissionReason) {
        self.warnings.push(CertificateWarning { subject: omitted.subject(), reason });
    }
}

/// Position of the issuer of a certificate. Several may have its name: cross-signed ones, or one before and after a
/// change of its key. One that is no root comes first, since it leads further.
fn issuer_position(certificate: &Certificate<'_>, others: &[Certificate<'_>]) -> Option<usize> {
    if certificate.is_self_issued() {
        return None;
    }
    let is_issuer = |other: &Certificate<'_>| other.is_named_by(certificate) && other.has_signed(certificate);
    let intermediate = others.iter().position(|other| is_issuer(other) && !other.is_self_issued());
    intermediate.or_else(|| others.iter().position(is_issuer))
}
