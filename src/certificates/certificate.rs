//! One X.509 certificate.

use jiff::Timestamp;
use rustls_pki_types::pem::SectionKind;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::pem::{Block, CERTIFICATE, Entry, blocks_of};
use super::problem::CertificateProblem;
use super::validity::timestamp;

/// RSA with MD5, RSA with SHA-1 (two identifiers), ECDSA with SHA-1.
const WEAK_SIGNATURES: [&str; 4] =
    ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.3.14.3.2.29", "1.2.840.10045.4.1"];

/// The certificates of an entry in DER, at least one and each once.
pub(super) fn certificate_blocks(entry: Entry<'_>) -> Result<Vec<Block>, CertificateProblem> {
    let mut blocks: Vec<Block> = Vec::new();
    for block in blocks_of(entry, SectionKind::Certificate, CERTIFICATE)? {
        if blocks.iter().all(|known| known.der != block.der) {
            blocks.push(block);
        }
    }
    Ok(blocks)
}

/// A parsed certificate with its DER.
pub(super) struct Certificate<'a> {
    pub(super) der: &'a [u8],
    pub(super) x509: X509Certificate<'a>,
}

/// Parses the certificates of an entry.
pub(super) fn parse<'a>(key: &str, blocks: &'a [Block]) -> Result<Vec<Certificate<'a>>, CertificateProblem> {
    let mut certificates = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        match parse_x509_certificate(&block.der) {
            Ok(([], x509)) => certificates.push(Certificate { der: &block.der, x509 }),
            _ => {
                let (key, position) = (key.to_owned(), index + 1);
                return Err(CertificateProblem::Unreadable { key, label: CERTIFICATE, position });
            }
        }
    }
    Ok(certificates)
}

impl Certificate<'_> {
    /// The name in messages: the common name, a DNS name, or the whole subject.
    pub(super) fn subject(&self) -> String {
        let name = self.common_name().or_else(|| self.dns_name());
        name.map_or_else(|| format!("{:?}", self.x509.subject.to_string()), |name| format!("{name:?}"))
    }

    fn common_name(&self) -> Option<&str> {
        let names = self.x509.subject.iter_common_name();
        names.filter_map(|name| name.as_str().ok()).find(|name| !name.is_empty())
    }

    fn dns_name(&self) -> Option<&str> {
        let names = self.x509.subject_alternative_name().ok().flatten()?;
        names.value.general_names.iter().find_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        })
    }

    /// Tells whether Octavia finds a host name in it.
    pub(super) fn has_name(&self) -> bool {
        self.common_name().is_some() || self.dns_name().is_some()
    }

    /// Tells whether it names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.x509.issuer.as_raw() == self.x509.subject.as_raw()
    }

    /// Tells whether its name is that of the issuer of `other`.
    pub(super) fn is_named_by(&self, other: &Self) -> bool {
        self.x509.subject.as_raw() == other.x509.issuer.as_raw()
    }

    /// Tells whether it has signed `other`; true too where the algorithm of the signature cannot be checked here.
    pub(super) fn has_signed(&self, other: &Self) -> bool {
        !contradicts(other.x509.verify_signature(Some(self.x509.public_key())))
    }

    /// Tells whether its signature is too weak for OpenSSL. Nothing checks that of a root.
    pub(super) fn has_weak_signature(&self) -> bool {
        let algorithm = self.x509.signature_algorithm.algorithm.to_id_string();
        !self.is_self_issued() && WEAK_SIGNATURES.contains(&algorithm.as_str())
    }

    pub(super) fn not_before(&self) -> Timestamp {
        timestamp(self.x509.validity.not_before)
    }

    pub(super) fn not_after(&self) -> Timestamp {
        timestamp(self.x509.validity.not_after)
    }
}

/// Tells whether the check of a signature was made and failed.
pub(super) fn contradicts(checked: Result<(), X509Error>) -> bool {
    matches!(checked, Err(error) if error != X509Error::SignatureUnsupportedAlgorithm)
}
