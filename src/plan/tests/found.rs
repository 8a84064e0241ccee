//! What random stacks have found, each as the smallest stack that shows it (`docs/found.md`).

use super::properties::converge;
use super::stack::*;
use crate::model::*;
use crate::plan::delete;

/// Octavia holds only the CIDRs of a request against the groups, not those that are stored, so any other field heals.
#[test]
fn a_listener_with_cidrs_is_healed_under_security_groups() {
    let before = edited(|want| http(want).allowed_cidrs = ["10.0.0.0/8".to_owned()].into());
    let after = edited(|want| {
        want.load_balancer.security_group_ids = Some(["group-1".to_owned()].into());
        // Not in place, and interruptions are forbidden: the old one stands, CIDRs and all.
        http(want).protocol = ListenerProtocol::Tcp;
    });
    let mut octavia = made(&before);
    let plan = converge(&mut octavia, &after, |_, _| {});
    assert!(!plan.held.is_empty(), "{plan}");
    octavia.tree.as_mut().unwrap().listeners[0].provisioning_status = Provisioning::Error;
    converge(&mut octavia, &after, |_, _| {});
    assert_eq!(octavia.tree.unwrap().listeners[0].provisioning_status, Provisioning::Active);
}

/// A VIP port of the user's outlives the load balancer, and so would what leads to it.
#[test]
fn a_borrowed_floating_ip_no_longer_leads_to_the_users_own_port_when_the_stack_is_gone() {
    let want = edited(|want| {
        want.load_balancer.vip.port_id = Some("port-1".to_owned());
        want.floating_ip = Some(FloatingIp::Existing { id: "lent".to_owned() });
    });
    let mut octavia = made(&want);
    let lent = SeenFloatingIp { id: "lent".to_owned(), ..SeenFloatingIp::default() };
    octavia.tree.as_mut().unwrap().floating_ips.push(lent.clone());
    converge(&mut octavia, &want, |_, _| {});
    while octavia
        .tree
        .as_ref()
        .is_some_and(|tree| !delete(&want.owner, false, there(tree), &tree.floating_ips).is_empty())
    {
        let tree = octavia.tree.as_ref().unwrap();
        let step = delete(&want.owner, false, there(tree), &tree.floating_ips).steps.remove(0);
        octavia.apply(&step).unwrap();
    }
    assert_eq!(octavia.tree.unwrap().floating_ips, [lent]);
}

/// Octavia checks the stored rule with the request laid over it: a key that is only left out stays.
#[test]
fn a_rule_with_a_key_becomes_one_of_a_type_that_has_none() {
    let with = |rule: Rule| {
        edited(|want| {
            let listener = http(want);
            listener.policies = vec![Policy { rules: vec![rule.clone()], ..policy("p", Action::Reject, &[]) }];
        })
    };
    let header = Rule { kind: RuleType::Header, key: Some("x-kind".to_owned()), ..rule("one") };
    let certificate = Rule { kind: RuleType::SslConnHasCert, compare: CompareType::EqualTo, ..rule("true") };
    let mut octavia = made(&with(header));
    converge(&mut octavia, &with(certificate), |_, _| {});
    assert_eq!(octavia.tree.unwrap().listeners[0].policies[0].rules[0].key.as_deref(), Some(""));
}

fn there(tree: &Tree) -> Option<&SeenLoadBalancer> {
    Some(&tree.load_balancer).filter(|load_balancer| !load_balancer.id.is_empty())
}
