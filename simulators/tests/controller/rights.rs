//! The rights that `deploy/` gives the controller, against the requests that it sends.

use std::collections::BTreeSet;

use evenkeel_simulators::cluster::ClusterRequest;
use evenkeel_simulators::rig::{ready, unready};
use tokio::time::sleep;

use super::sourced::*;
use super::*;

/// Kinds that members come from.
const KINDS: [&str; 4] = ["services", "endpointslices", "nodes", "pods"];

/// `verb kind` for each right on these kinds.
fn granted() -> BTreeSet<String> {
    let text = include_str!("../../../deploy/base/rbac.yaml");
    let role: Value = serde_saphyr::from_str(text.split("\n---\n").next().unwrap()).unwrap();
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let words = |key: &str| rule[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        for kind in words("resources").filter(|kind| KINDS.contains(kind)) {
            rights.extend(words("verbs").map(|verb| format!("{verb} {kind}")));
        }
    }
    rights
}

/// Likewise for each read. The rig itself only writes these kinds.
fn used(rig: &Rig) -> BTreeSet<String> {
    let read = |request: &ClusterRequest| {
        let kind = request.path.split('/').find(|part| KINDS.contains(part))?;
        ["get", "list", "watch"].contains(&request.verb).then(|| format!("{} {kind}", request.verb))
    };
    rig.cluster.requests().iter().filter_map(read).collect()
}

#[tokio::test(start_paused = true)]
async fn reads_for_members_are_exactly_those_of_deploy() {
    let mut rig = Rig::new().await;
    let pod = rig.apply_pod("web-2", "10.20.1.2").await;
    rig.apply_service("web", json!({})).await;
    rig.apply_slice("web-a", "web", addresses(1, 2)).await;
    rig.start();
    let node = json!({"name": "edge", "nodes": {"port": 30080}});
    let mut spec = sourced(json!([pods_of("web"), node]));
    spec["pools"][0]["minMembers"] = 2.into();
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    rig.apply_slice("web-a", "web", vec![ready("10.20.1.1"), unready("10.20.1.2", &pod)]).await;
    sleep(MINUTE).await;
    assert_eq!(members(&rig).len(), 2, "a pod is read");
    rig.apply_slice("web-a", "web", vec![]).await;
    rig.until("a zero is confirmed", MINUTE, |rig| members(rig).is_empty()).await;
    assert_eq!(used(&rig), granted());
}
