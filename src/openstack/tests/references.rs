use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::fake_cloud::FakeCloud;
use crate::model::*;
use crate::openstack::*;

use crate::model::ReferenceKind as Kind;

const REGION: &str = "    region_name: R1\n";

fn by_id(kind: Kind, id: &str) -> Reference {
    Reference { kind, by: Selector::Id(id.into()) }
}

fn by_name(kind: Kind, name: &str) -> Reference {
    Reference { kind, by: Selector::Name(name.into()) }
}

async fn one(cloud: &Cloud, reference: Reference) -> Result<ResolvedReference, ResolveError> {
    let mut answers = cloud.resolve(&BTreeSet::from([reference.clone()])).await.unwrap();
    answers.0.remove(&reference).unwrap()
}

fn cloud_with_objects() -> std::sync::Arc<FakeCloud> {
    let fake = FakeCloud::new(|request| {
        (request.path.ends_with("/providers")).then(|| Ok((200, json!({"providers": [{"name": "amphora"}]}))))
    });
    let network = |id: &str, name: &str, project: &str, shared: bool, external: bool| {
        fake.add(
            "/v2.0/networks",
            json!({"id": id, "name": name, "project_id": project, "shared": shared,
            "router:external": external, "subnets": ["s1"]}),
        );
    };
    network("n1", "private", "p1", false, false);
    network("n2", "Private", "p1", false, false);
    network("n3", "public", "p2", false, true);
    network("n4", "hidden", "p2", false, false);
    network("n5", "twice", "p1", false, false);
    network("n6", "twice", "p2", true, false);
    fake.add(
        "/v2.0/subnets",
        json!({"id": "s1", "name": "s", "network_id": "n1", "cidr": "10.0.0.0/24", "project_id": "p1"}),
    );
    fake.add(
        "/v2.0/ports",
        json!({"id": "port1", "name": "vip", "network_id": "n1", "device_id": "", "project_id": "p1",
        "fixed_ips": [{"subnet_id": "s1", "ip_address": "10.0.0.9"}]}),
    );
    fake.add(
        "/v2.0/floatingips",
        json!({"id": "f1", "floating_ip_address": "203.0.113.7", "port_id": null, "project_id": "p1"}),
    );
    fake.add("/v2/lbaas/flavors", json!({"id": "fl1", "name": "ha", "enabled": true}));
    fake.add("/v2/lbaas/flavors", json!({"id": "fl2", "name": "old", "enabled": false}));
    fake.add("/v2/lbaas/availabilityzones", json!({"name": "az1", "enabled": true}));
    fake.add("/v2/lbaas/availabilityzones", json!({"name": "az0", "enabled": false}));
    fake
}

#[tokio::test(start_paused = true)]
async fn each_reference_kind_resolves_with_its_facts() {
    let cloud = cloud_with_objects().cloud_with(REGION);
    let network = ResolvedReference::Network { id: "n1".into(), external: false };
    assert_eq!(one(&cloud, by_name(Kind::Network, "private")).await, Ok(network.clone()));
    assert_eq!(one(&cloud, by_id(Kind::Network, "n1")).await, Ok(network));
    let subnet =
        ResolvedReference::Subnet { id: "s1".into(), network_id: "n1".into(), cidr: "10.0.0.0/24".parse().unwrap() };
    assert_eq!(one(&cloud, by_id(Kind::Subnet, "s1")).await, Ok(subnet));
    let Ok(ResolvedReference::Port { fixed_ips, device_id, .. }) = one(&cloud, by_name(Kind::Port, "vip")).await else {
        panic!()
    };
    assert_eq!((fixed_ips[0].address, device_id.as_str()), ("10.0.0.9".parse().unwrap(), ""));
    let by_address = Reference { kind: Kind::FloatingIp, by: Selector::Address("203.0.113.7".parse().unwrap()) };
    assert_eq!(one(&cloud, by_address).await.unwrap().id(), Some("f1"));
    let flavor = |id: &str, enabled| Ok(ResolvedReference::Flavor { id: id.into(), enabled });
    assert_eq!(one(&cloud, by_name(Kind::Flavor, "ha")).await, flavor("fl1", true));
    assert_eq!(one(&cloud, by_name(Kind::Flavor, "old")).await, flavor("fl2", false));
    let zone = |enabled| Ok(ResolvedReference::AvailabilityZone { enabled });
    assert_eq!(one(&cloud, by_name(Kind::AvailabilityZone, "az1")).await, zone(true));
    assert_eq!(one(&cloud, by_name(Kind::AvailabilityZone, "az0")).await, zone(false));
    assert_eq!(one(&cloud, by_name(Kind::Provider, "amphora")).await, Ok(ResolvedReference::Provider));
}

/// Neutron does not list the subnets that others own and do not share.
#[tokio::test(start_paused = true)]
async fn vip_network_resolves_with_subnets_and_cidrs() {
    let fake = cloud_with_objects();
    fake.change("/v2.0/networks", "n1", |network| network["subnets"] = json!(["s1", "s2"]));
    fake.add("/v2.0/subnets", json!({"id": "s9", "network_id": "n9", "cidr": "10.9.0.0/24", "project_id": "p1"}));
    let cloud = fake.cloud_with(REGION);
    let cidrs = vec!["10.0.0.0/24".parse().unwrap()];
    let network = ResolvedReference::VipNetwork { id: "n1".into(), subnet_ids: vec!["s1".into(), "s2".into()], cidrs };
    assert_eq!(one(&cloud, by_name(Kind::VipNetwork, "private")).await, Ok(network.clone()));
    assert_eq!(fake.lines().len(), 2);
    assert_eq!(one(&cloud, by_id(Kind::VipNetwork, "n1")).await, Ok(network));
    assert_eq!(one(&cloud, by_id(Kind::VipNetwork, "nowhere")).await, Err(ResolveError::Missing));
}

#[tokio::test(start_paused = true)]
async fn name_matches_exactly_and_hidden_object_is_missing() {
    let cloud = cloud_with_objects().cloud_with(REGION);
    for missing in [
        by_name(Kind::Network, "PRIVATE"),
        by_name(Kind::Network, "hidden"),
        by_name(Kind::Subnet, "S"),
        by_id(Kind::Port, "nowhere"),
        by_id(Kind::Network, "../ports/port1"),
        by_name(Kind::AvailabilityZone, "az2"),
        by_name(Kind::Provider, "ovn"),
        by_name(Kind::FloatingIp, "f1"),
    ] {
        assert_eq!(one(&cloud, missing.clone()).await, Err(ResolveError::Missing), "{missing:?}");
    }
    assert!(one(&cloud, by_name(Kind::Network, "public")).await.is_ok(), "external networks are for all");
    let ids = vec!["n5".to_owned(), "n6".to_owned()];
    assert_eq!(one(&cloud, by_name(Kind::Network, "twice")).await, Err(ResolveError::Ambiguous(ids)));
}

/// Neutron shows an administrator the objects of all projects. Subnets have no `shared`, only their network has.
#[tokio::test(start_paused = true)]
async fn subnet_name_leads_to_own_shared_and_external_networks_only() {
    let fake = cloud_with_objects();
    let subnet = |id: &str, name: &str, network: &str, project: &str| {
        let record =
            json!({"id": id, "name": name, "network_id": network, "cidr": "10.9.0.0/24", "project_id": project});
        fake.add("/v2.0/subnets", record);
    };
    subnet("s2", "s", "n4", "p2");
    subnet("s3", "hidden", "n4", "p2");
    subnet("s4", "floating", "n3", "p2");
    subnet("s5", "shared", "n6", "p2");
    subnet("s6", "guest", "n1", "p2");
    subnet("s7", "mine-there", "n4", "p1");
    subnet("s8", "two", "n1", "p1");
    subnet("s9", "two", "n6", "p2");
    for admin in [true, false] {
        fake.admin.store(admin, Ordering::SeqCst);
        let cloud = fake.cloud_with(REGION);
        for (name, id) in [("s", "s1"), ("floating", "s4"), ("shared", "s5"), ("guest", "s6"), ("mine-there", "s7")] {
            assert_eq!(one(&cloud, by_name(Kind::Subnet, name)).await.unwrap().id(), Some(id), "{name}");
        }
        assert_eq!(one(&cloud, by_name(Kind::Subnet, "hidden")).await, Err(ResolveError::Missing));
        assert_eq!(one(&cloud, by_id(Kind::Subnet, "s3")).await.unwrap().id(), Some("s3"));
        let ids = vec!["s8".to_owned(), "s9".to_owned()];
        assert_eq!(one(&cloud, by_name(Kind::Subnet, "two")).await, Err(ResolveError::Ambiguous(ids)));
    }
}

/// A policy may hide a network and show its subnets, except from administrators.
#[tokio::test(start_paused = true)]
async fn subnet_of_network_that_is_not_listed_stays_usable() {
    let fake = cloud_with_objects();
    fake.add(
        "/v2.0/subnets",
        json!({"id": "s2", "name": "t", "network_id": "n9", "cidr": "10.9.0.0/24", "project_id": "p2"}),
    );
    let cloud = fake.cloud_with(REGION);
    assert_eq!(one(&cloud, by_name(Kind::Subnet, "t")).await.unwrap().id(), Some("s2"));
}

#[tokio::test(start_paused = true)]
async fn external_network_of_others_is_missing_for_an_administrator() {
    let fake = cloud_with_objects();
    fake.add(
        "/v2.0/subnets",
        json!({"id": "s4", "name": "floating", "network_id": "n3", "cidr": "10.9.0.0/24", "project_id": "p2"}),
    );
    let allow = |id: &str, target: &str| {
        let record = json!({"id": id, "object_type": "network", "object_id": "n3", "action": "access_as_external",
                            "target_tenant": target});
        fake.add("/v2.0/rbac-policies", record);
    };
    fake.admin.store(true, Ordering::SeqCst);
    allow("r1", "p3");
    for reference in [by_name(Kind::Network, "public"), by_name(Kind::Subnet, "floating")] {
        assert_eq!(one(&fake.cloud_with(REGION), reference).await, Err(ResolveError::Missing));
    }
    assert!(one(&fake.cloud_with(REGION), by_id(Kind::Network, "n3")).await.is_ok());
    for (id, target) in [("r2", "p1"), ("r3", "*")] {
        allow(id, target);
        assert!(one(&fake.cloud_with(REGION), by_name(Kind::Network, "public")).await.is_ok(), "{target}");
        fake.remove("/v2.0/rbac-policies", id);
    }
    // Neutron shows users neither the RBAC policies nor networks that are not for them.
    fake.admin.store(false, Ordering::SeqCst);
    fake.calls();
    assert!(one(&fake.cloud_with(REGION), by_name(Kind::Network, "public")).await.is_ok());
    assert!(!fake.lines().iter().any(|line| line.contains("rbac")));
}

#[tokio::test(start_paused = true)]
async fn group_and_policy_names_lead_to_own_and_shared_objects_only() {
    let fake = cloud_with_objects();
    for (kind, path) in [(Kind::SecurityGroup, "/v2.0/security-groups"), (Kind::QosPolicy, "/v2.0/qos/policies")] {
        let object = |id: &str, name: &str, project: &str, shared: serde_json::Value| {
            fake.add(path, json!({"id": id, "name": name, "project_id": project, "shared": shared}));
        };
        object("o1", "default", "p1", json!(false));
        object("o2", "default", "p2", json!(false));
        object("o3", "common", "p2", json!(true));
        object("o4", "private", "p2", json!(false));
        // The record of a Neutron in which groups lack the attribute.
        object("o5", "old", "p2", json!(null));
        for admin in [true, false] {
            fake.admin.store(admin, Ordering::SeqCst);
            let cloud = fake.cloud_with(REGION);
            assert_eq!(one(&cloud, by_name(kind, "default")).await.unwrap().id(), Some("o1"));
            assert_eq!(one(&cloud, by_name(kind, "common")).await.unwrap().id(), Some("o3"));
            assert_eq!(one(&cloud, by_name(kind, "private")).await, Err(ResolveError::Missing));
            assert_eq!(one(&cloud, by_name(kind, "old")).await.is_ok(), !admin);
        }
    }
}

/// Look-ups keep records as JSON, in which a map of one field takes as much memory as one of ten.
#[tokio::test(start_paused = true)]
async fn lookup_response_with_too_many_objects_is_not_read() {
    let filler = "x".repeat(40);
    let fake = FakeCloud::new(move |request| {
        let network = json!({"id": "n1", "name": "private", "x": vec![json!({"x": filler}); 110_000]});
        let one = request.path == "/v2.0/networks/n1";
        let answer = if one { json!({"network": network}) } else { json!({"networks": [network]}) };
        request.path.starts_with("/v2.0/networks").then_some(Ok((200, answer)))
    });
    let cloud = fake.cloud_with(REGION);
    for (reference, expected) in [
        (
            by_id(Kind::Network, "n1"),
            "the response of the network service has more objects than any OpenStack resource and was not read",
        ),
        (by_name(Kind::Network, "private"), "after 32 MiB the list has no end"),
    ] {
        let error = cloud.resolve(&BTreeSet::from([reference])).await.unwrap_err();
        assert_eq!((error.class, error.message.as_str()), (ErrorClass::Transient(None), expected));
    }
}

/// Neutron shows them to an administrator, but no list of the project would show their use.
#[tokio::test(start_paused = true)]
async fn floating_ip_of_another_project_is_missing() {
    let fake = cloud_with_objects();
    fake.add(
        "/v2.0/floatingips",
        json!({"id": "f2", "floating_ip_address": "203.0.113.8", "port_id": "port9", "project_id": "p2"}),
    );
    let cloud = fake.cloud_with(REGION);
    assert_eq!(one(&cloud, by_id(Kind::FloatingIp, "f1")).await.unwrap().id(), Some("f1"));
    let by_address = Reference { kind: Kind::FloatingIp, by: Selector::Address("203.0.113.8".parse().unwrap()) };
    for reference in [by_id(Kind::FloatingIp, "f2"), by_address] {
        assert_eq!(one(&cloud, reference).await, Err(ResolveError::Missing));
    }
}

/// An unavailable service must not look like one without objects.
#[tokio::test(start_paused = true)]
async fn gateway_404_resolves_nothing() {
    let certificate = "https://b/v1/secrets/b985cf9d-ed6e-45bf-8e48-ffe855e0c87e";
    let fake = FakeCloud::new(|request| request.token.is_some().then(|| Ok((404, json!("default backend - 404")))));
    let cloud = fake.cloud_with(REGION);
    for reference in [
        by_id(Kind::Subnet, "s1"),
        by_name(Kind::Network, "private"),
        by_id(Kind::FloatingIp, "f1"),
        by_name(Kind::AvailabilityZone, "az1"),
        by_id(Kind::Certificate, certificate),
    ] {
        let error = cloud.resolve(&BTreeSet::from([reference.clone()])).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient(None), "{reference:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_extension_has_no_objects() {
    let not_found = json!({"NeutronError": {"type": "HTTPNotFound", "message": "The resource could not be found."}});
    let fake = FakeCloud::new(move |request| request.token.is_some().then(|| Ok((404, not_found.clone()))));
    let cloud = fake.cloud_with(REGION);
    for reference in [by_id(Kind::QosPolicy, "q1"), by_name(Kind::QosPolicy, "gold"), by_id(Kind::FloatingIp, "f1")] {
        assert_eq!(one(&cloud, reference).await, Err(ResolveError::Missing));
    }
}

#[tokio::test(start_paused = true)]
async fn resolved_reference_is_cached_for_ten_minutes() {
    let fake = cloud_with_objects();
    let cloud = fake.cloud_with(REGION);
    let both = BTreeSet::from([by_id(Kind::Subnet, "s1"), by_id(Kind::Subnet, "s2")]);
    for (wait, calls) in [(0, 2), (1, 1), (590, 1), (10, 2)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        cloud.resolve(&both).await.unwrap();
        assert_eq!(fake.calls().len(), calls, "after {wait} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn temporary_obstacle_is_cached_for_a_minute() {
    let fake = cloud_with_objects();
    let cloud = fake.cloud_with(REGION);
    for (wait, calls) in [(0, 1), (50, 0), (11, 1)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        one(&cloud, by_id(Kind::Flavor, "fl2")).await.unwrap();
        assert_eq!(fake.calls().len(), calls, "after {wait} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn unavailable_service_is_an_error_not_a_missing_object() {
    let fake = FakeCloud::new(|request| request.path.contains("subnets").then_some(Ok((503, json!(null)))));
    let references = BTreeSet::from([by_id(Kind::Subnet, "s1")]);
    let error = fake.cloud_with(REGION).resolve(&references).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient(None));
}

#[tokio::test(start_paused = true)]
async fn certificate_is_looked_up_in_catalogue_key_manager_only() {
    let uuid = "b985cf9d-ed6e-45bf-8e48-ffe855e0c87e";
    for (collection, status, record, expected) in [
        ("secrets", 200, json!({"status": "ACTIVE"}), Ok(ResolvedReference::Certificate)),
        ("containers", 200, json!({"status": "ACTIVE", "type": "certificate"}), Ok(ResolvedReference::Certificate)),
        ("containers", 200, json!({"status": "ACTIVE", "type": "rsa"}), Err("type rsa")),
        ("secrets", 200, json!({"status": "PENDING"}), Err("PENDING")),
        ("secrets", 403, json!({"code": 403, "title": "Forbidden", "description": "no"}), Err("may not read")),
    ] {
        let fake =
            FakeCloud::new(move |request| request.path.starts_with("/v1/").then(|| Ok((status, record.clone()))));
        let reference = by_id(Kind::Certificate, &format!("https://evil.example/v1/{collection}/{uuid}"));
        let outcome = one(&fake.cloud_with(REGION), reference).await;
        match (outcome, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(ResolveError::Unusable(why)), Err(part)) => assert!(why.contains(part), "{why}"),
            (outcome, expected) => panic!("{outcome:?} instead of {expected:?}"),
        }
        let calls = fake.calls();
        assert_eq!(
            (calls[0].host.as_str(), calls[0].path.as_str()),
            ("public.r1:9311", format!("/v1/{collection}/{uuid}").as_str())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn missing_certificate_differs_from_malformed_reference() {
    let fake = FakeCloud::new(|request| {
        request
            .path
            .starts_with("/v1/")
            .then(|| Ok((404, json!({"code": 404, "title": "Not Found", "description": "x"}))))
    });
    let cloud = fake.cloud_with(REGION);
    let missing = by_id(Kind::Certificate, "https://b/v1/secrets/b985cf9d-ed6e-45bf-8e48-ffe855e0c87e");
    assert_eq!(one(&cloud, missing).await, Err(ResolveError::Missing));
    assert!(matches!(one(&cloud, by_id(Kind::Certificate, "web.pem")).await, Err(ResolveError::Unusable(_))));
}
