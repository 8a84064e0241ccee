//! Stacks whose members come from Services, and the members that they have.

use evenkeel_simulators::cloud::CloudRequest;
use evenkeel_simulators::rig::ready;
use tokio::time::sleep;

use super::*;

/// A stack whose pool takes its members from these sources alone.
pub(super) fn sourced(sources: Value) -> Value {
    let mut spec = small();
    spec["pools"][0]["members"] = json!([]);
    spec["pools"][0]["memberSources"] = sources;
    spec
}

pub(super) fn pods_of(service: &str) -> Value {
    json!({"name": service, "service": {"name": service, "port": "http", "target": "PodIP"}})
}

pub(super) fn addresses(from: u8, to: u8) -> Vec<Value> {
    (from..=to).map(|last| ready(&format!("10.20.1.{last}"))).collect()
}

/// Members in the cloud: address, port and weight.
pub(super) fn members(rig: &Rig) -> Vec<String> {
    let member =
        |m: &Map<String, Value>| format!("{}:{} x{}", m["address"].as_str().unwrap(), m["protocol_port"], m["weight"]);
    let mut members: Vec<String> = rig.cloud.objects(Kind::Member).iter().map(member).collect();
    members.sort();
    members
}

pub(super) fn addresses_of(rig: &Rig) -> Vec<String> {
    members(rig).iter().map(|member| member.split(':').next().unwrap().to_owned()).collect()
}

/// Writes of members so far.
pub(super) fn member_writes(rig: &Rig) -> usize {
    let is_write = |request: &CloudRequest| request.method != Method::GET && request.path.contains("/members");
    rig.cloud.requests().iter().filter(|request| is_write(request)).count()
}

/// A rig with Service `web` of three endpoints, and a stack that is Ready with them.
pub(super) async fn with_service() -> Rig {
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({})).await;
    rig.apply_slice("web-a", "web", addresses(1, 3)).await;
    rig.start();
    rig.create("web", sourced(json!([pods_of("web")]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(members(&rig), ["10.20.1.1:8080 x1", "10.20.1.2:8080 x1", "10.20.1.3:8080 x1"]);
    sleep(MINUTE).await;
    rig
}
