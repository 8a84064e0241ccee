//! What provider ovn cannot do. Its driver queues parts of the single call before Octavia commits, so a refusal that
//! comes late leaves something behind in OVN; all of it is refused here first.
//! Source: `ovn_octavia_provider/driver.py` and `common/constants.py`.

use crate::api::{LoadBalancerStackSpec, PoolSpec};
use crate::model::{Algorithm, ListenerProtocol, MonitorType, PersistenceType, PoolProtocol};

use super::context::Intake;
use super::references::member_at;

/// Only where the stack names the provider: the cloud's default is not ours to know.
pub(super) fn check(intake: &mut Intake<'_>, spec: &LoadBalancerStackSpec) {
    if spec.load_balancer.provider.as_deref() != Some("ovn") {
        return;
    }
    let load_balancer = [
        (spec.load_balancer.flavor.is_some(), "flavor"),
        (spec.load_balancer.availability_zone.is_some(), "availabilityZone"),
        (spec.load_balancer.vip.security_groups.is_some(), "vip.securityGroups"),
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
    }
    for pool in &spec.pools {
        check_pool(intake, pool, &format!("spec.pools[{}]", pool.name));
    }
}

fn check_pool(intake: &mut Intake<'_>, pool: &PoolSpec, at: &str) {
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
    let monitor = pool.health_monitor.as_ref().map(|m| m.kind);
    if monitor.is_some_and(|kind| !matches!(kind, MonitorType::Tcp | MonitorType::UdpConnect)) {
        refuse(intake, format!("{at}.healthMonitor.type"), "it knows TCP and UDP-CONNECT");
    }
    for member in &pool.members {
        let at = format!("{at}.members[{}]", member_at(&member.address, member.port));
        for (given, field) in
            [(member.monitor_address.is_some(), "monitorAddress"), (member.monitor_port.is_some(), "monitorPort")]
        {
            if given {
                refuse(intake, format!("{at}.{field}"), "remove it");
            }
        }
    }
}

fn refuse(intake: &mut Intake<'_>, field: String, way_out: &str) {
    intake.unsupported(field, format!("provider ovn does not do this: {way_out}, or choose provider amphora"));
}
