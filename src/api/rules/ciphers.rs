//! Rules of `ciphers` beside `versions`. They reject only obvious errors; `translate/ciphers.rs` knows every cipher and
//! is the authority.

use kube::core::Rule;

/// A suite of TLS 1.3 in a cipher list, in the syntax of RE2.
const SUITE: &str = "TLS_(AES|CHACHA20)_[A-Z0-9_]+";

fn rule(condition: &str, message: &str) -> Rule {
    Rule::new(format!("!has(self.ciphers) || {condition}")).message(message).field_path(".ciphers")
}

/// Requires a name other than standard names of cipher suites, which OpenSSL does not know.
pub(crate) fn names_of_openssl() -> Rule {
    rule(
        "!self.ciphers.matches('^(TLS_[A-Z0-9_]+_WITH_[A-Z0-9_]+(:|$))+$')",
        "ciphers must have OpenSSL's names, for example ECDHE-RSA-AES128-GCM-SHA256 for \
         TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    )
}

/// Requires a suite of TLS 1.3 if TLS 1.3 is the only version.
pub(crate) fn suites_for_the_newest_version() -> Rule {
    rule(
        &format!(
            "!has(self.versions) || self.versions.exists(v, v != 'TLSv1.3') || self.ciphers.matches('(^|:){SUITE}(:|$)')"
        ),
        "ciphers have no effect beside versions of TLSv1.3 alone without a suite of TLS 1.3, for example \
         TLS_AES_256_GCM_SHA384",
    )
}

/// Requires a cipher of an older version if TLS 1.3 is not among the versions.
pub(crate) fn ciphers_for_older_versions() -> Rule {
    rule(
        &format!("!has(self.versions) || 'TLSv1.3' in self.versions || !self.ciphers.matches('^({SUITE}(:|$))+$')"),
        "suites of TLS 1.3 alone have no effect beside versions without TLSv1.3: name ciphers of older versions, for example \
         ECDHE-RSA-AES128-GCM-SHA256",
    )
}
