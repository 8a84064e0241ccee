//! Contents that passed their checks.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::problem::CertificateProblem;
use super::warning::CertificateWarning;
use crate::model::{SecretContent, SecretFormat};

/// Most bytes of a text in Barbican (`max_allowed_secret_in_bytes`).
const TEXT_LIMIT: usize = 20_000;

/// Most bytes of a binary. It is sent as base64, and Barbican reads requests of at most 25,000 bytes.
const BINARY_LIMIT: usize = 18_000;

/// A content that Octavia can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedContent {
    pub content: SecretContent,
    /// Time from which on it is of no use; none for a revocation list without a date.
    pub not_after: Option<Timestamp>,
    pub warnings: Vec<CertificateWarning>,
}

/// Wraps a payload that Barbican can store.
pub(super) fn stored(
    payload: Zeroizing<Vec<u8>>,
    format: SecretFormat,
    digest: String,
) -> Result<SecretContent, CertificateProblem> {
    let limit = match format {
        SecretFormat::Pkcs12 => BINARY_LIMIT,
        SecretFormat::Pem => TEXT_LIMIT,
    };
    let size = payload.len();
    if size > limit {
        return Err(CertificateProblem::TooLarge { size, limit });
    }
    Ok(SecretContent::new(payload, format, digest))
}

/// Digest of the parts of a content: the first half of SHA-256, in hexadecimal digits. `kind` and the lengths keep
/// different contents apart.
pub(super) fn digest<'a>(kind: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    hash.update(kind);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
