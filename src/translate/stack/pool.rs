//! Pools.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{LoadBalancerStackSpec, PoolSpec, SessionPersistenceSpec};
use crate::model::{Key, Persistence, PersistenceType, Pool, PoolProtocol};
use crate::translate::api_features;
use crate::translate::ip_family::IpFamilies;
use crate::translate::text::TextKind;
use crate::translate::validator::Validator;

use super::{health_monitor, member, member_sources, tls};

/// The protocols of the pools of a stack, by key.
pub(super) type PoolProtocols<'a> = BTreeMap<&'a str, PoolProtocol>;

pub(super) fn pools(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    families: &IpFamilies,
) -> BTreeMap<Key, Pool> {
    let mut result: BTreeMap<Key, Pool> = BTreeMap::new();
    let mut display_names = BTreeSet::new();
    for spec in &stack.pools {
        let path = format!("spec.pools[{}]", spec.name);
        let pool = pool(validator, spec, &path, families);
        // The single call refers to pools by their Octavia name.
        if !display_names.insert(pool.name.clone()) {
            let message = format!("{:?} is also the Octavia name of another pool: choose a different one", pool.name);
            validator.invalid(format!("{path}.displayName"), message);
        }
        if result.insert(spec.name.clone(), pool).is_some() {
            validator.invalid(path, "another pool has this name: choose a different one");
        }
    }
    result
}

fn pool(validator: &mut Validator<'_>, spec: &PoolSpec, path: &str, families: &IpFamilies) -> Pool {
    validator.check_text(TextKind::Key, &spec.name, &format!("{path}.name"));
    let protocol_path = format!("{path}.protocol");
    match spec.protocol {
        PoolProtocol::ProxyV2 => validator.needs_api(api_features::PROXYV2, &protocol_path),
        PoolProtocol::Sctp => validator.needs_api(api_features::SCTP_POOL, &protocol_path),
        _ => {}
    }
    let name = validator.display_name(spec.display_name.as_ref(), &spec.name, &format!("{path}.displayName"));
    let monitor = spec.health_monitor.as_ref().map(|monitor| {
        health_monitor::monitor(validator, monitor, &spec.name, spec.protocol, &format!("{path}.healthMonitor"))
    });
    let members = member::members(validator, spec, path, families);
    Pool {
        protocol: spec.protocol,
        algorithm: spec.algorithm,
        description: validator.optional_text(
            TextKind::Description,
            spec.description.as_ref(),
            &format!("{path}.description"),
        ),
        tags: validator.tags(&spec.tags, &format!("{path}.tags")),
        admin_state_up: spec.admin_state_up.unwrap_or(true),
        persistence: spec
            .session_persistence
            .as_ref()
            .map(|p| persistence(validator, p, spec.protocol, &format!("{path}.sessionPersistence"))),
        tls: tls::pool_tls(validator, spec, &format!("{path}.tls")),
        monitor,
        members: member_sources::with_sources(validator, spec, path, families, members),
        name,
    }
}

/// Session persistence. The single call checks none of these conditions.
fn persistence(
    validator: &mut Validator<'_>,
    spec: &SessionPersistenceSpec,
    protocol: PoolProtocol,
    path: &str,
) -> Persistence {
    use PoolProtocol as P;
    let by_source_ip = spec.kind == PersistenceType::SourceIp;
    if !by_source_ip && !matches!(protocol, P::Http | P::Proxy | P::ProxyV2) {
        let message = format!("type {} is allowed in pools of protocol HTTP, PROXY and PROXYV2 only", spec.kind);
        validator.invalid(path, message);
    }
    if (spec.timeout.is_some() || spec.granularity.is_some()) && !(by_source_ip && protocol.is_datagram()) {
        validator.invalid(
            path,
            "timeout and granularity are allowed for type SOURCE_IP in pools of protocol UDP and SCTP only",
        );
    }
    if spec.cookie_name.is_some() != (spec.kind == PersistenceType::AppCookie) {
        validator.invalid(format!("{path}.cookieName"), "is required for type APP_COOKIE and allowed for no other");
    }
    let timeout_path = format!("{path}.timeout");
    let granularity_path = format!("{path}.granularity");
    Persistence {
        kind: spec.kind,
        cookie_name: validator.optional_text(
            TextKind::CookieName,
            spec.cookie_name.as_ref(),
            &format!("{path}.cookieName"),
        ),
        timeout: spec
            .timeout
            .as_ref()
            .and_then(|text| validator.seconds(text, 1, i32::MAX as u64, "1s to 87600h", &timeout_path)),
        granularity: spec
            .granularity
            .as_ref()
            .and_then(|text| validator.address(text, &granularity_path))
            .map(|address| address.to_string()),
    }
}
