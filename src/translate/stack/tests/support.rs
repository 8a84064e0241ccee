//! Fixtures: a small cloud, and the verdict on specs written as YAML.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::api::LoadBalancerStackSpec;
use crate::model::{
    ApiVersion, ClusterContents, Desired, FixedIp, Owner, Problem, Reference, ReferenceKind, Resolutions, ResolveError,
    ResolvedReference, Selector,
};
use crate::translate::{desired, references};

pub(in crate::translate::stack) const NEWEST: ApiVersion = ApiVersion { minor: 30 };
pub(in crate::translate::stack) const CONTAINER: &str =
    "http://keys.example/v1/containers/00000000-0000-4000-8000-000000000001";

/// A spec from the YAML below `loadBalancer:` and the YAML beside it.
pub(in crate::translate::stack) fn spec(load_balancer: &str, rest: &str) -> LoadBalancerStackSpec {
    let text = format!(
        "cloudCredentialsRef: {{secretName: openstack, cloudName: openstack}}\nloadBalancer: {load_balancer}\n{rest}"
    );
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

pub(in crate::translate::stack) const ON_SUBNET: &str = "{vip: {subnet: {name: front}}}";

pub(in crate::translate::stack) fn owner() -> Owner {
    Owner { uid: "u1".into(), cluster: "c1".into(), namespace: "shop".into(), name: "web".into() }
}

fn subnet(id: &str, network: &str, cidr: &str) -> ResolvedReference {
    ResolvedReference::Subnet { id: id.into(), network_id: network.into(), cidr: cidr.parse::<IpNet>().unwrap() }
}

fn port(device: &str, addresses: &[(&str, &str)]) -> ResolvedReference {
    let fixed_ip = |(subnet, address): &(&str, &str)| FixedIp {
        subnet_id: (*subnet).to_owned(),
        address: address.parse().unwrap(),
    };
    let fixed_ips = addresses.iter().map(fixed_ip).collect();
    ResolvedReference::Port { id: "p1".into(), network_id: "net".into(), device_id: device.into(), fixed_ips }
}

/// A network for a VIP: it has so many subnets, of which the project sees those with `cidrs`.
fn network(id: &str, subnets: usize, cidrs: &[&str]) -> ResolvedReference {
    let subnet_ids = (0..subnets).map(|n| format!("s{n}")).collect();
    ResolvedReference::VipNetwork {
        id: id.into(),
        subnet_ids,
        cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
    }
}

/// A small cloud: subnets `front`, `front6` and `other` of one network, `away` of another.
fn cloud() -> BTreeMap<(ReferenceKind, &'static str), Result<ResolvedReference, ResolveError>> {
    use ReferenceKind as K;
    let object = |id: &str| Ok(ResolvedReference::Object { id: id.into() });
    [
        ((K::Subnet, "front"), Ok(subnet("s4", "net", "10.10.0.0/16"))),
        ((K::Subnet, "front6"), Ok(subnet("s6", "net", "2001:db8:10::/64"))),
        ((K::Subnet, "other"), Ok(subnet("s4b", "net", "10.11.0.0/16"))),
        ((K::Subnet, "away"), Ok(subnet("s9", "far", "10.99.0.0/16"))),
        ((K::Subnet, "public-v6"), Ok(subnet("sp6", "ext", "2001:db8::/64"))),
        ((K::Subnet, "public-v4"), Ok(subnet("sp", "ext", "203.0.113.0/24"))),
        ((K::Network, "tenant"), Ok(ResolvedReference::Network { id: "net".into(), external: false })),
        ((K::Network, "public"), Ok(ResolvedReference::Network { id: "ext".into(), external: true })),
        ((K::VipNetwork, "tenant"), Ok(network("net", 3, &["2001:db8:10::/64", "10.10.0.0/16", "10.11.0.0/16"]))),
        ((K::VipNetwork, "modern"), Ok(network("net6", 1, &["2001:db8:10::/64"]))),
        ((K::VipNetwork, "half-seen"), Ok(network("net5", 2, &["2001:db8:10::/64"]))),
        ((K::VipNetwork, "empty"), Ok(network("net0", 0, &[]))),
        ((K::Port, "one"), Ok(port("", &[("s4", "10.10.0.5")]))),
        ((K::Port, "two"), Ok(port("lb-1", &[("s4", "10.10.0.5"), ("s6", "2001:db8:10::5")]))),
        ((K::Port, "none"), Ok(port("", &[]))),
        ((K::Port, "taken"), Ok(port("a-server", &[("s4", "10.10.0.5")]))),
        ((K::QosPolicy, "gold"), object("q1")),
        ((K::SecurityGroup, "web"), object("g1")),
        ((K::Flavor, "ha"), Ok(ResolvedReference::Flavor { id: "f1".into(), enabled: true })),
        ((K::Flavor, "twice"), Err(ResolveError::Ambiguous(vec!["f2".into(), "f3".into()]))),
        ((K::Flavor, "off"), Ok(ResolvedReference::Flavor { id: "f0".into(), enabled: false })),
        ((K::AvailabilityZone, "az1"), Ok(ResolvedReference::AvailabilityZone { enabled: true })),
        ((K::AvailabilityZone, "az0"), Ok(ResolvedReference::AvailabilityZone { enabled: false })),
        ((K::Provider, "amphora"), Ok(ResolvedReference::Provider)),
        ((K::Provider, "ovn"), Ok(ResolvedReference::Provider)),
        ((K::Provider, "vendor"), Ok(ResolvedReference::Provider)),
        ((K::Provider, "some-vendor"), Ok(ResolvedReference::Provider)),
        ((K::Certificate, CONTAINER), Ok(ResolvedReference::Certificate)),
    ]
    .into_iter()
    .collect()
}

pub(in crate::translate::stack) fn resolutions(spec: &LoadBalancerStackSpec) -> Resolutions {
    resolutions_of(references(spec))
}

pub(in crate::translate::stack) fn resolutions_of(references: BTreeSet<Reference>) -> Resolutions {
    let cloud = cloud();
    let answer = |reference: &Reference| match &reference.by {
        Selector::Id(text) | Selector::Name(text) => cloud.get(&(reference.kind, text.as_str())).cloned(),
        Selector::Address(address) => Some(Ok(ResolvedReference::Object { id: format!("fip {address}") })),
    };
    let resolve = |r: Reference| (r.clone(), answer(&r).unwrap_or(Err(ResolveError::Missing)));
    Resolutions(references.into_iter().map(resolve).collect())
}

pub(in crate::translate::stack) fn desired_at(
    version: ApiVersion,
    load_balancer: &str,
    rest: &str,
) -> Result<Desired, Vec<Problem>> {
    let spec = spec(load_balancer, rest);
    desired(&spec, owner(), &resolutions(&spec), &ClusterContents::default(), version)
}

pub(in crate::translate::stack) fn judge(load_balancer: &str, rest: &str) -> Result<Desired, Vec<Problem>> {
    desired_at(NEWEST, load_balancer, rest)
}

pub(in crate::translate::stack) fn accepted(load_balancer: &str, rest: &str) -> Desired {
    judge(load_balancer, rest).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The only problem, as `reason field: message`.
pub(in crate::translate::stack) fn rejected(load_balancer: &str, rest: &str) -> String {
    only_problem(judge(load_balancer, rest))
}

pub(in crate::translate::stack) fn only_problem(judged: Result<Desired, Vec<Problem>>) -> String {
    let problems = judged.expect_err("it was accepted");
    let [problem] = problems.as_slice() else { panic!("not one problem: {problems:#?}") };
    format!("{:?} {problem}", problem.reason)
}

pub(in crate::translate::stack) fn assert_begins(text: &str, beginning: &str) {
    assert!(text.starts_with(beginning), "{text:?} does not begin with {beginning:?}");
}

pub(in crate::translate::stack) const HTTP_POOL: &str = "{name: web, protocol: HTTP, algorithm: ROUND_ROBIN";

/// The fields of all problems.
pub(in crate::translate::stack) fn fields(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.field.as_str()).collect()
}

/// All problems in one text, each with its field.
pub(in crate::translate::stack) fn in_one_text(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
