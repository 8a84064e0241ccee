//! Whole plans, as people read them. The order in them is part of what is tested.

use super::properties::converge;
use super::stack::*;
use crate::model::Plan;
use crate::model::*;
use crate::plan::{floating_ip_in_use, update};

fn shows(plan: &Plan, expected: &str) {
    let expected: String =
        expected.trim_matches('\n').lines().map(|line| format!("{}\n", line.trim_start_matches("    "))).collect();
    let printed = plan.to_string();
    assert!(printed == expected, "printed:\n{printed}\nexpected:\n{expected}");
}

#[test]
fn equal_is_nothing_to_do() {
    shows(&plan(&stack(), &stack()), "nothing to do");
    assert_eq!(plan(&stack(), &stack()).summary(), "nothing to do");
}

#[test]
fn members_come_go_and_change_in_one_write() {
    let want = edited(|want| {
        let members = &mut web(want).members;
        members.remove(&member_key("10.0.0.11"));
        members.insert(member_key("10.0.0.13"), member());
        members.get_mut(&member_key("10.0.0.12")).unwrap().weight = 3;
    });
    shows(
        &plan(&stack(), &want),
        "
~ members of pool web: 10.0.0.12:8080 weight 1 -> 3, +10.0.0.13:8080, -10.0.0.11:8080 [new connections]
",
    );
}

#[test]
fn a_pool_of_another_protocol_is_made_then_switched_to_then_deleted() {
    let with = |protocol| {
        edited(|want| {
            *web(want) = Pool { monitor: Some(monitor(MonitorType::Tcp)), ..pool("web", protocol, &["10.0.0.11"]) };
            http(want).policies = vec![policy("images", to_pool("web"), &["/images"])];
        })
    };
    shows(
        &plan(&with(PoolProtocol::Http), &with(PoolProtocol::Proxy)),
        "
+ pool web
~ members of pool web: +10.0.0.11:8080
+ health monitor web
~ L7 policy http/images: redirect_pool_id id-0004 -> <pool web>
~ listener http: default_pool_id id-0004 -> <pool web>
- pool web (replace)
",
    );
}

#[test]
fn a_listener_that_moves_to_a_free_port_is_complete_there_before_it_leaves() {
    let at = |port| {
        edited(|want| {
            http(want).port = port;
            http(want).policies = vec![policy("api", to_pool("api"), &["/api", "/v2"])];
        })
    };
    shows(
        &plan(&at(80), &at(8080)),
        "
+ listener http
+ L7 policy http/api
+ L7 rule http/api PATH STARTS_WITH /api
+ L7 rule http/api PATH STARTS_WITH /v2
~ listener http: admin_state_up false -> true
- listener http (replace) [interrupts]
",
    );
}

#[test]
fn two_listeners_that_swap_their_ports_are_changed_where_they_stand() {
    let with = |first, second| {
        edited(|want| {
            want.listeners.clear();
            for (key, port, pool) in [("a", first, "api"), ("b", second, "web")] {
                want.listeners.insert(key.into(), listener(key, ListenerProtocol::Http, port, Some(pool)));
            }
        })
    };
    shows(
        &plan(&with(80, 81), &with(81, 80)),
        r#"
~ listener a: default_pool_id id-0004 -> id-0002, name b -> a, tags ["evenkeel:key=b"] -> ["evenkeel:key=a"]
~ listener b: default_pool_id id-0002 -> id-0004, name a -> b, tags ["evenkeel:key=a"] -> ["evenkeel:key=b"]
"#,
    );
}

fn https() -> Desired {
    edited(|want| {
        http(want).protocol = ListenerProtocol::Tcp;
        *web(want) = pool("web", PoolProtocol::Tcp, &["10.0.0.11"]);
        web(want).members.insert(member_key("10.0.0.14"), member());
    })
}

#[test]
fn another_protocol_on_the_same_port_is_held_back_and_its_members_kept_meanwhile() {
    let held = plan(&stack(), &https());
    shows(
        &held,
        "
~ members of pool web: +10.0.0.14:8080, -10.0.0.12:8080 [new connections]
held back, because it interrupts traffic (disruptionPolicy: Allow lets it run):
  + pool web
  ~ members of pool web: +10.0.0.11:8080, +10.0.0.14:8080
  - listener http (replace) [interrupts]
  + listener http (replace)
  - pool web (replace)
",
    );
    assert_eq!(held.summary(), "update members of pool web; 5 held back");
    let mut octavia = made(&stack());
    let rest = converge(&mut octavia, &https(), |_, _| {});
    assert_eq!((rest.steps.len(), rest.held_back.len()), (0, 5), "{rest}");
}

#[test]
fn another_protocol_on_the_same_port_runs_where_interruptions_are_allowed() {
    let want = Desired { allow_interruption: true, ..https() };
    shows(
        &plan(&stack(), &want),
        "
+ pool web
~ members of pool web: +10.0.0.11:8080, +10.0.0.14:8080
- listener http (replace) [interrupts]
+ listener http (replace)
- pool web (replace)
",
    );
}

#[test]
fn a_new_policy_of_a_live_listener_is_enabled_when_its_rules_are_there() {
    let want = edited(|want| {
        http(want).policies =
            vec![policy("two", to_pool("api"), &["/a", "/b"]), policy("one", L7Action::Reject, &["/c"])];
    });
    shows(
        &plan(&stack(), &want),
        "
+ L7 policy http/two
+ L7 rule http/two PATH STARTS_WITH /a
+ L7 rule http/two PATH STARTS_WITH /b
~ L7 policy http/two: admin_state_up false -> true
+ L7 policy http/one
+ L7 rule http/one PATH STARTS_WITH /c
",
    );
}

#[test]
fn rules_narrow_before_the_action_changes_and_widen_after_it() {
    let with = |action, paths: &[&str]| edited(|want| http(want).policies = vec![policy("p", action, paths)]);
    let before = with(to_pool("api"), &["/a", "/b"]);
    shows(
        &plan(&before, &with(to_pool("web"), &["/c", "/d"])),
        "
+ L7 rule http/p PATH STARTS_WITH /c
+ L7 rule http/p PATH STARTS_WITH /d
~ L7 policy http/p: redirect_pool_id id-0002 -> id-0004
- L7 rule http/p PATH STARTS_WITH /a
- L7 rule http/p PATH STARTS_WITH /b
",
    );
    shows(
        &plan(&before, &with(to_pool("api"), &["/c", "/d"])),
        "
+ L7 rule http/p PATH STARTS_WITH /c
~ L7 rule http/p PATH STARTS_WITH /a: rule PATH STARTS_WITH /a -> PATH STARTS_WITH /d
- L7 rule http/p PATH STARTS_WITH /b
",
    );
}

#[test]
fn policies_are_moved_as_few_as_can_be_and_those_that_go_go_last() {
    let with = |keys: &[&str]| {
        edited(|want| {
            http(want).policies = keys.iter().map(|key| policy(key, L7Action::Reject, &["/x"])).collect();
        })
    };
    shows(
        &plan(&with(&["a", "b", "c", "d"]), &with(&["d", "a", "b", "c"])),
        "
~ L7 policy http/d: position 4 -> 1
",
    );
    shows(
        &plan(&with(&["a", "b", "c", "d"]), &with(&["b", "new", "d", "c"])),
        "
+ L7 policy http/new
+ L7 rule http/new PATH STARTS_WITH /x
~ L7 policy http/d: position 5 -> 4
- L7 policy http/a
",
    );
}

#[test]
fn what_is_in_error_is_sent_again_parents_first() {
    let want = edited(|want| {
        http(want).policies = vec![policy("p", to_pool("api"), &["/a"])];
        web(want).monitor = Some(monitor(MonitorType::Http));
    });
    let mut octavia = made(&want);
    let tree = octavia.tree.as_mut().unwrap();
    let error = Provisioning::Error;
    tree.listeners[0].provisioning_status = error;
    tree.listeners[0].policies[0].provisioning_status = error;
    tree.listeners[0].policies[0].rules[0].provisioning_status = error;
    let pool = tree.pools.iter_mut().find(|p| p.name == "web").unwrap();
    pool.provisioning_status = error;
    pool.members.iter_mut().for_each(|member| member.provisioning_status = error);
    pool.monitor.as_mut().unwrap().provisioning_status = error;
    shows(
        &update(&want, tree),
        "
~ pool web (heal)
~ L7 policy http/p (heal)
~ L7 rule http/p PATH STARTS_WITH /a (heal)
~ members of pool web (heal)
~ health monitor web (heal)
",
    );
    converge(&mut octavia, &want, |_, _| {});
    let mut alone = made(&want);
    alone.tree.as_mut().unwrap().listeners[0].provisioning_status = error;
    shows(&update(&want, alone.tree.as_ref().unwrap()), "~ listener http (heal)");
    let renamed = Desired {
        listeners: [("http".to_owned(), Listener { name: "front".into(), ..want.listeners["http"].clone() })].into(),
        ..want
    };
    shows(&update(&renamed, alone.tree.as_ref().unwrap()), "~ listener http: name http -> front");
}

#[test]
fn a_monitor_of_another_type_is_deleted_and_made() {
    let with = |kind| edited(|want| web(want).monitor = Some(monitor(kind)));
    shows(
        &plan(&with(MonitorType::Http), &with(MonitorType::Tcp)),
        "
- health monitor web (replace) [new connections]
+ health monitor web (replace)
",
    );
}

#[test]
fn a_default_pool_that_goes_is_left_before_it_is_deleted() {
    let want = edited(|want| {
        want.pools.remove("web");
        http(want).default_pool = None;
    });
    shows(
        &plan(&stack(), &want),
        "
~ listener http: default_pool_id id-0004 -> none [interrupts]
- pool web
",
    );
}

#[test]
fn security_groups_and_cidrs_never_meet() {
    let cidrs = edited(|want| http(want).allowed_cidrs = ["10.0.0.0/8".to_owned()].into());
    let groups = edited(|want| want.load_balancer.security_group_ids = Some(["web".to_owned()].into()));
    shows(
        &plan(&cidrs, &groups),
        r#"
~ listener http: allowed_cidrs ["10.0.0.0/8"] -> [] [new connections]
~ load balancer shop/web: tags ["evenkeel:attempt=a1","evenkeel:cluster=c1","evenkeel:name=web","evenkeel:names… -> ["evenkeel:attempt=a1","evenkeel:cluster=c1","evenkeel:name=web","evenkeel:names…, vip_sg_ids [] -> ["web"] [new connections]
"#,
    );
    assert_eq!(plan(&groups, &cidrs).summary(), "update load balancer shop/web; update listener http");
}

fn floating(network: &str, retain: bool) -> Desired {
    edited(|want| {
        let network_id = network.to_owned();
        want.floating_ip = Some(FloatingIp::Allocate { network_id, subnet: None, address: None, retain });
    })
}

#[test]
fn a_floating_ip_is_made_kept_and_let_go() {
    let want = floating("internet", true);
    let mut octavia = made(&want);
    shows(
        &update(&want, octavia.tree.as_ref().unwrap()),
        "
+ floating IP new
~ floating IP new: tags none -> evenkeel:reclaim-policy=Retain
~ floating IP new: tags none -> evenkeel:created-by=u1
",
    );
    converge(&mut octavia, &want, |_, _| {});
    shows(
        &update(&stack(), octavia.tree.as_ref().unwrap()),
        r#"
~ floating IP 198.51.100.8: description evenkeel:uid=u1 evenkeel:cluster=c1 -> "", port_id vip-port -> none [interrupts]
~ floating IP 198.51.100.8: tags evenkeel:created-by=u1 -> none
"#,
    );
    converge(&mut octavia, &floating("internet", false), |_, _| {});
    shows(&update(&stack(), octavia.tree.as_ref().unwrap()), "- floating IP 198.51.100.8 [interrupts]");
    octavia.tree.as_mut().unwrap().floating_ips[0].port_id = None;
    shows(
        &update(&floating("internet", false), octavia.tree.as_ref().unwrap()),
        "~ floating IP 198.51.100.8: port_id none -> vip-port",
    );
}

#[test]
fn another_floating_ip_on_the_same_address_is_held_back() {
    let before = floating("internet", false);
    let mut octavia = made(&before);
    converge(&mut octavia, &before, |_, _| {});
    // Of another network: both lead there until the old one goes.
    shows(
        &update(&floating("other", false), octavia.tree.as_ref().unwrap()),
        "
held back, because it interrupts traffic (disruptionPolicy: Allow lets it run):
  + floating IP new (replace)
  ~ floating IP new: tags none -> evenkeel:created-by=u1 (replace)
  - floating IP 198.51.100.8 (replace) [interrupts]
",
    );
    let exchanged = "
held back, because it interrupts traffic (disruptionPolicy: Allow lets it run):
  + floating IP NAME (replace)
  ~ floating IP NAME: tags none -> evenkeel:created-by=u1 (replace)
  ~ floating IP 198.51.100.8: port_id vip-port -> none (replace) [interrupts]
  ~ floating IP NAME: port_id none -> vip-port (replace)
  - floating IP 198.51.100.8 (replace)
";
    let subnet = |cidr: &str| Some(FloatingSubnet { id: "s".into(), cidr: cidr.parse().unwrap() });
    let cases = [
        (subnet("198.51.101.0/24"), None, "new"),
        (None, Some("198.51.100.77"), "198.51.100.77"),
        (subnet("198.51.100.0/24"), Some("198.51.100.77"), "198.51.100.77"),
    ];
    let of = |subnet: &Option<FloatingSubnet>, address: Option<&str>| {
        let (network_id, subnet, address) = ("internet".into(), subnet.clone(), address.map(str::to_owned));
        edited(|want| want.floating_ip = Some(FloatingIp::Allocate { network_id, subnet, address, retain: false }))
    };
    for (subnet, address, name) in cases {
        let plan = update(&of(&subnet, address), octavia.tree.as_ref().unwrap());
        shows(&plan, &exchanged.replace("NAME", name));
    }
    let same = of(&subnet("198.51.100.0/24"), Some("198.51.100.8"));
    assert_eq!(update(&same, octavia.tree.as_ref().unwrap()), Plan::default());
}

#[test]
fn a_floating_ip_of_somebody_else_in_the_way_is_not_touched() {
    let mut octavia = made(&stack());
    let tree = octavia.tree.as_mut().unwrap();
    tree.floating_ips.push(ObservedFloatingIp {
        id: "f1".into(),
        floating_ip_address: "198.51.100.9".into(),
        port_id: tree.load_balancer.vip_port_id.clone(),
        fixed_ip_address: tree.load_balancer.vip_address.clone(),
        ..ObservedFloatingIp::default()
    });
    shows(
        &update(&floating("internet", false), tree),
        "
cannot be done:
  floating IP 198.51.100.9 (f1), which this stack did not make, already leads to 10.1.0.10. Disassociate it, or name it under floatingIP.existing
",
    );
    assert!(update(&stack(), tree).is_empty());
}

/// A floating IP that the stack would borrow, as the cloud shows it.
fn lent(port: Option<&str>, description: &str, tags: &[&str]) -> ObservedFloatingIp {
    ObservedFloatingIp {
        id: "f1".into(),
        floating_ip_address: "198.51.100.9".into(),
        port_id: port.map(str::to_owned),
        description: description.into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..ObservedFloatingIp::default()
    }
}

fn borrowing(seen: ObservedFloatingIp) -> Plan {
    let want = edited(|want| want.floating_ip = Some(FloatingIp::Existing { id: "f1".into() }));
    let mut tree = made(&want).tree.unwrap();
    tree.floating_ips = vec![seen];
    update(&want, &tree)
}

#[test]
fn a_floating_ip_is_borrowed_only_while_nobody_else_uses_it() {
    let refused = |seen| match borrowing(seen) {
        Plan { steps, problems, .. } if steps.is_empty() => problems[0].message.clone(),
        plan => panic!("{plan}"),
    };
    let another_stacks = "evenkeel:uid=u2 evenkeel:cluster=c1";
    for on in [None, Some("server-port"), Some("vip-port")] {
        let message = refused(lent(on, another_stacks, &[]));
        assert!(message.contains("belongs to c1/u2"), "{message}");
    }
    assert!(refused(lent(Some("port"), "", &["evenkeel:uid=u2"])).contains("belongs to ?/u2"));
    let of_a_server = refused(lent(Some("server-port"), "", &[]));
    assert!(of_a_server.contains("already leads to port server-port. Disassociate it first"), "{of_a_server}");
}

/// Both tagged it: the first by UID goes on, the other steps back, and whoever has it on its VIP keeps it.
#[test]
fn rivals_for_a_floating_ip_agree_who_has_it() {
    let rivals = |uid: &str| ["evenkeel:uid=u1".to_owned(), format!("evenkeel:uid={uid}")];
    let plan = |on: Option<&str>, uid: &str| {
        let tags = rivals(uid);
        borrowing(lent(on, "", &tags.each_ref().map(String::as_str)))
    };
    shows(&plan(None, "u2"), "~ floating IP 198.51.100.9: port_id none -> vip-port");
    assert_eq!(plan(Some("vip-port"), "u0"), Plan::default());
    for (on, uid) in [(None, "u0"), (Some("their-port"), "u0"), (Some("their-port"), "u2")] {
        let plan = plan(on, uid);
        assert_eq!(plan.steps.len(), 1, "{plan}");
        assert_eq!(plan.steps[0].to_string(), "~ floating IP 198.51.100.9: tags evenkeel:uid=u1 -> none");
        assert!(plan.problems[0].message.contains(&format!("belongs to ?/{uid}")), "{plan}");
        assert_eq!(plan.problems[0].floating_ip.as_deref(), Some("f1"));
    }
    // Its own one, which somebody else claims in vain.
    let mark = owner().owner_description();
    let plan = borrowing(lent(Some("their-port"), &mark, &["evenkeel:uid=u0", "evenkeel:created-by=u1"]));
    assert!(plan.problems.is_empty(), "{plan}");
}

/// The name of the stack comes from the tags of its load balancer.
#[test]
fn a_refusal_names_the_stack_that_has_the_floating_ip() {
    let named = |holder: Option<&str>| {
        let seen = lent(Some("their-port"), "", &["evenkeel:uid=u2"]);
        borrowing(ObservedFloatingIp { holder: holder.map(str::to_owned), ..seen }).problems.remove(0).message
    };
    let living = named(Some("stack shop/blue"));
    assert!(living.contains("belongs to stack shop/blue (?/u2)") && !living.contains("clear"), "{living}");
    assert!(named(None).contains("without a load balancer in this project"), "{}", named(None));
}

#[test]
fn floating_ip_without_tags_is_known_by_its_description() {
    let want = floating("internet", false);
    let mut octavia = made(&want);
    converge(&mut octavia, &want, |_, _| {});
    let seen = &mut octavia.tree.as_mut().unwrap().floating_ips[0];
    (seen.tags, seen.untaggable) = (Default::default(), true);
    assert_eq!(update(&want, octavia.tree.as_ref().unwrap()), Plan::default());
}

/// As an older version left it.
#[test]
fn a_floating_ip_with_its_description_alone_gets_its_tag() {
    let want = floating("internet", false);
    let mut octavia = made(&want);
    converge(&mut octavia, &want, |_, _| {});
    octavia.tree.as_mut().unwrap().floating_ips[0].tags.clear();
    let plan = update(&want, octavia.tree.as_ref().unwrap());
    shows(&plan, "~ floating IP 198.51.100.8: tags none -> evenkeel:created-by=u1");
}

#[test]
fn a_floating_ip_that_serves_another_is_known_before_the_load_balancer_is_made() {
    let want = |port: Option<&str>| {
        edited(|want| {
            want.floating_ip = Some(FloatingIp::Existing { id: "f1".into() });
            want.load_balancer.vip.port_id = port.map(str::to_owned);
        })
    };
    let in_use = |port, seen| floating_ip_in_use(&want(port), &[seen]).map(|refusal| refusal.message);
    let of_a_server = in_use(None, lent(Some("server-port"), "", &[])).unwrap();
    assert!(of_a_server.contains("198.51.100.9") && of_a_server.contains("server-port"), "{of_a_server}");
    assert!(in_use(None, lent(None, "", &["evenkeel:uid=u2"])).unwrap().contains("belongs to ?/u2"));
    // Free, on the user's own port already, or ours from before.
    assert_eq!(in_use(None, lent(None, "", &[])), None);
    assert_eq!(in_use(Some("own-port"), lent(Some("own-port"), "", &[])), None);
    assert_eq!(in_use(None, lent(Some("server-port"), "", &["evenkeel:uid=u1"])), None);
}

#[test]
fn a_free_floating_ip_is_borrowed_and_one_that_was_ours_is_fetched_back() {
    shows(
        &borrowing(lent(None, "", &[])),
        "
~ floating IP 198.51.100.9: tags none -> evenkeel:uid=u1
~ floating IP 198.51.100.9: port_id none -> vip-port
",
    );
    shows(
        &borrowing(lent(Some("server-port"), "", &["evenkeel:uid=u1"])),
        "~ floating IP 198.51.100.9: port_id server-port -> vip-port",
    );
}

#[test]
fn a_listener_of_somebody_else_in_the_way_stops_only_what_needs_its_place() {
    let mut octavia = made(&stack());
    let tree = octavia.tree.as_mut().unwrap();
    tree.listeners.push(ObservedListener {
        id: "l9".into(),
        name: "by hand".into(),
        provisioning_status: Provisioning::Active,
        protocol: "TCP".into(),
        protocol_port: 443,
        ..ObservedListener::default()
    });
    let want = edited(|want| {
        want.pools.insert("tls".into(), pool("tls", PoolProtocol::Tcp, &[]));
        want.listeners.insert("tls".into(), listener("tls", ListenerProtocol::Tcp, 443, Some("tls")));
        http(want).connection_limit = Some(9);
    });
    shows(
        &update(&want, tree),
        r#"
~ listener http: connection_limit -1 -> 9, tags ["evenkeel:key=http"] -> ["evenkeel:key=http","evenkeel:owned-fields=connection_limit"] [new connections]
cannot be done:
  listener tls cannot have port 443: listener "by hand" (TCP, l9), which this stack did not make, has it. Delete that listener, or take another port
"#,
    );
}

#[test]
fn what_cannot_change_stops_all_but_the_healing() {
    let mut octavia = made(&stack());
    let tree = octavia.tree.as_mut().unwrap();
    tree.pools[0].provisioning_status = Provisioning::Error;
    let want = edited(|want| {
        want.load_balancer.vip.address = Some("10.1.0.99".into());
        want.load_balancer.flavor_id = Some("ha".into());
        http(want).connection_limit = Some(9);
    });
    let plan = update(&want, tree);
    shows(
        &plan,
        "
~ pool api (heal)
cannot be done:
  spec.loadBalancer.flavor is none on load balancer id-0001 and cannot become ha: Octavia does not change it. Set it back, or make a new stack
  spec.loadBalancer.vip.address is 10.1.0.10 on load balancer id-0001 and cannot become 10.1.0.99: Octavia does not change it. Set it back, or make a new stack
",
    );
    assert_eq!(plan.problems[1].field, "spec.loadBalancer.vip.address");
}

#[test]
fn a_summary_names_some_and_counts_the_rest() {
    let want = edited(|want| {
        want.pools.clear();
        want.listeners.clear();
        for n in 0..3 {
            want.pools.insert(format!("p{n}"), pool(&format!("p{n}"), PoolProtocol::Http, &["10.0.0.1"]));
        }
    });
    assert_eq!(
        plan(&stack(), &want).summary(),
        "create pool p0; update members of pool p0; create pool p1; update members of pool p1; 5 more"
    );
}
