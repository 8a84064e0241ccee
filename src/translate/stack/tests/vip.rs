//! The VIP, the floating IP, and fields that depend on the IP versions of the VIP.

use super::support::*;
use crate::model::{FloatingIp, ProblemReason};

#[test]
fn vip_address_outside_subnet_is_rejected() {
    let problem = rejected("{vip: {subnet: {name: front}, address: 10.11.0.5}}", "");
    assert_begins(
        &problem,
        "InvalidSpec spec.loadBalancer.vip.address: 10.11.0.5 is not in the subnet, which is 10.10.0.0/16",
    );
}

#[test]
fn vip_network_without_subnet_is_rejected() {
    assert_eq!(accepted("{vip: {network: {name: tenant}}}", "").load_balancer.vip.network_id.as_deref(), Some("net"));
    assert_begins(&rejected("{vip: {network: {name: empty}}}", ""), "ReferenceUnusable spec.loadBalancer.vip.network");
}

#[test]
fn port_with_several_addresses_needs_a_choice() {
    assert_eq!(accepted("{vip: {port: {name: one}}}", "").load_balancer.vip.port_id.as_deref(), Some("p1"));
    accepted("{vip: {port: {name: two}, subnet: {name: front6}}}", "");
    accepted("{vip: {port: {name: two}, address: 10.10.0.5}}", "");
    assert!(rejected("{vip: {port: {name: two}}}", "").contains("several addresses"));
    for (port, rest) in [("none", ""), ("one", ", address: 10.10.0.6"), ("one", ", subnet: {name: other}")] {
        let problem = rejected(&format!("{{vip: {{port: {{name: {port}}}{rest}}}}}"), "");
        assert_begins(&problem, "ReferenceUnusable spec.loadBalancer.vip.port: port p1 has no such address");
    }
}

#[test]
fn address_known_only_from_port_is_not_pinned() {
    assert_eq!(accepted("{vip: {port: {name: one}}}", "").load_balancer.vip.address, None);
}

#[test]
fn port_of_another_device_is_rejected() {
    let problem = rejected("{vip: {port: {name: taken}}}", "");
    assert_begins(&problem, "ReferenceUnusable spec.loadBalancer.vip.port: port p1 is used by device a-server");
}

#[test]
fn additional_address_missing_on_port_is_rejected() {
    let additional = "additional: [{subnet: {name: front6}}]";
    let desired = accepted(&format!("{{vip: {{port: {{name: two}}, subnet: {{name: front}}, {additional}}}}}"), "");
    assert_eq!(desired.load_balancer.vip.additional[0].subnet_id, "s6");
    // Octavia takes it, ends in ERROR, and cannot delete it.
    let problem = rejected(&format!("{{vip: {{port: {{name: one}}, {additional}}}}}"), "");
    assert_begins(
        &problem,
        "ReferenceUnusable spec.loadBalancer.vip.additional[0]: the port of the VIP has no such address",
    );
}

#[test]
fn additional_address_needs_other_subnet_of_network() {
    let with = |name: &str| format!("{{vip: {{subnet: {{name: front}}, additional: [{{subnet: {{name: {name}}}}}]}}}}");
    accepted(&with("other"), "");
    assert!(rejected(&with("front"), "").contains("used twice"));
    assert!(rejected(&with("away"), "").contains("another network"));
    let problem =
        rejected("{vip: {subnet: {name: front}, additional: [{subnet: {name: other}, address: 10.12.0.1}]}}", "");
    assert_begins(&problem, "InvalidSpec spec.loadBalancer.vip.additional[0].address: 10.12.0.1 is not in the subnet");
}

#[test]
fn subnet_of_port_address_counts_as_used() {
    let problem = rejected("{vip: {port: {name: two}, address: 10.10.0.5, additional: [{subnet: {name: front}}]}}", "");
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
    assert!(rejected(&with("front", "{allocate: {network: {name: tenant}}}"), "").contains("not external"));
    let away = rejected(&with("front", "{allocate: {network: {name: public}, subnet: {name: front}}}"), "");
    assert!(away.contains("another network"), "{away}");
    let by_v6 = rejected(&with("front", "{allocate: {network: {name: public}, address: '2001:db8::7'}}"), "");
    assert!(by_v6.contains("spec.loadBalancer.floatingIP.allocate.address: 2001:db8::7 is IPv6"), "{by_v6}");
    let subnet_v6 = rejected(&with("front", "{allocate: {network: {name: public}, subnet: {name: public-v6}}}"), "");
    assert!(subnet_v6.contains("spec.loadBalancer.floatingIP.allocate.subnet: subnet sp6 is IPv6"), "{subnet_v6}");
    let outside = rejected(
        &with("front", "{allocate: {network: {name: public}, subnet: {name: public-v4}, address: 198.51.100.1}}"),
        "",
    );
    assert_begins(&outside, "InvalidSpec spec.loadBalancer.floatingIP.allocate.address");
    assert!(rejected(&with("front6", "{allocate: {network: {name: public}}}"), "").contains("needs an IPv4 address"));
}

#[test]
fn allowed_cidr_of_missing_ip_version_is_rejected() {
    let listener = "listeners: [{name: a, protocol: TCP, port: 80, allowedCIDRs: ['2001:db8::/32']}]";
    let problem = rejected(ON_SUBNET, listener);
    assert_begins(&problem, "InvalidSpec spec.listeners[a].allowedCIDRs: 2001:db8::/32 is IPv6, and no address");
    accepted("{vip: {subnet: {name: front}, additional: [{subnet: {name: front6}}]}}", listener);
}

#[test]
fn predicted_ip_version_blocks_create_only() {
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
        assert_begins(&rejected(&vip("tenant", ", address: 10.10.0.9"), rest), &format!("InvalidSpec {field}"));
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
fn datagram_member_of_missing_ip_version_is_rejected() {
    let pool = |protocol: &str| {
        format!(
            "pools: [{{name: a, protocol: {protocol}, algorithm: SOURCE_IP, members: [{{address: '2001:db8::1', port: 53}}]}}]"
        )
    };
    accepted(ON_SUBNET, &pool("TCP"));
    for protocol in ["UDP", "SCTP"] {
        let problem = rejected(ON_SUBNET, &pool(protocol));
        assert_begins(&problem, "InvalidSpec spec.pools[a].members[[2001:db8::1]:53].address: 2001:db8::1 is IPv6");
    }
}
