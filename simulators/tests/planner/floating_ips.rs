//! Whole plans for the floating IP, in their printed form.

use evenkeel::model::*;
use evenkeel::plan::{floating_ip_in_use, update};

use super::properties::converge;
use super::stack::*;

fn floating(network: &str, retain: bool) -> Desired {
    edited(|want| {
        let network_id = network.to_owned();
        want.floating_ip = Some(FloatingIp::Allocate { network_id, subnet: None, address: None, retain });
    })
}

#[test]
fn floating_ip_is_created_retained_and_released() {
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
fn other_floating_ip_on_same_address_is_held_back() {
    let before = floating("internet", false);
    let mut octavia = made(&before);
    converge(&mut octavia, &before, |_, _| {});
    // Another network: both lead there until the old one goes.
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
fn foreign_floating_ip_on_vip_is_left_alone() {
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
fn floating_ip_in_use_by_other_client_is_not_borrowed() {
    let rejected = |seen| match borrowing(seen) {
        Plan { steps, problems, .. } if steps.is_empty() => problems[0].message.clone(),
        plan => panic!("{plan}"),
    };
    let another_stacks = "evenkeel:uid=u2 evenkeel:cluster=c1";
    for on in [None, Some("server-port"), Some("vip-port")] {
        let message = rejected(lent(on, another_stacks, &[]));
        assert!(message.contains("belongs to c1/u2"), "{message}");
    }
    assert!(rejected(lent(Some("port"), "", &["evenkeel:uid=u2"])).contains("belongs to ?/u2"));
    let of_a_server = rejected(lent(Some("server-port"), "", &[]));
    assert!(of_a_server.contains("already leads to port server-port. Disassociate it first"), "{of_a_server}");
}

/// Both have tagged it: the first by UID gets it and the other steps back, unless it leads to the VIP of one already.
#[test]
fn rivals_for_floating_ip_agree_on_one() {
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
    // A floating IP that the stack created, and that another one claims in vain.
    let mark = owner().owner_description();
    let plan = borrowing(lent(Some("their-port"), &mark, &["evenkeel:uid=u0", "evenkeel:created-by=u1"]));
    assert!(plan.problems.is_empty(), "{plan}");
}

/// The name of the stack comes from the tags of its load balancer.
#[test]
fn problem_names_stack_that_has_floating_ip() {
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

/// An older version has left it so.
#[test]
fn floating_ip_with_description_alone_gets_tag() {
    let want = floating("internet", false);
    let mut octavia = made(&want);
    converge(&mut octavia, &want, |_, _| {});
    octavia.tree.as_mut().unwrap().floating_ips[0].tags.clear();
    let plan = update(&want, octavia.tree.as_ref().unwrap());
    shows(&plan, "~ floating IP 198.51.100.8: tags none -> evenkeel:created-by=u1");
}

#[test]
fn floating_ip_in_use_is_a_problem_before_create() {
    let want = |port: Option<&str>| {
        edited(|want| {
            want.floating_ip = Some(FloatingIp::Existing { id: "f1".into() });
            want.load_balancer.vip.port_id = port.map(str::to_owned);
        })
    };
    let in_use = |port, seen| floating_ip_in_use(&want(port), &[seen]).map(|rejection| rejection.message);
    let of_a_server = in_use(None, lent(Some("server-port"), "", &[])).unwrap();
    assert!(of_a_server.contains("198.51.100.9") && of_a_server.contains("server-port"), "{of_a_server}");
    assert!(in_use(None, lent(None, "", &["evenkeel:uid=u2"])).unwrap().contains("belongs to ?/u2"));
    // Free, on the user's own port already, or borrowed before.
    assert_eq!(in_use(None, lent(None, "", &[])), None);
    assert_eq!(in_use(Some("own-port"), lent(Some("own-port"), "", &[])), None);
    assert_eq!(in_use(None, lent(Some("server-port"), "", &["evenkeel:uid=u1"])), None);
}

#[test]
fn free_floating_ip_is_borrowed_and_own_one_fetched_back() {
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
