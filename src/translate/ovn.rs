//! What provider ovn cannot do. Its driver queues parts of the single call before Octavia commits, so a refusal that
//! comes late leaves something behind in OVN; all of it is refused here first.
//! Source: `ovn_octavia_provider/driver.py` and `common/constants.py`.

use crate::api::{LoadBalancerStackSpec, MemberSpec, PoolSpec, TimeoutsSpec};
use crate::model::{Algorithm, ListenerProtocol, MonitorType, PersistenceType, PoolProtocol};

use super::provider::Provider;
use super::references::member_at;
use super::validator::Validator;

/// Only where the stack names the provider: the cloud's default is not ours to know.
pub(super) fn check(intake: &mut Validator<'_>, spec: &LoadBalancerStackSpec) {
    if Provider::of(spec) != Provider::Ovn {
        return;
    }
    let load_balancer = [
        (spec.load_balancer.flavor.is_some(), "flavor"),
        (spec.load_balancer.availability_zone.is_some(), "availabilityZone"),
        (spec.load_balancer.vip.security_groups.is_some(), "vip.securityGroups"),
        // `create_vip_port` of its helper.py and `loadbalancer_update` of its driver.py leave it out.
        (spec.load_balancer.vip.qos_policy.is_some(), "vip.qosPolicy"),
    ];
    for (_, field) in load_balancer.iter().filter(|(given, _)| *given) {
        refuse(intake, format!("spec.loadBalancer.{field}"), "remove it");
    }
    for listener in &spec.listeners {
        use ListenerProtocol as P;
        let at = format!("spec.listeners[{}]", listener.name);
        if !matches!(listener.protocol, P::Tcp | P::Udp | P::Sctp) {
            refuse(intake, format!("{at}.protocol"), "it knows TCP, UDP and SCTP");
        }
        if !listener.allowed_cidrs.is_empty() {
            refuse(intake, format!("{at}.allowedCIDRs"), "remove it");
        }
        // Not in `_get_listener_request_info`: stored by Octavia, and nothing more.
        if listener.connection_limit.is_some_and(|limit| limit != -1) {
            refuse(intake, format!("{at}.connectionLimit"), "remove it");
        }
        if listener.timeouts.as_ref().is_some_and(|timeouts| *timeouts != TimeoutsSpec::default()) {
            refuse(intake, format!("{at}.timeouts"), "remove it");
        }
    }
    for pool in &spec.pools {
        check_pool(intake, pool, &format!("spec.pools[{}]", pool.name));
    }
}

fn check_pool(intake: &mut Validator<'_>, pool: &PoolSpec, at: &str) {
    use PoolProtocol as P;
    if !matches!(pool.protocol, P::Tcp | P::Udp | P::Sctp) {
        refuse(intake, format!("{at}.protocol"), "it knows TCP, UDP and SCTP");
    }
    if !matches!(pool.algorithm, Algorithm::SourceIpPort | Algorithm::SourceIp) {
        refuse(intake, format!("{at}.algorithm"), "it knows SOURCE_IP_PORT and SOURCE_IP");
    }
    if pool.tls.is_some() {
        refuse(intake, format!("{at}.tls"), "remove it");
    }
    if pool.session_persistence.as_ref().is_some_and(|p| p.kind != PersistenceType::SourceIp) {
        refuse(intake, format!("{at}.sessionPersistence.type"), "it knows SOURCE_IP");
    }
    if pool.session_persistence.as_ref().is_some_and(|p| p.granularity.is_some()) {
        refuse(intake, format!("{at}.sessionPersistence.granularity"), "remove it");
    }
    let monitor = pool.health_monitor.as_ref().map(|m| m.kind);
    if monitor.is_some_and(|kind| !matches!(kind, MonitorType::Tcp | MonitorType::UdpConnect)) {
        refuse(intake, format!("{at}.healthMonitor.type"), "it knows TCP and UDP-CONNECT");
    }
    let weight = |member: &MemberSpec| member.weight.unwrap_or(1);
    let first = pool.members.iter().map(weight).find(|weight| *weight > 0);
    for member in &pool.members {
        let at = format!("{at}.members[{}]", member_at(&member.address, member.port));
        for (given, field) in
            [(member.monitor_address.is_some(), "monitorAddress"), (member.monitor_port.is_some(), "monitorPort")]
        {
            if given {
                refuse(intake, format!("{at}.{field}"), "remove it");
            }
        }
        // Neither is in `_get_member_request_info`: every member has the same share.
        if member.backup == Some(true) {
            refuse(intake, format!("{at}.backup"), "remove it");
        }
        if weight(member) == 0 {
            refuse(intake, format!("{at}.weight"), "switch the member off with adminStateUp: false");
        } else if Some(weight(member)) != first {
            refuse(intake, format!("{at}.weight"), "give all members of the pool one weight");
        }
    }
}

fn refuse(intake: &mut Validator<'_>, field: String, way_out: &str) {
    intake.unsupported(field, format!("provider ovn does not do this: {way_out}, or choose provider amphora"));
}
