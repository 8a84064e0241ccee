//! Everything that a spec points at.

use std::collections::BTreeMap;

use crate::api::{CertificateSpec, CloudRef, ExistingFloatingIp, LoadBalancerStackSpec};
use crate::model::{Reference, ReferenceKind, Selector};

type ReferenceFields = BTreeMap<Reference, Vec<String>>;

/// Every reference of the spec with the field paths that it stands at. References that say nothing, or two things at
/// once, are left out: [`desired`](super::desired) refuses them.
pub fn references(spec: &LoadBalancerStackSpec) -> BTreeMap<Reference, Vec<String>> {
    let mut found = ReferenceFields::new();
    of_load_balancer(&mut found, spec);
    for listener in &spec.listeners {
        let Some(tls) = &listener.tls else { continue };
        let at = format!("spec.listeners[{}].tls", listener.name);
        let certificates =
            [(&tls.certificate, "certificate"), (&tls.client_ca, "clientCA"), (&tls.client_crl, "clientCRL")];
        for (reference, field) in certificates {
            add_certificate(&mut found, reference.as_ref(), format!("{at}.{field}"));
        }
        for (index, reference) in tls.sni_certificates.iter().enumerate() {
            add_certificate(&mut found, Some(reference), format!("{at}.sniCertificates[{index}]"));
        }
    }
    for pool in &spec.pools {
        let at = format!("spec.pools[{}]", pool.name);
        if let Some(tls) = &pool.tls {
            for (reference, field) in
                [(&tls.client_certificate, "clientCertificate"), (&tls.ca, "ca"), (&tls.crl, "crl")]
            {
                add_certificate(&mut found, reference.as_ref(), format!("{at}.tls.{field}"));
            }
        }
        for member in &pool.members {
            let field = format!("{at}.members[{}].subnet", member_at(&member.address, member.port));
            add(&mut found, ReferenceKind::Subnet, member.subnet.as_ref(), field);
        }
    }
    found
}

fn of_load_balancer(found: &mut ReferenceFields, spec: &LoadBalancerStackSpec) {
    use ReferenceKind as Kind;
    let load_balancer = &spec.load_balancer;
    let vip = &load_balancer.vip;
    let named = [
        (Kind::Provider, &load_balancer.provider, "provider"),
        (Kind::AvailabilityZone, &load_balancer.availability_zone, "availabilityZone"),
    ];
    for (kind, name, field) in named {
        if let Some(name) = name {
            let reference = Reference { kind, by: Selector::Name(name.clone()) };
            found.entry(reference).or_default().push(format!("spec.loadBalancer.{field}"));
        }
    }
    let objects = [
        (Kind::Flavor, &load_balancer.flavor, "flavor"),
        (Kind::Subnet, &vip.subnet, "vip.subnet"),
        (Kind::VipNetwork, &vip.network, "vip.network"),
        (Kind::Port, &vip.port, "vip.port"),
        (Kind::QosPolicy, &vip.qos_policy, "vip.qosPolicy"),
    ];
    for (kind, reference, field) in objects {
        add(found, kind, reference.as_ref(), format!("spec.loadBalancer.{field}"));
    }
    for (index, reference) in vip.security_groups.iter().flatten().enumerate() {
        let field = format!("spec.loadBalancer.vip.securityGroups[{index}]");
        add(found, Kind::SecurityGroup, Some(reference), field);
    }
    for (index, additional) in vip.additional.iter().enumerate() {
        let field = format!("spec.loadBalancer.vip.additional[{index}].subnet");
        add(found, Kind::Subnet, Some(&additional.subnet), field);
    }
    let Some(floating_ip) = &load_balancer.floating_ip else { return };
    if let Some(allocate) = &floating_ip.allocate {
        let at = "spec.loadBalancer.floatingIP.allocate";
        add(found, Kind::Network, Some(&allocate.network), format!("{at}.network"));
        add(found, Kind::Subnet, allocate.subnet.as_ref(), format!("{at}.subnet"));
    }
    if let Some(by) = floating_ip.existing.as_ref().and_then(existing) {
        let reference = Reference { kind: Kind::FloatingIp, by };
        found.entry(reference).or_default().push("spec.loadBalancer.floatingIP.existing".to_owned());
    }
}

fn add(found: &mut ReferenceFields, kind: ReferenceKind, reference: Option<&CloudRef>, field: String) {
    if let Some(by) = reference.and_then(cloud_ref) {
        found.entry(Reference { kind, by }).or_default().push(field);
    }
}

fn add_certificate(found: &mut ReferenceFields, reference: Option<&CertificateSpec>, field: String) {
    if let Some(url) = reference.and_then(certificate) {
        let reference = Reference { kind: ReferenceKind::Certificate, by: Selector::Id(url.to_owned()) };
        found.entry(reference).or_default().push(field);
    }
}

pub(super) fn cloud_ref(reference: &CloudRef) -> Option<Selector> {
    match (&reference.id, &reference.name) {
        (Some(id), None) => Some(Selector::Id(id.clone())),
        (None, Some(name)) => Some(Selector::Name(name.clone())),
        _ => None,
    }
}

pub(super) fn certificate(reference: &CertificateSpec) -> Option<&str> {
    reference.barbican_ref.as_deref()
}

pub(super) fn existing(floating_ip: &ExistingFloatingIp) -> Option<Selector> {
    match (&floating_ip.id, &floating_ip.address) {
        (Some(id), None) => Some(Selector::Id(id.clone())),
        (None, Some(address)) => address.parse().ok().map(Selector::Address),
        _ => None,
    }
}

/// How a field path names a member.
pub(super) fn member_at(address: &str, port: i32) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}
