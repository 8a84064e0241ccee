//! Conflicts of the Kubernetes API: they are retried at once and never reported.

use std::sync::{Arc, Mutex};

use evenkeel_simulators::cluster::{Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{SECRET, small};
use futures::StreamExt;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt, watcher};

use super::*;

/// Records every reason that any stack shows from now on, with the name of the stack.
fn reasons_shown(rig: &Rig) -> Arc<Mutex<Vec<(String, String)>>> {
    let shown: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let (stacks, seen) = (rig.stacks(), Arc::clone(&shown));
    tokio::spawn(async move {
        let mut changes = watcher(stacks, watcher::Config::default()).applied_objects().boxed();
        while let Some(Ok(stack)) = changes.next().await {
            let conditions = stack.status.iter().flat_map(|status| &status.conditions);
            let reported = conditions.map(|condition| (stack.name_any(), condition.reason.clone()));
            seen.lock().unwrap().extend(reported);
        }
    });
    shown
}

fn assert_nothing_reported(rig: &Rig, shown: &Mutex<Vec<(String, String)>>, names: &[String]) {
    let unreadable: Vec<_> =
        shown.lock().unwrap().iter().filter(|(_, reason)| reason == "CredentialsInaccessible").cloned().collect();
    assert!(unreadable.is_empty(), "{unreadable:?}");
    for name in names {
        let events = rig.events(name);
        assert!(!events.iter().any(|(reason, _)| reason == "CredentialsInaccessible"), "{events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nine_stacks_sharing_secret_never_report_conflicts() {
    let mut rig = Rig::new().await;
    rig.workers = 36;
    rig.cluster.set_latency(Duration::from_millis(20));
    let names: Vec<String> = (0..9).map(|n| format!("web-{n}")).collect();
    for name in &names {
        rig.create(name, small()).await;
    }
    let shown = reasons_shown(&rig);
    rig.start();
    for name in &names {
        rig.until("all are Ready", 3 * MINUTE, |rig| rig.is_ready(name)).await;
    }
    assert_nothing_reported(&rig, &shown, &names);
    for name in &names {
        rig.delete(name).await;
    }
    for name in &names {
        until_gone(&rig, name, 3 * MINUTE).await;
    }
    assert_nothing_reported(&rig, &shown, &names);
    let finalizers =
        |rig: &Rig| rig.cluster.object("", "secrets", "shop", SECRET).unwrap()["metadata"]["finalizers"].clone();
    rig.until("the Secret has no finalizer", MINUTE, |rig| finalizers(rig).as_array().is_none_or(Vec::is_empty)).await;
}

#[tokio::test(start_paused = true)]
async fn write_conflict_is_retried_within_one_reconcile() {
    for (path, conflicts) in [("/secrets", 3), ("/loadbalancerstacks/web", 3), ("/status", 3)] {
        let mut rig = Rig::new().await;
        rig.cluster.inject(ClusterFault::next("patch", path, Effect::Conflict).times(conflicts));
        let shown = reasons_shown(&rig);
        rig.create("web", small()).await;
        rig.start();
        rig.until("Octavia is asked", Duration::from_millis(900), |rig| rig.creates().len() == 1).await;
        rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
        assert_nothing_reported(&rig, &shown, &["web".to_owned()]);
    }
}

#[tokio::test(start_paused = true)]
async fn conflicts_on_last_writes_do_not_block_deletion() {
    let rig = with_ready(&[("web", small())]).await;
    for path in ["/secrets", "/loadbalancerstacks/web"] {
        rig.cluster.inject(ClusterFault::next("patch", path, Effect::Conflict).times(3));
    }
    rig.delete("web").await;
    until_gone(&rig, "web", SOON).await;
    let finalizers =
        |rig: &Rig| rig.cluster.object("", "secrets", "shop", SECRET).unwrap()["metadata"]["finalizers"].clone();
    rig.until("the Secret has no finalizer", Duration::from_secs(2), |rig| {
        finalizers(rig).as_array().is_none_or(Vec::is_empty)
    })
    .await;
}
