//! What random stacks have found, each as the smallest stack that shows it (`docs/found.md`).

use super::properties::converge;
use super::stack::*;
use crate::model::*;

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
