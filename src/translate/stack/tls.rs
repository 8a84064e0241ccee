//! TLS of listeners and pools: certificates, versions, ciphers, ALPN and HSTS.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{HstsSpec, ListenerSpec, ListenerTlsSpec, PoolSpec};
use crate::model::{
    AlpnProtocol, CertificateRef, ClientAuthentication, Hsts, ListenerProtocol, ListenerTls, PoolTls, TlsParameters,
    TlsVersion, collated,
};
use crate::translate::api_features;
use crate::translate::ciphers::{self, Role};
use crate::translate::provider::Provider;
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

use super::certificate::{certificate, trust};

/// Longest reference of an SNI certificate: its column in Octavia's database is shorter than the others.
const SNI_REF_MAX: usize = 128;

/// Longest `max-age` of HSTS: ten years.
const HSTS_MAX_AGE_SECONDS: u64 = 87_600 * 3600;

/// True if haproxy requests a certificate from clients: only with an authority, and OPTIONAL or MANDATORY
/// (`bind_macro`). Otherwise it takes every connection for verified, and X-SSL-Client-Verify would say 0, which means
/// success, for every client.
pub(super) fn requests_client_certificates(listener: &ListenerSpec) -> bool {
    let requests = |tls: &ListenerTlsSpec| tls.client_ca.is_some() && authentication(tls) != ClientAuthentication::None;
    listener.tls.as_ref().is_some_and(requests)
}

fn authentication(tls: &ListenerTlsSpec) -> ClientAuthentication {
    tls.client_authentication.unwrap_or(ClientAuthentication::None)
}

pub(super) fn listener_tls(validator: &mut Validator<'_>, listener: &ListenerSpec, path: &str) -> Option<ListenerTls> {
    use ListenerProtocol as P;
    let Some(spec) = &listener.tls else {
        if listener.protocol == P::TerminatedHttps {
            validator.invalid(path, "is required on a TERMINATED_HTTPS listener, with certificate or sniCertificates");
        }
        return None;
    };
    if !matches!(listener.protocol, P::TerminatedHttps | P::Prometheus) {
        validator.invalid(path, "is allowed on TERMINATED_HTTPS and PROMETHEUS listeners only");
    }
    if spec.certificate.is_none() && spec.sni_certificates.is_empty() {
        validator.invalid(path, "certificate or sniCertificates is required");
    }
    check_client_authentication(validator, spec, path);
    if spec.hsts.is_some() && listener.protocol != P::TerminatedHttps {
        validator.invalid(format!("{path}.hsts"), "is allowed on TERMINATED_HTTPS listeners only");
    }
    check_listener_versions(validator, spec, path);
    Some(ListenerTls {
        certificate_ref: certificate(validator, spec.certificate.as_ref(), &format!("{path}.certificate")),
        sni_refs: sni_refs(validator, spec, path),
        client_ca_ref: trust(validator, spec.client_ca.as_ref(), &format!("{path}.clientCA")),
        client_crl_ref: trust(validator, spec.client_crl.as_ref(), &format!("{path}.clientCRL")),
        client_authentication: authentication(spec),
        parameters: parameters(
            validator,
            Role::Listener,
            spec.versions.as_ref(),
            spec.ciphers.as_ref(),
            spec.alpn_protocols.as_ref(),
            path,
        ),
        hsts: spec.hsts.as_ref().map(|hsts| strict_transport_security(validator, hsts, &format!("{path}.hsts"))),
    })
}

fn check_listener_versions(validator: &mut Validator<'_>, spec: &ListenerTlsSpec, path: &str) {
    let field = format!("{path}.versions");
    if let Some(versions) = &spec.versions {
        validator.needs_api(api_features::LISTENER_TLS_VERSIONS, &field);
        if !versions.iter().any(|v| matches!(v, TlsVersion::V1_2 | TlsVersion::V1_3)) {
            validator.invalid(field, "must have TLSv1.2 or TLSv1.3 among them");
        }
    }
    if spec.alpn_protocols.is_some() {
        validator.needs_api(api_features::LISTENER_ALPN, &format!("{path}.alpnProtocols"));
    }
}

fn check_client_authentication(validator: &mut Validator<'_>, spec: &ListenerTlsSpec, path: &str) {
    let authentication = authentication(spec);
    if authentication != ClientAuthentication::None && spec.client_ca.is_none() {
        validator.invalid(format!("{path}.clientAuthentication"), format!("{authentication} needs clientCA"));
    }
    if spec.client_ca.is_some() && spec.client_authentication.is_none() {
        validator.invalid(
            format!("{path}.clientAuthentication"),
            "is required beside clientCA: OPTIONAL or MANDATORY requests a certificate from clients, NONE does not",
        );
    }
    if spec.client_crl.is_some() && spec.client_ca.is_none() {
        validator.invalid(format!("{path}.clientCRL"), "needs clientCA");
    }
}

fn sni_refs(validator: &mut Validator<'_>, spec: &ListenerTlsSpec, path: &str) -> BTreeSet<CertificateRef> {
    let mut refs = BTreeSet::new();
    let mut urls_by_collation = BTreeMap::new();
    for (index, entry) in spec.sni_certificates.iter().enumerate() {
        let field = format!("{path}.sniCertificates[{index}]");
        let Some(reference) = certificate(validator, Some(entry), &field) else { continue };
        if let CertificateRef::Existing(url) = &reference {
            check_sni_url(validator, &mut urls_by_collation, url, &field);
        }
        refs.insert(reference);
    }
    refs
}

/// Checks the URL of an SNI certificate, beside those before it.
fn check_sni_url(
    validator: &mut Validator<'_>,
    urls_by_collation: &mut BTreeMap<String, String>,
    url: &str,
    field: &str,
) {
    if url.len() > SNI_REF_MAX {
        validator.invalid(field, format!("is too long: at most {SNI_REF_MAX} characters for SNI"));
    }
    let duplicate = urls_by_collation.insert(collated(url), url.to_owned()).filter(|other| other != url);
    if let Some(other) = duplicate {
        validator
            .invalid(field, format!("is there twice, also as {other}: Octavia's database ignores case, so remove one"));
    }
}

pub(super) fn pool_tls(validator: &mut Validator<'_>, pool: &PoolSpec, path: &str) -> Option<PoolTls> {
    let spec = pool.tls.as_ref()?;
    if pool.protocol.is_datagram() {
        validator.invalid(path, format!("is not allowed in pools of protocol {}", pool.protocol));
    }
    if spec.crl.is_some() && spec.ca.is_none() {
        validator.invalid(format!("{path}.crl"), "needs ca");
    }
    let versions_path = format!("{path}.versions");
    if let Some(versions) = &spec.versions {
        validator.needs_api(api_features::POOL_TLS_VERSIONS, &versions_path);
        if versions.iter().all(|v| *v == TlsVersion::SslV3) {
            validator.invalid(versions_path, "must have a version newer than SSLv3");
        }
    }
    if spec.alpn_protocols.is_some() {
        validator.needs_api(api_features::POOL_ALPN, &format!("{path}.alpnProtocols"));
    }
    Some(PoolTls {
        client_certificate_ref: certificate(
            validator,
            spec.client_certificate.as_ref(),
            &format!("{path}.clientCertificate"),
        ),
        ca_ref: trust(validator, spec.ca.as_ref(), &format!("{path}.ca")),
        crl_ref: trust(validator, spec.crl.as_ref(), &format!("{path}.crl")),
        parameters: parameters(
            validator,
            Role::Pool,
            spec.versions.as_ref(),
            spec.ciphers.as_ref(),
            spec.alpn_protocols.as_ref(),
            path,
        ),
    })
}

/// Versions, ciphers and ALPN protocols of either end.
fn parameters(
    validator: &mut Validator<'_>,
    role: Role,
    versions: Option<&Vec<TlsVersion>>,
    ciphers: Option<&String>,
    alpn_protocols: Option<&Vec<AlpnProtocol>>,
    path: &str,
) -> TlsParameters {
    // Octavia answers 400 to an empty list, and stores duplicates.
    if versions.is_some_and(Vec::is_empty) {
        validator.invalid(format!("{path}.versions"), "must name at least one version, or be absent");
    }
    if let Some(alpn) = alpn_protocols {
        let distinct: BTreeSet<_> = alpn.iter().collect();
        if alpn.is_empty() || distinct.len() != alpn.len() {
            validator.invalid(
                format!("{path}.alpnProtocols"),
                "must name at least one protocol and none twice, or be absent",
            );
        }
    }
    let field = format!("{path}.ciphers");
    if let Some(list) = ciphers {
        let feature = match role {
            Role::Listener => api_features::LISTENER_CIPHERS,
            Role::Pool => api_features::POOL_CIPHERS,
        };
        validator.needs_api(feature, &field);
        // Another provider may not use haproxy and OpenSSL.
        if validator.provider == Provider::Amphora
            && let Some(problem) = ciphers::problem(role, list, versions.map(Vec::as_slice))
        {
            validator.invalid(&field, problem);
        }
    }
    TlsParameters {
        versions: versions.map(|v| v.iter().copied().collect()),
        ciphers: validator.optional_text(TextKind::Ciphers, ciphers, &field),
        alpn_protocols: alpn_protocols.cloned(),
    }
}

fn strict_transport_security(validator: &mut Validator<'_>, spec: &HstsSpec, path: &str) -> Hsts {
    validator.needs_api(api_features::HSTS, path);
    let max_age = validator.seconds(&spec.max_age, 0, HSTS_MAX_AGE_SECONDS, "0s to 87600h", &format!("{path}.maxAge"));
    Hsts {
        max_age: max_age.unwrap_or_default(),
        include_subdomains: spec.include_subdomains.unwrap_or_default(),
        preload: spec.preload.unwrap_or_default(),
    }
}
