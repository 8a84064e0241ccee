//! `evenkeel export` against the simulated cloud, over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::time::Duration;

use evenkeel::api::LoadBalancerStack;
use evenkeel::cli::{CloudArgs, ExportArgs, PlanArgs, PlanResult, export, plan};
use evenkeel::openstack::ReqwestConnector;
use evenkeel_simulators::cloud::{CloudConfig, Served, Timing};
use evenkeel_simulators::rig::Rig;
use serde_json::json;

struct Stage {
    rig: Rig,
    folder: std::path::PathBuf,
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
        let timing = Timing { create_load_balancer: Duration::from_millis(50), ..Timing::default() };
        let rig = Rig::with(CloudConfig { timing, ..CloudConfig::default() }).await;
        let served = rig.cloud.serve().await.unwrap();
        let base = format!("http://{}", served.address);
        rig.cloud.configure(|config| config.catalog_base = Some(base));
        let folder = std::env::temp_dir().join(format!("evenkeel-export-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("clouds.yaml"), rig.cloud.clouds_yaml(&served.auth_url)).unwrap();
        Self { rig, folder, _served: served }
    }

    async fn make(&self, name: &str, tags: &[&str]) -> String {
        let body = json!({
            "name": name, "tags": tags,
            "listeners": [{"name": "Front (HTTP)", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "web"}}],
            "pools": [{
                "name": "web", "protocol": "HTTP", "lb_algorithm": "LEAST_CONNECTIONS",
                "members": [{"address": "10.20.0.11", "protocol_port": 8080, "weight": 5}],
            }],
        });
        let id = self.rig.make_load_balancer(body).await;
        let is_active = |rig: &Rig| rig.load_balancers().iter().all(|lb| lb["provisioning_status"] == "ACTIVE");
        self.rig.until("it is ACTIVE", Duration::from_secs(30), is_active).await;
        id
    }

    fn cloud(&self) -> CloudArgs {
        CloudArgs { os_cloud: "demo".to_owned(), os_client_config_file: Some(self.folder.join("clouds.yaml")) }
    }

    fn args(&self, load_balancers: &[&str], all: bool) -> ExportArgs {
        ExportArgs {
            load_balancers: load_balancers.iter().map(|text| (*text).to_owned()).collect(),
            all,
            cloud: self.cloud(),
            namespace: Some("shop".to_owned()),
            secret_name: "openstack".to_owned(),
            cluster_cloud: None,
        }
    }

    async fn export(&self, load_balancers: &[&str], all: bool) -> Result<String, String> {
        self.export_with(&self.args(load_balancers, all)).await
    }

    async fn export_with(&self, args: &ExportArgs) -> Result<String, String> {
        let mut out = Vec::new();
        export(args, &ReqwestConnector, &mut out).await.map_err(|error| format!("{error:#}"))?;
        Ok(String::from_utf8(out).unwrap())
    }
}

#[tokio::test]
async fn export_writes_a_stack_that_adopts() {
    let stage = Stage::new().await;
    let id = stage.make("Old web", &["prod"]).await;
    for selector in ["Old web", id.as_str()] {
        let text = stage.export(&[selector], false).await.unwrap();
        let stack: LoadBalancerStack = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(stack.metadata.name.as_deref(), Some("old-web"));
        assert_eq!(stack.spec.adopt.as_ref().unwrap().id.as_ref(), Some(&id));
        let listener = &stack.spec.listeners[0];
        assert_eq!((listener.name.as_str(), listener.display_name.as_deref()), ("front-http", Some("Front (HTTP)")));
        assert_eq!(stack.spec.pools[0].members[0].weight, Some(5));
        assert!(!text.contains('#'), "{text}");
    }
}

#[tokio::test]
async fn exported_stack_plans_tags_and_nothing_else() {
    let stage = Stage::new().await;
    let id = stage.make("Old web", &["prod"]).await;
    let filename = stage.folder.join("web.yaml");
    std::fs::write(&filename, stage.export(&[&id], false).await.unwrap()).unwrap();
    let args = PlanArgs { filename, cloud: stage.cloud(), cluster_id: "c1".to_owned(), namespace: None };
    let mut out = Vec::new();
    let result = plan(&args, &ReqwestConnector, &mut out).await.unwrap();
    let steps = String::from_utf8(out).unwrap();
    assert_eq!((result, steps.lines().count()), (PlanResult::Changes, 3), "{steps}");
    assert!(steps.lines().all(|step| step.starts_with("~ ") && step.contains(": tags ")), "{steps}");
}

#[tokio::test]
async fn exported_stack_refers_to_secret_or_cluster_cloud() {
    let stage = Stage::new().await;
    stage.make("web", &[]).await;
    let mut args = stage.args(&["web"], false);
    let shown = stage.export_with(&args).await.unwrap();
    assert!(shown.contains("secretName: openstack") && shown.contains("cloudName: demo"), "{shown}");
    args.cluster_cloud = Some("prod".to_owned());
    let shown = stage.export_with(&args).await.unwrap();
    assert!(shown.contains("clusterCloud: prod") && !shown.contains("secretName"), "{shown}");
}

#[tokio::test]
async fn export_of_all_names_owners_and_keeps_names_apart() {
    let stage = Stage::new().await;
    stage.make("web", &["kube_service_prod_shop_web"]).await;
    stage.make("web", &[]).await;
    let text = stage.export(&[], true).await.unwrap();
    let stacks: Vec<LoadBalancerStack> =
        text.split("---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect();
    let names: Vec<_> = stacks.iter().map(|stack| stack.metadata.name.clone().unwrap()).collect();
    assert_eq!(names, ["web", "web-2"]);
    assert!(text.contains("adopt.fromOwner: kube_service_prod_shop_web"), "{text}");
    let error = stage.export(&["web"], false).await.unwrap_err();
    assert!(error.contains("several load balancers"), "{error}");
    let error = stage.export(&["missing"], false).await.unwrap_err();
    assert!(error.contains("\"missing\""), "{error}");
}
