//! Revocation lists.

use jiff::Timestamp;
use rustls_pki_types::pem::SectionKind;
use x509_parser::parse_x509_crl;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::Zeroizing;

use super::authorities::Authorities;
use super::certificate::{Certificate, contradicts, parse};
use super::content::{CheckedContent, digest, stored};
use super::pem::{Entry, REVOCATION_LIST, blocks_of, text};
use super::problem::CertificateProblem;
use super::validity::timestamp;
use crate::model::SecretFormat;

struct List<'a> {
    der: &'a [u8],
    crl: CertificateRevocationList<'a>,
}

/// Checks revocation lists. Authorities that the cluster does not hold cannot be compared: then there are none here.
///
/// Octavia checks the first list by the first authority, so the lists get the order of the authorities. haproxy rejects
/// every certificate whose authority has no list.
///
/// # Errors
/// The first problem.
pub fn check_revocation_list(
    entry: Entry<'_>,
    authorities: Option<&Authorities>,
    now: Timestamp,
) -> Result<CheckedContent, CertificateProblem> {
    let blocks = blocks_of(entry, SectionKind::Crl, REVOCATION_LIST)?;
    let mut lists = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        match parse_x509_crl(&block.der) {
            Ok(([], crl)) => lists.push(List { der: &block.der, crl }),
            _ => {
                let (key, position) = (entry.key.to_owned(), index + 1);
                return Err(CertificateProblem::Unreadable { key, label: REVOCATION_LIST, position });
            }
        }
    }
    for list in &lists {
        check_dates(&list.crl, now)?;
    }
    let not_after = lists.iter().filter_map(|list| list.crl.next_update()).map(timestamp).min();
    if let Some(authorities) = authorities {
        lists = in_order_of(&parse(entry.key, &authorities.blocks)?, lists)?;
    }
    let ders = || lists.iter().map(|list| list.der);
    let payload = Zeroizing::new(text(REVOCATION_LIST, ders()).into_bytes());
    let content = stored(payload, SecretFormat::Pem, digest("revocation", ders()))?;
    Ok(CheckedContent { content, not_after, warnings: Vec::new() })
}

fn check_dates(list: &CertificateRevocationList<'_>, now: Timestamp) -> Result<(), CertificateProblem> {
    let last_update = timestamp(list.last_update());
    if now < last_update {
        return Err(CertificateProblem::ListNotYetValid { issuer: issuer(list), last_update });
    }
    match list.next_update().map(timestamp) {
        Some(next_update) if now > next_update => {
            Err(CertificateProblem::ListExpired { issuer: issuer(list), next_update })
        }
        _ => Ok(()),
    }
}

fn issuer(list: &CertificateRevocationList<'_>) -> String {
    format!("{:?}", list.issuer().to_string())
}

/// The lists in the order of their authorities, each of which has one.
fn in_order_of<'a>(
    authorities: &[Certificate<'_>],
    mut lists: Vec<List<'a>>,
) -> Result<Vec<List<'a>>, CertificateProblem> {
    let mut ordered = Vec::new();
    for authority in authorities {
        let (own, others): (Vec<_>, Vec<_>) = lists.into_iter().partition(|list| has_issued(authority, &list.crl));
        if own.is_empty() {
            // A foreign list is the likelier mistake if it is the only one.
            return Err(match others.first() {
                Some(list) if authorities.len() == 1 => CertificateProblem::ForeignList(issuer(&list.crl)),
                _ => CertificateProblem::AuthorityWithoutList(authority.subject()),
            });
        }
        ordered.extend(own);
        lists = others;
    }
    match lists.first() {
        Some(foreign) => Err(CertificateProblem::ForeignList(issuer(&foreign.crl))),
        None => Ok(ordered),
    }
}

fn has_issued(authority: &Certificate<'_>, list: &CertificateRevocationList<'_>) -> bool {
    let is_named = authority.x509.subject.as_raw() == list.issuer().as_raw();
    is_named && !contradicts(list.verify_signature(authority.x509.public_key()))
}
