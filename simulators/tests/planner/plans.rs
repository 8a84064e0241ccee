//! Whole plans in their printed form. The tests also check the order of the steps.

use evenkeel::model::*;
use evenkeel::plan::update;

use super::properties::converge;
use super::stack::*;

#[test]
fn equal_state_needs_no_step() {
    shows(&plan(&stack(), &stack()), "nothing to do");
    assert_eq!(plan(&stack(), &stack()).summary(), "nothing to do");
}

#[test]
fn members_are_added_changed_and_removed_in_one_write() {
    let want = edited(|want| {
        let members = web_members(want);
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
fn pool_of_other_protocol_is_created_switched_then_old_deleted() {
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
fn listener_is_complete_at_new_port_before_old_is_deleted() {
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
fn listeners_that_swap_ports_are_changed_in_place() {
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
        web_members(want).insert(member_key("10.0.0.14"), member());
    })
}

#[test]
fn protocol_change_is_held_back_while_members_are_updated() {
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
fn protocol_change_runs_if_interruptions_are_allowed() {
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
fn new_policy_of_live_listener_is_enabled_after_its_rules() {
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
fn rules_narrow_before_action_changes_and_widen_after() {
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
fn fewest_policies_move_and_obsolete_ones_go_last() {
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
fn objects_in_error_are_healed_parents_first() {
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
fn monitor_of_other_type_is_deleted_and_created() {
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
fn default_pool_is_unset_before_it_is_deleted() {
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
fn security_groups_and_cidrs_never_coexist() {
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

#[test]
fn foreign_listener_blocks_only_listener_of_its_port() {
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
fn immutable_difference_stops_all_but_healing() {
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
fn summary_names_some_steps_and_counts_others() {
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
