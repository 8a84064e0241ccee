//! Rules of certificates and TLS settings.

use kube::core::Rule;

fn rule(condition: &str, message: &str, field: &str) -> Rule {
    Rule::new(condition).message(message).field_path(field)
}

/// Requires one place of a certificate.
pub(crate) fn one_place_of_certificate() -> Rule {
    Rule::new("has(self.barbicanRef) != has(self.secretRef)")
        .message("exactly one of barbicanRef and secretRef is required")
}

/// Requires one place of authorities or revocation lists.
pub(crate) fn one_place_of_trust() -> Rule {
    Rule::new("(has(self.barbicanRef) ? 1 : 0) + (has(self.secretRef) ? 1 : 0) + (has(self.configMapRef) ? 1 : 0) == 1")
        .message("exactly one of barbicanRef, secretRef and configMapRef is required")
}

/// Requires a certificate of a listener.
pub(crate) fn listener_has_certificate() -> Rule {
    Rule::new("has(self.certificate) || (has(self.sniCertificates) && size(self.sniCertificates) > 0)")
        .message("certificate or sniCertificates is required")
}

/// Requires authorities for client authentication.
pub(crate) fn client_authentication_needs_ca() -> Rule {
    rule(
        "!has(self.clientAuthentication) || self.clientAuthentication == 'NONE' || has(self.clientCA)",
        "clientAuthentication OPTIONAL and MANDATORY need clientCA",
        ".clientAuthentication",
    )
}

/// Requires an explicit choice beside authorities: without one, nothing would be checked.
pub(crate) fn client_ca_needs_authentication() -> Rule {
    rule(
        "!has(self.clientCA) || has(self.clientAuthentication)",
        "clientAuthentication is required beside clientCA: OPTIONAL or MANDATORY requests a certificate from clients, NONE \
         does not",
        ".clientAuthentication",
    )
}

/// Requires authorities for a revocation list of clients.
pub(crate) fn client_crl_needs_ca() -> Rule {
    rule("!has(self.clientCRL) || has(self.clientCA)", "clientCRL needs clientCA", ".clientCRL")
}

/// Limits SNI references to the length that Octavia stores.
pub(crate) fn sni_reference_length() -> Rule {
    Rule::new("self.all(c, !has(c.barbicanRef) || size(c.barbicanRef) <= 128)")
        .message("barbicanRef of an SNI certificate must be at most 128 characters")
}

/// Requires a version that haproxy offers to clients.
pub(crate) fn listener_has_current_version() -> Rule {
    Rule::new("self.exists(v, v in ['TLSv1.2', 'TLSv1.3'])").message("must have TLSv1.2 or TLSv1.3 among the versions")
}

/// Requires a version that haproxy speaks to members.
pub(crate) fn pool_has_version_after_sslv3() -> Rule {
    Rule::new("self.exists(v, v != 'SSLv3')").message("must have a version newer than SSLv3")
}

/// Requires authorities for a revocation list of members.
pub(crate) fn crl_needs_ca() -> Rule {
    rule("!has(self.crl) || has(self.ca)", "crl needs ca", ".crl")
}
