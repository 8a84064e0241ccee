//! Listeners of provider amphora.

use std::time::Duration;

use crate::api::{InsertHeader, ListenerSpec, LoadBalancerStackSpec, TimeoutsSpec, duration};
use crate::model::{ListenerProtocol, PoolProtocol};
use crate::translate::validator::Validator;

pub(super) fn check(validator: &mut Validator<'_>, stack: &LoadBalancerStackSpec, listener: &ListenerSpec, path: &str) {
    // jinja_cfg.py: "if listener.connection_limit and listener.connection_limit > -1", else the operator's default.
    if listener.connection_limit == Some(0) {
        validator.unsupported_by_provider(
            format!("{path}.connectionLimit"),
            "takes 0 for the cloud's default, not for no connections",
            "give a number from 1, -1 for the cloud's default, or close the port with adminStateUp: false",
        );
    }
    if let Some(timeouts) = &listener.timeouts {
        check_timeouts(validator, timeouts, listener.protocol, &format!("{path}.timeouts"));
    }
    check_headers(validator, stack, listener, &format!("{path}.insertHeaders"));
    check_certificate(validator, listener, path);
}

fn check_timeouts(validator: &mut Validator<'_>, timeouts: &TimeoutsSpec, protocol: ListenerProtocol, path: &str) {
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
        let field = format!("{path}.{name}");
        let is_about_members = matches!(name, "memberConnect" | "memberData");
        match protocol {
            // The templates of LVS have no timeouts.
            P::Udp | P::Sctp => {
                validator.unsupported_by_provider(field, "has no timeouts for UDP and SCTP", "remove it");
            }
            // The metrics come from haproxy itself, with timeouts of its own (`haproxy.cfg.j2`, block prometheus).
            P::Prometheus if is_about_members => {
                validator.unsupported_by_provider(field, "has no members behind a PROMETHEUS listener", "remove it");
            }
            // jinja_cfg.py: "listener.timeout_client_data or CONF...". For tcpInspect the default is 0 as well.
            _ if name != "tcpInspect" && duration::parse(value) == Some(Duration::ZERO) => validator
                .unsupported_by_provider(
                    field,
                    "takes 0 for the cloud's default, not for no timeout",
                    "give a duration from 1ms to 576h, or remove it",
                ),
            _ => {}
        }
    }
}

/// Rejects headers that `macros.j2` has no line for, and those that it leaves out in pools of the PROXY protocol.
fn check_headers(validator: &mut Validator<'_>, stack: &LoadBalancerStackSpec, listener: &ListenerSpec, field: &str) {
    use InsertHeader as H;
    let only_proxy = serves_only_proxy_pools(stack, listener);
    for header in &listener.insert_headers {
        let name = header.as_str();
        match header {
            H::ForwardedIp | H::ClientIp | H::RealIp => validator.unsupported_by_provider(
                field,
                &format!("never adds {name}"),
                "use X-Forwarded-For, which names the client as well",
            ),
            H::ForwardedFor | H::ForwardedPort if only_proxy => validator.unsupported_by_provider(
                field,
                &format!("adds {name} in pools of protocol HTTP only, and the listener has none"),
                "remove it, since the PROXY protocol names the client to the members, or use a pool of protocol HTTP",
            ),
            _ => {}
        }
    }
}

fn serves_only_proxy_pools(stack: &LoadBalancerStackSpec, listener: &ListenerSpec) -> bool {
    let redirect_pools = listener.l7_policies.iter().filter_map(|policy| policy.redirect_pool.as_ref());
    let mut pools = listener
        .default_pool
        .iter()
        .chain(redirect_pools)
        .filter_map(|name| stack.pools.iter().find(|pool| pool.name == *name))
        .peekable();
    pools.peek().is_some() && pools.all(|pool| matches!(pool.protocol, PoolProtocol::Proxy | PoolProtocol::ProxyV2))
}

/// Rejects SNI certificates without a default one. jinja_cfg.py: "if listener.tls_certificate_id", else the port is bound
/// without "ssl" and speaks plain HTTP, whatever SNI certificates there are.
fn check_certificate(validator: &mut Validator<'_>, listener: &ListenerSpec, path: &str) {
    let has_only_sni =
        |tls: &crate::api::ListenerTlsSpec| tls.certificate.is_none() && !tls.sni_certificates.is_empty();
    if listener.tls.as_ref().is_some_and(has_only_sni) {
        validator.unsupported_by_provider(
            format!("{path}.tls.certificate"),
            "does not encrypt the port without it, even with sniCertificates",
            "name the certificate for clients whose host name none of sniCertificates covers",
        );
    }
}
