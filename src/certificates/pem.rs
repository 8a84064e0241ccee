//! PEM: what is read from a Secret or ConfigMap, and the text that Barbican gets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

use super::problem::CertificateProblem;

pub(super) const CERTIFICATE: &str = "CERTIFICATE";
pub(super) const REVOCATION_LIST: &str = "X509 CRL";

/// Most certificates or lists of one entry. No more fit into Barbican, and their comparison takes time.
const BLOCKS_MAX: usize = 50;

/// One value of a Secret or ConfigMap with the name of its key.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub key: &'a str,
    pub value: &'a [u8],
}

/// A block of PEM in DER.
pub(super) struct Block {
    pub(super) kind: SectionKind,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The blocks of an entry. Text between blocks, and blocks of kinds that are unknown, are left out.
pub(super) fn blocks(entry: Entry<'_>) -> Result<Vec<Block>, CertificateProblem> {
    let mut blocks = Vec::new();
    for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(entry.value) {
        // The error of the parser may quote a line.
        let (kind, der) = block.map_err(|_| CertificateProblem::NotPem(entry.key.to_owned()))?;
        blocks.push(Block { kind, der: Zeroizing::new(der) });
    }
    Ok(blocks)
}

/// The blocks of one kind, at least one.
pub(super) fn blocks_of(
    entry: Entry<'_>,
    kind: SectionKind,
    label: &'static str,
) -> Result<Vec<Block>, CertificateProblem> {
    let blocks: Vec<Block> = blocks(entry)?.into_iter().filter(|block| block.kind == kind).collect();
    let count = blocks.len();
    if count > BLOCKS_MAX {
        return Err(CertificateProblem::TooMany { key: entry.key.to_owned(), count, limit: BLOCKS_MAX });
    }
    if blocks.is_empty() {
        return Err(CertificateProblem::NoBlock { key: entry.key.to_owned(), label });
    }
    Ok(blocks)
}

/// Text of public objects, without comments and in one spelling.
pub(super) fn text<'a>(label: &str, ders: impl IntoIterator<Item = &'a [u8]>) -> String {
    const LINE: usize = 64;
    let mut text = String::new();
    for der in ders {
        text.push_str(&format!("-----BEGIN {label}-----\n"));
        let encoded = STANDARD.encode(der);
        for start in (0..encoded.len()).step_by(LINE) {
            text.push_str(&encoded[start..encoded.len().min(start + LINE)]);
            text.push('\n');
        }
        text.push_str(&format!("-----END {label}-----\n"));
    }
    text
}
