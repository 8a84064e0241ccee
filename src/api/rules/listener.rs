//! Rules of a listener.

use kube::core::Rule;

use super::protocols::{CERTIFICATE_RULES, HTTP_LISTENERS};

/// The listener requests a certificate from its clients.
const REQUESTS_CERTIFICATES: &str = "(has(self.tls) && has(self.tls.clientCA) && has(self.tls.clientAuthentication) && \
                                     self.tls.clientAuthentication != 'NONE')";

fn rule(condition: &str, message: &str, field: &str) -> Rule {
    Rule::new(condition).message(message).field_path(field)
}

/// No L7 rule of the listener examines the certificate of a client.
fn no_certificate_rules() -> String {
    format!("self.l7Policies.all(p, !has(p.rules) || p.rules.all(r, !(r.type in {CERTIFICATE_RULES})))")
}

/// Requires a protocol on which Octavia evaluates L7 policies.
pub(crate) fn policies_need_http() -> Rule {
    rule(
        &format!("!has(self.l7Policies) || size(self.l7Policies) == 0 || self.protocol in {HTTP_LISTENERS}"),
        "l7Policies are evaluated by listeners of protocol HTTP and TERMINATED_HTTPS only",
        ".l7Policies",
    )
}

/// Requires TLS termination for L7 rules on client certificates.
pub(crate) fn certificate_rules_need_terminated_https() -> Rule {
    rule(
        &format!("!has(self.l7Policies) || self.protocol == 'TERMINATED_HTTPS' || {}", no_certificate_rules()),
        "rules of type SSL_CONN_HAS_CERT, SSL_VERIFY_RESULT and SSL_DN_FIELD need a listener of protocol TERMINATED_HTTPS",
        ".l7Policies",
    )
}

/// Requires that clients are asked for the certificates that L7 rules examine.
pub(crate) fn certificate_rules_need_client_ca() -> Rule {
    rule(
        &format!("!has(self.l7Policies) || {REQUESTS_CERTIFICATES} || {}", no_certificate_rules()),
        "rules of type SSL_CONN_HAS_CERT, SSL_VERIFY_RESULT and SSL_DN_FIELD examine certificates of clients: they need \
         tls.clientCA, and tls.clientAuthentication OPTIONAL or MANDATORY",
        ".l7Policies",
    )
}

/// Requires that a PROMETHEUS listener has no pool.
pub(crate) fn metrics_have_no_pool() -> Rule {
    rule(
        "self.protocol != 'PROMETHEUS' || !has(self.defaultPool)",
        "defaultPool is not allowed on a PROMETHEUS listener: it serves metrics, not a pool",
        ".defaultPool",
    )
}

/// Requires certificates for TLS termination.
pub(crate) fn terminated_https_needs_tls() -> Rule {
    rule(
        "self.protocol != 'TERMINATED_HTTPS' || has(self.tls)",
        "tls with certificate or sniCertificates is required on a TERMINATED_HTTPS listener",
        ".tls",
    )
}

/// Requires a protocol that terminates TLS.
pub(crate) fn tls_needs_termination() -> Rule {
    rule(
        "!has(self.tls) || self.protocol in ['TERMINATED_HTTPS', 'PROMETHEUS']",
        "tls is allowed on TERMINATED_HTTPS and PROMETHEUS listeners only; HTTPS passes encrypted connections through",
        ".tls",
    )
}

/// Requires TERMINATED_HTTPS for HSTS.
pub(crate) fn hsts_needs_terminated_https() -> Rule {
    rule(
        "!has(self.tls) || !has(self.tls.hsts) || self.protocol == 'TERMINATED_HTTPS'",
        "hsts is allowed on TERMINATED_HTTPS listeners only",
        ".tls.hsts",
    )
}

/// Requires a protocol with headers.
pub(crate) fn headers_need_http() -> Rule {
    rule(
        &format!("!has(self.insertHeaders) || size(self.insertHeaders) == 0 || self.protocol in {HTTP_LISTENERS}"),
        "insertHeaders is allowed on HTTP and TERMINATED_HTTPS listeners only",
        ".insertHeaders",
    )
}

/// Requires TLS termination for headers about client certificates.
pub(crate) fn certificate_headers_need_terminated_https() -> Rule {
    rule(
        "!has(self.insertHeaders) || self.protocol == 'TERMINATED_HTTPS' || \
         self.insertHeaders.all(h, !h.startsWith('X-SSL-'))",
        "headers X-SSL-... are allowed on TERMINATED_HTTPS listeners only",
        ".insertHeaders",
    )
}

/// Requires that clients are asked for the certificates that headers describe.
pub(crate) fn certificate_headers_need_client_ca() -> Rule {
    rule(
        &format!(
            "!has(self.insertHeaders) || !self.insertHeaders.exists(h, h.startsWith('X-SSL-')) || {REQUESTS_CERTIFICATES}"
        ),
        "headers X-SSL-... describe certificates of clients: they need tls.clientCA, and tls.clientAuthentication \
         OPTIONAL or MANDATORY",
        ".insertHeaders",
    )
}

/// Requires that the names of L7 policies differ.
pub(crate) fn policy_names_differ() -> Rule {
    Rule::new("self.all(a, self.exists_one(b, b.name == a.name))")
        .message("names of policies must differ within a listener")
}
