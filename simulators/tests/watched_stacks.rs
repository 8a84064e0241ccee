//! The memory that the controller keeps for stable stacks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::pin::pin;
use std::sync::Arc;

use evenkeel::api::LoadBalancerStack;
use evenkeel::clock::{Clock, SystemClock};
use evenkeel::controller::watch_stacks;
use evenkeel_simulators::cluster::{ClusterSim, TokioClock};
use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(path: &str) -> T {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The lists of managed fields were four fifths of the memory of a stack.
#[tokio::test]
async fn managed_fields_are_dropped_from_cache() {
    let cluster = ClusterSim::new(Arc::new(TokioClock::starting_at(SystemClock.now())));
    let (client, how) = (cluster.client(), PostParams::default());
    let definition: CustomResourceDefinition = read("crds/evenkeel.dev_loadbalancerstacks.yaml");
    Api::all(client.clone()).create(&how, &definition).await.unwrap();
    let stacks: Api<LoadBalancerStack> = Api::default_namespaced(client.clone());
    let made = stacks.create(&how, &read("examples/reference.yaml")).await.unwrap();
    assert!(made.metadata.managed_fields.is_some_and(|fields| !fields.is_empty()), "the cluster has none");

    let (store, seen) = watch_stacks(client);
    let mut seen = pin!(seen);
    let first = seen.next().await.unwrap().unwrap().0.unwrap();
    assert_eq!(first.spec, made.spec);
    assert_eq!(first.metadata.managed_fields, None);
    tokio::select! {
        more = seen.next() => panic!("more than one stack: {more:?}"),
        ready = store.wait_until_ready() => ready.unwrap(),
    }
    let kept = store.state();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].meta().managed_fields, None);
}
