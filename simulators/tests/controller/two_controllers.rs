//! Two controllers at once, as after a lease that its holder lost unnoticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evenkeel_simulators::cloud::{CloudConfig, Timing};
use evenkeel_simulators::cluster::{Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{Interception, Interceptor, small};
use kube::api::{Patch, PatchParams};

use super::*;

/// The first of two had its create rejected and taken off the record, and then the second one records a create.
#[tokio::test(start_paused = true)]
async fn create_recorded_by_second_controller_is_waited_for() {
    let timing = Timing { commit_load_balancer: Duration::from_secs(9), ..Timing::default() };
    let mut rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
    // The first status makes the second try follow the first at once.
    rig.cloud.fail(create(), octavia(409, "The VIP IP address is already in use."), 2);
    rig.start();
    rig.create("web", small()).await;
    rig.until("both tries are rejected", SOON, |rig| rig.creates().len() == 2).await;
    rig.start();
    rig.until("web is Ready", AFTER_DOUBT, |rig| rig.is_ready("web")).await;
    tokio::time::sleep(SOON).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (3, 1), "{:?}", rig.creates());
}

/// A controller without news from its watch still ends a stack that is gone, beside the next stack of that name.
#[tokio::test(start_paused = true)]
async fn outdated_deletion_spares_stack_of_same_name() {
    let mut rig = Rig::new().await;
    let suspended = Arc::new(AtomicBool::new(false));
    let is_suspended = suspended.clone();
    let treat = move |_: &_| match is_suspended.load(Ordering::Relaxed) {
        true => Interception::Withhold,
        false => Interception::Forward,
    };
    rig.connector = Arc::new(Interceptor::new(rig.cloud.transport(), treat));
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let first = id(&rig.load_balancers()[0]);
    suspended.store(true, Ordering::Relaxed);
    rig.delete("web").await;
    tokio::time::sleep(SOON).await;
    rig.cluster.inject(ClusterFault::next("watch", "/loadbalancerstacks", Effect::Status(500)).times(10_000));
    rig.cluster.cut_watches();

    // Another controller has ended the stack meanwhile, and serves the next one of that name.
    rig.cloud.vanish(Kind::LoadBalancer, &first);
    let unheld: Patch<Value> = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    rig.stacks().patch("web", &PatchParams::default(), &unheld).await.unwrap();
    rig.create("web", small()).await;
    rig.connector = rig.cloud.transport();
    rig.start();
    rig.until("the next web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let second = rig.load_balancers();

    suspended.store(false, Ordering::Relaxed);
    tokio::time::sleep(10 * MINUTE).await;
    let ids = |all: &[Map<String, Value>]| all.iter().map(id).collect::<Vec<_>>();
    assert_eq!(ids(&rig.load_balancers()), ids(&second));
    let deletes = rig.cloud.writes().into_iter().filter(|write| write.method == Method::DELETE).count();
    assert_eq!((deletes, rig.load_balancers_of(&uid(&rig.stack("web"))).len()), (0, 1));
}
