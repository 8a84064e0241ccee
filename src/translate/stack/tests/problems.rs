//! Problems of listeners and pools, with their fields.

use std::collections::BTreeSet;

use super::support::*;
use crate::model::ApiVersion;
use crate::translate::API_FEATURES;

#[test]
fn all_problems_are_reported_at_once() {
    let problems = judge(
        "{flavor: {name: ghost}, vip: {subnet: {name: front}, address: 10.99.0.1}}",
        "listeners: [{name: a, protocol: TCP, port: 80, defaultPool: none}, {name: b, protocol: HTTP, port: 80}]",
    )
    .unwrap_err();
    assert_eq!(
        fields(&problems),
        [
            "spec.loadBalancer.flavor",
            "spec.loadBalancer.vip.address",
            "spec.listeners[a].defaultPool",
            "spec.listeners[b].port"
        ]
    );
}

#[test]
fn member_in_two_spellings_is_duplicate() {
    let members = "members: [{address: '2001:db8::1', port: 80}, {address: '2001:DB8::1', port: 80}]";
    let problem = rejected(ON_SUBNET, &format!("pools: [{HTTP_POOL}, {members}}}]"));
    assert_begins(
        &problem,
        "InvalidSpec spec.pools[web].members[[2001:DB8::1]:80]: another member has this address and port",
    );
}

#[test]
fn metadata_address_as_member_is_rejected() {
    let problem =
        rejected(ON_SUBNET, &format!("pools: [{HTTP_POOL}, members: [{{address: 169.254.169.254, port: 80}}]}}]"));
    assert!(problem.contains("reserved"), "{problem}");
}

#[test]
fn tags_equal_to_octavia_are_duplicates() {
    let member = format!("pools: [{HTTP_POOL}, members: [{{address: 10.0.0.1, port: 80, tags: [A, a]}}]}}]");
    assert!(rejected(ON_SUBNET, &member).contains("\"A\" and \"a\" are one tag"));
    let pool = |tags: &str| format!("pools: [{HTTP_POOL}, tags: [{tags}]}}]");
    for twins in ["caf\u{e9}, cafe", "'web ', web", "stra\u{df}e, strase", "\u{3a9}, \u{3c9}", "\u{1f600}, \u{1f680}"] {
        assert!(rejected(ON_SUBNET, &pool(twins)).contains("are one tag to Octavia's database"), "{twins}");
        let listener = format!("listeners: [{{name: a, protocol: HTTP, port: 80, tags: [{twins}]}}]");
        assert!(rejected(ON_SUBNET, &listener).contains("are one tag to Octavia's database"), "{twins}");
    }
    accepted(ON_SUBNET, &pool("stra\u{df}e, strasse, \u{d8}re, ore, ' web', web, a-b, a_b"));
    assert!(rejected(ON_SUBNET, &pool("\u{c9}venkeel:x")).contains("Evenkeel's owner tags"));
    let reserved = format!("pools: [{HTTP_POOL}, members: [{{address: 10.0.0.1, port: 80, tags: ['Evenkeel:x']}}]}}]");
    assert!(rejected(ON_SUBNET, &reserved).contains("Evenkeel's owner tags"));
}

#[test]
fn regex_that_octavia_cannot_compile_is_rejected() {
    let rule = |kind: &str, compare: &str, value: &str| {
        format!(
            "listeners: [{{name: a, protocol: HTTP, port: 80, l7Policies: [{{name: p, action: REJECT, rules: [{{type: {kind}, compareType: {compare}, value: '{value}'}}]}}]}}]"
        )
    };
    accepted(ON_SUBNET, &rule("PATH", "REGEX", "^/(?!api)[^/]+$"));
    accepted(ON_SUBNET, &rule("PATH", "STARTS_WITH", "/(api"));
    for kind in ["PATH", "HOST_NAME", "FILE_TYPE"] {
        let problem = rejected(ON_SUBNET, &rule(kind, "REGEX", "/(api"));
        let field = "spec.listeners[a].l7Policies[p].rules[0].value";
        assert_begins(&problem, &format!("InvalidSpec {field}: \"/(api\" must be a regular expression"));
        assert!(problem.ends_with("a ( is not closed"), "{problem}");
    }
}

#[test]
fn ciphers_without_effect_are_rejected_by_field() {
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
        assert_begins(&rejected(ON_SUBNET, &rest), &format!("InvalidSpec spec.{place}[a].tls.ciphers: {words}"));
    }
    accepted(ON_SUBNET, &pool("versions: [TLSv1.2], ciphers: DHE"));
}

#[test]
fn field_newer_than_api_is_rejected_by_field() {
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
    let general = |field: &str| field.replace("[a]", "[]");
    let tested: BTreeSet<_> = cases.iter().map(|(minor, field, ..)| (*minor, general(field))).collect();
    let known: BTreeSet<_> = API_FEATURES.iter().map(|known| (known.since.minor, known.field.to_owned())).collect();
    assert_eq!(tested, known);
    for (minor, field, load_balancer, rest) in cases {
        let at = |minor| desired_at(ApiVersion { minor }, &load_balancer, &rest);
        assert!(at(minor).is_ok(), "{field} at 2.{minor}: {:?}", at(minor));
        let problem = only_problem(at(minor - 1));
        assert_begins(&problem, &format!("UnsupportedByCloud {field}: "));
        assert!(problem.contains(&format!("2.{minor}")) && problem.contains(&format!("2.{}", minor - 1)), "{problem}");
    }
}
