//! Metrics of the life of a stack.

use evenkeel_simulators::cloud::{CloudConfig, Timing};
use evenkeel_simulators::rig::small;
use serde_json::json;

use super::*;

/// The sum of all samples of this name whose labels contain `labels`.
fn total(rig: &Rig, sample: &str, labels: &str) -> f64 {
    let text = rig.metrics.text().unwrap();
    let values = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, its_labels) = series.split_once('{').unwrap_or((series, ""));
        (name == sample && its_labels.contains(labels)).then(|| value.parse::<f64>().unwrap())
    });
    values.sum()
}

/// A stack that was created, changed, drifted and corrected. Changes of its cloud take longer than the poll interval.
async fn looked_after() -> Rig {
    let timing = Timing { change: Duration::from_secs(3), ..Timing::default() };
    let mut rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
    rig.start();
    let mut spec = small();
    spec["resyncPeriod"] = "10s".into();
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    rig.until("web is Ready again", MINUTE, |rig| rig.is_ready("web")).await;
    let lb = id(&rig.load_balancers()[0]);
    rig.cloud.edit(Kind::LoadBalancer, &lb, |fields| {
        fields.insert("description".into(), "drifted".into());
    });
    rig.until("the drift is corrected", MINUTE, |rig| rig.load_balancers()[0]["description"] == "edited").await;
    tokio::time::sleep(MINUTE).await;
    rig.stop().await;
    rig
}

#[tokio::test(start_paused = true)]
async fn metrics_count_reconciles_steps_requests_waits_and_drift() {
    let rig = looked_after().await;
    let exactly = [
        ("evenkeel_plan_steps_total", r#"kind="load_balancer",verb="create""#, 1.0),
        ("evenkeel_plan_steps_total", r#"kind="load_balancer",verb="update""#, 2.0),
        ("evenkeel_drift_detected_total", "", 1.0),
        ("evenkeel_time_to_ready_seconds_count", "", 2.0),
        ("evenkeel_reconcile_panics_total", "", 0.0),
        ("evenkeel_openstack_requests_total", r#"service="load-balancer",method="POST",code="201""#, 1.0),
        ("evenkeel_openstack_requests_total", r#"service="load-balancer",method="PUT",code="200""#, 2.0),
        // Every request that reached the cloud.
        ("evenkeel_openstack_requests_total", "", rig.cloud.requests().len() as f64),
        ("evenkeel_openstack_request_duration_seconds_count", "", rig.cloud.requests().len() as f64),
    ];
    for (sample, labels, times) in exactly {
        assert_eq!(total(&rig, sample, labels), times, "{sample} {labels}\n{}", rig.metrics.text().unwrap());
    }
    let at_least_once = [
        ("evenkeel_reconciles_total", r#"result="Progressing""#),
        ("evenkeel_reconciles_total", r#"result="Locked""#),
        ("evenkeel_reconciles_total", r#"result="InSync""#),
        ("evenkeel_lock_waits_total", ""),
        ("evenkeel_time_to_ready_seconds_sum", ""),
        ("evenkeel_openstack_requests_total", r#"service="load-balancer",method="GET",code="200""#),
        ("evenkeel_openstack_requests_total", r#"service="identity",method="POST",code="201""#),
        ("evenkeel_openstack_requests_total", r#"service="network",method="GET",code="200""#),
    ];
    for (sample, labels) in at_least_once {
        assert!(total(&rig, sample, labels) > 0.0, "{sample} {labels}\n{}", rig.metrics.text().unwrap());
    }
    assert_eq!(
        total(&rig, "evenkeel_lock_waits_total", ""),
        total(&rig, "evenkeel_reconciles_total", r#"result="Locked""#)
    );
}

/// Number of stacks in each state that has some.
fn states(rig: &Rig) -> Vec<String> {
    let states = ["Ready", "Reconciling", "Stalled", "Paused", "Deleting"];
    let counted = states.map(|state| (state, total(rig, "evenkeel_stacks", &format!("state={state:?}"))));
    counted.into_iter().filter(|(_, count)| *count != 0.0).map(|(state, count)| format!("{count} {state}")).collect()
}

async fn until_states(rig: &Rig, expected: &[&str]) {
    rig.until(&format!("{expected:?}"), MINUTE, |rig| states(rig) == expected).await;
}

#[tokio::test(start_paused = true)]
async fn every_stack_is_counted_in_its_state() {
    let mut rig = with_ready(&[("web", small()), ("paused", small()), ("kept", small())]).await;
    assert_eq!(states(&rig), ["3 Ready"]);
    let mut wrong = small();
    wrong["loadBalancer"]["vip"]["subnet"]["name"] = "none".into();
    rig.create("wrong", wrong).await;
    until_states(&rig, &["3 Ready", "1 Stalled"]).await;
    rig.patch("paused", json!({"spec": {"paused": true}})).await;
    until_states(&rig, &["2 Ready", "1 Stalled", "1 Paused"]).await;
    // A stack that is paused in its deletion waits like any other that is being deleted.
    rig.delete("paused").await;
    until_states(&rig, &["2 Ready", "1 Stalled", "1 Deleting"]).await;
    rig.cloud.fail_always(Match::all(), octavia(503, "down"));
    rig.patch("web", json!({"spec": {"loadBalancer": {"description": "edited"}}})).await;
    until_states(&rig, &["1 Ready", "1 Reconciling", "1 Stalled", "1 Deleting"]).await;
    // The counts of a new process are complete, too.
    rig.stop().await;
    rig.start();
    until_states(&rig, &["3 Reconciling", "1 Deleting"]).await;
}
