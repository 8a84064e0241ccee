//! The single POST, deletion, orphaning and takeover.

use serde_json::json;

use super::octavia::Octavia;
use super::properties::converge;
use super::stack::*;
use evenkeel::model::*;
use evenkeel::plan::{MAX_BODY, delete, orphan, take_over};

fn posted(want: &Desired) -> Body {
    match single_post(want).call {
        Call::CreateLoadBalancer { body } => body,
        call => panic!("{call:?}"),
    }
}

#[test]
fn whole_stack_is_created_by_one_post() {
    let want = edited(|want| {
        http(want).policies = vec![policy("api", to_pool("api"), &["/api"])];
        web(want).monitor = Some(monitor(MonitorType::Http));
        want.pools
            .remove("web")
            .map(|web| want.pools.insert("web".into(), Pool { members: Members::Known(Default::default()), ..web }));
    });
    assert_eq!(
        json!(posted(&want)),
        json!({
            "name": "shop/web",
            "admin_state_up": true,
            "tags": [
                "evenkeel:attempt=a1", "evenkeel:cluster=c1", "evenkeel:name=web", "evenkeel:namespace=shop",
                "evenkeel:uid=u1",
            ],
            "vip_subnet_id": "subnet-1",
            "pools": [
                {
                    "name": "api", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "admin_state_up": true,
                    "tags": ["evenkeel:key=api"], "members": [{"address": "10.0.0.21", "protocol_port": 8080}],
                },
                {
                    "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "admin_state_up": true,
                    "tags": ["evenkeel:key=web"],
                    "healthmonitor": {
                        "name": "m", "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 3,
                        "max_retries_down": 3, "admin_state_up": true, "http_method": "GET",
                        "url_path": "/healthz", "expected_codes": "200",
                    },
                },
            ],
            "listeners": [{
                "name": "http", "protocol": "HTTP", "protocol_port": 80, "admin_state_up": true,
                "tags": ["evenkeel:key=http"], "default_pool": {"name": "web"},
                "l7policies": [{
                    "name": "api", "admin_state_up": true, "tags": ["evenkeel:key=api"],
                    "action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "api"}, "position": 1,
                    "rules": [{
                        "type": "PATH", "compare_type": "STARTS_WITH", "value": "/api", "invert": false,
                        "admin_state_up": true,
                    }],
                }],
            }],
        })
    );
}

#[test]
fn create_body_has_keys_that_octavia_reads_unchecked() {
    let want = edited(|want| {
        let parameters = TlsParameters::default();
        web(want).tls = Some(PoolTls { client_certificate_ref: None, ca_ref: None, crl_ref: None, parameters });
        let mut metrics = listener("metrics", ListenerProtocol::Prometheus, 9100, None);
        metrics.tls = Some(tls("cert-1"));
        want.listeners.insert("metrics".into(), metrics);
    });
    let body = json!(posted(&want));
    let encrypted = body["pools"].as_array().unwrap().iter().find(|p| p["name"] == "web").unwrap();
    let metrics = body["listeners"].as_array().unwrap().iter().find(|l| l["name"] == "metrics").unwrap();
    for field in ["tls_ciphers", "tls_versions", "alpn_protocols"] {
        assert!(encrypted.as_object().unwrap().contains_key(field), "{field}");
    }
    assert!(metrics.as_object().unwrap().contains_key("tls_versions"));
    assert!(metrics.as_object().unwrap().contains_key("alpn_protocols"));
}

#[test]
fn create_records_operator_defaulted_fields_in_tag() {
    let want = edited(|want| {
        want.load_balancer.qos_policy_id = Some("gold".into());
        http(want).timeouts.member_data = Some(5);
        http(want).tags = ["team=shop".to_owned()].into();
    });
    let body = json!(posted(&want));
    assert!(body["tags"].as_array().unwrap().contains(&json!("evenkeel:owned-fields=vip_qos_policy_id")));
    let tags = json!(["evenkeel:key=http", "evenkeel:owned-fields=timeout_member_data", "team=shop"]);
    assert_eq!(body["listeners"][0]["tags"], tags);
}

/// A stack of which no part fits into one body.
fn vast() -> Desired {
    edited(|want| {
        let tags = (0..20).map(|n| format!("{n:0>200}")).collect::<std::collections::BTreeSet<String>>();
        for n in 0..8 {
            let mut listener = listener("l", ListenerProtocol::Http, 8000 + n, Some("web"));
            listener.policies = (0..8).map(|p| policy(&format!("p{p}"), to_pool("api"), &["/a", "/b"])).collect();
            listener.policies.iter_mut().for_each(|policy| policy.tags.clone_from(&tags));
            listener.tags.clone_from(&tags);
            want.listeners.insert(format!("l{n}"), listener);
        }
        *web_members(want) = (0..=255)
            .map(|n| (MemberKey { address: [10, 0, 1, n].into(), port: 80 }, Member { tags: tags.clone(), ..member() }))
            .collect();
    })
}

#[test]
fn oversized_create_is_cut_and_completed_before_it_serves() {
    let body = posted(&vast());
    assert!(serde_json::to_vec(&body).unwrap().len() <= MAX_BODY);
    let listeners = json!(body)["listeners"].as_array().unwrap().clone();
    let cut = listeners.iter().filter(|l| !l.as_object().unwrap().contains_key("l7policies") && l["name"] == "l");
    let cut: Vec<_> = cut.collect();
    assert!(!cut.is_empty() && cut.iter().all(|listener| listener["admin_state_up"] == false));
    let mut octavia = Octavia::default();
    octavia.apply(&single_post(&vast())).unwrap();
    converge(&mut octavia, &vast(), |_, _| {});
}

#[test]
fn oversized_create_cuts_members_first() {
    let want = edited(|want| {
        let long = |n: u8| Member { name: format!("{n:0>250}"), ..member() };
        *web_members(want) = (0..=255)
            .flat_map(|n| [80, 81].map(|port| (MemberKey { address: [10, 0, 1, n].into(), port }, long(n))))
            .collect();
    });
    let body = posted(&want);
    let size = serde_json::to_vec(&body).unwrap().len();
    assert!((MAX_BODY * 9 / 10..=MAX_BODY).contains(&size), "{size}");
    assert_eq!(json!(body)["listeners"].as_array().unwrap().len(), 1);
}

fn floating_ip(id: &str, description: &str, tags: &[&str]) -> ObservedFloatingIp {
    ObservedFloatingIp {
        id: id.into(),
        floating_ip_address: id.into(),
        port_id: Some("vip-port".into()),
        description: description.into(),
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        ..ObservedFloatingIp::default()
    }
}

#[test]
fn delete_gives_back_then_cascades_then_deletes_created() {
    let load_balancer = made(&stack()).tree.unwrap().load_balancer;
    let mark = owner().owner_description();
    let all = [
        floating_ip("made", &mark, &[]),
        floating_ip("kept", &mark, &[evenkeel::plan::RETAIN, "evenkeel:created-by=u1"]),
        floating_ip("lent", "", &["evenkeel:uid=u1"]),
        floating_ip("theirs", "", &["evenkeel:uid=u2"]),
    ];
    let plan = delete(&owner(), false, Some(&load_balancer), &all, &[]);
    assert_eq!(
        plan.to_string(),
        "~ floating IP lent: port_id vip-port -> none [interrupts]\n\
         ~ floating IP lent: tags evenkeel:uid=u1 -> none\n\
         - load balancer shop/web [interrupts]\n\
         - floating IP made [interrupts]\n\
         ~ floating IP kept: description evenkeel:uid=u1 evenkeel:cluster=c1 -> \"\", port_id vip-port -> none [interrupts]\n\
         ~ floating IP kept: tags evenkeel:created-by=u1 -> none\n"
    );
    let left = delete(&owner(), false, None, &all[2..], &[]);
    assert_eq!(left.to_string(), "~ floating IP lent: tags evenkeel:uid=u1 -> none\n");
    let retained = delete(&owner(), true, None, &all[..1], &[]);
    assert_eq!(retained.summary(), "update floating IP made");
    assert!(delete(&owner(), false, None, &[], &[]).is_empty());
}

#[test]
fn orphan_takes_off_owner_tags_only_created_ones_last() {
    let want = edited(|want| want.load_balancer.tags = ["team=shop".to_owned()].into());
    let mut load_balancer = made(&want).tree.unwrap().load_balancer;
    let all = [
        floating_ip("made", &owner().owner_description(), &["evenkeel:created-by=u1"]),
        floating_ip("lent", "", &["evenkeel:uid=u1"]),
        floating_ip("strange", "", &[]),
        floating_ip("described", "the shop's", &["evenkeel:created-by=u1"]),
    ];
    let plan = orphan(&owner(), Some(&load_balancer), &all);
    let [lent, tags, made, made_tag, described_tag] = &plan.steps[..] else { panic!("{plan}") };
    assert_eq!(lent.to_string(), "~ floating IP lent: tags evenkeel:uid=u1 -> none");
    assert!(
        matches!(&tags.call, Call::UpdateLoadBalancer { body, .. } if json!(body) == json!({"tags": ["team=shop"]}))
    );
    assert!(matches!(&made.call, Call::UpdateFloatingIp { body, .. } if json!(body) == json!({"description": ""})));
    assert_eq!(made_tag.to_string(), "~ floating IP made: tags evenkeel:created-by=u1 -> none");
    assert_eq!(described_tag.to_string(), "~ floating IP described: tags evenkeel:created-by=u1 -> none");
    let names = orphan(&owner(), None, &all).steps.into_iter().map(|step| step.name);
    assert_eq!(names.collect::<Vec<_>>(), ["lent", "made", "made", "described"]);
    // Octavia takes no change of it. Its floating IPs go with it to the stack that takes it over.
    load_balancer.provisioning_status = Provisioning::Error;
    assert_eq!(orphan(&owner(), Some(&load_balancer), &all).summary(), "update floating IP lent");
}

/// The crash may come after any of the steps.
#[test]
fn takeover_of_floating_ip_survives_crash() {
    let before = edited(|want| {
        let network_id = "internet".into();
        want.floating_ip = Some(FloatingIp::Allocate { network_id, subnet: None, address: None, retain: false });
    });
    let restored = Owner { uid: "u2".into(), ..owner() };
    for (description, tags) in [(None, true), (None, false), (Some("the shop's"), true)] {
        let mut octavia = made(&before);
        converge(&mut octavia, &before, |_, _| {});
        let seen = &mut octavia.tree.as_mut().unwrap().floating_ips[0];
        seen.description = description.map_or(seen.description.clone(), str::to_owned);
        seen.tags.retain(|_| tags);
        for _ in 0..9 {
            let tree = octavia.tree.as_ref().unwrap();
            if restored.owns(&tree.load_balancer.tags) {
                break;
            }
            let floating_ips: Vec<_> = tree
                .floating_ips
                .iter()
                .filter(|seen| Ownership::between(&owner(), seen) != Ownership::Foreign)
                .cloned()
                .collect();
            let step = take_over(&restored, &tree.load_balancer, &floating_ips).steps.remove(0);
            octavia.apply(&step).unwrap();
        }
        let want = Desired { owner: restored.clone(), ..before.clone() };
        converge(&mut octavia, &want, |_, _| {});
        let [left] = &octavia.tree.as_ref().unwrap().floating_ips[..] else { panic!("{octavia:?}") };
        assert_eq!(left.description, restored.owner_description());
        assert_eq!(left.tags, [restored.created_tag()].into());
    }
}

#[test]
fn restored_stack_takes_over_load_balancer_and_floating_ip() {
    let before = edited(|want| {
        want.floating_ip =
            Some(FloatingIp::Allocate { network_id: "internet".into(), subnet: None, address: None, retain: false });
    });
    let mut octavia = made(&before);
    converge(&mut octavia, &before, |_, _| {});
    let restored = Owner { uid: "u2".into(), ..owner() };
    let tree = octavia.tree.as_ref().unwrap();
    let plan = take_over(&restored, &tree.load_balancer, &tree.floating_ips);
    assert_eq!(plan.steps[0].kind, Kind::FloatingIp, "the takeover erases the owner tags that prove the floating IP");
    for step in &plan.steps {
        octavia.apply(step).unwrap();
    }
    let tags = &octavia.tree.as_ref().unwrap().load_balancer.tags;
    assert!(restored.owns(tags) && !owner().owns(tags) && attempt_of(tags) == Some("a1"));
    let left = octavia.tree.as_ref().unwrap();
    assert_eq!(Ownership::between(&restored, &left.floating_ips[0]), Ownership::Created);
    assert!(!left.floating_ips[0].tags.contains(&owner().created_tag()), "{:?}", left.floating_ips);
    let want = Desired { owner: restored.clone(), ..before };
    let ids = |octavia: &Octavia| {
        octavia.tree.as_ref().unwrap().floating_ips.iter().map(|f| f.id.clone()).collect::<Vec<_>>()
    };
    let address = ids(&octavia);
    converge(&mut octavia, &want, |_, _| {});
    assert_eq!(ids(&octavia), address);
    assert_eq!(octavia.tree.unwrap().floating_ips[0].description, restored.owner_description());
}
