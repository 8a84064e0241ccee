//! Certificates for tests. All are valid from 2026 to 2030; the time of the tests is in 2027.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, SerialNumber, date_time_ymd,
};

use crate::certificates::pem::text;
use crate::certificates::{Authorities, CertificateProblem, CheckedContent, Entry, check_authorities, check_pair};

pub(super) const EC_KEY: &str = include_str!("../fixtures/ec_pkcs8.pem");

/// A time at which everything is valid.
pub(super) fn now() -> Timestamp {
    "2027-06-01T00:00:00Z".parse().unwrap()
}

pub(super) fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params
}

/// An authority with its key.
pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub(super) fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap()
}

pub(super) fn root_until(name: &str, year: i32) -> Authority {
    let mut params = authority_params(name);
    params.not_after = date_time_ymd(year, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub(super) fn intermediate(name: &str, issuer: &Authority) -> Authority {
    CertifiedIssuer::signed_by(authority_params(name), KeyPair::generate().unwrap(), issuer).unwrap()
}

/// Certificate of [`EC_KEY`].
pub(super) fn leaf(params: &CertificateParams, issuer: &Authority) -> String {
    let key = KeyPair::from_pem(EC_KEY).unwrap();
    pem(params.signed_by(&key, issuer).unwrap().der())
}

pub(super) fn self_signed(params: &CertificateParams, key: &str) -> String {
    pem(params.self_signed(&KeyPair::from_pem(key).unwrap()).unwrap().der())
}

pub(super) fn pem(der: &[u8]) -> String {
    text("CERTIFICATE", [der])
}

pub(super) fn revocation_list(issuer: &Authority, from: i32, until: i32) -> String {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(from, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    text("X509 CRL", [params.signed_by(issuer).unwrap().der().as_ref()])
}

pub(super) fn entry<'a>(key: &'a str, value: &'a str) -> Entry<'a> {
    Entry { key, value: value.as_bytes() }
}

pub(super) fn pair(certificate: &str, key: &str) -> Result<CheckedContent, CertificateProblem> {
    check_pair(entry("tls.crt", certificate), entry("tls.key", key), now())
}

pub(super) fn authorities(pem: &str) -> Result<Authorities, CertificateProblem> {
    check_authorities(entry("ca.crt", pem), now())
}

/// Problem of a result, as text.
pub(super) fn problem<T>(result: Result<T, CertificateProblem>) -> String {
    result.err().map(|problem| problem.to_string()).unwrap_or_default()
}
