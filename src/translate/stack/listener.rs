//! Listeners.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{InsertHeader, ListenerSpec, LoadBalancerStackSpec, TimeoutsSpec};
use crate::model::{IpFamily, Key, Listener, ListenerProtocol, Timeouts, TransportProtocol};
use crate::translate::api_features;
use crate::translate::ip_family::{FamilyCondition, IpFamilies};
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

use super::pool::PoolProtocols;
use super::{l7, tls};

pub(super) fn listeners(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    families: &IpFamilies,
) -> BTreeMap<Key, Listener> {
    let pools: PoolProtocols<'_> = stack.pools.iter().map(|p| (p.name.as_str(), p.protocol)).collect();
    let has_security_groups = stack.load_balancer.vip.security_groups.as_ref().is_some_and(|g| !g.is_empty());
    let mut names_by_port: BTreeMap<(TransportProtocol, i32), &str> = BTreeMap::new();
    let mut result = BTreeMap::new();
    for spec in &stack.listeners {
        let path = format!("spec.listeners[{}]", spec.name);
        if let Some(other) = names_by_port.insert((spec.protocol.transport(), spec.port), &spec.name) {
            validator.invalid(
                format!("{path}.port"),
                format!("{} is also the port of listener {other}: choose another", spec.port),
            );
        }
        if has_security_groups && !spec.allowed_cidrs.is_empty() {
            validator.invalid(
                format!("{path}.allowedCIDRs"),
                "excludes spec.loadBalancer.vip.securityGroups: filter with the security groups, or remove them",
            );
        }
        let listener = listener(validator, spec, &path, &pools, families);
        if result.insert(spec.name.clone(), listener).is_some() {
            validator.invalid(path, "another listener has this name: choose a different one");
        }
    }
    result
}

fn listener(
    validator: &mut Validator<'_>,
    spec: &ListenerSpec,
    path: &str,
    pools: &PoolProtocols<'_>,
    families: &IpFamilies,
) -> Listener {
    validator.check_text(TextKind::Key, &spec.name, &format!("{path}.name"));
    let protocol_path = format!("{path}.protocol");
    match spec.protocol {
        ListenerProtocol::Sctp => validator.needs_api(api_features::SCTP_LISTENER, &protocol_path),
        ListenerProtocol::Prometheus => validator.needs_api(api_features::PROMETHEUS, &protocol_path),
        _ => {}
    }
    check_default_pool(validator, spec, path, pools);
    Listener {
        name: validator.display_name(spec.display_name.as_ref(), &spec.name, &format!("{path}.displayName")),
        protocol: spec.protocol,
        port: validator.port(spec.port, &format!("{path}.port")),
        description: validator.optional_text(
            TextKind::Description,
            spec.description.as_ref(),
            &format!("{path}.description"),
        ),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        default_pool: spec.default_pool.clone(),
        connection_limit: spec
            .connection_limit
            .map(|limit| validator.number(limit, -1, i32::MAX, &format!("{path}.connectionLimit"))),
        allowed_cidrs: allowed_cidrs(validator, spec, path, families),
        insert_headers: insert_headers(validator, spec, path),
        timeouts: timeouts(validator, spec.timeouts.as_ref(), &format!("{path}.timeouts")),
        tls: tls::listener_tls(validator, spec, &format!("{path}.tls")),
        policies: l7::policies(validator, spec, path, pools),
    }
}

fn check_default_pool(validator: &mut Validator<'_>, spec: &ListenerSpec, path: &str, pools: &PoolProtocols<'_>) {
    let Some(pool) = &spec.default_pool else { return };
    let field = format!("{path}.defaultPool");
    match pools.get(pool.as_str()) {
        None => validator.invalid(field, format!("there is no pool {pool} in spec.pools: add it, or name another")),
        Some(protocol) if !spec.protocol.suits(*protocol) => validator.invalid(
            field,
            format!("a listener of protocol {} cannot serve pool {pool} of protocol {protocol}", spec.protocol),
        ),
        Some(_) => {}
    }
}

fn allowed_cidrs(
    validator: &mut Validator<'_>,
    spec: &ListenerSpec,
    path: &str,
    families: &IpFamilies,
) -> BTreeSet<String> {
    let field = format!("{path}.allowedCIDRs");
    let mut result = BTreeSet::new();
    for text in &spec.allowed_cidrs {
        let Some(network) = validator.network(text, &field) else { continue };
        let family = IpFamily::of(network.addr());
        validator.check_family(families, FamilyCondition::Needs(family), &field, || {
            format!("{network} is {family}, and no address of the load balancer is")
        });
        result.insert(network.to_string());
    }
    result
}

fn insert_headers(validator: &mut Validator<'_>, spec: &ListenerSpec, path: &str) -> BTreeMap<String, String> {
    use InsertHeader as H;
    let field = format!("{path}.insertHeaders");
    if !spec.insert_headers.is_empty() && !spec.protocol.is_http() {
        validator.invalid(&field, "is allowed on HTTP and TERMINATED_HTTPS listeners only");
    }
    for header in &spec.insert_headers {
        let name = header.as_str();
        if name.starts_with("X-SSL-") && spec.protocol != ListenerProtocol::TerminatedHttps {
            validator.invalid(&field, format!("{name} is allowed on TERMINATED_HTTPS listeners only"));
        }
        if name.starts_with("X-SSL-") && !tls::requests_client_certificates(spec) {
            validator.invalid(
                &field,
                format!(
                    "{name} describes the certificate of a client, which the listener does not request: set tls.clientCA, \
                     and tls.clientAuthentication to OPTIONAL or MANDATORY, or remove the header"
                ),
            );
        }
        if matches!(header, H::ForwardedIp | H::ClientIp | H::RealIp) {
            validator.needs_api(api_features::CLIENT_ADDRESS_HEADERS, &field);
        }
    }
    // The text "true" switches a header on, X-SSL-... included.
    spec.insert_headers.iter().map(|h| (h.as_str().to_owned(), "true".to_owned())).collect()
}

fn timeouts(validator: &mut Validator<'_>, spec: Option<&TimeoutsSpec>, path: &str) -> Timeouts {
    let Some(TimeoutsSpec { client_data, member_connect, member_data, tcp_inspect }) = spec else {
        return Timeouts::default();
    };
    Timeouts {
        client_data: validator.milliseconds(client_data.as_ref(), &format!("{path}.clientData")),
        member_connect: validator.milliseconds(member_connect.as_ref(), &format!("{path}.memberConnect")),
        member_data: validator.milliseconds(member_data.as_ref(), &format!("{path}.memberData")),
        tcp_inspect: validator.milliseconds(tcp_inspect.as_ref(), &format!("{path}.tcpInspect")),
    }
}
