//! The cloud objects that a spec refers to.

use std::collections::BTreeSet;

use crate::api::{CertificatePlace, CloudRef, LoadBalancerStackSpec};
use crate::model::{Reference, ReferenceKind, Selector};
use crate::translate::selectors::{cloud_ref, floating_ip};

/// Every reference of the spec. References without a selector, or with two, are left out:
/// [`desired`](fn@super::desired) rejects them.
pub fn references(spec: &LoadBalancerStackSpec) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    add_load_balancer(&mut found, spec);
    for tls in spec.listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        tls.certificate.iter().chain(&tls.sni_certificates).for_each(|spec| add_certificate(&mut found, spec.place()));
        tls.client_ca.iter().chain(&tls.client_crl).for_each(|spec| add_certificate(&mut found, spec.place()));
    }
    for pool in &spec.pools {
        if let Some(tls) = &pool.tls {
            tls.client_certificate.iter().for_each(|spec| add_certificate(&mut found, spec.place()));
            tls.ca.iter().chain(&tls.crl).for_each(|spec| add_certificate(&mut found, spec.place()));
        }
        for member in &pool.members {
            add(&mut found, ReferenceKind::Subnet, member.subnet.as_ref());
        }
        for source in &pool.member_sources {
            add(&mut found, ReferenceKind::Subnet, source.subnet.as_ref());
        }
    }
    found
}

fn add_load_balancer(found: &mut BTreeSet<Reference>, spec: &LoadBalancerStackSpec) {
    use ReferenceKind as Kind;
    let load_balancer = &spec.load_balancer;
    let vip = &load_balancer.vip;
    let named = [(Kind::Provider, &load_balancer.provider), (Kind::AvailabilityZone, &load_balancer.availability_zone)];
    for (kind, name) in named {
        found.extend(name.clone().map(|name| Reference { kind, by: Selector::Name(name) }));
    }
    add(found, Kind::Flavor, load_balancer.flavor.as_ref());
    add(found, Kind::Subnet, vip.subnet.as_ref());
    add(found, Kind::VipNetwork, vip.network.as_ref());
    add(found, Kind::Port, vip.port.as_ref());
    add(found, Kind::QosPolicy, vip.qos_policy.as_ref());
    for group in vip.security_groups.iter().flatten() {
        add(found, Kind::SecurityGroup, Some(group));
    }
    for additional in &vip.additional {
        add(found, Kind::Subnet, Some(&additional.subnet));
    }
    let Some(spec) = &load_balancer.floating_ip else { return };
    if let Some(allocate) = &spec.allocate {
        add(found, Kind::Network, Some(&allocate.network));
        add(found, Kind::Subnet, allocate.subnet.as_ref());
    }
    let existing = spec.existing.as_ref().and_then(floating_ip);
    found.extend(existing.map(|by| Reference { kind: Kind::FloatingIp, by }));
}

fn add(found: &mut BTreeSet<Reference>, kind: ReferenceKind, reference: Option<&CloudRef>) {
    found.extend(reference.and_then(cloud_ref).map(|by| Reference { kind, by }));
}

fn add_certificate(found: &mut BTreeSet<Reference>, place: Option<CertificatePlace<'_>>) {
    if let Some(CertificatePlace::Barbican(url)) = place {
        found.insert(Reference { kind: ReferenceKind::Certificate, by: Selector::Id(url.to_owned()) });
    }
}
