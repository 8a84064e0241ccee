//! `evenkeel plan` against the simulated cloud, over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::path::PathBuf;
use std::time::Duration;

use evenkeel::cli::{CloudArgs, PlanArgs, PlanResult, plan};
use evenkeel::openstack::ReqwestConnector;
use evenkeel_simulators::cloud::{CloudConfig, Served, Timing};
use evenkeel_simulators::rig::{NAMESPACE, Rig, small};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(60);

/// A cloud behind a socket, a controller beside it, and a folder with `clouds.yaml` and the stack.
struct Stage {
    rig: Rig,
    folder: PathBuf,
    _served: Served,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Nothing can be done about a folder that stays.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Stage {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let timing = Timing { create_load_balancer: Duration::from_millis(100), ..Timing::default() };
        let rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
        let served = rig.cloud.serve().await.unwrap();
        let base = format!("http://{}", served.address);
        rig.cloud.configure(|config| config.catalog_base = Some(base));
        let folder = std::env::temp_dir().join(format!("evenkeel-plan-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("clouds.yaml"), rig.cloud.clouds_yaml(&served.auth_url)).unwrap();
        Self { rig, folder, _served: served }
    }

    /// Plans the stack `web` with this spec; the text that is printed, or the error.
    async fn plan(&self, spec: Value) -> Result<(PlanResult, String), String> {
        let stack = json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": "web", "namespace": NAMESPACE}, "spec": spec,
        });
        std::fs::write(self.folder.join("stack.yaml"), stack.to_string()).unwrap();
        self.plan_file().await
    }

    async fn plan_file(&self) -> Result<(PlanResult, String), String> {
        let kube_system = self.rig.cluster.object("", "namespaces", "", "kube-system").unwrap();
        let args = PlanArgs {
            filename: self.folder.join("stack.yaml"),
            cloud: CloudArgs {
                os_cloud: "demo".to_owned(),
                os_client_config_file: Some(self.folder.join("clouds.yaml")),
            },
            cluster_id: kube_system["metadata"]["uid"].as_str().unwrap().to_owned(),
            namespace: None,
        };
        let mut out = Vec::new();
        let writes = self.rig.cloud.writes().len();
        let result = plan(&args, &ReqwestConnector, &mut out).await;
        assert_eq!(self.rig.cloud.writes().len(), writes, "a plan writes nothing");
        result.map(|result| (result, String::from_utf8(out).unwrap())).map_err(|error| format!("{error:#}"))
    }
}

#[tokio::test]
async fn plan_shows_create_then_nothing_then_change() {
    let mut stage = Stage::new().await;
    let (result, text) = stage.plan(small()).await.unwrap();
    assert_eq!(result, PlanResult::Changes);
    assert!(text.starts_with("+ load balancer shop/web"), "{text}");

    stage.rig.start();
    stage.rig.create("web", small()).await;
    stage.rig.until("web is Ready", LONG, |rig| rig.is_ready("web")).await;
    stage.rig.stop().await;
    assert_eq!(stage.plan(small()).await.unwrap(), (PlanResult::NoChange, "nothing to do\n".to_owned()));

    let mut edited = small();
    edited["pools"][0]["algorithm"] = "LEAST_CONNECTIONS".into();
    let (result, text) = stage.plan(edited).await.unwrap();
    assert_eq!(result, PlanResult::Changes);
    assert_eq!(text, "~ pool web: lb_algorithm ROUND_ROBIN -> LEAST_CONNECTIONS [new connections]\n");
}

#[tokio::test]
async fn plan_of_invalid_stack_names_every_problem() {
    let stage = Stage::new().await;
    let mut spec = small();
    spec["loadBalancer"]["vip"]["subnet"]["name"] = "ghost".into();
    spec["listeners"][0]["defaultPool"] = "nowhere".into();
    let error = stage.plan(spec).await.unwrap_err();
    assert!(error.contains("spec.loadBalancer.vip.subnet") && error.contains("spec.listeners"), "{error}");
}

#[tokio::test]
async fn plan_of_unreadable_file_names_the_file() {
    let stage = Stage::new().await;
    std::fs::write(stage.folder.join("stack.yaml"), "kind: Pod\nspec: 3\n").unwrap();
    let error = stage.plan_file().await.unwrap_err();
    assert!(error.contains("stack.yaml"), "{error}");
}
