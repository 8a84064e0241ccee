//! 409 of Octavia: a transient lock, or a final rejection.

use evenkeel_simulators::cloud::Kind;
use evenkeel_simulators::rig::{condition, small};
use serde_json::json;
use tokio::time::sleep;

use super::*;

const TAKEN: &str = "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80";
const SAME_ID: &str = "Already an entity with that specified id.";

fn vip_ports(rig: &Rig) -> usize {
    let vip = |port: &&Map<String, Value>| port["name"].as_str().is_some_and(|name| name.starts_with("octavia-lb"));
    rig.cloud.ports().iter().filter(vip).count()
}

/// Each rejected create leaks a VIP port.
#[tokio::test(start_paused = true)]
async fn create_in_conflict_by_content_is_sent_once() {
    for text in [SAME_ID, TAKEN, "This pool already has a health monitor", "a conflict of another release"] {
        let mut rig = Rig::new().await;
        rig.cloud.fail_always(create(), octavia(409, text));
        rig.start();
        rig.create("web", small()).await;
        rig.until("the create is rejected", SOON, |rig| rig.reason("web") == "RequestRejected").await;
        assert_eq!(condition(&rig.stack("web"), "Stalled")["status"], "True");
        assert!(rig.message("web").contains(text), "{}", rig.message("web"));
        sleep(3 * 60 * MINUTE).await;
        assert_eq!(rig.creates().len(), 1, "{:?}", rig.creates());

        rig.cloud.clear_faults();
        rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
        rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
        assert_eq!((rig.creates().len(), rig.load_balancers().len(), vip_ports(&rig)), (2, 1, 1));
    }
}

/// Another address would not help.
#[tokio::test(start_paused = true)]
async fn recreate_in_conflict_by_content_is_sent_once() {
    let rig = with_ready(&[("web", small())]).await;
    rig.cloud.fail_always(create(), octavia(409, SAME_ID));
    rig.cloud.forget_requests();
    rig.cloud.vanish(Kind::LoadBalancer, &id(&rig.load_balancers()[0]));
    rig.until("the create is rejected", 20 * MINUTE, |rig| rig.reason("web") == "RequestRejected").await;
    sleep(60 * MINUTE).await;
    assert_eq!(rig.creates().len(), 1, "{:?}", rig.creates());
}

#[tokio::test(start_paused = true)]
async fn create_with_address_in_use_waits_for_it() {
    let mut rig = Rig::new().await;
    let in_use = "The VIP IP address is already in use: IP address 10.10.0.9 already allocated in subnet 1";
    rig.cloud.fail(create(), octavia(409, in_use), 4);
    rig.start();
    rig.create("web", small()).await;
    rig.until("the stack waits", SOON, |rig| rig.reason("web") == "Conflict").await;
    rig.until("web is Ready", 2 * MINUTE, |rig| rig.is_ready("web")).await;
}

/// For example because of tags that this cloud's database takes for equal and most do not.
#[tokio::test(start_paused = true)]
async fn child_in_lasting_conflict_backs_off() {
    let rig = with_ready(&[("web", small())]).await;
    let post = Match::service(Service::LoadBalancer).method(Method::POST).path("/listeners");
    rig.cloud.fail_always(post, octavia(409, TAKEN));
    rig.cloud.forget_requests();
    let mut spec = rig.stack("web")["spec"].take();
    spec["listeners"].as_array_mut().unwrap().push(json!({"name": "more", "protocol": "HTTP", "port": 81}));
    spec["pools"][0]["members"][0]["weight"] = json!(7);
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("the create is rejected", 2 * MINUTE, |rig| rig.reason("web") == "RequestRejected").await;
    sleep(60 * MINUTE).await;
    let posts = rig.cloud.requests().iter().filter(|request| request.method == Method::POST).count();
    assert!((3..=9).contains(&posts), "{posts} posts in an hour");
    assert!(rig.cloud.objects(Kind::Member).iter().any(|member| member["weight"] == 7));
    rig.cloud.clear_faults();
    rig.until("web is Ready by itself", 70 * MINUTE, |rig| rig.is_ready("web")).await;
}

/// A read in between shows that the object in the way is gone.
#[tokio::test(start_paused = true)]
async fn child_in_passing_conflict_is_created_soon_after() {
    let rig = with_ready(&[("web", small())]).await;
    let post = Match::service(Service::LoadBalancer).method(Method::POST).path("/listeners");
    rig.cloud.fail(post, octavia(409, TAKEN), 1);
    let mut spec = rig.stack("web")["spec"].take();
    spec["listeners"].as_array_mut().unwrap().push(json!({"name": "more", "protocol": "HTTP", "port": 81}));
    rig.patch("web", json!({"spec": spec})).await;
    rig.until("both are there", SOON, |rig| rig.cloud.objects(Kind::Listener).len() == 2).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn create_with_server_error_backs_off() {
    let mut rig = Rig::new().await;
    rig.cloud.fail_always(create(), octavia(500, "Provider 'amphora' reports error: MessagingTimeout"));
    rig.start();
    rig.create("web", small()).await;
    sleep(5 * 60 * MINUTE).await;
    let creates = rig.creates().len();
    assert!((20..=40).contains(&creates), "{creates} creates in five hours");
    rig.cloud.clear_faults();
    rig.until("web is Ready by itself", 15 * MINUTE, |rig| rig.is_ready("web")).await;
}

fn tagged(tag: &str) -> Value {
    let mut spec = small();
    let tags = json!([tag, "kept"]);
    spec["loadBalancer"]["tags"] = tags.clone();
    let rule = json!({"type": "PATH", "compareType": "STARTS_WITH", "value": "/a", "tags": tags});
    spec["listeners"][0]["l7Policies"] = json!([{"name": "no", "action": "REJECT", "tags": tags, "rules": [rule]}]);
    spec["listeners"][0]["tags"] = tags.clone();
    spec["pools"][0]["tags"] = tags.clone();
    spec["pools"][0]["healthMonitor"]["tags"] = tags.clone();
    spec["pools"][0]["members"][0]["tags"] = tags;
    spec
}

/// Octavia inserts the new tag before it deletes the old one.
#[tokio::test(start_paused = true)]
async fn tag_change_in_case_only_reaches_every_kind() {
    let rig = with_ready(&[("web", tagged("web"))]).await;
    let lb = id(&rig.load_balancers()[0]);
    for tag in ["Web", "w\u{e9}b", "web "] {
        let mut spec = tagged(tag);
        spec["pools"][0]["members"][1]["weight"] = json!(tag.len());
        rig.patch("web", json!({"spec": spec})).await;
        rig.until("web is Ready again", MINUTE, |rig| {
            rig.is_ready("web") && rig.load_balancers()[0]["tags"].as_array().unwrap().contains(&json!(tag))
        })
        .await;
        for kind in Kind::ALL {
            let objects = rig.cloud.objects(kind);
            let has = |object: &&Map<String, Value>| object["tags"].as_array().unwrap().contains(&json!(tag));
            assert_eq!(objects.iter().filter(has).count(), 1, "{kind:?} {tag:?} {objects:?}");
        }
        let weight = |member: &Map<String, Value>| member["weight"] == json!(tag.len());
        assert!(rig.cloud.objects(Kind::Member).iter().any(weight), "the rest of the batch");
        assert_eq!((id(&rig.load_balancers()[0]), rig.reason("web")), (lb.clone(), "InSync".to_owned()));
    }
    let reported = rig.events("web");
    assert!(!reported.iter().any(|(reason, _)| reason == "RequestRejected"), "{reported:?}");
}
