//! Pools with their health monitors.

use super::certificates::{certificate, trust};
use super::context::Context;
use super::member::members;
use super::owned::Owned;
use super::values::{known, seconds, tags, unless_empty, unless_up};
use crate::api::{HealthMonitorSpec, HttpVersion, PoolSpec, PoolTlsSpec, SessionPersistenceSpec};
use crate::model::{
    Algorithm, AlpnProtocol, HttpMethod, MonitorType, ObservedMonitor, ObservedPersistence, ObservedPool,
    PersistenceType, PoolProtocol, TlsVersion,
};

/// Octavia's default.
const DEFAULT_MAX_RETRIES_DOWN: i64 = 3;

/// A pool; `None` for one that no stack can have, which stays as it is. `shown`: its name in Octavia, which no other pool
/// of the stack has.
pub(super) fn pool(observed: &ObservedPool, key: String, shown: &str, context: &mut Context) -> Option<PoolSpec> {
    let object = format!("pool {:?} ({})", observed.name, observed.id);
    let Some(protocol) = PoolProtocol::parse(&observed.protocol) else {
        context.add(&object, format_args!("protocol {} is unknown; it stays as it is", observed.protocol));
        return None;
    };
    let Some(algorithm) = Algorithm::parse(&observed.lb_algorithm) else {
        context.add(&object, format_args!("algorithm {} is unknown; it stays as it is", observed.lb_algorithm));
        return None;
    };
    Some(PoolSpec {
        display_name: unless_empty(shown).filter(|shown| *shown != key),
        protocol,
        algorithm,
        description: Owned::of(&observed.tags).description(&observed.description),
        tags: tags(&observed.tags, &object, context),
        admin_state_up: unless_up(observed.admin_state_up),
        session_persistence: observed.session_persistence.as_ref().and_then(|one| persistence(one, &object, context)),
        tls: observed.tls_enabled.then(|| pool_tls(observed)),
        health_monitor: observed.monitor.as_ref().and_then(|one| monitor(one, &key, &object, context)),
        members: members(&observed.members, &object, context),
        member_sources: Vec::new(),
        member_window: None,
        drain: None,
        min_members: None,
        name: key,
    })
}

fn persistence(observed: &ObservedPersistence, pool: &str, context: &mut Context) -> Option<SessionPersistenceSpec> {
    let ObservedPersistence { kind, cookie_name, persistence_timeout, persistence_granularity } = observed;
    let Some(kind) = PersistenceType::parse(kind) else {
        context.add(pool, format_args!("session persistence {kind} is unknown and is removed"));
        return None;
    };
    Some(SessionPersistenceSpec {
        kind,
        cookie_name: cookie_name.clone(),
        timeout: persistence_timeout.map(seconds),
        granularity: persistence_granularity.clone(),
    })
}

/// Parameters that the operator defaults are exported, as with a listener.
fn pool_tls(observed: &ObservedPool) -> PoolTlsSpec {
    PoolTlsSpec {
        client_certificate: observed.tls_container_ref.as_deref().map(certificate),
        ca: observed.ca_tls_container_ref.as_deref().map(trust),
        crl: observed.crl_container_ref.as_deref().map(trust),
        versions: known(observed.tls_versions.as_deref(), TlsVersion::parse),
        ciphers: observed.tls_ciphers.clone(),
        alpn_protocols: known(observed.alpn_protocols.as_deref(), AlpnProtocol::parse),
    }
}

fn monitor(observed: &ObservedMonitor, pool_key: &str, pool: &str, context: &mut Context) -> Option<HealthMonitorSpec> {
    let object = format!("health monitor of {pool}");
    let Some(kind) = MonitorType::parse(&observed.kind) else {
        context.add(&object, format_args!("type {} is unknown; it is removed", observed.kind));
        return None;
    };
    let down = observed.max_retries_down.filter(|retries| *retries != DEFAULT_MAX_RETRIES_DOWN);
    let http = |text: &Option<String>| text.clone().filter(|_| kind.is_http());
    let version = observed.http_version.filter(|_| kind.is_http());
    let number = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    Some(HealthMonitorSpec {
        kind,
        delay: seconds(observed.delay),
        timeout: seconds(observed.timeout),
        max_retries: number(observed.max_retries),
        max_retries_down: down.map(number),
        http_method: http(&observed.http_method).and_then(|method| HttpMethod::parse(&method)),
        url_path: http(&observed.url_path).map(|path| context.unspelled(&path)),
        expected_codes: http(&observed.expected_codes),
        http_version: version.map(|version| if version > 1.0 { HttpVersion::V1_1 } else { HttpVersion::V1_0 }),
        domain_name: http(&observed.domain_name),
        display_name: unless_empty(&observed.name).filter(|shown| shown != pool_key),
        admin_state_up: unless_up(observed.admin_state_up),
        tags: tags(&observed.tags, &object, context),
    })
}
