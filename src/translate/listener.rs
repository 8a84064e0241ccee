//! Listeners and their certificates.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{HstsSpec, InsertHeader, ListenerSpec, ListenerTlsSpec, LoadBalancerStackSpec, TimeoutsSpec};
use crate::model::{
    AlpnProtocol, ClientAuthentication, Hsts, Key, Listener, ListenerProtocol, ListenerTls, PoolProtocol, Timeouts,
    TlsParameters, TlsVersion, TransportProtocol, collated,
};

use super::ciphers::End;
use super::provider::Provider;
use super::text::Text;
use super::validator::Validator;
use super::{Families, Family, l7};

/// Octavia's column for SNI references is shorter than that for the others.
const MOST_SNI_REF: usize = 128;

/// The protocols of the stack's pools, by key.
pub(super) type PoolProtocols<'a> = BTreeMap<&'a str, PoolProtocol>;

pub(super) fn listeners(
    intake: &mut Validator<'_>,
    spec: &LoadBalancerStackSpec,
    families: &Families,
) -> BTreeMap<Key, Listener> {
    let pools: PoolProtocols<'_> = spec.pools.iter().map(|p| (p.name.as_str(), p.protocol)).collect();
    let groups = spec.load_balancer.vip.security_groups.as_ref().is_some_and(|g| !g.is_empty());
    let mut ports: BTreeMap<(TransportProtocol, i32), &str> = BTreeMap::new();
    let mut result = BTreeMap::new();
    for wanted in &spec.listeners {
        let at = format!("spec.listeners[{}]", wanted.name);
        if let Some(other) = ports.insert((wanted.protocol.transport(), wanted.port), &wanted.name) {
            intake.invalid(
                format!("{at}.port"),
                format!("{} is the port of listener {other}, too: choose another", wanted.port),
            );
        }
        if groups && !wanted.allowed_cidrs.is_empty() {
            intake.invalid(
                format!("{at}.allowedCIDRs"),
                "excludes spec.loadBalancer.vip.securityGroups: filter with the security groups, or remove them",
            );
        }
        let listener = listener(intake, wanted, &at, &pools, families);
        if result.insert(wanted.name.clone(), listener).is_some() {
            intake.invalid(at, "there is another listener of this name");
        }
    }
    result
}

fn listener(
    intake: &mut Validator<'_>,
    wanted: &ListenerSpec,
    at: &str,
    pools: &PoolProtocols<'_>,
    families: &Families,
) -> Listener {
    intake.text_of(Text::Key, &wanted.name, &format!("{at}.name"));
    let protocol_at = format!("{at}.protocol");
    match wanted.protocol {
        ListenerProtocol::Sctp => intake.needs(23, &protocol_at, "protocol SCTP"),
        ListenerProtocol::Prometheus => intake.needs(25, &protocol_at, "protocol PROMETHEUS"),
        _ => {}
    }
    default_pool(intake, wanted, at, pools);
    Listener {
        name: intake.display_name(wanted.display_name.as_ref(), &wanted.name, &format!("{at}.displayName")),
        protocol: wanted.protocol,
        port: intake.port(wanted.port, &format!("{at}.port")),
        description: intake.optional_text(Text::Description, wanted.description.as_ref(), &format!("{at}.description")),
        tags: intake.tags(&wanted.tags, &format!("{at}.tags")),
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        default_pool: wanted.default_pool.clone(),
        connection_limit: wanted
            .connection_limit
            .map(|limit| intake.number(limit, -1, i32::MAX, &format!("{at}.connectionLimit"))),
        allowed_cidrs: allowed_cidrs(intake, wanted, at, families),
        insert_headers: insert_headers(intake, wanted, at),
        timeouts: timeouts(intake, wanted.timeouts.as_ref(), &format!("{at}.timeouts")),
        tls: tls(intake, wanted, &format!("{at}.tls")),
        policies: l7::policies(intake, wanted, at, pools),
    }
}

fn default_pool(intake: &mut Validator<'_>, wanted: &ListenerSpec, at: &str, pools: &PoolProtocols<'_>) {
    let Some(pool) = &wanted.default_pool else { return };
    let field = format!("{at}.defaultPool");
    match pools.get(pool.as_str()) {
        None => intake.invalid(field, format!("there is no pool {pool} in spec.pools")),
        Some(protocol) if !wanted.protocol.suits(*protocol) => intake.invalid(
            field,
            format!("a listener of protocol {} cannot serve pool {pool} of protocol {protocol}", wanted.protocol),
        ),
        Some(_) => {}
    }
}

fn allowed_cidrs(intake: &mut Validator<'_>, wanted: &ListenerSpec, at: &str, families: &Families) -> BTreeSet<String> {
    let field = format!("{at}.allowedCIDRs");
    let mut result = BTreeSet::new();
    for text in &wanted.allowed_cidrs {
        let Some(network) = intake.network(text, &field) else { continue };
        let family = Family::of(network.addr());
        intake.needs_family(families, family, &field, || {
            format!("{network} is {family}, and no address of the load balancer is")
        });
        result.insert(network.to_string());
    }
    result
}

/// haproxy asks clients for a certificate only with an authority and OPTIONAL or MANDATORY (`bind_macro`). Else it takes
/// every connection for verified: X-SSL-Client-Verify would say 0, which means good, of everybody.
pub(super) fn asks_for_certificates(listener: &ListenerSpec) -> bool {
    let authentication = |tls: &ListenerTlsSpec| tls.client_authentication.unwrap_or(ClientAuthentication::None);
    let asks = |tls: &ListenerTlsSpec| tls.client_ca.is_some() && authentication(tls) != ClientAuthentication::None;
    listener.tls.as_ref().is_some_and(asks)
}

fn insert_headers(intake: &mut Validator<'_>, wanted: &ListenerSpec, at: &str) -> BTreeMap<String, String> {
    use InsertHeader as H;
    let field = format!("{at}.insertHeaders");
    if !wanted.insert_headers.is_empty() && !wanted.protocol.is_http() {
        intake.invalid(&field, "is allowed on HTTP and TERMINATED_HTTPS listeners only");
    }
    for header in &wanted.insert_headers {
        let name = header.as_str();
        if name.starts_with("X-SSL-") && wanted.protocol != ListenerProtocol::TerminatedHttps {
            intake.invalid(&field, format!("{name} is allowed on TERMINATED_HTTPS listeners only"));
        }
        if name.starts_with("X-SSL-") && !asks_for_certificates(wanted) {
            intake.invalid(
                &field,
                format!(
                    "{name} tells of certificates of clients, which nobody asks for: give tls clientCA and \
                     clientAuthentication OPTIONAL or MANDATORY, or remove it"
                ),
            );
        }
        if matches!(header, H::ForwardedIp | H::ClientIp | H::RealIp) {
            // octavia-lib 3.8; no version of the API says so, but no older one has it.
            intake.needs(28, &field, name);
        }
    }
    // The header's text is "true" for all of them, also for those of X-SSL: it switches the header on.
    wanted.insert_headers.iter().map(|h| (h.as_str().to_owned(), "true".to_owned())).collect()
}

fn timeouts(intake: &mut Validator<'_>, wanted: Option<&TimeoutsSpec>, at: &str) -> Timeouts {
    let Some(TimeoutsSpec { client_data, member_connect, member_data, tcp_inspect }) = wanted else {
        return Timeouts::default();
    };
    Timeouts {
        client_data: intake.milliseconds(client_data.as_ref(), &format!("{at}.clientData")),
        member_connect: intake.milliseconds(member_connect.as_ref(), &format!("{at}.memberConnect")),
        member_data: intake.milliseconds(member_data.as_ref(), &format!("{at}.memberData")),
        tcp_inspect: intake.milliseconds(tcp_inspect.as_ref(), &format!("{at}.tcpInspect")),
    }
}

fn tls(intake: &mut Validator<'_>, listener: &ListenerSpec, at: &str) -> Option<ListenerTls> {
    use ListenerProtocol as P;
    let Some(wanted) = &listener.tls else {
        if listener.protocol == P::TerminatedHttps {
            intake.invalid(at, "is required on a TERMINATED_HTTPS listener, with certificate or sniCertificates");
        }
        return None;
    };
    if !matches!(listener.protocol, P::TerminatedHttps | P::Prometheus) {
        intake.invalid(at, "is allowed on TERMINATED_HTTPS and PROMETHEUS listeners only");
    }
    if wanted.certificate.is_none() && wanted.sni_certificates.is_empty() {
        intake.invalid(at, "certificate or sniCertificates is required");
    }
    let authentication = client_authentication(intake, wanted, at);
    if wanted.hsts.is_some() && listener.protocol != P::TerminatedHttps {
        intake.invalid(format!("{at}.hsts"), "is allowed on TERMINATED_HTTPS listeners only");
    }
    if wanted.versions.is_some() {
        intake.needs(17, &format!("{at}.versions"), "versions of TLS");
    }
    if wanted.versions.iter().any(|versions| !versions.iter().any(|v| matches!(v, TlsVersion::V1_2 | TlsVersion::V1_3)))
    {
        intake.invalid(format!("{at}.versions"), "must have TLSv1.2 or TLSv1.3 among them");
    }
    if wanted.alpn_protocols.is_some() {
        intake.needs(20, &format!("{at}.alpnProtocols"), "alpnProtocols");
    }
    Some(ListenerTls {
        certificate_ref: intake.certificate(wanted.certificate.as_ref(), &format!("{at}.certificate")),
        sni_refs: sni_refs(intake, wanted, at),
        client_ca_ref: intake.certificate(wanted.client_ca.as_ref(), &format!("{at}.clientCA")),
        client_crl_ref: intake.certificate(wanted.client_crl.as_ref(), &format!("{at}.clientCRL")),
        client_authentication: authentication,
        parameters: tls_parameters(
            intake,
            End::Listener,
            &wanted.versions,
            wanted.ciphers.as_ref(),
            &wanted.alpn_protocols,
            at,
        ),
        hsts: wanted.hsts.as_ref().map(|hsts| strict_transport_security(intake, hsts, &format!("{at}.hsts"))),
    })
}

fn client_authentication(intake: &mut Validator<'_>, wanted: &ListenerTlsSpec, at: &str) -> ClientAuthentication {
    let authentication = wanted.client_authentication.unwrap_or(ClientAuthentication::None);
    if authentication != ClientAuthentication::None && wanted.client_ca.is_none() {
        intake.invalid(format!("{at}.clientAuthentication"), format!("{authentication} needs clientCA"));
    }
    if wanted.client_ca.is_some() && wanted.client_authentication.is_none() {
        intake.invalid(
            format!("{at}.clientAuthentication"),
            "is required beside clientCA: OPTIONAL or MANDATORY asks clients for a certificate, NONE does not",
        );
    }
    if wanted.client_crl.is_some() && wanted.client_ca.is_none() {
        intake.invalid(format!("{at}.clientCRL"), "needs clientCA");
    }
    authentication
}

fn sni_refs(intake: &mut Validator<'_>, wanted: &ListenerTlsSpec, at: &str) -> BTreeSet<String> {
    let (mut refs, mut seen) = (BTreeSet::new(), BTreeMap::new());
    for (index, certificate) in wanted.sni_certificates.iter().enumerate() {
        let field = format!("{at}.sniCertificates[{index}]");
        let Some(url) = intake.certificate(Some(certificate), &field) else { continue };
        if url.len() > MOST_SNI_REF {
            intake.invalid(&field, format!("is too long: at most {MOST_SNI_REF} characters for SNI"));
        }
        if let Some(twin) = seen.insert(collated(&url), url.clone()).filter(|twin| *twin != url) {
            intake.invalid(
                &field,
                format!("is there twice, as {twin}: Octavia's database does not tell upper and lower case apart"),
            );
        }
        refs.insert(url);
    }
    refs
}

/// Shared with pools.
pub(super) fn tls_parameters(
    intake: &mut Validator<'_>,
    end: End,
    versions: &Option<Vec<TlsVersion>>,
    ciphers: Option<&String>,
    alpn_protocols: &Option<Vec<AlpnProtocol>>,
    at: &str,
) -> TlsParameters {
    // Octavia answers 400 to an empty list, and keeps doubles.
    if versions.as_ref().is_some_and(Vec::is_empty) {
        intake.invalid(format!("{at}.versions"), "must name at least one version, or be absent");
    }
    if let Some(alpn) = alpn_protocols {
        let distinct: BTreeSet<_> = alpn.iter().collect();
        if alpn.is_empty() || distinct.len() != alpn.len() {
            intake
                .invalid(format!("{at}.alpnProtocols"), "must name at least one protocol and none twice, or be absent");
        }
    }
    let field = format!("{at}.ciphers");
    if let Some(list) = ciphers {
        intake.needs(15, &field, "ciphers");
        // Another provider need not have haproxy's OpenSSL.
        if intake.provider == Provider::Amphora
            && let Some(problem) = super::ciphers::problem(end, list, versions.as_deref())
        {
            intake.invalid(&field, problem);
        }
    }
    TlsParameters {
        versions: versions.as_ref().map(|v| v.iter().copied().collect()),
        ciphers: intake.optional_text(Text::Ciphers, ciphers, &field),
        alpn_protocols: alpn_protocols.clone(),
    }
}

fn strict_transport_security(intake: &mut Validator<'_>, wanted: &HstsSpec, at: &str) -> Hsts {
    /// Ten years.
    const MOST: u64 = 87_600 * 3600;
    intake.needs(27, at, "hsts");
    let max_age = intake.seconds(&wanted.max_age, 0, MOST, "0s to 87600h", &format!("{at}.maxAge"));
    Hsts {
        max_age: max_age.unwrap_or_default(),
        include_subdomains: wanted.include_subdomains.unwrap_or_default(),
        preload: wanted.preload.unwrap_or_default(),
    }
}
