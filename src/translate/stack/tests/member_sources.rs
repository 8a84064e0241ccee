//! Endpoints of sources as members of a pool.

use super::support::*;
use crate::model::{
    ClusterContents, Desired, Endpoint, MemberKey, Members, Problem, ProblemReason, SourceEndpoints, SourceKey,
};
use crate::translate::desired;

const POOL: &str = "name: web, algorithm: ROUND_ROBIN";

fn key(text: &str) -> MemberKey {
    let address: std::net::SocketAddr = text.parse().unwrap();
    MemberKey { address: address.ip(), port: address.port() }
}

fn known(endpoints: &[&str]) -> SourceEndpoints {
    SourceEndpoints::Known(endpoints.iter().map(|text| (key(text), Endpoint::default())).collect())
}

/// A stack with one pool: the rest of its fields, and the endpoints of its sources.
fn stack(load_balancer: &str, pool: &str, sourced: &[(&str, SourceEndpoints)]) -> Desired {
    let spec = spec(load_balancer, &format!("pools: [{{{POOL}, {pool}}}]"));
    let endpoints = sourced.iter().map(|(name, e)| (SourceKey::new("web", *name), e.clone())).collect();
    let sourced = ClusterContents { endpoints, ..ClusterContents::default() };
    desired(&spec, owner(), &resolutions(&spec), &sourced, NEWEST).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn source(name: &str, more: &str) -> String {
    format!("{{name: {name}, service: {{name: {name}, port: http, target: PodIP}}{more}}}")
}

/// Addresses of the members; `None`: unknown.
fn members(desired: &Desired) -> Option<Vec<String>> {
    Some(desired.pools["web"].members.known()?.keys().map(ToString::to_string).collect())
}

const BOTH: &[&str] = &["10.0.0.1:80", "[2001:db8::1]:80"];
const DUAL_STACK: &str = "{vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}}";

#[test]
fn members_have_ip_version_of_load_balancer() {
    let pool = |protocol: &str| format!("protocol: {protocol}, memberSources: [{}]", source("a", ""));
    let of = |load_balancer: &str, protocol: &str| {
        members(&stack(load_balancer, &pool(protocol), &[("a", known(BOTH))])).unwrap()
    };
    assert_eq!(of(ON_SUBNET, "TCP"), BOTH[..1]);
    assert_eq!(of("{vip: {subnet: {name: front6}}}", "TCP"), BOTH[1..]);
    assert_eq!(of(DUAL_STACK, "TCP"), BOTH[..1], "one member for each pod");
    assert_eq!(of(DUAL_STACK, "UDP"), BOTH, "LVS does not translate");
    let only_ipv6 = stack(DUAL_STACK, &pool("TCP"), &[("a", known(&BOTH[1..]))]);
    assert_eq!(members(&only_ipv6).unwrap(), BOTH[1..]);
    let other = stack(ON_SUBNET, &pool("TCP"), &[("a", known(&BOTH[1..]))]);
    assert_eq!(members(&other), None, "no endpoint of this version is no zero");
    assert!(other.source_problems[0].message.contains("the members of the pool stay as they are"));
}

#[test]
fn source_that_names_ip_version_gives_it() {
    let named = "protocol: TCP, memberSources: [{name: a, nodes: {port: 80, family: IPv6}}]";
    assert_eq!(members(&stack(ON_SUBNET, named, &[("a", known(BOTH))])).unwrap(), BOTH);
    let spec = spec(ON_SUBNET, &format!("pools: [{{{POOL}, {}}}]", named.replace("TCP", "UDP")));
    let endpoints = [(SourceKey::new("web", "a"), known(BOTH))].into();
    let sourced = ClusterContents { endpoints, ..ClusterContents::default() };
    let problem = only_problem(desired(&spec, owner(), &resolutions(&spec), &sourced, NEWEST));
    assert_begins(
        &problem,
        "InvalidSpec spec.pools[web].memberSources[a].nodes.family: no address of the load balancer",
    );
}

#[test]
fn one_unknown_source_makes_members_of_pool_unknown() {
    let pool = format!(
        "protocol: TCP, members: [{{address: 10.0.0.9, port: 80}}], memberSources: [{}, {}]",
        source("a", ""),
        source("b", "")
    );
    let problem = Problem::new("spec", ProblemReason::ReferenceNotFound, "gone");
    let known = ("a", known(&["10.0.0.1:80"]));
    let broken = stack(ON_SUBNET, &pool, &[known.clone(), ("b", SourceEndpoints::Unknown(Some(problem.clone())))]);
    assert_eq!((broken.pools["web"].members.clone(), broken.source_problems), (Members::Unknown, vec![problem]));
    let waiting = stack(ON_SUBNET, &pool, &[known.clone(), ("b", SourceEndpoints::Unknown(None))]);
    assert_eq!((waiting.pools["web"].members.clone(), waiting.source_problems), (Members::Unknown, vec![]));
    assert_eq!(members(&stack(ON_SUBNET, &pool, &[known])), None, "a source that was not read");
}

#[test]
fn unreachable_endpoint_is_left_out_and_reported() {
    let pool = format!("protocol: TCP, memberSources: [{}]", source("a", ""));
    let endpoints = known(&["10.0.0.1:80", "169.254.169.254:80", "127.0.0.1:80"]);
    let some = stack(ON_SUBNET, &pool, &[("a", endpoints)]);
    assert_eq!(members(&some).unwrap(), ["10.0.0.1:80"]);
    assert_begins(&some.source_problems[0].message, "an endpoint is left out: ");
    let none = stack(ON_SUBNET, &pool, &[("a", known(&["127.0.0.1:80"]))]);
    assert_eq!(members(&none), None, "a pool is not emptied by endpoints that cannot be used");
}

#[test]
fn member_in_several_sources_has_fields_of_first_that_serves() {
    let pool = format!(
        "protocol: TCP, healthMonitor: {{type: TCP, delay: 5s, timeout: 5s, maxRetries: 1}}, \
         members: [{{address: 10.0.0.1, port: 80, backup: true, monitorPort: 7}}], memberSources: [{}, {}, {}]",
        source("standby", ", backup: true, monitorPort: 1"),
        source("a", ", monitorPort: 2"),
        source("b", ", monitorPort: 3"),
    );
    let all = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];
    let sourced = [("standby", known(&all)), ("a", known(&all[1..2])), ("b", known(&all[1..3]))];
    let desired = stack(ON_SUBNET, &pool, &sourced);
    let members = desired.pools["web"].members.known().unwrap();
    let fields = |text: &str| (members[&key(text)].monitor_port.unwrap(), members[&key(text)].backup);
    assert_eq!(all.map(fields), [(7, true), (2, false), (3, false), (1, true)]);
    assert_eq!(members[&key(all[1])].name, "a");
}

#[test]
fn health_check_port_of_endpoint_yields_to_source() {
    let monitor = "healthMonitor: {type: HTTP, delay: 5s, timeout: 5s, maxRetries: 1}";
    let endpoint = Endpoint { health_check_port: Some(31000), ..Endpoint::default() };
    let endpoints = SourceEndpoints::Known([(key("10.0.0.1:80"), endpoint)].into());
    let port = |more: &str| {
        let pool = format!("protocol: TCP, {monitor}, memberSources: [{}]", source("a", more));
        let desired = stack(ON_SUBNET, &pool, &[("a", endpoints.clone())]);
        desired.pools["web"].members.known().unwrap()[&key("10.0.0.1:80")].monitor_port
    };
    assert_eq!((port(""), port(", monitorPort: 9000")), (Some(31000), Some(9000)));
}
