//! The list of differences that a comparison makes.

use std::collections::BTreeMap;

use evenkeel::model::{CertificateRef, TlsParameters};
use serde_json::{Value, json};

use super::records::sorted;

/// The differences that were found.
pub(super) struct Report {
    differences: Vec<String>,
    /// URLs of the secrets in the key manager, by name.
    secrets: BTreeMap<String, String>,
}

impl Report {
    pub fn new(secrets: BTreeMap<String, String>) -> Self {
        Self { differences: Vec::new(), secrets }
    }

    /// The URL that Octavia should have for a certificate.
    pub fn url<'a>(&'a self, reference: &'a CertificateRef) -> Option<&'a str> {
        match reference {
            CertificateRef::Existing(url) => Some(url),
            CertificateRef::Stored(secret) => self.secrets.get(&secret.name).map(String::as_str),
            CertificateRef::Unknown => None,
        }
    }

    pub fn reference(&self, reference: Option<&CertificateRef>) -> Value {
        reference.map_or(Value::Null, |reference| json!(self.url(reference).unwrap_or("not stored")))
    }

    pub fn same(&mut self, what: &str, seen: &Value, want: Value) {
        // 1 and 1.0 are the same number.
        let equal = *seen == want || (seen.is_number() && seen.as_f64() == want.as_f64());
        if !equal {
            self.differences.push(format!("{what} is {seen}, wanted {want}"));
        }
    }

    pub fn fields<'a>(&mut self, what: &str, seen: &Value, wants: impl IntoIterator<Item = (&'a str, Value)>) {
        for (field, want) in wants {
            self.same(&format!("{what} {field}"), &seen[field], want);
        }
    }

    /// The given TLS parameters. The others are operator-defaulted.
    pub fn tls_parameters(&mut self, what: &str, want: &TlsParameters, seen: &Value) {
        if let Some(versions) = &want.versions {
            self.same(&format!("{what} tls_versions"), &sorted(&seen["tls_versions"]), sorted(&json!(versions)));
        }
        let given = [
            ("tls_ciphers", want.ciphers.as_ref().map(|ciphers| json!(ciphers))),
            ("alpn_protocols", want.alpn_protocols.as_ref().map(|protocols| json!(protocols))),
        ];
        self.fields(what, seen, given.into_iter().filter_map(|(field, value)| Some((field, value?))));
    }

    pub fn into_differences(self) -> Vec<String> {
        self.differences
    }
}
