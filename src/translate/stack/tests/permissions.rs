//! Permissions of stacks whose cloud namespaces share: each way to an object of another namespace.

use super::support::*;
use crate::api::AllowSpec;
use crate::model::{
    ClusterContents, Desired, Endpoint, MemberKey, Members, Problem, SourceEndpoints, SourceKey, SourcedEndpoints,
};
use crate::translate::{Permissions, permitted, permitted_references};

fn allow(text: &str) -> AllowSpec {
    serde_saphyr::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn judge_with(
    allow_text: &str,
    load_balancer: &str,
    rest: &str,
    sourced: &SourcedEndpoints,
) -> Result<Desired, Vec<Problem>> {
    let (spec, allow) = (spec(load_balancer, rest), allow(allow_text));
    let permissions = Permissions { cloud: "prod", allow: &allow };
    let resolutions = resolutions_of(permitted_references(&spec, Some(&permissions)));
    let contents = ClusterContents { endpoints: sourced.clone(), ..ClusterContents::default() };
    permitted(&spec, Some(&permissions), owner(), &resolutions, &contents, NEWEST)
}

fn judge_under(allow: &str, load_balancer: &str, rest: &str) -> Result<Desired, Vec<Problem>> {
    judge_with(allow, load_balancer, rest, &SourcedEndpoints::new())
}

/// Fields that are forbidden.
fn forbidden(allow: &str, load_balancer: &str, rest: &str) -> Vec<String> {
    let problems = judge_under(allow, load_balancer, rest).err().unwrap_or_default();
    let is_forbidden = |problem: &Problem| format!("{:?}", problem.reason) == "ForbiddenByCloud";
    assert!(problems.iter().all(is_forbidden), "{problems:#?}");
    problems.into_iter().map(|problem| problem.field).collect()
}

fn pool(fields: &str) -> String {
    format!("pools: [{HTTP_POOL}, {fields}}}]")
}

#[test]
fn objects_of_others_are_forbidden_by_default() {
    let port = "{vip: {port: {name: one}}}";
    let existing = "{vip: {subnet: {name: front}}, floatingIP: {existing: {address: 203.0.113.9}}}";
    let listener = format!(
        "listeners: [{{name: https, protocol: TERMINATED_HTTPS, port: 443, tls: {{certificate: {{barbicanRef: {CONTAINER}}}, \
         sniCertificates: [{{barbicanRef: {CONTAINER}}}], clientAuthentication: MANDATORY, clientCA: {{barbicanRef: \
         {CONTAINER}}}, clientCRL: {{barbicanRef: {CONTAINER}}}}}}}]"
    );
    let adopt = "adopt: {name: old}";
    let tls = pool(&format!(
        "tls: {{clientCertificate: {{barbicanRef: {CONTAINER}}}, ca: {{barbicanRef: {CONTAINER}}}, crl: {{barbicanRef: \
         {CONTAINER}}}}}"
    ));
    assert_eq!(forbidden("{}", ON_SUBNET, adopt), ["spec.adopt"]);
    assert_eq!(forbidden("{}", port, ""), ["spec.loadBalancer.vip.port"]);
    assert_eq!(forbidden("{}", existing, ""), ["spec.loadBalancer.floatingIP.existing"]);
    let of_listener = ["certificate", "sniCertificates[0]", "clientCA", "clientCRL"];
    let of_listener = of_listener.map(|field| format!("spec.listeners[https].tls.{field}.barbicanRef"));
    assert_eq!(forbidden("{}", ON_SUBNET, &listener), of_listener);
    let of_pool = ["clientCertificate", "ca", "crl"].map(|field| format!("spec.pools[web].tls.{field}.barbicanRef"));
    assert_eq!(forbidden("{}", ON_SUBNET, &tls), of_pool);
    for (allow, load_balancer, rest) in [
        ("{adoption: true}", ON_SUBNET, adopt),
        ("{vipPorts: true}", port, ""),
        ("{existingFloatingIPs: true}", existing, ""),
        ("{barbicanRefs: true}", ON_SUBNET, listener.as_str()),
        ("{barbicanRefs: true}", ON_SUBNET, tls.as_str()),
    ] {
        assert!(judge_under(allow, load_balancer, rest).is_ok(), "{allow} {load_balancer} {rest}");
    }
}

#[test]
fn references_into_own_namespace_need_no_permission() {
    let rest = "listeners: [{name: https, protocol: TERMINATED_HTTPS, port: 443, tls: {certificate: {secretRef: {name: a}}, \
                sniCertificates: [{secretRef: {name: b}}], clientAuthentication: MANDATORY, clientCA: {configMapRef: {name: c}}, \
                clientCRL: {secretRef: {name: d}}}}]";
    assert!(judge_under("{}", ON_SUBNET, rest).is_ok());
    let both = rest.replace("{secretRef: {name: a}}", &format!("{{secretRef: {{name: a}}, barbicanRef: {CONTAINER}}}"));
    assert_eq!(forbidden("{}", ON_SUBNET, &both), ["spec.listeners[https].tls.certificate.barbicanRef"]);
}

/// A look-up would tell whether the object exists.
#[test]
fn nothing_is_looked_up_for_forbidden_field() {
    let (spec, allow) = (spec("{vip: {port: {name: one}}}", ""), AllowSpec::default());
    let permissions = Permissions { cloud: "prod", allow: &allow };
    assert!(permitted_references(&spec, Some(&permissions)).is_empty());
    assert!(!permitted_references(&spec, None).is_empty());
}

#[test]
fn vip_network_must_be_in_the_list() {
    let both = "{vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}}";
    let network = "{vip: {network: {name: tenant}}}";
    let port = "{vip: {port: {name: one}}}";
    for allow in ["{}", "{vipNetworks: [tenant]}", "{vipNetworks: [ghost, net]}"] {
        assert!(judge_under(allow, both, "").is_ok(), "{allow}");
        assert!(judge_under(allow, network, "").is_ok(), "{allow}");
    }
    for list in ["{vipNetworks: []}", "{vipNetworks: [public]}", "{vipNetworks: [ghost]}"] {
        let subnets = ["spec.loadBalancer.vip.subnet", "spec.loadBalancer.vip.additional[0].subnet"];
        assert_eq!(forbidden(list, both, ""), subnets, "{list}");
        assert_eq!(forbidden(list, network, ""), ["spec.loadBalancer.vip.network"], "{list}");
    }
    assert!(judge_under("{vipPorts: true, vipNetworks: [tenant]}", port, "").is_ok());
    assert_eq!(forbidden("{vipPorts: true, vipNetworks: [public]}", port, ""), ["spec.loadBalancer.vip.port"]);
}

#[test]
fn other_objects_must_be_in_their_lists() {
    let allocate = "{vip: {subnet: {name: front}}, floatingIP: {allocate: {network: {name: public}}}}";
    let groups = "{vip: {subnet: {name: front}, securityGroups: [{name: web}]}}";
    let qos = "{vip: {subnet: {name: front}, qosPolicy: {name: gold}}}";
    let member = pool("members: [{address: 10.99.0.4, port: 80, subnet: {name: away}}]");
    let source = pool("memberSources: [{name: pods, subnet: {name: away}, nodes: {port: 80}}]");
    for (list, entries, load_balancer, rest, field) in [
        ("externalNetworks", "public", allocate, "", "spec.loadBalancer.floatingIP.allocate.network"),
        ("externalNetworks", "ext", allocate, "", "spec.loadBalancer.floatingIP.allocate.network"),
        ("securityGroups", "web", groups, "", "spec.loadBalancer.vip.securityGroups[0]"),
        ("qosPolicies", "gold", qos, "", "spec.loadBalancer.vip.qosPolicy"),
        ("memberNetworks", "far", ON_SUBNET, &member, "spec.pools[web].members[10.99.0.4:80].subnet"),
        ("memberNetworks", "far", ON_SUBNET, &source, "spec.pools[web].memberSources[pods].subnet"),
    ] {
        let with = |entries: &str| format!("{{{list}: [{entries}]}}");
        for allow in ["{}", &with(entries), &with(&format!("ghost, {entries}"))] {
            let judged = judge_under(allow, load_balancer, rest);
            assert!(judged.is_ok(), "{allow} {load_balancer} {rest}: {judged:#?}");
        }
        assert_eq!(forbidden(&with("ghost"), load_balancer, rest), [field]);
        assert_eq!(forbidden(&with(""), load_balancer, rest), [field]);
    }
}

#[test]
fn member_addresses_must_be_in_allowed_networks() {
    let members = pool(
        "healthMonitor: {type: HTTP, delay: 5s, timeout: 3s, maxRetries: 3}, members: [{address: 10.20.0.4, port: 80, \
         monitorAddress: 10.30.0.4}, {address: 10.30.0.5, port: 80}, {address: '2001:db8:20::4', port: 80}], memberSources: \
         [{name: pods, monitorAddress: 10.30.0.6, nodes: {port: 80}}]",
    );
    assert!(judge_under("{memberCIDRs: ['10.0.0.0/8', '2001:db8::/32']}", ON_SUBNET, &members).is_ok());
    let fields = forbidden("{memberCIDRs: [10.20.0.0/16]}", ON_SUBNET, &members);
    let expected = [
        "spec.pools[web].members[10.20.0.4:80].monitorAddress",
        "spec.pools[web].members[10.30.0.5:80].address",
        "spec.pools[web].members[[2001:db8:20::4]:80].address",
        "spec.pools[web].memberSources[pods].monitorAddress",
    ];
    assert_eq!(fields, expected);
    assert_eq!(forbidden("{memberCIDRs: []}", ON_SUBNET, &members).len(), 5);
    assert_eq!(forbidden("{memberCIDRs: [anything]}", ON_SUBNET, &members).len(), 5);
}

#[test]
fn endpoints_outside_allowed_networks_keep_members_as_they_are() {
    let source = pool("memberSources: [{name: pods, service: {name: web, port: 80, target: PodIP}}]");
    let endpoints = |addresses: &[&str]| {
        let key = |address: &&str| MemberKey { address: address.parse().unwrap(), port: 80 };
        let known = addresses.iter().map(|address| (key(address), Endpoint::default())).collect();
        SourcedEndpoints::from([(SourceKey::new("web", "pods"), SourceEndpoints::Known(known))])
    };
    let allow = "{memberCIDRs: [10.20.0.0/16]}";
    let inside = judge_with(allow, ON_SUBNET, &source, &endpoints(&["10.20.0.4", "2001:db8::4"])).unwrap();
    assert_eq!(
        inside.pools["web"].members.known().map(|members| members.len()),
        Some(1),
        "the other version is not used"
    );
    assert!(inside.source_problems.is_empty());
    let outside = judge_with(allow, ON_SUBNET, &source, &endpoints(&["10.20.0.4", "10.30.0.4"])).unwrap();
    assert_eq!(outside.pools["web"].members, Members::Unknown);
    let problem = in_one_text(&outside.source_problems);
    assert_begins(&problem, "spec.pools[web].memberSources[pods]: the endpoint at 10.30.0.4 is not allowed by");
    assert!(problem.contains("ClusterOpenStackCloud prod (spec.allow.memberCIDRs)"), "{problem}");
}

#[test]
fn forbidden_objects_are_reported_beside_other_problems() {
    let load_balancer = "{flavor: {name: ghost}, vip: {subnet: {name: front}}}";
    let problems = judge_under("{vipNetworks: [public]}", load_balancer, "").unwrap_err();
    assert_eq!(fields(&problems), ["spec.loadBalancer.flavor", "spec.loadBalancer.vip.subnet"]);
}
