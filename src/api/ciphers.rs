//! Rules of a `tls` with `ciphers` and `versions`. They refuse what is sure at a glance; `intake/ciphers.rs` knows every
//! cipher and has the last word.

use kube::core::Rule;

/// Suites of TLS 1.3, as RE2 finds them in a list.
const SUITE: &str = "TLS_(AES|CHACHA20)_[A-Z0-9_]+";

fn rule(holds: &str, message: &str) -> Rule {
    Rule::new(format!("!has(self.ciphers) || {holds}")).message(message).field_path(".ciphers")
}

pub fn names_of_openssl() -> Rule {
    rule(
        "!self.ciphers.matches('^(TLS_[A-Z0-9_]+_WITH_[A-Z0-9_]+(:|$))+$')",
        "ciphers go by OpenSSL's names, for example ECDHE-RSA-AES128-GCM-SHA256 for TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    )
}

pub fn suites_for_the_newest_version() -> Rule {
    rule(
        &format!(
            "!has(self.versions) || self.versions.exists(v, v != 'TLSv1.3') || self.ciphers.matches('(^|:){SUITE}(:|$)')"
        ),
        "ciphers have no effect beside versions of TLSv1.3 alone without a suite of TLS 1.3, for example \
         TLS_AES_256_GCM_SHA384",
    )
}

pub fn ciphers_for_older_versions() -> Rule {
    rule(
        &format!("!has(self.versions) || 'TLSv1.3' in self.versions || !self.ciphers.matches('^({SUITE}(:|$))+$')"),
        "suites of TLS 1.3 alone have no effect beside versions without TLSv1.3: name ciphers of older versions, for example \
         ECDHE-RSA-AES128-GCM-SHA256",
    )
}
