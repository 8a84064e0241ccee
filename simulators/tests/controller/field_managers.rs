//! The name under which the controller writes to the cluster: tools that compare owners of fields need one.

use evenkeel::controller::{LeaderElection, LeaderElectionOptions};
use evenkeel_simulators::rig::small;

use super::*;

/// Asserts that the cluster was written to, and each time as `evenkeel`.
fn assert_written_by_evenkeel(rig: &Rig, least: usize) {
    let requests = rig.cluster.requests();
    let writes: Vec<_> = requests.iter().filter(|r| ["create", "update", "patch"].contains(&r.verb)).collect();
    assert!(writes.len() >= least, "{writes:#?}");
    for write in writes {
        let managers: Vec<&str> = write.query.split('&').filter(|part| part.starts_with("fieldManager=")).collect();
        assert_eq!(managers, ["fieldManager=evenkeel"], "{write:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_write_of_a_stack_has_the_field_manager() {
    let mut rig = Rig::new().await;
    rig.create("web", small()).await;
    rig.cluster.forget_requests();
    rig.start();
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    rig.delete("web").await;
    until_gone(&rig, "web", MINUTE).await;
    // Both finalizers twice, the pending create twice, status and Events.
    assert_written_by_evenkeel(&rig, 8);
}

#[tokio::test(start_paused = true)]
async fn every_write_of_the_lease_has_the_field_manager() {
    let rig = Rig::new().await;
    rig.cluster.forget_requests();
    let options = LeaderElectionOptions {
        namespace: "shop".to_owned(),
        name: "evenkeel".to_owned(),
        identity: "evenkeel-1".to_owned(),
    };
    let election = LeaderElection::new(rig.cluster.client(), options, rig.clock.clone());
    election.acquire().await;
    election.acquire().await;
    election.release().await;
    assert_written_by_evenkeel(&rig, 3);
}
