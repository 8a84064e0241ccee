//! Settings that provider ovn cannot carry out. Its driver queues parts of the single call before Octavia commits, so a
//! late rejection leaves objects behind in OVN; everything is rejected here first.
//! Source: `ovn_octavia_provider/driver.py` and `common/constants.py`.

use crate::api::{LoadBalancerStackSpec, MemberSpec, PoolSpec, TimeoutsSpec};
use crate::model::{Algorithm, ListenerProtocol, MonitorType, PersistenceType, PoolProtocol};
use crate::translate::stack::member_settings::MemberSettings;
use crate::translate::validator::Validator;

/// Checks a stack that names the provider. A cloud whose default it is cannot be told from the spec.
pub(super) fn check(validator: &mut Validator<'_>, stack: &LoadBalancerStackSpec) {
    let spec = &stack.load_balancer;
    let fields = [
        (spec.flavor.is_some(), "flavor"),
        (spec.availability_zone.is_some(), "availabilityZone"),
        (spec.vip.security_groups.is_some(), "vip.securityGroups"),
        // `create_vip_port` of its helper.py and `loadbalancer_update` of its driver.py leave it out.
        (spec.vip.qos_policy.is_some(), "vip.qosPolicy"),
    ];
    for (_, field) in fields.iter().filter(|(is_set, _)| *is_set) {
        reject(validator, format!("spec.loadBalancer.{field}"), "remove it");
    }
    for listener in &stack.listeners {
        use ListenerProtocol as P;
        let path = format!("spec.listeners[{}]", listener.name);
        if !matches!(listener.protocol, P::Tcp | P::Udp | P::Sctp) {
            reject(validator, format!("{path}.protocol"), "it knows TCP, UDP and SCTP");
        }
        if !listener.allowed_cidrs.is_empty() {
            reject(validator, format!("{path}.allowedCIDRs"), "remove it");
        }
        // Not in `_get_listener_request_info`: Octavia stores it, and the driver never sees it.
        if listener.connection_limit.is_some_and(|limit| limit != -1) {
            reject(validator, format!("{path}.connectionLimit"), "remove it");
        }
        if listener.timeouts.as_ref().is_some_and(|timeouts| *timeouts != TimeoutsSpec::default()) {
            reject(validator, format!("{path}.timeouts"), "remove it");
        }
    }
    for pool in &stack.pools {
        check_pool(validator, pool, &format!("spec.pools[{}]", pool.name));
    }
}

fn check_pool(validator: &mut Validator<'_>, pool: &PoolSpec, path: &str) {
    use PoolProtocol as P;
    if !matches!(pool.protocol, P::Tcp | P::Udp | P::Sctp) {
        reject(validator, format!("{path}.protocol"), "it knows TCP, UDP and SCTP");
    }
    if !matches!(pool.algorithm, Algorithm::SourceIpPort | Algorithm::SourceIp) {
        reject(validator, format!("{path}.algorithm"), "it knows SOURCE_IP_PORT and SOURCE_IP");
    }
    if pool.tls.is_some() {
        reject(validator, format!("{path}.tls"), "remove it");
    }
    if pool.session_persistence.as_ref().is_some_and(|p| p.kind != PersistenceType::SourceIp) {
        reject(validator, format!("{path}.sessionPersistence.type"), "it knows SOURCE_IP");
    }
    if pool.session_persistence.as_ref().is_some_and(|p| p.granularity.is_some()) {
        reject(validator, format!("{path}.sessionPersistence.granularity"), "remove it");
    }
    let monitor = pool.health_monitor.as_ref().map(|m| m.kind);
    if monitor.is_some_and(|kind| !matches!(kind, MonitorType::Tcp | MonitorType::UdpConnect)) {
        reject(validator, format!("{path}.healthMonitor.type"), "it knows TCP and UDP-CONNECT");
    }
    check_members(validator, pool, path);
}

fn check_members(validator: &mut Validator<'_>, pool: &PoolSpec, pool_path: &str) {
    let weight = |member: &MemberSpec| member.weight.unwrap_or(1);
    let common_weight = pool.members.iter().map(weight).find(|weight| *weight > 0);
    for member in &pool.members {
        let settings = MemberSettings::of_member(member, pool_path);
        check_settings(validator, &settings);
        let field = format!("{}.weight", settings.path);
        if weight(member) == 0 {
            reject(validator, field, "switch the member off with adminStateUp: false");
        } else if Some(weight(member)) != common_weight {
            reject(validator, field, "give all members of the pool one weight");
        }
    }
    for source in &pool.member_sources {
        let settings = MemberSettings::of_source(source, pool_path);
        check_settings(validator, &settings);
        if source.weight.is_some() {
            reject(validator, format!("{}.weight", settings.path), "remove it");
        }
    }
    if pool.drain.is_some() {
        reject(validator, format!("{pool_path}.drain"), "remove it");
    }
}

/// Neither backup nor weight is in `_get_member_request_info`: every member has the same share.
fn check_settings(validator: &mut Validator<'_>, settings: &MemberSettings) {
    let MemberSettings { path, backup, monitor_fields } = settings;
    for field in monitor_fields {
        reject(validator, format!("{path}.{field}"), "remove it");
    }
    if *backup {
        reject(validator, format!("{path}.backup"), "remove it");
    }
}

fn reject(validator: &mut Validator<'_>, field: String, remedy: &str) {
    validator.unsupported_by_provider(field, "does not support this", &format!("{remedy}, or choose provider amphora"));
}
