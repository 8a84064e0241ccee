//! References, found and missing.

use super::support::*;
use crate::model::{CertificateRef, ClientAuthentication, ProblemReason, Reference, ReferenceKind, Selector};
use crate::translate::references;

#[test]
fn each_reference_is_listed_once() {
    let spec = spec(
        "{provider: amphora, flavor: {name: ha}, vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}, floatingIP: {existing: {address: 203.0.113.7}}}",
        &format!("listeners: [{{name: a, protocol: TERMINATED_HTTPS, port: 443, tls: {{certificate: {{barbicanRef: '{CONTAINER}'}}, sniCertificates: [{{barbicanRef: '{CONTAINER}'}}]}}}}]
pools: [{HTTP_POOL}, members: [{{address: 10.0.0.1, port: 80, subnet: {{name: front}}}}]}}]"),
    );
    use ReferenceKind as K;
    let name = |text: &str| Selector::Name(text.to_owned());
    let expected = [
        (K::Subnet, name("front")),
        (K::Subnet, name("front6")),
        (K::Flavor, name("ha")),
        (K::Provider, name("amphora")),
        (K::Certificate, Selector::Id(CONTAINER.into())),
        (K::FloatingIp, Selector::Address("203.0.113.7".parse().unwrap())),
    ];
    assert_eq!(references(&spec), expected.map(|(kind, by)| Reference { kind, by }).into());
}

#[test]
fn unresolved_reference_reports_remedy() {
    let flavor = |name: &str| rejected(&format!("{{flavor: {{name: {name}}}, vip: {{subnet: {{name: front}}}}}}"), "");
    assert_begins(
        &flavor("ghost"),
        "ReferenceNotFound spec.loadBalancer.flavor: there is no flavor with name \"ghost\" that the project sees",
    );
    let twice = flavor("twice");
    assert_begins(&twice, "ReferenceAmbiguous spec.loadBalancer.flavor: the project sees more than one flavor");
    assert!(twice.contains("f2, f3"), "{twice}");
}

#[test]
fn disabled_flavor_or_zone_blocks_create_only() {
    let with = |wish: &str| accepted(&format!("{{{wish}, vip: {{subnet: {{name: front}}}}}}"), "");
    let flavored = with("flavor: {name: off}");
    assert_eq!(flavored.load_balancer.flavor_id.as_deref(), Some("f0"));
    let flavor = "spec.loadBalancer.flavor: the flavor with name \"off\" cannot be used: its operator has disabled it";
    assert_eq!(in_one_text(&flavored.create_problems), flavor);
    assert_eq!(flavored.create_problems[0].reason, ProblemReason::ReferenceUnusable);
    let both = with("flavor: {name: off}, availabilityZone: az0");
    assert_eq!(both.load_balancer.availability_zone.as_deref(), Some("az0"));
    let zone = "spec.loadBalancer.availabilityZone: the availability zone with name \"az0\" cannot be used: its \
                operator has disabled it";
    assert_eq!(in_one_text(&both.create_problems), format!("{flavor}; {zone}"));
    assert_eq!(with("flavor: {name: ha}, availabilityZone: az1").create_problems, []);
}

#[test]
fn certificate_is_resolved_before_use() {
    let tls = |url: &str| {
        format!(
            "listeners: [{{name: a, protocol: TERMINATED_HTTPS, port: 443, tls: {{certificate: {{barbicanRef: '{url}'}}}}}}]"
        )
    };
    let desired = accepted(ON_SUBNET, &tls(CONTAINER));
    let listener = desired.listeners["a"].tls.as_ref().unwrap();
    assert_eq!(listener.certificate_ref, Some(CertificateRef::Existing(CONTAINER.to_owned())));
    assert_eq!(listener.client_authentication, ClientAuthentication::None);
    let ghost = rejected(ON_SUBNET, &tls(&CONTAINER.replace("0001", "0002")));
    assert_begins(&ghost, "ReferenceNotFound spec.listeners[a].tls.certificate: there is no certificate");
}
