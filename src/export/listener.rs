//! Listeners.

use std::collections::BTreeMap;

use serde_json::json;

use super::certificates::{certificate, trust};
use super::context::Context;
use super::owned::Owned;
use super::policy::policies;
use super::values::{known, milliseconds, network, seconds, tags, unless_empty, unless_up};
use crate::api::{HstsSpec, InsertHeader, ListenerSpec, ListenerTlsSpec, TimeoutsSpec};
use crate::model::{AlpnProtocol, ClientAuthentication, Id, ListenerProtocol, ObservedListener, TlsVersion};

/// Octavia's text for a header that is on.
const ON: &str = "true";
const UNLIMITED: i64 = -1;
/// Octavia's stock defaults, in milliseconds.
const DATA_TIMEOUT: i64 = 50_000;
const CONNECT_TIMEOUT: i64 = 5_000;

/// A listener; `None` for one that no stack can have, which stays as it is. `pools`: keys of the exported pools by id.
pub(super) fn listener(
    observed: &ObservedListener,
    key: String,
    pools: &BTreeMap<Id, String>,
    context: &mut Context,
) -> Option<ListenerSpec> {
    let object = format!("listener {:?} ({})", observed.name, observed.id);
    let Some(protocol) = ListenerProtocol::parse(&observed.protocol) else {
        context.add(&object, format_args!("protocol {} is unknown; it stays as it is", observed.protocol));
        return None;
    };
    let owned = Owned::of(&observed.tags);
    let limit = owned.unless_default("connection_limit", observed.connection_limit, UNLIMITED);
    let default_pool = observed.default_pool_id.as_ref().and_then(|id| pools.get(id)).cloned();
    if default_pool.is_none() && observed.default_pool_id.is_some() {
        context.add(&object, "its default pool is one that no stack can have, and is taken off");
    }
    Some(ListenerSpec {
        display_name: unless_empty(&observed.name).filter(|shown| *shown != key),
        protocol,
        port: observed.protocol_port.into(),
        description: owned.description(&observed.description),
        tags: tags(&observed.tags, &object, context),
        admin_state_up: unless_up(observed.admin_state_up),
        default_pool,
        connection_limit: limit.and_then(|limit| i32::try_from(limit).ok()),
        allowed_cidrs: observed.allowed_cidrs.iter().map(|cidr| network(cidr)).collect(),
        insert_headers: insert_headers(observed, &object, context),
        timeouts: timeouts(observed, &owned),
        tls: listener_tls(observed, protocol),
        l7_policies: policies(&observed.policies, &object, pools, context),
        name: key,
    })
}

fn insert_headers(observed: &ObservedListener, object: &str, context: &mut Context) -> Vec<InsertHeader> {
    let mut headers = Vec::new();
    for (name, value) in &observed.insert_headers {
        match serde_json::from_value(json!(name)) {
            Ok(header) if value == ON => headers.push(header),
            _ => context.add(object, format_args!("header {name}: {value} is not one that is on, and is removed")),
        }
    }
    headers
}

fn timeouts(observed: &ObservedListener, owned: &Owned) -> Option<TimeoutsSpec> {
    let timeout =
        |field: &str, value: Option<i64>, default: i64| owned.unless_default(field, value, default).map(milliseconds);
    let timeouts = TimeoutsSpec {
        client_data: timeout("timeout_client_data", observed.timeout_client_data, DATA_TIMEOUT),
        member_connect: timeout("timeout_member_connect", observed.timeout_member_connect, CONNECT_TIMEOUT),
        member_data: timeout("timeout_member_data", observed.timeout_member_data, DATA_TIMEOUT),
        tcp_inspect: timeout("timeout_tcp_inspect", observed.timeout_tcp_inspect, 0),
    };
    (timeouts != TimeoutsSpec::default()).then_some(timeouts)
}

/// Parameters that the operator defaults are exported, too: a load balancer that is created from the stack then accepts no
/// weaker version or cipher.
fn listener_tls(observed: &ObservedListener, protocol: ListenerProtocol) -> Option<ListenerTlsSpec> {
    let authentication = observed.client_authentication.as_deref().and_then(ClientAuthentication::parse);
    let terminates = protocol == ListenerProtocol::TerminatedHttps;
    let tls = ListenerTlsSpec {
        certificate: observed.default_tls_container_ref.as_deref().map(certificate),
        sni_certificates: observed.sni_container_refs.iter().map(|one| certificate(one)).collect(),
        client_ca: observed.client_ca_tls_container_ref.as_deref().map(trust),
        client_crl: observed.client_crl_container_ref.as_deref().map(trust),
        client_authentication: authentication.filter(|mode| *mode != ClientAuthentication::None),
        versions: known(observed.tls_versions.as_deref().filter(|_| terminates), TlsVersion::parse),
        ciphers: observed.tls_ciphers.clone().filter(|_| terminates),
        alpn_protocols: known(observed.alpn_protocols.as_deref().filter(|_| terminates), AlpnProtocol::parse),
        hsts: observed.hsts_max_age.map(|max_age| HstsSpec {
            max_age: seconds(max_age),
            include_subdomains: observed.hsts_include_subdomains.then_some(true),
            preload: observed.hsts_preload.then_some(true),
        }),
    };
    let is_used = terminates || tls != ListenerTlsSpec::default();
    is_used.then_some(tls)
}
