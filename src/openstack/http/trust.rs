//! Certificates of `cacert`, and faults of the certificates that servers present.

use std::error::Error;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, RootCertStore};

/// A fault of `cacert`, with its remedy. No message shows anything of the content but known PEM labels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacertError {
    #[error("cacert is empty: put the CA's certificate there, or leave the key out")]
    Empty,
    #[error("cacert is no text: it must hold certificates in PEM form")]
    NotText,
    #[error("cacert is in DER form: convert it to PEM with `openssl x509 -inform DER -in FILE -out ca.pem`")]
    Der,
    #[error("cacert has a {label}, a form that only OpenSSL reads: convert it with `{command} -in FILE -out ca.pem`")]
    OpensslOnly { label: &'static str, command: &'static str },
    #[error("cacert holds no certificate in PEM form: it has no line -----BEGIN CERTIFICATE-----")]
    NotPem,
    #[error("cacert holds no certificate, but a {label}: put the CA's certificate there")]
    NoCertificate { label: &'static str },
    #[error(
        "certificate {number} of cacert is damaged: copy it again, from its line BEGIN CERTIFICATE to END CERTIFICATE"
    )]
    Damaged { number: usize },
}

const CERTIFICATE: &str = "CERTIFICATE";

/// PEM forms of OpenSSL's own, and the commands that convert them.
const OPENSSL_ONLY: [(&str, &str); 2] =
    [("TRUSTED CERTIFICATE", "openssl x509"), ("PKCS7", "openssl pkcs7 -print_certs")];

/// Reads the certificates of `cacert`.
///
/// # Errors
/// For the first fault of the text; one damaged certificate is enough.
pub(super) fn authorities(cacert: &[u8]) -> Result<Vec<CertificateDer<'static>>, CacertError> {
    let text = text(cacert)?;
    let labels: Vec<&str> = text.lines().filter_map(label).collect();
    let openssl_only = |label: &&str| OPENSSL_ONLY.into_iter().find(|(known, _)| known == label);
    if let Some((label, command)) = labels.iter().find_map(openssl_only) {
        return Err(CacertError::OpensslOnly { label, command });
    }
    let expected = labels.iter().filter(|label| **label == CERTIFICATE).count();
    if expected == 0 {
        let no_certificate = |label: &&str| CacertError::NoCertificate { label: known_label(label) };
        return Err(labels.first().map_or(CacertError::NotPem, no_certificate));
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let damaged = CacertError::Damaged { number: found.len() + 1 };
        let Ok(certificate) = certificate else { return Err(damaged) };
        if RootCertStore::empty().add(certificate.clone()).is_err() {
            return Err(damaged);
        }
        found.push(certificate);
    }
    // A missing END line hides the next certificate: the parser takes it for a part of this one.
    if found.len() == expected { Ok(found) } else { Err(CacertError::Damaged { number: found.len() + 1 }) }
}

/// Decodes the text and drops its byte order mark and the blanks around its lines.
fn text(cacert: &[u8]) -> Result<String, CacertError> {
    let decoded = match cacert {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        plain => std::str::from_utf8(plain).ok().map(str::to_owned),
    };
    // In DER a certificate is a SEQUENCE of more than 127 bytes.
    if decoded.is_none() && matches!(cacert, [0x30, 0x81..=0x84, ..]) {
        return Err(CacertError::Der);
    }
    let decoded = decoded.ok_or(CacertError::NotText)?;
    if decoded.trim().is_empty() {
        return Err(CacertError::Empty);
    }
    let lines: Vec<&str> = decoded.lines().map(str::trim).collect();
    // An older label of the same form.
    Ok(lines.join("\n").replace(" X509 CERTIFICATE-", " CERTIFICATE-"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

fn label(line: &str) -> Option<&str> {
    line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}

/// A PEM label that a message may show. Any other text is the content of a Secret and stays hidden.
fn known_label(label: &str) -> &'static str {
    const LABELS: [&str; 5] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE REQUEST", "X509 CRL"];
    LABELS.into_iter().find(|known| *known == label).unwrap_or("PEM block of another kind")
}

/// True for a certificate that may sign others: its extension basicConstraints (2.5.29.19) says `cA TRUE`.
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    const BASIC_CONSTRAINTS: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x13];
    const CRITICAL: [u8; 3] = [0x01, 0x01, 0xff];
    let der: &[u8] = certificate;
    let Some(at) = der.windows(BASIC_CONSTRAINTS.len()).position(|bytes| bytes == BASIC_CONSTRAINTS) else {
        return false;
    };
    let rest = &der[at + BASIC_CONSTRAINTS.len()..];
    let rest = rest.strip_prefix(&CRITICAL).unwrap_or(rest);
    matches!(rest, [0x04, _, 0x30, _, 0x01, 0x01, 0xff, ..])
}

/// The kind of certificates that `cacert` adds to the system's roots; chooses the advice in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cacert {
    Absent,
    /// Only server certificates, which sign nothing.
    WithoutAuthority,
    WithAuthority,
}

impl Cacert {
    pub(super) fn of(certificates: &[CertificateDer<'_>]) -> Self {
        match certificates {
            [] => Self::Absent,
            all if all.iter().any(is_authority) => Self::WithAuthority,
            _ => Self::WithoutAuthority,
        }
    }
}

/// The fault of the server's certificate, if it prevented the connection. The message shows nothing of the certificate: a
/// user's credentials choose the endpoint, and the user may read the status.
pub(super) fn certificate_fault(error: &(dyn Error + 'static), cacert: Cacert) -> Option<String> {
    let rustls::Error::InvalidCertificate(fault) = tls_error(error)? else { return None };
    Some(match fault {
        CertificateError::UnknownIssuer => unknown_issuer(cacert).to_owned(),
        CertificateError::Expired => "it has expired: renew it on the server".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("it expired at {}: renew it on the server, unless the clock here is wrong", stamp(*not_after))
        }
        CertificateError::NotValidYet => "it is not valid yet: check the clocks here and on the server".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}: check the clocks here and on the server", stamp(*not_before))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host: its subjectAltName must contain the host of the URL (a common name does not count); \
             give the server such a certificate, or use a host name that the certificate has"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers: its extendedKeyUsage lacks serverAuth".to_owned()
        }
        CertificateError::BadSignature => {
            "the authority of that name did not sign it: cacert has an older or another CA of this name".to_owned()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => SELF_SIGNED.to_owned(),
        CertificateError::Other(other) => format!("it cannot be used: {other}"),
        // Malformed, or signed by an unknown algorithm: the variant says which.
        other => format!("it cannot be used: {}", variant(other)),
    })
}

const SELF_SIGNED: &str = "the server shows a CA's certificate as its own, as self-signed ones are by default \
    (basicConstraints CA:TRUE), and that is not accepted even where cacert has it: give the server a certificate with \
    CA:FALSE, signed by itself or by a CA, and put that one or its CA into cacert";

const fn unknown_issuer(cacert: Cacert) -> &'static str {
    match cacert {
        Cacert::Absent => {
            "none of the usual authorities has signed it: put the certificate of its CA under the key `cacert` of the \
             Secret"
        }
        Cacert::WithoutAuthority => {
            "cacert holds the certificate of a server and of no CA, and the server shows another one: put the \
             certificate of the CA that signed it into cacert"
        }
        Cacert::WithAuthority => {
            "neither the usual authorities nor those of cacert have signed it: put the certificate of its CA into \
             cacert, and let the server send the certificates in between"
        }
    }
}

/// The name of the variant alone: its fields hold parts of the certificate.
fn variant(fault: &CertificateError) -> String {
    format!("{fault:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn stamp(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).map(|stamp| stamp.to_string()).unwrap_or_default()
}

/// Finds the rustls error in a chain of errors. rustls wraps its errors into those of `std::io`, which hide them from
/// `source`.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests;
