mod values;

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::*;
use crate::model::{
    ClientAuthentication, FixedIp, FloatingIp, HttpMethod, L7Action, MemberKey, ProblemReason, Reference,
    ReferenceKind, ResolveError, ResolvedReference, Selector, Timeouts,
};

const NEWEST: ApiVersion = ApiVersion { minor: 30 };
pub(in crate::translate) const CONTAINER: &str =
    "http://keys.example/v1/containers/00000000-0000-4000-8000-000000000001";

/// A spec from the YAML below `loadBalancer:` and that of the rest.
fn spec(load_balancer: &str, rest: &str) -> LoadBalancerStackSpec {
    let text = format!(
        "cloudCredentialsRef: {{secretName: openstack, cloudName: openstack}}\nloadBalancer: {load_balancer}\n{rest}"
    );
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

pub(in crate::translate) const ON_SUBNET: &str = "{vip: {subnet: {name: front}}}";

fn owner() -> Owner {
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

/// For a VIP: `cidrs` of so many subnets that the project sees; there may be more.
fn network(id: &str, subnets: usize, cidrs: &[&str]) -> ResolvedReference {
    let subnet_ids = (0..subnets).map(|n| format!("s{n}")).collect();
    ResolvedReference::VipNetwork {
        id: id.into(),
        subnet_ids,
        cidrs: cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect(),
    }
}

/// A small cloud: subnets `front` and `front6` and `other` of one network, `away` of another.
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

fn answers(spec: &LoadBalancerStackSpec) -> Resolutions {
    let cloud = cloud();
    let answer = |reference: &Reference| match &reference.by {
        Selector::Id(text) | Selector::Name(text) => cloud.get(&(reference.kind, text.as_str())).cloned(),
        Selector::Address(address) => Some(Ok(ResolvedReference::Object { id: format!("fip {address}") })),
    };
    let all = references(spec).into_keys();
    Resolutions(all.map(|r| (r.clone(), answer(&r).unwrap_or(Err(ResolveError::Missing)))).collect())
}

fn judge_at(version: ApiVersion, load_balancer: &str, rest: &str) -> Result<Desired, Vec<Problem>> {
    let spec = spec(load_balancer, rest);
    desired(&spec, owner(), &answers(&spec), version)
}

pub(in crate::translate) fn judge(load_balancer: &str, rest: &str) -> Result<Desired, Vec<Problem>> {
    judge_at(NEWEST, load_balancer, rest)
}

pub(in crate::translate) fn accepted(load_balancer: &str, rest: &str) -> Desired {
    judge(load_balancer, rest).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The one problem, as `reason field: message`.
pub(in crate::translate) fn refused(load_balancer: &str, rest: &str) -> String {
    one(judge(load_balancer, rest))
}

fn one(judged: Result<Desired, Vec<Problem>>) -> String {
    let problems = judged.expect_err("it was accepted");
    let [problem] = problems.as_slice() else { panic!("not one problem: {problems:#?}") };
    format!("{:?} {problem}", problem.reason)
}

pub(in crate::translate) fn assert_begins(text: &str, beginning: &str) {
    assert!(text.starts_with(beginning), "{text:?} does not begin with {beginning:?}");
}

const HTTP_POOL: &str = "{name: web, protocol: HTTP, algorithm: ROUND_ROBIN";

#[test]
fn defaults_are_those_of_octavia() {
    let desired = accepted(
        ON_SUBNET,
        "listeners: [{name: http, protocol: HTTP, port: 80, defaultPool: web, l7Policies: [{name: go, action: REDIRECT_TO_URL, redirectURL: 'https://a.example', rules: [{type: PATH, compareType: EQUAL_TO, key: '', value: /}]}]}]
pools: [{name: web, protocol: HTTP, algorithm: ROUND_ROBIN, healthMonitor: {type: HTTP, delay: 5s, timeout: 3s, maxRetries: 2}, members: [{address: 10.0.0.1, port: 80}]}]",
    );
    assert_eq!(desired.load_balancer.name, "shop/web");
    assert!(desired.load_balancer.admin_state_up && !desired.allow_interruption);
    assert_eq!(desired.load_balancer.vip.subnet_id.as_deref(), Some("s4"));
    let listener = &desired.listeners["http"];
    assert_eq!((listener.name.as_str(), listener.port, listener.admin_state_up), ("http", 80, true));
    let policy = &listener.policies[0];
    assert_eq!(policy.action, L7Action::RedirectToUrl { url: "https://a.example".into(), code: 302 });
    assert_eq!(policy.rules[0].key, None);
    assert!(!policy.rules[0].invert && policy.rules[0].admin_state_up);
    let pool = &desired.pools["web"];
    let monitor = pool.monitor.as_ref().unwrap();
    assert_eq!((monitor.name.as_str(), monitor.delay, monitor.max_retries_down), ("web", 5, 3));
    let http = monitor.http.as_ref().unwrap();
    assert_eq!((http.method, http.url_path.as_str(), http.expected_codes.as_str()), (HttpMethod::Get, "/", "200"));
    let member = pool.members.values().next().unwrap();
    assert_eq!((member.name.as_str(), member.weight, member.backup, member.admin_state_up), ("", 1, false, true));
}

#[test]
fn what_is_somebody_elses_business_stays_absent() {
    let desired = accepted(ON_SUBNET, "listeners: [{name: a, protocol: TCP, port: 80}]");
    let load_balancer = &desired.load_balancer;
    assert_eq!((&load_balancer.description, &load_balancer.qos_policy_id), (&None, &None));
    assert_eq!((&load_balancer.security_group_ids, &load_balancer.provider), (&None, &None));
    let listener = &desired.listeners["a"];
    assert_eq!((&listener.description, listener.connection_limit), (&None, None));
    assert_eq!((&listener.timeouts, &listener.tls), (&Timeouts::default(), &None));
}

#[test]
fn an_empty_list_of_security_groups_is_not_an_absent_one() {
    let desired = accepted("{vip: {subnet: {name: front}, securityGroups: []}}", "");
    assert_eq!(desired.load_balancer.security_group_ids, Some(BTreeSet::new()));
}

#[test]
fn a_monitor_that_is_not_http_has_no_http_fields() {
    let desired = accepted(
        ON_SUBNET,
        "pools: [{name: a, protocol: TCP, algorithm: SOURCE_IP, healthMonitor: {type: PING, delay: 1m, timeout: 1m, maxRetries: 1}}]",
    );
    let monitor = desired.pools["a"].monitor.as_ref().unwrap();
    assert_eq!((monitor.delay, &monitor.http), (60, &None));
}

#[test]
fn durations_become_numbers() {
    let desired = accepted(
        ON_SUBNET,
        "listeners: [{name: a, protocol: TCP, port: 80, timeouts: {clientData: 1m30s, memberConnect: 500ms, tcpInspect: 0s}}]",
    );
    let expected =
        Timeouts { client_data: Some(90_000), member_connect: Some(500), member_data: None, tcp_inspect: Some(0) };
    assert_eq!(desired.listeners["a"].timeouts, expected);
}

#[test]
fn addresses_and_networks_are_brought_into_one_spelling() {
    let desired = accepted(
        "{vip: {subnet: {name: front6}, address: '2001:DB8:10:0::5'}}",
        "listeners: [{name: a, protocol: TCP, port: 80, allowedCIDRs: ['2001:DB8::5/32', '2001:db8::/32']}]
pools: [{name: a, protocol: TCP, algorithm: SOURCE_IP, members: [{address: '2001:DB8::1', port: 80}]}]",
    );
    assert_eq!(desired.load_balancer.vip.address.as_deref(), Some("2001:db8:10::5"));
    assert_eq!(desired.listeners["a"].allowed_cidrs, ["2001:db8::/32".to_owned()].into());
    let key = MemberKey { address: "2001:db8::1".parse().unwrap(), port: 80 };
    assert!(desired.pools["a"].members.contains_key(&key));
}

#[test]
fn two_spellings_of_one_member_are_doubles() {
    let members = "members: [{address: '2001:db8::1', port: 80}, {address: '2001:DB8::1', port: 80}]";
    let problem = refused(ON_SUBNET, &format!("pools: [{HTTP_POOL}, {members}}}]"));
    assert_begins(&problem, "InvalidSpec spec.pools[web].members[[2001:DB8::1]:80]: there is another member");
}

#[test]
fn a_name_from_a_long_namespace_and_name_is_cut_to_what_octavia_takes() {
    let spec = spec(ON_SUBNET, "");
    let owner = Owner { namespace: "n".repeat(63), name: "m".repeat(253), ..owner() };
    let desired = desired(&spec, owner, &answers(&spec), NEWEST).unwrap();
    assert_eq!(desired.load_balancer.name.len(), 255);
}

#[test]
fn references_are_told_with_all_the_places_they_stand_at() {
    let spec = spec(
        "{provider: amphora, flavor: {name: ha}, vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}, floatingIP: {existing: {address: 203.0.113.7}}}",
        &format!("listeners: [{{name: a, protocol: TERMINATED_HTTPS, port: 443, tls: {{certificate: {{barbicanRef: '{CONTAINER}'}}, sniCertificates: [{{barbicanRef: '{CONTAINER}'}}]}}}}]
pools: [{HTTP_POOL}, members: [{{address: 10.0.0.1, port: 80, subnet: {{name: front}}}}]}}]"),
    );
    let references = references(&spec);
    let places = |kind, by: Selector| references[&Reference { kind, by }].join(" ");
    let name = |text: &str| Selector::Name(text.to_owned());
    use ReferenceKind as K;
    assert_eq!(
        places(K::Subnet, name("front")),
        "spec.loadBalancer.vip.subnet spec.pools[web].members[10.0.0.1:80].subnet"
    );
    assert_eq!(places(K::Subnet, name("front6")), "spec.loadBalancer.vip.additional[0].subnet");
    assert_eq!(places(K::Provider, name("amphora")), "spec.loadBalancer.provider");
    assert_eq!(
        places(K::Certificate, Selector::Id(CONTAINER.into())),
        "spec.listeners[a].tls.certificate spec.listeners[a].tls.sniCertificates[0]"
    );
    assert_eq!(
        places(K::FloatingIp, Selector::Address("203.0.113.7".parse().unwrap())),
        "spec.loadBalancer.floatingIP.existing"
    );
    assert_eq!(references.len(), 6);
}

#[test]
fn a_reference_that_leads_nowhere_says_what_to_do() {
    let flavor = |name: &str| refused(&format!("{{flavor: {{name: {name}}}, vip: {{subnet: {{name: front}}}}}}"), "");
    assert_begins(
        &flavor("ghost"),
        "ReferenceNotFound spec.loadBalancer.flavor: there is no flavor with name \"ghost\" that the project sees",
    );
    let twice = flavor("twice");
    assert_begins(&twice, "ReferenceAmbiguous spec.loadBalancer.flavor: the project sees more than one flavor");
    assert!(twice.contains("f2, f3"), "{twice}");
}

#[test]
fn what_is_disabled_hinders_a_create_and_nothing_else() {
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
fn all_problems_are_told_at_once() {
    let problems = judge(
        "{flavor: {name: ghost}, vip: {subnet: {name: front}, address: 10.99.0.1}}",
        "listeners: [{name: a, protocol: TCP, port: 80, defaultPool: none}, {name: b, protocol: HTTP, port: 80}]",
    )
    .unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "spec.loadBalancer.flavor",
            "spec.loadBalancer.vip.address",
            "spec.listeners[a].defaultPool",
            "spec.listeners[b].port"
        ]
    );
}

#[test]
fn the_address_must_be_in_its_subnet() {
    let problem = refused("{vip: {subnet: {name: front}, address: 10.11.0.5}}", "");
    assert_begins(
        &problem,
        "InvalidSpec spec.loadBalancer.vip.address: 10.11.0.5 is not in the subnet, which is 10.10.0.0/16",
    );
}

#[test]
fn a_network_must_have_a_subnet() {
    assert_eq!(accepted("{vip: {network: {name: tenant}}}", "").load_balancer.vip.network_id.as_deref(), Some("net"));
    assert_begins(&refused("{vip: {network: {name: empty}}}", ""), "ReferenceUnusable spec.loadBalancer.vip.network");
}

#[test]
fn a_port_gives_its_only_address_or_is_told_which() {
    assert_eq!(accepted("{vip: {port: {name: one}}}", "").load_balancer.vip.port_id.as_deref(), Some("p1"));
    accepted("{vip: {port: {name: two}, subnet: {name: front6}}}", "");
    accepted("{vip: {port: {name: two}, address: 10.10.0.5}}", "");
    assert!(refused("{vip: {port: {name: two}}}", "").contains("several addresses"));
    for (port, rest) in [("none", ""), ("one", ", address: 10.10.0.6"), ("one", ", subnet: {name: other}")] {
        let problem = refused(&format!("{{vip: {{port: {{name: {port}}}{rest}}}}}"), "");
        assert_begins(&problem, "ReferenceUnusable spec.loadBalancer.vip.port: port p1 has no such address");
    }
}

#[test]
fn an_address_that_only_the_port_tells_is_not_pinned() {
    assert_eq!(accepted("{vip: {port: {name: one}}}", "").load_balancer.vip.address, None);
}

#[test]
fn a_port_of_another_device_is_not_taken() {
    let problem = refused("{vip: {port: {name: taken}}}", "");
    assert_begins(&problem, "ReferenceUnusable spec.loadBalancer.vip.port: port p1 is used by device a-server");
}

#[test]
fn an_additional_address_must_be_on_the_given_port() {
    let additional = "additional: [{subnet: {name: front6}}]";
    let desired = accepted(&format!("{{vip: {{port: {{name: two}}, subnet: {{name: front}}, {additional}}}}}"), "");
    assert_eq!(desired.load_balancer.vip.additional[0].subnet_id, "s6");
    // Octavia takes it, ends in ERROR, and cannot delete it.
    let problem = refused(&format!("{{vip: {{port: {{name: one}}, {additional}}}}}"), "");
    assert_begins(
        &problem,
        "ReferenceUnusable spec.loadBalancer.vip.additional[0]: the port of the VIP has no such address",
    );
}

#[test]
fn additional_addresses_are_of_other_subnets_of_the_same_network() {
    let with = |name: &str| format!("{{vip: {{subnet: {{name: front}}, additional: [{{subnet: {{name: {name}}}}}]}}}}");
    accepted(&with("other"), "");
    assert!(refused(&with("front"), "").contains("used twice"));
    assert!(refused(&with("away"), "").contains("another network"));
    let problem =
        refused("{vip: {subnet: {name: front}, additional: [{subnet: {name: other}, address: 10.12.0.1}]}}", "");
    assert_begins(&problem, "InvalidSpec spec.loadBalancer.vip.additional[0].address: 10.12.0.1 is not in the subnet");
}

#[test]
fn the_subnet_of_the_ports_address_is_taken_too() {
    let problem = refused("{vip: {port: {name: two}, address: 10.10.0.5, additional: [{subnet: {name: front}}]}}", "");
    assert!(problem.contains("used twice"), "{problem}");
}

#[test]
fn floating_ips_come_from_external_networks_and_lead_to_ipv4() {
    let with = |vip: &str, floating: &str| format!("{{vip: {{subnet: {{name: {vip}}}}}, floatingIP: {floating}}}");
    let desired = accepted(
        &with(
            "front",
            "{allocate: {network: {name: public}, subnet: {name: public-v4}, address: 203.0.113.9, reclaimPolicy: Retain}}",
        ),
        "",
    );
    let expected = FloatingIp::Allocate {
        network_id: "ext".into(),
        subnet: Some(crate::model::FloatingSubnet { id: "sp".into(), cidr: "203.0.113.0/24".parse().unwrap() }),
        address: Some("203.0.113.9".into()),
        retain: true,
    };
    assert_eq!(desired.floating_ip, Some(expected));
    let desired = accepted(&with("front", "{existing: {address: 203.0.113.7}}"), "");
    assert_eq!(desired.floating_ip, Some(FloatingIp::Existing { id: "fip 203.0.113.7".into() }));
    assert!(refused(&with("front", "{allocate: {network: {name: tenant}}}"), "").contains("not external"));
    let away = refused(&with("front", "{allocate: {network: {name: public}, subnet: {name: front}}}"), "");
    assert!(away.contains("another network"), "{away}");
    let by_v6 = refused(&with("front", "{allocate: {network: {name: public}, address: '2001:db8::7'}}"), "");
    assert!(by_v6.contains("spec.loadBalancer.floatingIP.allocate.address: 2001:db8::7 is IPv6"), "{by_v6}");
    let subnet_v6 = refused(&with("front", "{allocate: {network: {name: public}, subnet: {name: public-v6}}}"), "");
    assert!(subnet_v6.contains("spec.loadBalancer.floatingIP.allocate.subnet: subnet sp6 is IPv6"), "{subnet_v6}");
    let outside = refused(
        &with("front", "{allocate: {network: {name: public}, subnet: {name: public-v4}, address: 198.51.100.1}}"),
        "",
    );
    assert_begins(&outside, "InvalidSpec spec.loadBalancer.floatingIP.allocate.address");
    assert!(refused(&with("front6", "{allocate: {network: {name: public}}}"), "").contains("needs an IPv4 address"));
}

#[test]
fn allowed_networks_are_of_a_version_that_the_load_balancer_has() {
    let listener = "listeners: [{name: a, protocol: TCP, port: 80, allowedCIDRs: ['2001:db8::/32']}]";
    let problem = refused(ON_SUBNET, listener);
    assert_begins(&problem, "InvalidSpec spec.listeners[a].allowedCIDRs: 2001:db8::/32 is IPv6, and no address");
    accepted("{vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}}", listener);
}

/// The cloud chooses the subnet when the load balancer is made: one that is there may have come from another.
#[test]
fn a_version_that_the_address_from_a_network_will_not_have_hinders_a_create() {
    let cidrs = "listeners: [{name: a, protocol: TCP, port: 80, allowedCIDRs: ['2001:db8::/32']}]";
    let datagrams =
        "pools: [{name: a, protocol: UDP, algorithm: SOURCE_IP, members: [{address: '2001:db8::1', port: 53}]}]";
    let vip = |network: &str, more: &str| format!("{{vip: {{network: {{name: {network}}}{more}}}}}");
    for (rest, field) in [(cidrs, "spec.listeners[a].allowedCIDRs: "), (datagrams, "spec.pools[a].members[[2001:")] {
        let problems = accepted(&vip("tenant", ""), rest).create_problems;
        assert_eq!(problems[0].reason, ProblemReason::InvalidSpec);
        assert_begins(&problems[0].to_string(), field);
        for network in ["modern", "half-seen"] {
            assert_eq!(accepted(&vip(network, ""), rest).create_problems, [], "{network}");
        }
        assert_eq!(accepted(&vip("tenant", ", additional: [{subnet: {name: front6}}]"), rest).create_problems, []);
        assert_begins(&refused(&vip("tenant", ", address: 10.10.0.9"), rest), &format!("InvalidSpec {field}"));
    }
    let floating = |network: &str| {
        format!("{{vip: {{network: {{name: {network}}}}}, floatingIP: {{existing: {{address: 203.0.113.7}}}}}}")
    };
    assert_eq!(accepted(&floating("modern"), "").create_problems[0].reason, ProblemReason::InvalidSpec);
    for network in ["tenant", "half-seen"] {
        assert_eq!(accepted(&floating(network), "").create_problems, [], "{network}");
    }
}

#[test]
fn datagrams_do_not_cross_from_one_ip_version_to_the_other() {
    let pool = |protocol: &str| {
        format!(
            "pools: [{{name: a, protocol: {protocol}, algorithm: SOURCE_IP, members: [{{address: '2001:db8::1', port: 53}}]}}]"
        )
    };
    accepted(ON_SUBNET, &pool("TCP"));
    for protocol in ["UDP", "SCTP"] {
        let problem = refused(ON_SUBNET, &pool(protocol));
        assert_begins(&problem, "InvalidSpec spec.pools[a].members[[2001:db8::1]:53].address: 2001:db8::1 is IPv6");
    }
}

#[test]
fn the_metadata_service_is_no_member() {
    let problem =
        refused(ON_SUBNET, &format!("pools: [{HTTP_POOL}, members: [{{address: 169.254.169.254, port: 80}}]}}]"));
    assert!(problem.contains("reserved"), "{problem}");
}

#[test]
fn certificates_are_looked_up_before_they_are_sent() {
    let tls = |url: &str| {
        format!(
            "listeners: [{{name: a, protocol: TERMINATED_HTTPS, port: 443, tls: {{certificate: {{barbicanRef: '{url}'}}}}}}]"
        )
    };
    let desired = accepted(ON_SUBNET, &tls(CONTAINER));
    let listener = desired.listeners["a"].tls.as_ref().unwrap();
    assert_eq!(listener.certificate_ref.as_deref(), Some(CONTAINER));
    assert_eq!(listener.client_authentication, ClientAuthentication::None);
    let ghost = refused(ON_SUBNET, &tls(&CONTAINER.replace("0001", "0002")));
    assert_begins(&ghost, "ReferenceNotFound spec.listeners[a].tls.certificate: there is no certificate");
}

#[test]
fn headers_are_switched_on_by_octavias_text() {
    let desired =
        accepted(ON_SUBNET, "listeners: [{name: a, protocol: HTTP, port: 80, insertHeaders: [X-Forwarded-For]}]");
    let expected = BTreeMap::from([("X-Forwarded-For".to_owned(), "true".to_owned())]);
    assert_eq!(desired.listeners["a"].insert_headers, expected);
}

#[test]
fn tags_that_octavia_takes_for_one_are_doubles_everywhere() {
    let member = format!("pools: [{HTTP_POOL}, members: [{{address: 10.0.0.1, port: 80, tags: [A, a]}}]}}]");
    assert!(refused(ON_SUBNET, &member).contains("\"A\" and \"a\" are one tag"));
    let pool = |tags: &str| format!("pools: [{HTTP_POOL}, tags: [{tags}]}}]");
    for twins in ["caf\u{e9}, cafe", "'web ', web", "stra\u{df}e, strase", "\u{3a9}, \u{3c9}", "\u{1f600}, \u{1f680}"] {
        assert!(refused(ON_SUBNET, &pool(twins)).contains("are one tag to Octavia's database"), "{twins}");
        let listener = format!("listeners: [{{name: a, protocol: HTTP, port: 80, tags: [{twins}]}}]");
        assert!(refused(ON_SUBNET, &listener).contains("are one tag to Octavia's database"), "{twins}");
    }
    accepted(ON_SUBNET, &pool("stra\u{df}e, strasse, \u{d8}re, ore, ' web', web, a-b, a_b"));
    assert!(refused(ON_SUBNET, &pool("\u{c9}venkeel:x")).contains("Evenkeel's own"));
    let ours = format!("pools: [{HTTP_POOL}, members: [{{address: 10.0.0.1, port: 80, tags: ['Evenkeel:x']}}]}}]");
    assert!(refused(ON_SUBNET, &ours).contains("Evenkeel's own"));
}

#[test]
fn a_regular_expression_that_octavia_cannot_compile_is_refused() {
    let rule = |kind: &str, compare: &str, value: &str| {
        format!(
            "listeners: [{{name: a, protocol: HTTP, port: 80, l7Policies: [{{name: p, action: REJECT, rules: [{{type: {kind}, compareType: {compare}, value: '{value}'}}]}}]}}]"
        )
    };
    accepted(ON_SUBNET, &rule("PATH", "REGEX", "^/(?!api)[^/]+$"));
    accepted(ON_SUBNET, &rule("PATH", "STARTS_WITH", "/(api"));
    for kind in ["PATH", "HOST_NAME", "FILE_TYPE"] {
        let problem = refused(ON_SUBNET, &rule(kind, "REGEX", "/(api"));
        let field = "spec.listeners[a].l7Policies[p].rules[0].value";
        assert_begins(&problem, &format!("InvalidSpec {field}: \"/(api\" must be a regular expression"));
        assert!(problem.ends_with("a ( is not closed"), "{problem}");
    }
}

#[test]
fn ciphers_without_effect_are_refused_by_field() {
    let tls = |protocol: &str, rest: &str| {
        format!(
            "listeners: [{{name: a, port: 80, protocol: {protocol}, \
             tls: {{certificate: {{barbicanRef: '{CONTAINER}'}}, {rest}}}}}]"
        )
    };
    let pool = |rest: &str| format!("pools: [{{name: a, algorithm: SOURCE_IP, protocol: TCP, tls: {{{rest}}}}}]");
    let cases = [
        ("listeners", tls("TERMINATED_HTTPS", "ciphers: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "has no cipher"),
        ("listeners", tls("PROMETHEUS", "ciphers: RC4-SHA"), "has no cipher that OpenSSL knows"),
        ("listeners", tls("PROMETHEUS", "ciphers: DHE"), "has ciphers of DHE only"),
        ("listeners", tls("TERMINATED_HTTPS", "ciphers: 'DEFAULT:!aNULL'"), "has no effect in DEFAULT"),
        ("listeners", tls("PROMETHEUS", "versions: [TLSv1.3], ciphers: HIGH"), "has no cipher for the versions"),
        ("pools", pool("versions: [TLSv1.2], ciphers: TLS_AES_128_GCM_SHA256"), "has no cipher for the versions"),
        ("pools", pool("ciphers: 'TLS_RSA_WITH_AES_128_CBC_SHA:EXPORT'"), "has no cipher that OpenSSL knows"),
    ];
    for (place, rest, words) in cases {
        assert_begins(&refused(ON_SUBNET, &rest), &format!("InvalidSpec spec.{place}[a].tls.ciphers: {words}"));
    }
    accepted(ON_SUBNET, &pool("versions: [TLSv1.2], ciphers: DHE"));
}

#[test]
fn what_is_newer_than_the_server_is_told_by_field() {
    let listener = |rest: &str| format!("listeners: [{{name: a, port: 80, {rest}}}]");
    let pool = |rest: &str| format!("pools: [{{name: a, algorithm: SOURCE_IP, {rest}}}]");
    let tls = |rest: &str| {
        listener(&format!("protocol: TERMINATED_HTTPS, tls: {{certificate: {{barbicanRef: '{CONTAINER}'}}, {rest}}}"))
    };
    let monitor = |kind: &str| format!("healthMonitor: {{type: {kind}, delay: 5s, timeout: 5s, maxRetries: 1}}");
    let vip = |rest: &str| format!("{{vip: {{subnet: {{name: front}}, {rest}}}}}");
    let plain = ON_SUBNET.to_owned();
    let cases = [
        (
            14,
            "spec.loadBalancer.availabilityZone",
            "{availabilityZone: az1, vip: {subnet: {name: front}}}".to_owned(),
            String::new(),
        ),
        (15, "spec.listeners[a].tls.ciphers", plain.clone(), tls("ciphers: AES")),
        (15, "spec.pools[a].tls.ciphers", plain.clone(), pool("protocol: TCP, tls: {ciphers: AES}")),
        (16, "spec.pools[a].healthMonitor.type", plain.clone(), pool(&format!("protocol: UDP, {}", monitor("HTTP")))),
        (17, "spec.listeners[a].tls.versions", plain.clone(), tls("versions: [TLSv1.2]")),
        (18, "spec.pools[a].tls.versions", plain.clone(), pool("protocol: TCP, tls: {versions: [TLSv1.2]}")),
        (20, "spec.listeners[a].tls.alpnProtocols", plain.clone(), tls("alpnProtocols: [h2]")),
        (22, "spec.pools[a].protocol", plain.clone(), pool("protocol: PROXYV2")),
        (23, "spec.pools[a].protocol", plain.clone(), pool("protocol: SCTP")),
        (23, "spec.pools[a].healthMonitor.type", plain.clone(), pool(&format!("protocol: UDP, {}", monitor("SCTP")))),
        (23, "spec.listeners[a].protocol", plain.clone(), listener("protocol: SCTP")),
        (24, "spec.pools[a].tls.alpnProtocols", plain.clone(), pool("protocol: TCP, tls: {alpnProtocols: [h2]}")),
        (25, "spec.listeners[a].protocol", plain.clone(), listener("protocol: PROMETHEUS")),
        (26, "spec.loadBalancer.vip.additional", vip("additional: [{subnet: {name: other}}]"), String::new()),
        (27, "spec.listeners[a].tls.hsts", plain.clone(), tls("hsts: {maxAge: 1h}")),
        (
            28,
            "spec.listeners[a].insertHeaders",
            "{provider: some-vendor, vip: {subnet: {name: front}}}".to_owned(),
            listener("protocol: HTTP, insertHeaders: [X-Real-IP]"),
        ),
        (29, "spec.loadBalancer.vip.securityGroups", vip("securityGroups: [{name: web}]"), String::new()),
    ];
    for (minor, field, load_balancer, rest) in cases {
        let at = |minor| judge_at(ApiVersion { minor }, &load_balancer, &rest);
        assert!(at(minor).is_ok(), "{field} at 2.{minor}: {:?}", at(minor));
        let problem = one(at(minor - 1));
        assert_begins(&problem, &format!("UnsupportedByCloud {field}: "));
        assert!(problem.contains(&format!("2.{minor}")) && problem.contains(&format!("2.{}", minor - 1)), "{problem}");
    }
}

#[test]
fn an_algorithm_that_the_provider_does_not_know_is_refused() {
    let pool = "pools: [{name: a, protocol: TCP, algorithm: SOURCE_IP_PORT}]";
    accepted("{provider: ovn, vip: {subnet: {name: front}}}", pool);
    for load_balancer in [ON_SUBNET, "{provider: amphora, vip: {subnet: {name: front}}}"] {
        assert_begins(&refused(load_balancer, pool), "UnsupportedByCloud spec.pools[a].algorithm");
    }
}

#[test]
fn what_ovn_cannot_do_is_refused_before_it_leaves_something_behind() {
    let problems = judge(
        "{provider: ovn, flavor: {name: ha}, vip: {subnet: {name: front}}}",
        "listeners: [{name: a, protocol: HTTP, port: 80, allowedCIDRs: [10.0.0.0/8]}]
pools: [{name: p, protocol: HTTP, algorithm: ROUND_ROBIN, tls: {}, sessionPersistence: {type: HTTP_COOKIE}, healthMonitor: {type: PING, delay: 5s, timeout: 5s, maxRetries: 1}, members: [{address: 10.0.0.1, port: 80, monitorPort: 81}]}]",
    )
    .unwrap_err();
    assert!(problems.iter().all(|p| p.reason == ProblemReason::UnsupportedByCloud), "{problems:#?}");
    let fields: Vec<&str> = problems.iter().map(|p| p.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "spec.loadBalancer.flavor",
            "spec.listeners[a].protocol",
            "spec.listeners[a].allowedCIDRs",
            "spec.pools[p].protocol",
            "spec.pools[p].algorithm",
            "spec.pools[p].tls",
            "spec.pools[p].sessionPersistence.type",
            "spec.pools[p].healthMonitor.type",
            "spec.pools[p].members[10.0.0.1:80].monitorPort",
        ]
    );
}

#[test]
fn every_pattern_compiles_and_takes_something() {
    use super::text::Text as T;
    let answers = Resolutions::default();
    let mut intake = Validator::new(&answers, NEWEST, Provider::Amphora);
    let samples = [
        (T::Key, "web"),
        (T::Name, ""),
        (T::Description, "two\nlines"),
        (T::Ciphers, "AES"),
        (T::Barbican, CONTAINER),
        (T::Url, "https://a.example/b?c=d"),
        (T::UrlPath, "/b?c=d"),
        (T::Domain, "a.example."),
        (T::Codes, "200,202"),
        (T::Cookie, "sid"),
        (T::RuleKey, "X-A"),
        (T::DnField, "OU"),
        (T::RuleValue, "a b"),
    ];
    for (kind, text) in samples {
        intake.text_of(kind, text, "field");
    }
    assert_eq!(intake.problems, []);
}

/// All problems, each with its field.
fn in_one_text(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
