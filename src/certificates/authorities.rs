//! Authorities that sign the certificates of clients or members.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::certificate::{Certificate, certificate_blocks, parse};
use super::content::{CheckedContent, digest, stored};
use super::pem::{Block, CERTIFICATE, Entry, text};
use super::problem::CertificateProblem;
use super::warning::{CertificateWarning, OmissionReason};
use crate::model::SecretFormat;

/// Checked authorities, by which revocation lists are checked.
pub struct Authorities {
    pub checked: CheckedContent,
    pub(super) blocks: Vec<Block>,
}

/// Checks a bundle of authorities. Those that have expired are left out.
///
/// haproxy takes a bundle as a whole. Octavia reads only its first certificate, to check a revocation list.
///
/// # Errors
/// The first problem.
pub fn check_authorities(entry: Entry<'_>, now: Timestamp) -> Result<Authorities, CertificateProblem> {
    let mut blocks = certificate_blocks(entry)?;
    let certificates = parse(entry.key, &blocks)?;
    let expired: Vec<bool> = certificates.iter().map(|certificate| certificate.not_after() < now).collect();
    let mut warnings = Vec::new();
    for certificate in certificates.iter().filter(|certificate| certificate.not_after() < now) {
        warnings.push(CertificateWarning { subject: certificate.subject(), reason: OmissionReason::Expired });
    }
    let not_after = certificates.iter().map(Certificate::not_after).filter(|time| *time >= now).min();
    if not_after.is_none() {
        return Err(CertificateProblem::AuthoritiesExpired(entry.key.to_owned()));
    }
    let mut expired = expired.into_iter();
    blocks.retain(|_| expired.next() != Some(true));
    let ders = || blocks.iter().map(|block| block.der.as_slice());
    let payload = Zeroizing::new(text(CERTIFICATE, ders()).into_bytes());
    let content = stored(payload, SecretFormat::Pem, digest("authorities", ders()))?;
    Ok(Authorities { checked: CheckedContent { content, not_after, warnings }, blocks })
}
