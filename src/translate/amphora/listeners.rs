//! Listeners of provider amphora.

use std::time::Duration;

use crate::api::{InsertHeader, ListenerSpec, LoadBalancerStackSpec, TimeoutsSpec, duration};
use crate::model::{ListenerProtocol, PoolProtocol};

use super::refuse;
use crate::translate::validator::Validator;

pub(super) fn check(intake: &mut Validator<'_>, spec: &LoadBalancerStackSpec, listener: &ListenerSpec, at: &str) {
    // jinja_cfg.py: "if listener.connection_limit and listener.connection_limit > -1", else the operator's default.
    if listener.connection_limit == Some(0) {
        refuse(
            intake,
            format!("{at}.connectionLimit"),
            "takes 0 for the cloud's default, not for no connections",
            "give a number from 1, -1 for the cloud's default, or close the port with adminStateUp: false",
        );
    }
    if let Some(timeouts) = &listener.timeouts {
        check_timeouts(intake, timeouts, listener.protocol, &format!("{at}.timeouts"));
    }
    headers(intake, spec, listener, &format!("{at}.insertHeaders"));
    certificate(intake, listener, at);
}

fn check_timeouts(intake: &mut Validator<'_>, timeouts: &TimeoutsSpec, protocol: ListenerProtocol, at: &str) {
    use ListenerProtocol as P;
    let TimeoutsSpec { client_data, member_connect, member_data, tcp_inspect } = timeouts;
    let each = [
        (client_data, "clientData"),
        (member_connect, "memberConnect"),
        (member_data, "memberData"),
        (tcp_inspect, "tcpInspect"),
    ];
    for (value, name) in each {
        let Some(value) = value else { continue };
        let field = format!("{at}.{name}");
        let of_members = matches!(name, "memberConnect" | "memberData");
        match protocol {
            // The templates of LVS have no time-outs.
            P::Udp | P::Sctp => refuse(intake, field, "has no time-outs for UDP and SCTP", "remove it"),
            // The metrics come from haproxy itself, with time-outs of its own (`haproxy.cfg.j2`, block prometheus).
            P::Prometheus if of_members => {
                refuse(intake, field, "has no members behind a PROMETHEUS listener", "remove it");
            }
            // jinja_cfg.py: "listener.timeout_client_data or CONF...". 0 of tcpInspect is what the default says as well.
            _ if name != "tcpInspect" && duration::parse(value) == Some(Duration::ZERO) => refuse(
                intake,
                field,
                "takes 0 for the cloud's default, not for no time-out",
                "give a time from 1ms to 576h, or remove it",
            ),
            _ => {}
        }
    }
}

/// Headers that `macros.j2` has no line for, and those that it leaves out in pools that speak the PROXY protocol.
fn headers(intake: &mut Validator<'_>, spec: &LoadBalancerStackSpec, listener: &ListenerSpec, field: &str) {
    use InsertHeader as H;
    let only_proxy = serves_only_proxy_pools(spec, listener);
    for header in &listener.insert_headers {
        let name = header.as_str();
        match header {
            H::ForwardedIp | H::ClientIp | H::RealIp => refuse(
                intake,
                field.to_owned(),
                &format!("never adds {name}"),
                "use X-Forwarded-For, which names the client as well",
            ),
            H::ForwardedFor | H::ForwardedPort if only_proxy => refuse(
                intake,
                field.to_owned(),
                &format!("adds {name} in pools of protocol HTTP only, and the listener has none"),
                "remove it, since the PROXY protocol tells the members of the client, or use a pool of protocol HTTP",
            ),
            _ => {}
        }
    }
}

fn serves_only_proxy_pools(spec: &LoadBalancerStackSpec, listener: &ListenerSpec) -> bool {
    let named = listener.l7_policies.iter().filter_map(|policy| policy.redirect_pool.as_ref());
    let mut pools = listener
        .default_pool
        .iter()
        .chain(named)
        .filter_map(|name| spec.pools.iter().find(|pool| pool.name == *name))
        .peekable();
    pools.peek().is_some() && pools.all(|pool| matches!(pool.protocol, PoolProtocol::Proxy | PoolProtocol::ProxyV2))
}

/// jinja_cfg.py: "if listener.tls_certificate_id", else the port is bound without "ssl" and speaks plain HTTP, whatever
/// certificates there are for SNI.
fn certificate(intake: &mut Validator<'_>, listener: &ListenerSpec, at: &str) {
    let only_sni = |tls: &crate::api::ListenerTlsSpec| tls.certificate.is_none() && !tls.sni_certificates.is_empty();
    if listener.tls.as_ref().is_some_and(only_sni) {
        refuse(
            intake,
            format!("{at}.tls.certificate"),
            "encrypts nothing without it, sniCertificates or not",
            "name the certificate for clients that ask for no host that the others are for",
        );
    }
}
