//! The list of differences that a comparison makes.

use evenkeel::model::TlsParameters;
use serde_json::{Value, json};

use super::records::sorted;

/// The differences that were found.
#[derive(Default)]
pub(super) struct Report(Vec<String>);

impl Report {
    pub fn same(&mut self, what: &str, seen: &Value, want: Value) {
        // 1 and 1.0 are the same number.
        let equal = *seen == want || (seen.is_number() && seen.as_f64() == want.as_f64());
        if !equal {
            self.0.push(format!("{what} is {seen}, wanted {want}"));
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
        self.0
    }
}
