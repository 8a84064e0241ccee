//! Listeners: their normal form, and the bodies that make and change them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, object, without_empties};
use super::step::Target;
use super::tls;
use crate::model::{
    Body, ClientAuthentication, Hsts, Impact, Listener, ListenerProtocol, ListenerTls, ObservedListener, OwnedFields,
    Timeouts, TlsParameters, key_tag,
};

const RULES: FieldRules = FieldRules {
    operator_defaulted: &[
        ("description", Reset::EmptyText),
        ("connection_limit", Reset::Null),
        ("timeout_client_data", Reset::Null),
        ("timeout_member_connect", Reset::Null),
        ("timeout_member_data", Reset::Null),
        ("timeout_tcp_inspect", Reset::Null),
        ("tls_versions", Reset::StockTlsVersions),
        ("tls_ciphers", Reset::Null),
        ("alpn_protocols", Reset::Null),
    ],
    groups: &[
        &["client_authentication", "client_ca_tls_container_ref"],
        &["hsts_max_age", "hsts_include_subdomains", "hsts_preload"],
    ],
};

/// Octavia's own values on create. They are not sent, because servers older than a field refuse its name.
const DEFAULTS: [(&str, Value); 3] = [
    ("hsts_include_subdomains", Value::Bool(false)),
    ("hsts_preload", Value::Bool(false)),
    ("default_pool_id", Value::Null),
];

/// The changeable fields as the stack wants them.
fn wanted(key: &str, listener: &Listener, default_pool: Option<&Target>) -> Body {
    let Listener {
        name,
        protocol: _,
        port: _,
        description,
        tags,
        admin_state_up,
        default_pool: _,
        connection_limit,
        allowed_cidrs,
        insert_headers,
        timeouts,
        tls,
        policies: _,
    } = listener;
    let Timeouts { client_data, member_connect, member_data, tcp_inspect } = timeouts;
    let mut body = object([
        ("name", json!(name)),
        ("admin_state_up", json!(admin_state_up)),
        ("default_pool_id", default_pool.map_or(Value::Null, Target::json)),
        ("allowed_cidrs", cidrs(allowed_cidrs)),
        ("insert_headers", json!(insert_headers)),
    ]);
    add_some(
        &mut body,
        [
            ("description", description.as_ref().map(|d| json!(d))),
            ("connection_limit", connection_limit.map(|l| json!(l))),
            ("timeout_client_data", client_data.map(|t| json!(t))),
            ("timeout_member_connect", member_connect.map(|t| json!(t))),
            ("timeout_member_data", member_data.map(|t| json!(t))),
            ("timeout_tcp_inspect", tcp_inspect.map(|t| json!(t))),
        ],
    );
    body.extend(wanted_tls(tls.as_ref()));
    let tags = RULES.tags(tags, [key_tag(key)], &body);
    body.insert("tags".to_owned(), json!(tags));
    body
}

fn wanted_tls(tls: Option<&ListenerTls>) -> Body {
    let Some(tls) = tls else {
        return tls_fields(None, &BTreeSet::new(), ClientAuthentication::None, None, None, None);
    };
    let ListenerTls {
        certificate_ref,
        sni_refs,
        client_ca_ref,
        client_crl_ref,
        client_authentication,
        parameters,
        hsts,
    } = tls;
    let mut body = tls_fields(
        certificate_ref.as_deref(),
        sni_refs,
        *client_authentication,
        client_ca_ref.as_deref(),
        client_crl_ref.as_deref(),
        hsts.as_ref(),
    );
    body.extend(parameter_fields(parameters));
    body
}

fn tls_fields(
    certificate: Option<&str>,
    sni: &BTreeSet<String>,
    authentication: ClientAuthentication,
    ca: Option<&str>,
    crl: Option<&str>,
    hsts: Option<&Hsts>,
) -> Body {
    object([
        ("default_tls_container_ref", json!(certificate)),
        ("sni_container_refs", json!(sni)),
        ("client_authentication", json!(authentication)),
        ("client_ca_tls_container_ref", json!(ca)),
        ("client_crl_container_ref", json!(crl)),
        ("hsts_max_age", json!(hsts.map(|h| h.max_age))),
        ("hsts_include_subdomains", json!(hsts.is_some_and(|h| h.include_subdomains))),
        ("hsts_preload", json!(hsts.is_some_and(|h| h.preload))),
    ])
}

/// The TLS parameters that are given. Octavia keeps the order of versions, which means nothing; that of ALPN is
/// preference.
pub(super) fn parameter_fields(parameters: &TlsParameters) -> Body {
    let TlsParameters { versions, ciphers, alpn_protocols } = parameters;
    let mut body = Body::new();
    add_some(
        &mut body,
        [
            ("tls_versions", versions.as_ref().map(|v| version_list(v.iter().map(|v| v.as_str())))),
            ("tls_ciphers", ciphers.as_ref().map(|c| json!(c))),
            ("alpn_protocols", alpn_protocols.as_ref().map(|p| json!(p))),
        ],
    );
    body
}

pub(super) fn version_list<'a>(versions: impl Iterator<Item = &'a str>) -> Value {
    json!(versions.collect::<BTreeSet<_>>())
}

fn observed(seen: &ObservedListener) -> Body {
    let versions = seen.tls_versions.as_ref().map(|v| version_list(v.iter().map(String::as_str)));
    object([
        ("name", json!(seen.name)),
        ("description", json!(seen.description)),
        ("tags", json!(seen.tags)),
        ("admin_state_up", json!(seen.admin_state_up)),
        ("default_pool_id", json!(seen.default_pool_id)),
        ("connection_limit", json!(seen.connection_limit)),
        ("allowed_cidrs", cidrs(&seen.allowed_cidrs)),
        ("insert_headers", json!(seen.insert_headers)),
        ("timeout_client_data", json!(seen.timeout_client_data)),
        ("timeout_member_connect", json!(seen.timeout_member_connect)),
        ("timeout_member_data", json!(seen.timeout_member_data)),
        ("timeout_tcp_inspect", json!(seen.timeout_tcp_inspect)),
        ("default_tls_container_ref", json!(seen.default_tls_container_ref)),
        ("sni_container_refs", json!(seen.sni_container_refs)),
        ("client_authentication", json!(seen.client_authentication.as_deref().unwrap_or("NONE"))),
        ("client_ca_tls_container_ref", json!(seen.client_ca_tls_container_ref)),
        ("client_crl_container_ref", json!(seen.client_crl_container_ref)),
        ("tls_ciphers", json!(seen.tls_ciphers)),
        ("tls_versions", json!(versions)),
        ("alpn_protocols", json!(seen.alpn_protocols)),
        ("hsts_max_age", json!(seen.hsts_max_age)),
        ("hsts_include_subdomains", json!(seen.hsts_max_age.is_some() && seen.hsts_include_subdomains)),
        ("hsts_preload", json!(seen.hsts_max_age.is_some() && seen.hsts_preload)),
    ])
}

/// As Octavia stores them: host bits cut, a bare address as its own network, IPv6 compressed.
fn cidrs(given: &BTreeSet<String>) -> Value {
    let canonical = |text: &String| match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(net), _) => net.trunc().to_string(),
        (_, Ok(address)) => IpNet::from(address).to_string(),
        _ => text.clone(),
    };
    json!(given.iter().map(canonical).collect::<BTreeSet<_>>())
}

/// The difference. Sent as one `PUT`, but for what Octavia takes only in two ([`first`]).
pub(super) fn compare(key: &str, listener: &Listener, default_pool: Option<&Target>, seen: &ObservedListener) -> Patch {
    let mut edit = RULES.compare(&wanted(key, listener, default_pool), &observed(seen), &OwnedFields::of(&seen.tags));
    if speaks_tls(&seen.protocol) {
        tls::fill_ciphers(&mut edit, seen.tls_ciphers.as_deref(), seen.tls_versions.as_deref());
    }
    edit
}

/// Listeners whose TLS Octavia renders, also those that have no certificate.
fn speaks_tls(protocol: &str) -> bool {
    [ListenerProtocol::TerminatedHttps, ListenerProtocol::Prometheus].iter().any(|p| p.as_str() == protocol)
}

/// The edit that brings a listener in ERROR back.
pub(super) fn reapply_body(seen: &ObservedListener) -> Body {
    let mut body = super::heal::no_op_body(&seen.name);
    if speaks_tls(&seen.protocol) {
        tls::heal_ciphers(&mut body, seen.tls_ciphers.as_deref(), seen.tls_versions.as_deref());
    }
    body
}

/// The part that has to be written before the rest.
pub(super) fn first(edit: &mut Patch, seen: &ObservedListener) -> Option<Patch> {
    let tags = edit.tags_first(&seen.tags);
    tags.into_iter().chain(crl_first(edit)).reduce(Patch::and)
}

/// A revocation list that goes while the CA changes has to go first: Octavia takes its null for "not given" and checks
/// the stored list against the new CA (`_validate_listener_PUT`).
fn crl_first(edit: &mut Patch) -> Option<Patch> {
    const CRL: &str = "client_crl_container_ref";
    let drops = |edit: &Patch, field| edit.change(field).is_some_and(|c| c.want.is_null());
    let ca_changes = edit.changes("client_ca_tls_container_ref") && !drops(edit, "client_ca_tls_container_ref");
    (drops(edit, CRL) && ca_changes).then(|| edit.take(CRL))
}

/// The body that makes it, without what says where: `loadbalancer_id`, `default_pool_id`.
pub(super) fn body(key: &str, listener: &Listener) -> Body {
    let mut body = wanted(key, listener, None);
    body.retain(|field, value| !DEFAULTS.iter().any(|(name, default)| name == field && default == value));
    if listener.tls.is_none() {
        body.remove("client_authentication");
    }
    let mut body = without_empties(body);
    body.insert("protocol".to_owned(), json!(listener.protocol));
    body.insert("protocol_port".to_owned(), json!(listener.port));
    if listener.protocol == ListenerProtocol::Prometheus && listener.tls.is_some() {
        // Without these keys the create is a KeyError, that is a 500; null is what an absent key means elsewhere.
        for field in ["tls_versions", "alpn_protocols"] {
            body.entry(field).or_insert(Value::Null);
        }
        tls::spell_out_ciphers(&mut body);
    }
    body
}

/// Clients notice a listener that goes down or loses its pool, and one that lets fewer of them in.
pub(super) fn impact(edit: &Patch) -> Impact {
    const ADMISSION: [&str; 6] = [
        "allowed_cidrs",
        "client_authentication",
        "client_ca_tls_container_ref",
        "client_crl_container_ref",
        "tls_versions",
        "tls_ciphers",
    ];
    if edit.switches_off() || edit.change("default_pool_id").is_some_and(|c| c.want.is_null()) {
        Impact::Interrupts
    } else if ADMISSION.iter().any(|field| edit.changes(field)) || edit.changes("connection_limit") {
        Impact::NewConnections
    } else {
        Impact::None
    }
}
