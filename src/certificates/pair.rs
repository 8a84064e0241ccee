//! A certificate with its chain and private key.

use jiff::Timestamp;

use super::certificate::{Certificate, certificate_blocks, parse};
use super::chain::chain;
use super::content::{CheckedContent, digest, stored};
use super::pem::Entry;
use super::pkcs12::pkcs12;
use super::private_key::PrivateKey;
use super::problem::CertificateProblem;
use crate::model::SecretFormat;

/// Checks a certificate with its private key, and writes both as PKCS#12.
///
/// The leaf is the certificate that the private key belongs to, wherever it stands. Its issuers follow in order.
///
/// # Errors
/// The first problem.
pub fn check_pair(
    certificate: Entry<'_>,
    private_key: Entry<'_>,
    now: Timestamp,
) -> Result<CheckedContent, CertificateProblem> {
    let blocks = certificate_blocks(certificate)?;
    let mut certificates = parse(certificate.key, &blocks)?;
    let key = PrivateKey::read(private_key)?;
    let Some(leaf) = certificates.iter().position(|certificate| key.belongs_to(certificate)) else {
        let (certificate, private_key) = (certificate.key.to_owned(), private_key.key.to_owned());
        return Err(CertificateProblem::Mismatch { certificate, private_key });
    };
    let leaf = certificates.remove(leaf);
    if !leaf.has_name() {
        return Err(CertificateProblem::NoName(leaf.subject()));
    }
    let chain = chain(leaf, certificates);
    for certificate in &chain.certificates {
        check_served(certificate, now)?;
    }
    let ders: Vec<&[u8]> = chain.certificates.iter().map(|certificate| certificate.der).collect();
    let digest = digest("pair", ders.iter().copied().chain([key.pkcs8.as_slice()]));
    let payload = pkcs12(&key.pkcs8, &ders).map_err(|_| CertificateProblem::Unwritable)?;
    Ok(CheckedContent {
        content: stored(payload, SecretFormat::Pkcs12, digest)?,
        not_after: chain.certificates.iter().map(Certificate::not_after).min(),
        warnings: chain.warnings,
    })
}

/// Checks a certificate that clients get to see.
fn check_served(certificate: &Certificate<'_>, now: Timestamp) -> Result<(), CertificateProblem> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if now < not_before {
        return Err(CertificateProblem::NotYetValid { subject: certificate.subject(), not_before });
    }
    if now > not_after {
        return Err(CertificateProblem::Expired { subject: certificate.subject(), not_after });
    }
    if certificate.has_weak_signature() {
        return Err(CertificateProblem::WeakSignature(certificate.subject()));
    }
    Ok(())
}
