//! Bugs found by random stacks, each as the smallest stack that shows it.

use super::octavia::Octavia;
use super::properties::converge;
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::{delete, update};

/// Octavia holds only the CIDRs of a request against the groups, not those that are stored, so any other field heals.
#[test]
fn listener_with_cidrs_heals_under_security_groups() {
    let before = edited(|want| http(want).allowed_cidrs = ["10.0.0.0/8".to_owned()].into());
    let after = edited(|want| {
        want.load_balancer.security_group_ids = Some(["group-1".to_owned()].into());
        // It needs a replacement, which is held back: the old one stays, CIDRs and all.
        http(want).protocol = ListenerProtocol::Tcp;
    });
    let mut octavia = made(&before);
    let plan = converge(&mut octavia, &after, |_, _| {});
    assert!(!plan.held_back.is_empty(), "{plan}");
    octavia.tree.as_mut().unwrap().listeners[0].provisioning_status = Provisioning::Error;
    converge(&mut octavia, &after, |_, _| {});
    assert_eq!(octavia.tree.unwrap().listeners[0].provisioning_status, Provisioning::Active);
}

/// A VIP port of the user's outlives the load balancer, and so would the association of a floating IP.
#[test]
fn deleted_stack_takes_borrowed_floating_ip_off_users_port() {
    let want = edited(|want| {
        want.load_balancer.vip.port_id = Some("port-1".to_owned());
        want.floating_ip = Some(FloatingIp::Existing { id: "lent".to_owned() });
    });
    let mut octavia = made(&want);
    let lent = ObservedFloatingIp { id: "lent".to_owned(), ..ObservedFloatingIp::default() };
    octavia.tree.as_mut().unwrap().floating_ips.push(lent.clone());
    converge(&mut octavia, &want, |_, _| {});
    while octavia
        .tree
        .as_ref()
        .is_some_and(|tree| !delete(&want.owner, false, there(tree), &tree.floating_ips, &[]).is_empty())
    {
        let tree = octavia.tree.as_ref().unwrap();
        let step = delete(&want.owner, false, there(tree), &tree.floating_ips, &[]).steps.remove(0);
        octavia.apply(&step).unwrap();
    }
    assert_eq!(octavia.tree.unwrap().floating_ips, [lent]);
}

/// Earlier versions sent the text of the stack, which Octavia breaks on its way into haproxy.cfg.
#[test]
fn text_in_older_spelling_is_rewritten() {
    let with = |compare: L7CompareType, value: &str, url: &str| {
        edited(|want| {
            let rule = L7Rule { kind: L7RuleType::Header, key: Some("x-team".to_owned()), compare, ..rule(value) };
            let action = L7Action::RedirectToUrl { url: url.to_owned(), code: 302 };
            http(want).policies = vec![L7Policy { rules: vec![rule], ..policy("p", action, &[]) }];
        })
    };
    let before = with(L7CompareType::EqualTo, "R&D", "https://a.example/?b&c");
    let after = with(L7CompareType::Regex, r"^R\x26D$", r"https://a.example/?b\x26c");
    let mut octavia = made(&before);
    converge(&mut octavia, &after, |_, _| {});
    let policy = &octavia.tree.as_ref().unwrap().listeners[0].policies[0];
    assert_eq!(policy.redirect_url.as_deref(), Some(r"https://a.example/?b\x26c"));
    assert_eq!((policy.rules[0].compare_type.as_str(), policy.rules[0].value.as_str()), ("REGEX", r"^R\x26D$"));
    assert!(update(&after, octavia.tree.as_ref().unwrap()).is_empty());
}

/// Octavia checks the stored rule with the request laid over it: a key that is only left out stays.
#[test]
fn rule_with_key_changes_to_type_without_key() {
    let with = |rule: L7Rule| {
        edited(|want| {
            let listener = http(want);
            listener.policies = vec![L7Policy { rules: vec![rule.clone()], ..policy("p", L7Action::Reject, &[]) }];
        })
    };
    let header = L7Rule { kind: L7RuleType::Header, key: Some("x-kind".to_owned()), ..rule("one") };
    let certificate = L7Rule { kind: L7RuleType::SslConnHasCert, compare: L7CompareType::EqualTo, ..rule("true") };
    let mut octavia = made(&with(header));
    converge(&mut octavia, &with(certificate), |_, _| {});
    assert_eq!(octavia.tree.unwrap().listeners[0].policies[0].rules[0].key.as_deref(), Some(""));
}

fn there(tree: &ObservedTree) -> Option<&ObservedLoadBalancer> {
    Some(&tree.load_balancer).filter(|load_balancer| !load_balancer.id.is_empty())
}

/// A write to a pool sends its listeners through PENDING_UPDATE, which heals them.
#[test]
fn listener_in_error_is_healed_by_write_to_its_pool() {
    let want = stack();
    let mut octavia = made(&want);
    let tree = octavia.tree.as_mut().unwrap();
    tree.listeners[0].provisioning_status = Provisioning::Error;
    tree.pools.iter_mut().find(|pool| pool.name == "web").unwrap().provisioning_status = Provisioning::Error;
    assert_eq!(update(&want, tree).steps.len(), 1);
    assert!(converge(&mut octavia, &want, |_, _| {}).is_empty());
    assert_eq!(octavia.tree.unwrap().listeners[0].provisioning_status, Provisioning::Active);
}

/// The members of a pool whose change of protocol is held back are kept up to date, as far as the old protocol takes
/// them.
#[test]
fn held_back_udp_pool_gets_no_unreachable_members() {
    let before = edited(|want| {
        (http(want).protocol, http(want).port) = (ListenerProtocol::Udp, 53);
        web(want).protocol = PoolProtocol::Udp;
        want.listeners.insert("tcp".into(), listener("tcp", ListenerProtocol::Tcp, 80, None));
    });
    // The place of the new listener is taken until interruptions are allowed, and the old one waits for it.
    let after = edited(|want| {
        *web_members(want) = ["10.0.0.13", "2001:db8::1"].map(|address| (member_key(address), member())).into();
    });
    let mut octavia = made(&before);
    let plan = converge(&mut octavia, &after, |_, _| {});
    assert!(!plan.held_back.is_empty(), "{plan}");
    let old = octavia.tree.unwrap().pools.into_iter().find(|pool| pool.protocol == "UDP").unwrap();
    assert_eq!(old.members.iter().map(|member| member.address.as_str()).collect::<Vec<_>>(), ["10.0.0.13"]);
}

/// A member that a UDP pool can take. The disturbance once added one that Octavia takes from no client (501).
#[test]
fn foreign_member_of_held_back_udp_pool_is_healed() {
    let before = edited(|want| {
        (http(want).protocol, http(want).port) = (ListenerProtocol::Udp, 53);
        web(want).protocol = PoolProtocol::Udp;
        web_members(want).clear();
    });
    let mut octavia = made(&before);
    octavia.tree.as_mut().unwrap().load_balancer.vip_address = Some("2001:db8:1::10".to_owned());
    let foreign = octavia.foreign_member("foreign".to_owned());
    let tree = octavia.tree.as_mut().unwrap();
    // A listener of another client uses the pool that the stack no longer wants.
    let udp = tree.listeners[0].clone();
    tree.listeners.push(ObservedListener { id: "theirs".to_owned(), tags: [].into(), protocol_port: 54, ..udp });
    let held = tree.pools.iter_mut().find(|pool| pool.protocol == "UDP").unwrap();
    held.members = vec![ObservedMember { provisioning_status: Provisioning::Error, ..foreign }];
    let after = edited(|want| {
        http(want).default_pool = None;
        want.pools.remove("web");
    });
    converge(&mut octavia, &after, |_, _| {});
    let held = octavia.tree.unwrap().pools.into_iter().find(|pool| pool.protocol == "UDP").unwrap();
    assert_eq!(held.members[0].provisioning_status, Provisioning::Active);
}

/// The duplicate that serves is kept. So the other goes before the kept one pauses, or they would change roles.
#[test]
fn duplicate_policy_is_deleted_first() {
    let with = |paths: &[&str]| edited(|want| http(want).policies = vec![policy("p", L7Action::Reject, paths)]);
    let mut octavia = made(&with(&[]));
    let policies = &mut octavia.tree.as_mut().unwrap().listeners[0].policies;
    let duplicate = ObservedL7Policy { id: "duplicate".to_owned(), position: 2, ..policies[0].clone() };
    policies.push(duplicate);
    let plan = update(&with(&["/one", "/two"]), octavia.tree.as_ref().unwrap());
    assert!(matches!(&plan.steps[0].call, Call::Delete { id, .. } if id == "duplicate"), "{plan}");
    // One that pauses, gets two rules and serves again: five writes with the duplicate's, and no more on the way.
    assert_eq!(plan.steps.len(), 5, "{plan}");
    assert!(converge(&mut octavia, &with(&["/one", "/two"]), |_, _| {}).is_empty());
    let tree = octavia.tree.unwrap();
    let [left] = tree.listeners[0].policies.as_slice() else { panic!("{:?}", tree.listeners[0].policies) };
    assert_eq!((left.rules.len(), left.admin_state_up), (2, true));
}

/// Octavia does not fill in ciphers when TLS is switched on, and its worker crashes on versions without ciphers.
#[test]
fn pool_that_starts_tls_with_versions_gets_ciphers() {
    let mut octavia = made(&stack());
    let encrypts = edited(|want| {
        let parameters = TlsParameters { versions: Some([TlsVersion::V1_3].into()), ..TlsParameters::default() };
        web(want).tls = Some(PoolTls { client_certificate_ref: None, ca_ref: None, crl_ref: None, parameters });
    });
    assert!(converge(&mut octavia, &encrypts, |_, _| {}).is_empty());
    let tree = octavia.tree.as_mut().unwrap();
    let pool = tree.pools.iter_mut().find(|pool| pool.name == "web").unwrap();
    assert!(pool.tls_ciphers.is_some());

    // Another client switched it on, and it is in ERROR since.
    (pool.tls_ciphers, pool.provisioning_status) = (None, Provisioning::Error);
    assert!(converge(&mut octavia, &encrypts, |_, _| {}).is_empty());
    let tree = octavia.tree.unwrap();
    assert!(tree.pools.iter().all(|pool| pool.provisioning_status == Provisioning::Active));
}

fn metrics(versions: Option<&[TlsVersion]>) -> Desired {
    edited(|want| {
        let mut metrics = listener("metrics", ListenerProtocol::Prometheus, 9100, None);
        let versions = versions.map(|versions| versions.iter().copied().collect());
        metrics.tls = Some(tls("cert-1"));
        metrics.tls.as_mut().unwrap().parameters = TlsParameters { versions, ..TlsParameters::default() };
        want.listeners.insert("metrics".into(), metrics);
    })
}

fn seen_metrics(octavia: &mut Octavia) -> &mut ObservedListener {
    octavia.tree.as_mut().unwrap().listeners.iter_mut().find(|listener| listener.name == "metrics").unwrap()
}

/// Octavia fills in ciphers on TERMINATED_HTTPS listeners only, and its worker crashes on versions without ciphers.
#[test]
fn metrics_listener_with_versions_has_ciphers_from_its_create() {
    for versions in [&[TlsVersion::V1_3][..], &[TlsVersion::V1_1, TlsVersion::V1_2]] {
        let mut octavia = made(&metrics(Some(versions)));
        assert!(seen_metrics(&mut octavia).tls_ciphers.is_some());
        assert!(converge(&mut octavia, &metrics(Some(versions)), |_, _| {}).is_empty());

        let mut octavia = made(&stack());
        assert!(converge(&mut octavia, &metrics(Some(versions)), |_, _| {}).is_empty());
        assert!(seen_metrics(&mut octavia).tls_ciphers.is_some());
    }
}

#[test]
fn metrics_listener_that_gets_versions_gets_ciphers() {
    let mut octavia = made(&metrics(None));
    assert_eq!(seen_metrics(&mut octavia).tls_ciphers, None);
    assert!(converge(&mut octavia, &metrics(Some(&[TlsVersion::V1_3])), |_, _| {}).is_empty());
    assert!(seen_metrics(&mut octavia).tls_ciphers.is_some());

    let mut plain = made(&edited(|want| {
        want.listeners.insert("metrics".into(), listener("metrics", ListenerProtocol::Prometheus, 9100, None));
    }));
    assert!(converge(&mut plain, &metrics(Some(&[TlsVersion::V1_2])), |_, _| {}).is_empty());
    assert!(seen_metrics(&mut plain).tls_ciphers.is_some());
}

/// An earlier version, or another client, has left it without ciphers. A change and a heal add them.
#[test]
fn metrics_listener_that_lacks_ciphers_is_healed() {
    let want = metrics(Some(&[TlsVersion::V1_3]));
    for renamed in [false, true] {
        let mut octavia = made(&want);
        let seen = seen_metrics(&mut octavia);
        (seen.tls_ciphers, seen.provisioning_status) = (None, Provisioning::Error);
        let mut want = want.clone();
        if renamed {
            want.listeners.get_mut("metrics").unwrap().description = Some("renamed".into());
        }
        assert!(converge(&mut octavia, &want, |_, _| {}).is_empty());
        assert_eq!(seen_metrics(&mut octavia).provisioning_status, Provisioning::Active);
    }
}

/// Another client has switched TLS on without ciphers.
#[test]
fn encrypted_pool_without_ciphers_gets_some_with_versions() {
    let with = |versions: Option<TlsVersion>| {
        edited(|want| {
            let versions = versions.map(|version| [version].into());
            let parameters = TlsParameters { versions, ..TlsParameters::default() };
            web(want).tls = Some(PoolTls { client_certificate_ref: None, ca_ref: None, crl_ref: None, parameters });
        })
    };
    let mut octavia = made(&with(None));
    let pools = &mut octavia.tree.as_mut().unwrap().pools;
    pools.iter_mut().find(|pool| pool.name == "web").unwrap().tls_ciphers = None;
    assert!(converge(&mut octavia, &with(Some(TlsVersion::V1_3)), |_, _| {}).is_empty());
}
