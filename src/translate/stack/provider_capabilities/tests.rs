//! Settings without an effect, each with the reported field, and neighbours that have an effect.

use crate::model::ProblemReason;
use crate::translate::stack::tests::support::{CONTAINER, ON_SUBNET, accepted, assert_begins, fields, judge, rejected};

const OF_AMPHORA: &str = "{provider: amphora, vip: {subnet: {name: front}}}";
const OF_VENDOR: &str = "{provider: some-vendor, vip: {subnet: {name: front}}}";

fn listener(rest: &str) -> String {
    format!("listeners: [{{name: a, port: 80, {rest}}}]")
}

fn pool(rest: &str) -> String {
    format!("pools: [{{name: p, {rest}}}]")
}

/// Asserts that the amphora ignores a setting, named or by default, and that nothing is known about another provider.
fn has_no_effect(field: &str, rest: &str) {
    for (load_balancer, is_default) in [(ON_SUBNET, true), (OF_AMPHORA, false)] {
        let problem = rejected(load_balancer, rest);
        assert_begins(&problem, &format!("UnsupportedByCloud {field}: provider amphora "));
        assert_eq!(problem.ends_with("name it in spec.loadBalancer.provider)"), is_default, "{problem}");
    }
    accepted(OF_VENDOR, rest);
}

#[test]
fn cookie_in_proxy_pool_under_tcp_or_https_is_rejected() {
    for (protocol, pool) in [("TCP", "PROXY"), ("TCP", "PROXYV2"), ("HTTPS", "PROXY"), ("HTTPS", "PROXYV2")] {
        for persistence in ["{type: HTTP_COOKIE}", "{type: APP_COOKIE, cookieName: connect.sid}"] {
            let rest = format!(
                "listeners: [{{name: web, protocol: HTTP, port: 80, defaultPool: p}}, {{name: a, protocol: {protocol}, port: 443, defaultPool: p}}]
pools: [{{name: p, protocol: {pool}, algorithm: ROUND_ROBIN, sessionPersistence: {persistence}}}]"
            );
            has_no_effect("spec.pools[p].sessionPersistence.type", &rest);
        }
    }
}

#[test]
fn cookie_that_haproxy_sees_is_accepted() {
    let served = [
        ("HTTP", "PROXY", "{type: HTTP_COOKIE}"),
        ("HTTP", "PROXYV2", "{type: APP_COOKIE, cookieName: connect.sid}"),
        ("TCP", "HTTP", "{type: HTTP_COOKIE}"),
        ("TCP", "PROXY", "{type: SOURCE_IP}"),
        ("HTTPS", "PROXYV2", "{type: SOURCE_IP}"),
    ];
    for (protocol, pool, persistence) in served {
        accepted(
            ON_SUBNET,
            &format!(
                "listeners: [{{name: a, protocol: {protocol}, port: 80, defaultPool: p}}]
pools: [{{name: p, protocol: {pool}, algorithm: ROUND_ROBIN, sessionPersistence: {persistence}}}]"
            ),
        );
    }
    accepted(ON_SUBNET, &pool("protocol: PROXY, algorithm: ROUND_ROBIN, sessionPersistence: {type: HTTP_COOKIE}"));
}

#[test]
fn zero_that_means_a_default_is_rejected() {
    has_no_effect("spec.listeners[a].connectionLimit", &listener("protocol: TCP, connectionLimit: 0"));
    for field in ["clientData", "memberConnect", "memberData"] {
        let rest = listener(&format!("protocol: HTTP, timeouts: {{{field}: 0h0ms}}"));
        has_no_effect(&format!("spec.listeners[a].timeouts.{field}"), &rest);
    }
    let granularity =
        "protocol: UDP, algorithm: SOURCE_IP, sessionPersistence: {type: SOURCE_IP, granularity: 0.0.0.0}";
    has_no_effect("spec.pools[p].sessionPersistence.granularity", &pool(granularity));
}

#[test]
fn zero_that_means_zero_is_accepted() {
    accepted(ON_SUBNET, &listener("protocol: TCP, connectionLimit: -1, timeouts: {tcpInspect: 0s}"));
    accepted(
        ON_SUBNET,
        &listener(&format!(
            "protocol: TERMINATED_HTTPS, tls: {{certificate: {{barbicanRef: '{CONTAINER}'}}, hsts: {{maxAge: 0s}}}}"
        )),
    );
    for protocol in ["HTTP", "UDP"] {
        let members = "members: [{address: 10.0.0.1, port: 80, weight: 0}, {address: 10.0.0.2, port: 80}]";
        accepted(ON_SUBNET, &pool(&format!("protocol: {protocol}, algorithm: LEAST_CONNECTIONS, {members}")));
    }
}

#[test]
fn timeouts_without_a_place_in_the_template_are_rejected() {
    for protocol in ["UDP", "SCTP"] {
        for field in ["clientData", "memberConnect", "memberData", "tcpInspect"] {
            let rest = listener(&format!("protocol: {protocol}, timeouts: {{{field}: 5s}}"));
            has_no_effect(&format!("spec.listeners[a].timeouts.{field}"), &rest);
        }
        accepted(ON_SUBNET, &listener(&format!("protocol: {protocol}, timeouts: {{}}")));
    }
    for field in ["memberConnect", "memberData"] {
        let rest = listener(&format!("protocol: PROMETHEUS, timeouts: {{{field}: 5s}}"));
        has_no_effect(&format!("spec.listeners[a].timeouts.{field}"), &rest);
    }
    accepted(ON_SUBNET, &listener("protocol: PROMETHEUS, timeouts: {clientData: 5s}"));
}

#[test]
fn headers_that_haproxy_never_adds_are_rejected() {
    for header in ["X-Forwarded-IP", "X-Client-IP", "X-Real-IP"] {
        let rest = listener(&format!("protocol: HTTP, insertHeaders: [X-Forwarded-For, {header}]"));
        has_no_effect("spec.listeners[a].insertHeaders", &rest);
    }
}

#[test]
fn forwarded_header_needs_a_pool_of_protocol_http() {
    let stack = |header: &str, redirect: &str| {
        format!(
            "listeners: [{{name: a, protocol: HTTP, port: 80, defaultPool: one, insertHeaders: [{header}], l7Policies: [{{name: r, action: REDIRECT_TO_POOL, redirectPool: {redirect}, rules: [{{type: PATH, compareType: STARTS_WITH, value: /a}}]}}]}}]
pools: [{{name: one, protocol: PROXY, algorithm: ROUND_ROBIN}}, {{name: two, protocol: PROXYV2, algorithm: ROUND_ROBIN}}, {{name: web, protocol: HTTP, algorithm: ROUND_ROBIN}}]"
        )
    };
    for header in ["X-Forwarded-For", "X-Forwarded-Port"] {
        has_no_effect("spec.listeners[a].insertHeaders", &stack(header, "two"));
        accepted(ON_SUBNET, &stack(header, "web"));
    }
    accepted(ON_SUBNET, &stack("X-Forwarded-Proto", "two"));
}

#[test]
fn certificates_for_sni_alone_are_rejected() {
    for protocol in ["TERMINATED_HTTPS", "PROMETHEUS"] {
        let tls = |rest: &str| {
            let sni = format!("sniCertificates: [{{barbicanRef: '{CONTAINER}'}}]");
            listener(&format!("protocol: {protocol}, tls: {{{sni}{rest}}}"))
        };
        has_no_effect("spec.listeners[a].tls.certificate", &tls(""));
        accepted(ON_SUBNET, &tls(&format!(", certificate: {{barbicanRef: '{CONTAINER}'}}")));
    }
}

#[test]
fn backup_among_datagrams_is_rejected() {
    let members = "members: [{address: 10.0.0.1, port: 53}, {address: 10.0.0.2, port: 53, backup: true}]";
    for protocol in ["UDP", "SCTP"] {
        let rest = pool(&format!("protocol: {protocol}, algorithm: ROUND_ROBIN, {members}"));
        has_no_effect("spec.pools[p].members[10.0.0.2:53].backup", &rest);
    }
    accepted(ON_SUBNET, &pool(&format!("protocol: TCP, algorithm: SOURCE_IP, {members}")));
}

#[test]
fn weights_that_lvs_does_not_look_at_are_rejected() {
    let pool = |protocol: &str, algorithm: &str, weight: u8| {
        pool(&format!(
            "protocol: {protocol}, algorithm: {algorithm}, members: [{{address: 10.0.0.1, port: 53, weight: 0}}, {{address: 10.0.0.2, port: 53}}, {{address: 10.0.0.3, port: 53, weight: {weight}}}]"
        ))
    };
    has_no_effect("spec.pools[p].members[10.0.0.3:53].weight", &pool("UDP", "LEAST_CONNECTIONS", 2));
    accepted(ON_SUBNET, &pool("UDP", "LEAST_CONNECTIONS", 1));
    accepted(ON_SUBNET, &pool("SCTP", "ROUND_ROBIN", 2));
    accepted(ON_SUBNET, &pool("TCP", "LEAST_CONNECTIONS", 2));
}

#[test]
fn http_monitor_of_datagrams_is_what_keepalived_knows() {
    let monitor = |protocol: &str, more: &str| {
        let monitor = format!("{{type: HTTP, delay: 5s, timeout: 5s, maxRetries: 1, {more}}}");
        pool(&format!("protocol: {protocol}, algorithm: ROUND_ROBIN, healthMonitor: {monitor}"))
    };
    let cases = [
        ("httpMethod", "httpMethod: HEAD"),
        ("expectedCodes", "expectedCodes: '200,201'"),
        ("expectedCodes", "expectedCodes: 200-204"),
        ("httpVersion", "httpVersion: '1.1'"),
    ];
    for (field, more) in cases {
        for protocol in ["UDP", "SCTP"] {
            has_no_effect(&format!("spec.pools[p].healthMonitor.{field}"), &monitor(protocol, more));
        }
        accepted(ON_SUBNET, &monitor("TCP", more));
    }
    accepted(ON_SUBNET, &monitor("UDP", "httpMethod: GET, urlPath: /a, expectedCodes: 200-200"));
}

#[test]
fn granularity_is_an_ipv4_netmask_without_ipv6_beside_it() {
    let pool = |granularity: &str| {
        pool(&format!(
            "protocol: UDP, algorithm: SOURCE_IP, sessionPersistence: {{type: SOURCE_IP, granularity: '{granularity}'}}"
        ))
    };
    let field = "spec.pools[p].sessionPersistence.granularity";
    for granularity in ["ffff:ffff::", "255.0.255.0", "10.0.0.1", "0.0.0.0"] {
        has_no_effect(field, &pool(granularity));
    }
    for granularity in ["128.0.0.0", "255.255.254.0", "255.255.255.255"] {
        accepted(ON_SUBNET, &pool(granularity));
    }
    let both = "{vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}}";
    assert_begins(&rejected(both, &pool("255.255.255.0")), &format!("UnsupportedByCloud {field}: "));
    let from_network = accepted("{vip: {network: {name: modern}}}", &pool("255.255.255.0"));
    assert!(!from_network.create_problems.is_empty(), "the predicted IP version blocks a create");
}

#[test]
fn persistence_longer_than_keepalived_remembers_is_rejected() {
    let pool = |timeout: &str| {
        pool(&format!(
            "protocol: SCTP, algorithm: SOURCE_IP, sessionPersistence: {{type: SOURCE_IP, timeout: {timeout}}}"
        ))
    };
    has_no_effect("spec.pools[p].sessionPersistence.timeout", &pool("744h1s"));
    accepted(ON_SUBNET, &pool("744h"));
}

#[test]
fn monitor_address_and_port_need_a_monitor_that_uses_them() {
    let pool = |monitor: &str, field: &str| {
        pool(&format!(
            "protocol: TCP, algorithm: ROUND_ROBIN, {monitor} members: [{{address: 10.0.0.1, port: 80, {field}}}]"
        ))
    };
    let monitor = |kind: &str| format!("healthMonitor: {{type: {kind}, delay: 5s, timeout: 5s, maxRetries: 1}},");
    for (name, field) in [("monitorPort", "monitorPort: 81"), ("monitorAddress", "monitorAddress: 10.0.0.2")] {
        let at = format!("spec.pools[p].members[10.0.0.1:80].{name}");
        for load_balancer in [ON_SUBNET, OF_VENDOR] {
            assert_begins(&rejected(load_balancer, &pool("", field)), &format!("InvalidSpec {at}: "));
        }
        has_no_effect(&at, &pool(&monitor("PING"), field));
        accepted(ON_SUBNET, &pool(&monitor("TCP"), field));
    }
}

#[test]
fn client_certificate_use_without_request_is_rejected() {
    let stack = |tls: &str, rest: &str| {
        listener(&format!(
            "protocol: TERMINATED_HTTPS, tls: {{certificate: {{barbicanRef: '{CONTAINER}'}}{tls}}}, {rest}"
        ))
    };
    let ca = format!(", clientCA: {{barbicanRef: '{CONTAINER}'}}");
    let header = "insertHeaders: [X-SSL-Client-Verify]";
    let rule = "l7Policies: [{name: r, action: REJECT, rules: [{type: SSL_CONN_HAS_CERT, compareType: EQUAL_TO, value: 'true'}]}]";
    for (field, rest) in
        [("spec.listeners[a].insertHeaders", header), ("spec.listeners[a].l7Policies[r].rules[0].type", rule)]
    {
        for tls in [String::new(), format!("{ca}, clientAuthentication: NONE")] {
            assert_begins(&rejected(ON_SUBNET, &stack(&tls, rest)), &format!("InvalidSpec {field}: "));
        }
        for authentication in ["OPTIONAL", "MANDATORY"] {
            accepted(ON_SUBNET, &stack(&format!("{ca}, clientAuthentication: {authentication}"), rest));
        }
    }
    let field = "InvalidSpec spec.listeners[a].tls.clientAuthentication: ";
    assert_begins(&rejected(ON_SUBNET, &stack(&ca, "")), field);
    accepted(ON_SUBNET, &stack(&format!("{ca}, clientAuthentication: NONE"), ""));
}

#[test]
fn policy_without_rules_is_rejected_unless_it_is_switched_off() {
    let policy = |more: &str| listener(&format!("protocol: HTTP, l7Policies: [{{name: r, action: REJECT{more}}}]"));
    assert_begins(&rejected(ON_SUBNET, &policy("")), "InvalidSpec spec.listeners[a].l7Policies[r].rules: ");
    accepted(ON_SUBNET, &policy(", adminStateUp: false"));
}

#[test]
fn settings_that_ovn_stores_and_ignores_are_rejected() {
    let problems = judge(
        "{provider: ovn, vip: {subnet: {name: front}, qosPolicy: {name: gold}}}",
        "listeners: [{name: a, protocol: TCP, port: 80, connectionLimit: 5, timeouts: {clientData: 5s}}, {name: b, protocol: UDP, port: 80, connectionLimit: -1, timeouts: {}}]
pools: [{name: p, protocol: UDP, algorithm: SOURCE_IP, sessionPersistence: {type: SOURCE_IP, granularity: 255.0.0.0}, members: [{address: 10.0.0.1, port: 80, weight: 0}, {address: 10.0.0.2, port: 80, weight: 2}, {address: 10.0.0.3, port: 80, backup: true}]}, {name: even, protocol: TCP, algorithm: SOURCE_IP_PORT, members: [{address: 10.0.0.1, port: 80, weight: 7}, {address: 10.0.0.2, port: 80, weight: 7, backup: false}]}]",
    )
    .unwrap_err();
    assert_eq!(
        fields(&problems),
        [
            "spec.loadBalancer.vip.qosPolicy",
            "spec.listeners[a].connectionLimit",
            "spec.listeners[a].timeouts",
            "spec.pools[p].sessionPersistence.granularity",
            "spec.pools[p].members[10.0.0.1:80].weight",
            "spec.pools[p].members[10.0.0.3:80].backup",
            "spec.pools[p].members[10.0.0.3:80].weight",
        ]
    );
}

#[test]
fn versions_of_a_pool_with_a_gap_are_rejected() {
    for versions in ["TLSv1.1, TLSv1.3", "TLSv1, TLSv1.2", "TLSv1.3, TLSv1", "SSLv3, TLSv1.1, TLSv1.3"] {
        let rest = pool(&format!("protocol: HTTP, algorithm: ROUND_ROBIN, tls: {{versions: [{versions}]}}"));
        has_no_effect("spec.pools[p].tls.versions", &rest);
    }
    for versions in ["TLSv1.3", "TLSv1.3, TLSv1.2", "TLSv1, TLSv1.1", "SSLv3, TLSv1", "SSLv3, TLSv1.2"] {
        let rest = pool(&format!("protocol: HTTP, algorithm: ROUND_ROBIN, tls: {{versions: [{versions}]}}"));
        accepted(ON_SUBNET, &rest);
    }
}

#[test]
fn ciphers_of_another_provider_are_accepted() {
    let rest = pool("protocol: HTTP, algorithm: ROUND_ROBIN, tls: {ciphers: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}");
    accepted(OF_VENDOR, &rest);
    rejected(ON_SUBNET, &rest);
}

#[test]
fn settings_of_sources_that_ovn_ignores_are_rejected() {
    let problems = judge(
        "{provider: ovn, vip: {subnet: {name: front}}}",
        "pools: [{name: p, protocol: TCP, algorithm: SOURCE_IP, drain: 10s, \
         healthMonitor: {type: TCP, delay: 5s, timeout: 5s, maxRetries: 1}, \
         memberSources: [{name: a, nodes: {port: 80}, weight: 1, backup: true, monitorPort: 81}]}]",
    )
    .unwrap_err();
    assert!(problems.iter().all(|p| p.reason == ProblemReason::UnsupportedByCloud), "{problems:#?}");
    assert_eq!(
        fields(&problems),
        [
            "spec.pools[p].memberSources[a].monitorPort",
            "spec.pools[p].memberSources[a].backup",
            "spec.pools[p].memberSources[a].weight",
            "spec.pools[p].drain",
        ]
    );
}

#[test]
fn source_ip_port_is_rejected_on_amphora() {
    let pool = "pools: [{name: a, protocol: TCP, algorithm: SOURCE_IP_PORT}]";
    accepted("{provider: ovn, vip: {subnet: {name: front}}}", pool);
    for load_balancer in [ON_SUBNET, "{provider: amphora, vip: {subnet: {name: front}}}"] {
        assert_begins(&rejected(load_balancer, pool), "UnsupportedByCloud spec.pools[a].algorithm");
    }
}

#[test]
fn settings_that_ovn_cannot_carry_out_are_rejected() {
    let problems = judge(
        "{provider: ovn, flavor: {name: ha}, vip: {subnet: {name: front}}}",
        "listeners: [{name: a, protocol: HTTP, port: 80, allowedCIDRs: [10.0.0.0/8]}]
pools: [{name: p, protocol: HTTP, algorithm: ROUND_ROBIN, tls: {}, sessionPersistence: {type: HTTP_COOKIE}, healthMonitor: {type: PING, delay: 5s, timeout: 5s, maxRetries: 1}, members: [{address: 10.0.0.1, port: 80, monitorPort: 81}]}]",
    )
    .unwrap_err();
    assert!(problems.iter().all(|p| p.reason == ProblemReason::UnsupportedByCloud), "{problems:#?}");
    assert_eq!(
        fields(&problems),
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
