//! Values of a [`Desired`](crate::model::Desired): defaults, canonical spellings, numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::support::*;
use crate::model::{ClusterContents, HttpMethod, L7Action, MemberKey, Owner, Timeouts};
use crate::translate::desired;

#[test]
fn absent_fields_get_octavia_defaults() {
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
    let member = pool.members.known().unwrap().values().next().unwrap();
    assert_eq!((member.name.as_str(), member.weight, member.backup, member.admin_state_up), ("", 1, false, true));
}

#[test]
fn operator_defaulted_fields_stay_absent() {
    let desired = accepted(ON_SUBNET, "listeners: [{name: a, protocol: TCP, port: 80}]");
    let load_balancer = &desired.load_balancer;
    assert_eq!((&load_balancer.description, &load_balancer.qos_policy_id), (&None, &None));
    assert_eq!((&load_balancer.security_group_ids, &load_balancer.provider), (&None, &None));
    let listener = &desired.listeners["a"];
    assert_eq!((&listener.description, listener.connection_limit), (&None, None));
    assert_eq!((&listener.timeouts, &listener.tls), (&Timeouts::default(), &None));
}

#[test]
fn empty_security_groups_differ_from_absent_ones() {
    let desired = accepted("{vip: {subnet: {name: front}, securityGroups: []}}", "");
    assert_eq!(desired.load_balancer.security_group_ids, Some(BTreeSet::new()));
}

#[test]
fn monitor_without_http_has_no_http_fields() {
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
fn addresses_and_networks_become_canonical() {
    let desired = accepted(
        "{vip: {subnet: {name: front6}, address: '2001:DB8:10:0::5'}}",
        "listeners: [{name: a, protocol: TCP, port: 80, allowedCIDRs: ['2001:DB8::5/32', '2001:db8::/32']}]
pools: [{name: a, protocol: TCP, algorithm: SOURCE_IP, members: [{address: '2001:DB8::1', port: 80}]}]",
    );
    assert_eq!(desired.load_balancer.vip.address.as_deref(), Some("2001:db8:10::5"));
    assert_eq!(desired.listeners["a"].allowed_cidrs, ["2001:db8::/32".to_owned()].into());
    let key = MemberKey { address: "2001:db8::1".parse().unwrap(), port: 80 };
    assert!(desired.pools["a"].members.known().unwrap().contains_key(&key));
}

#[test]
fn long_default_name_is_cut_to_octavia_maximum() {
    let spec = spec(ON_SUBNET, "");
    let owner = Owner { namespace: "n".repeat(63), name: "m".repeat(253), ..owner() };
    let desired = desired(&spec, owner, &resolutions(&spec), &ClusterContents::default(), NEWEST).unwrap();
    assert_eq!(desired.load_balancer.name.len(), 255);
}

#[test]
fn header_gets_text_that_switches_it_on() {
    let desired =
        accepted(ON_SUBNET, "listeners: [{name: a, protocol: HTTP, port: 80, insertHeaders: [X-Forwarded-For]}]");
    let expected = BTreeMap::from([("X-Forwarded-For".to_owned(), "true".to_owned())]);
    assert_eq!(desired.listeners["a"].insert_headers, expected);
}
