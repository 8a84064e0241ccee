//! Evenkeel's own client against the simulated cloud: checks that the two agree about the API.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::collections::BTreeSet;
use std::time::Duration;

use evenkeel::model::{ApiVersion, Owner, Reference, ReferenceKind, ResolveError, Selector};
use evenkeel::openstack::{Cloud, CloudSettings, Credentials, ErrorClass};
use evenkeel_simulators::cloud::{CloudConfig, CloudSim, Kind, Service};
use http::Method;
use serde_json::json;

fn client(sim: &CloudSim, cloud: &str) -> Cloud {
    let yaml = sim.clouds_yaml(CloudSim::AUTH_URL);
    let credentials = Credentials::parse(yaml.as_bytes(), None, cloud).expect("credentials");
    Cloud::new(credentials, &*sim.transport(), sim.clock(), CloudSettings::default()).expect("a client")
}

fn owner() -> Owner {
    Owner { uid: "u".into(), cluster: "c".into(), namespace: "ns".into(), name: "n".into() }
}

/// Creates a load balancer of the owner as another client.
async fn make(sim: &CloudSim) -> String {
    let tags: BTreeSet<String> = owner().tags();
    let body = json!({"loadbalancer": {
        "name": "lb", "vip_subnet_id": sim.subnet_id("tenant-v4"), "tags": tags,
        "listeners": [{"name": "l", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "p"}}],
        "pools": [{"name": "p", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "members": [{"address": "10.20.0.1", "protocol_port": 80}]}],
    }});
    let path = "/v2/lbaas/loadbalancers";
    let (code, body) = sim.request_as("demo", Method::POST, Service::LoadBalancer, path, Some(body)).await;
    assert_eq!(code, 201, "{body}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    body["loadbalancer"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(start_paused = true)]
async fn client_logs_in_by_password_and_application_credential() {
    let sim = CloudSim::new(CloudConfig::default());
    for name in ["demo", "demo-appcred"] {
        let cloud = client(&sim, name);
        let project = cloud.project().await.expect("a project");
        assert_eq!(project.id, sim.project_id("demo"));
        assert_eq!(cloud.api_version().await.expect("a version"), ApiVersion { minor: 30 });
    }
}

#[tokio::test(start_paused = true)]
async fn client_finds_load_balancer_by_tag_and_reads_tree() {
    let sim = CloudSim::new(CloudConfig::default());
    let id = make(&sim).await;
    let cloud = client(&sim, "demo-appcred");
    let found = cloud.find(&owner()).await.expect("a list");
    assert_eq!(found.iter().map(|lb| lb.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    let tree = cloud.tree(found.into_iter().next().expect("one"), &owner()).await.expect("a tree");
    assert_eq!((tree.listeners.len(), tree.pools.len()), (1, 1));
    sim.vanish(Kind::LoadBalancer, &id);
    assert!(cloud.load_balancer(&id).await.expect("a response").is_none());
}

#[tokio::test(start_paused = true)]
async fn client_outlives_its_tokens() {
    let sim = CloudSim::new(CloudConfig::default());
    let cloud = client(&sim, "demo");
    assert!(cloud.find(&owner()).await.is_ok());
    sim.expire_tokens();
    assert!(cloud.find(&owner()).await.is_ok(), "a 401 leads to a new login");
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert!(cloud.find(&owner()).await.is_ok());
    let unauthorized = sim.requests().iter().filter(|entry| entry.status == Some(401)).count();
    assert_eq!(unauthorized, 1, "expiry is foreseen");
}

#[tokio::test(start_paused = true)]
async fn client_treats_unreachable_cloud_as_transient() {
    let sim = CloudSim::new(CloudConfig::default());
    let cloud = client(&sim, "demo");
    cloud.project().await.expect("a project");
    sim.service_down(Service::LoadBalancer);
    let error = cloud.find(&owner()).await.expect_err("no response");
    assert!(matches!(error.class, ErrorClass::Transient(_)), "{error}");
    assert!(!error.in_doubt);
}

#[tokio::test(start_paused = true)]
async fn client_resolves_every_seeded_name() {
    let sim = CloudSim::new(CloudConfig::default());
    let cloud = client(&sim, "demo-appcred");
    let name = |name: &str| Selector::Name(name.to_owned());
    let wanted = [
        (ReferenceKind::Subnet, name("tenant-v4"), Some(sim.subnet_id("tenant-v4"))),
        (ReferenceKind::Network, name("public"), Some(sim.network_id("public"))),
        (ReferenceKind::SecurityGroup, name("web"), Some(sim.security_group_id("web"))),
        (ReferenceKind::QosPolicy, name("gold"), Some(sim.qos_policy_id("gold"))),
        (ReferenceKind::Flavor, name("ha"), Some(sim.flavor_id("ha"))),
        (ReferenceKind::AvailabilityZone, name("az2"), None),
        (ReferenceKind::Provider, name("amphora"), None),
        (ReferenceKind::Certificate, Selector::Id(sim.certificate_ref("cert")), None),
    ];
    let references: BTreeSet<_> =
        wanted.iter().map(|(kind, by, _)| Reference { kind: *kind, by: by.clone() }).collect();
    let resolutions = cloud.resolve(&references).await.expect("resolutions").0;
    for (kind, by, id) in wanted {
        let found = resolutions[&Reference { kind, by: by.clone() }].as_ref().expect("nothing is found");
        assert_eq!(found.id().map(str::to_owned), id, "{kind:?} {by}");
    }
    let ghost = Reference { kind: ReferenceKind::Subnet, by: name("ghost") };
    let resolutions = cloud.resolve(&BTreeSet::from([ghost.clone()])).await.expect("resolutions").0;
    assert_eq!(resolutions[&ghost], Err(ResolveError::Missing));
}
