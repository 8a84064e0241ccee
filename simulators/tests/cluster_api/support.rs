//! A small custom resource with every kind of rule, and a cluster that has it.

use std::sync::Arc;

use evenkeel::clock::SystemClock;
use evenkeel_simulators::cluster::ClusterSim;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, PostParams};
use serde::{Deserialize, Serialize};

pub const DEFINITION: &str = include_str!("widgets.yaml");

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Widget {
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    pub kind: String,
    pub metadata: ObjectMeta,
    pub spec: WidgetSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<WidgetStatus>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WidgetSpec {
    pub size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WidgetStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl k8s_openapi::Resource for Widget {
    const API_VERSION: &'static str = "sim.dev/v1";
    const GROUP: &'static str = "sim.dev";
    const KIND: &'static str = "Widget";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "widgets";
    type Scope = k8s_openapi::NamespaceResourceScope;
}

impl k8s_openapi::Metadata for Widget {
    type Ty = ObjectMeta;
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

pub fn widget(name: &str, size: i64) -> Widget {
    Widget {
        api_version: "sim.dev/v1".to_owned(),
        kind: "Widget".to_owned(),
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        spec: WidgetSpec { size, ..WidgetSpec::default() },
        status: None,
    }
}

/// A simulated cluster in which widgets are defined, and a client in process.
pub async fn cluster() -> (ClusterSim, Client) {
    let sim = ClusterSim::new(Arc::new(SystemClock));
    let client = sim.client();
    define_widgets(&client).await;
    (sim, client)
}

pub async fn define_widgets(client: &Client) {
    let definition: CustomResourceDefinition = serde_saphyr::from_str(DEFINITION).unwrap();
    Api::all(client.clone()).create(&PostParams::default(), &definition).await.unwrap();
}

pub fn widgets(client: &Client) -> Api<Widget> {
    Api::namespaced(client.clone(), "default")
}

/// The status code of a rejected request.
pub fn status_code<T>(result: kube::Result<T>) -> u16 {
    match result {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(other) => panic!("no response of an API server: {other}"),
    }
}

/// The message of a rejected request.
pub fn rejection_message<T>(result: kube::Result<T>) -> String {
    match result {
        Err(kube::Error::Api(status)) => status.message,
        Err(other) => panic!("no response of an API server: {other}"),
        Ok(_) => panic!("not rejected"),
    }
}
