//! Listeners: their normal form, and the bodies that create and change them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, no_op_body, object, without_empties};
use super::step::Target;
use super::tls::{self, ObservedTls};
use crate::model::{
    Body, ClientAuthentication, Hsts, Impact, Listener, ListenerProtocol, ListenerTls, ObservedListener, OwnedFields,
    Timeouts, key_tag,
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

/// Values that Octavia gives by itself on create. They are not sent, because servers older than a field reject its
/// name.
const DEFAULTS: [(&str, Value); 3] = [
    ("hsts_include_subdomains", Value::Bool(false)),
    ("hsts_preload", Value::Bool(false)),
    ("default_pool_id", Value::Null),
];

/// Changeable fields in the desired state.
fn desired_body(key: &str, listener: &Listener, default_pool: Option<&Target>) -> Body {
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
        ("allowed_cidrs", canonical_cidrs(allowed_cidrs)),
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
    body.extend(tls.as_ref().map_or_else(body_without_tls, tls_body));
    let tags = RULES.tags(tags, [key_tag(key)], &body);
    body.insert("tags".to_owned(), json!(tags));
    body
}

fn tls_body(tls: &ListenerTls) -> Body {
    let ListenerTls {
        certificate_ref,
        sni_refs,
        client_ca_ref,
        client_crl_ref,
        client_authentication,
        parameters,
        hsts,
    } = tls;
    let mut body = object([
        ("default_tls_container_ref", tls::reference(certificate_ref.as_ref())),
        ("sni_container_refs", json!(sni_refs.iter().filter_map(tls::url).collect::<BTreeSet<_>>())),
        ("client_authentication", json!(client_authentication)),
        ("client_ca_tls_container_ref", tls::reference(client_ca_ref.as_ref())),
        ("client_crl_container_ref", tls::reference(client_crl_ref.as_ref())),
    ]);
    body.extend(hsts_body(hsts.as_ref()));
    body.extend(tls::desired_fields(parameters));
    body
}

fn body_without_tls() -> Body {
    let mut body = object([
        ("default_tls_container_ref", Value::Null),
        ("sni_container_refs", json!([])),
        ("client_authentication", json!(ClientAuthentication::None)),
        ("client_ca_tls_container_ref", Value::Null),
        ("client_crl_container_ref", Value::Null),
    ]);
    body.extend(hsts_body(None));
    body
}

fn hsts_body(hsts: Option<&Hsts>) -> Body {
    object([
        ("hsts_max_age", json!(hsts.map(|h| h.max_age))),
        ("hsts_include_subdomains", json!(hsts.is_some_and(|h| h.include_subdomains))),
        ("hsts_preload", json!(hsts.is_some_and(|h| h.preload))),
    ])
}

fn observed_body(listener: &ObservedListener) -> Body {
    let has_hsts = listener.hsts_max_age.is_some();
    let mut body = object([
        ("name", json!(listener.name)),
        ("description", json!(listener.description)),
        ("tags", json!(listener.tags)),
        ("admin_state_up", json!(listener.admin_state_up)),
        ("default_pool_id", json!(listener.default_pool_id)),
        ("connection_limit", json!(listener.connection_limit)),
        ("allowed_cidrs", canonical_cidrs(&listener.allowed_cidrs)),
        ("insert_headers", json!(listener.insert_headers)),
        ("timeout_client_data", json!(listener.timeout_client_data)),
        ("timeout_member_connect", json!(listener.timeout_member_connect)),
        ("timeout_member_data", json!(listener.timeout_member_data)),
        ("timeout_tcp_inspect", json!(listener.timeout_tcp_inspect)),
        ("default_tls_container_ref", json!(listener.default_tls_container_ref)),
        ("sni_container_refs", json!(listener.sni_container_refs)),
        ("client_authentication", json!(listener.client_authentication.as_deref().unwrap_or("NONE"))),
        ("client_ca_tls_container_ref", json!(listener.client_ca_tls_container_ref)),
        ("client_crl_container_ref", json!(listener.client_crl_container_ref)),
        ("hsts_max_age", json!(listener.hsts_max_age)),
        ("hsts_include_subdomains", json!(has_hsts && listener.hsts_include_subdomains)),
        ("hsts_preload", json!(has_hsts && listener.hsts_preload)),
    ]);
    body.extend(ObservedTls::from(listener).fields());
    body
}

/// CIDRs in Octavia's spelling: host bits cut, a bare address as its own network, IPv6 compressed.
fn canonical_cidrs(cidrs: &BTreeSet<String>) -> Value {
    let canonical = |text: &String| match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(net), _) => net.trunc().to_string(),
        (_, Ok(address)) => IpNet::from(address).to_string(),
        _ => text.clone(),
    };
    json!(cidrs.iter().map(canonical).collect::<BTreeSet<_>>())
}

/// The difference. Sent as one `PUT`, but for the fields that Octavia takes only in two ([`split_first`]).
pub(super) fn compare(
    key: &str,
    desired: &Listener,
    default_pool: Option<&Target>,
    observed: &ObservedListener,
) -> Patch {
    let desired = desired_body(key, desired, default_pool);
    let mut patch = RULES.compare(&desired, &observed_body(observed), &OwnedFields::of(&observed.tags));
    if renders_tls(&observed.protocol) {
        ObservedTls::from(observed).fill_ciphers(&mut patch);
    }
    patch
}

/// True for protocols whose TLS Octavia renders, also without a certificate.
fn renders_tls(protocol: &str) -> bool {
    [ListenerProtocol::TerminatedHttps, ListenerProtocol::Prometheus].iter().any(|p| p.as_str() == protocol)
}

/// The body that brings a listener in ERROR back.
pub(super) fn reapply_body(observed: &ObservedListener) -> Body {
    let mut body = no_op_body(&observed.name);
    if renders_tls(&observed.protocol) {
        ObservedTls::from(observed).heal_ciphers(&mut body);
    }
    body
}

/// Takes the part out of a patch that has to be written before the rest.
pub(super) fn split_first(patch: &mut Patch, observed: &ObservedListener) -> Option<Patch> {
    let tags = patch.tags_first(&observed.tags);
    tags.into_iter().chain(split_crl(patch)).reduce(Patch::and)
}

/// A revocation list that goes while the CA changes has to go first: Octavia takes its null for "not given" and checks
/// the stored list against the new CA (`_validate_listener_PUT`).
fn split_crl(patch: &mut Patch) -> Option<Patch> {
    const CA: &str = "client_ca_tls_container_ref";
    const CRL: &str = "client_crl_container_ref";
    let ca_changes = patch.changes(CA) && !patch.clears(CA);
    (patch.clears(CRL) && ca_changes).then(|| patch.take(CRL))
}

/// The body that creates it, without its load balancer and its default pool, which differ between the single POST and a
/// create of its own.
pub(super) fn create_body(key: &str, listener: &Listener) -> Body {
    let mut body = desired_body(key, listener, None);
    body.retain(|field, value| !DEFAULTS.iter().any(|(name, default)| name == field && default == value));
    if listener.tls.is_none() {
        body.remove("client_authentication");
    }
    let mut body = without_empties(body);
    body.insert("protocol".to_owned(), json!(listener.protocol));
    body.insert("protocol_port".to_owned(), json!(listener.port));
    if listener.protocol == ListenerProtocol::Prometheus && listener.tls.is_some() {
        // Without these keys the create is a KeyError, that is a 500; null means the same as an absent key elsewhere.
        for field in ["tls_versions", "alpn_protocols"] {
            body.entry(field).or_insert(Value::Null);
        }
        tls::spell_out_ciphers(&mut body);
    }
    body
}

/// Impact of a patch: clients notice a listener that goes down or loses its pool, and one that admits fewer of them.
pub(super) fn impact(patch: &Patch) -> Impact {
    const ADMISSION: [&str; 6] = [
        "allowed_cidrs",
        "client_authentication",
        "client_ca_tls_container_ref",
        "client_crl_container_ref",
        "tls_versions",
        "tls_ciphers",
    ];
    if patch.switches_off() || patch.clears("default_pool_id") {
        Impact::Interrupts
    } else if ADMISSION.iter().any(|field| patch.changes(field)) || patch.changes("connection_limit") {
        Impact::NewConnections
    } else {
        Impact::None
    }
}
