//! The examples of accepted and rejected stacks in `tests/rules`, judged by the simulated API server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel::api;
use evenkeel::clock::SystemClock;
use evenkeel_simulators::cluster::ClusterSim;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::ResourceExt;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
    ValidationDirective,
};
use kube::core::object::HasSpec;
use serde_json::{Value, json};

use crate::support::status_code;

struct Example {
    path: PathBuf,
    expected: Option<String>,
    documents: Vec<Value>,
}

fn examples(folder: &str) -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rules").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let examples = paths.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: ")).map(str::to_owned);
        Example { path, expected, documents: serde_saphyr::from_multiple(&text).unwrap() }
    });
    examples.collect()
}

/// A cluster with the CRDs.
struct Cluster(Client);

impl Cluster {
    async fn start() -> Self {
        let client: Client = ClusterSim::new(Arc::new(SystemClock)).client();
        for definition in [api::crd_yaml(), api::cluster_cloud_crd_yaml()] {
            let definition: CustomResourceDefinition = serde_saphyr::from_str(&definition).unwrap();
            Api::all(client.clone()).create(&PostParams::default(), &definition).await.unwrap();
        }
        Self(client)
    }

    /// The API of the kind of an object.
    fn api(&self, object: &Value) -> Api<DynamicObject> {
        let kind = object["kind"].as_str().unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("evenkeel.dev", "v1alpha1", kind));
        match kind {
            "LoadBalancerStack" => Api::namespaced_with(self.0.clone(), "default", &resource),
            _ => Api::all_with(self.0.clone(), &resource),
        }
    }
}

/// Applies all documents, each with its status, and returns the result for the last one.
async fn apply(cluster: &Cluster, example: &Example) -> kube::Result<DynamicObject> {
    let how = PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::default() };
    let [before @ .., last] = example.documents.as_slice() else { panic!("{} is empty", example.path.display()) };
    let name = last["metadata"]["name"].as_str().unwrap();
    let api = &cluster.api(last);
    for document in before {
        create(api, document).await.unwrap_or_else(|error| panic!("{}: {error}", example.path.display()));
        let status = Patch::Merge(json!({"status": document["status"]}));
        api.patch_status(name, &PatchParams::default(), &status).await.unwrap();
    }
    if before.is_empty() {
        return create(api, last).await;
    }
    // The patch that kubectl would compute: the spec of the last document.
    let patch = json!([{"op": "replace", "path": "/spec", "value": last["spec"]}]);
    api.patch(name, &how, &Patch::Json::<()>(serde_json::from_value(patch).unwrap())).await
}

/// Creates an object as `kubectl apply` does: unknown fields are rejected.
async fn create(api: &Api<DynamicObject>, document: &Value) -> kube::Result<DynamicObject> {
    let mut document = document.clone();
    document.as_object_mut().unwrap().remove("status");
    let request = http::Request::post(format!("{}?fieldValidation=Strict", api.resource_url()));
    api.clone().into_client().request(request.body(document.to_string().into_bytes()).unwrap()).await
}

#[tokio::test]
async fn accepted_rule_files_are_accepted() {
    let cluster = Cluster::start().await;
    for example in examples("accepted") {
        if let Err(error) = apply(&cluster, &example).await {
            panic!("{}: {error}", example.path.display());
        }
    }
}

#[tokio::test]
async fn rejected_rule_files_are_rejected_in_expected_words() {
    let cluster = Cluster::start().await;
    for example in examples("rejected") {
        let path = example.path.display();
        let expected = example.expected.as_deref().unwrap_or_else(|| panic!("{path} has no expectation"));
        match apply(&cluster, &example).await {
            Err(kube::Error::Api(status)) => {
                assert!(status.message.contains(expected), "{path}: {}", status.message);
                assert!([400, 422].contains(&status.code), "{path}: {}", status.code);
            }
            Err(other) => panic!("{path}: {other}"),
            Ok(_) => panic!("{path} was accepted"),
        }
    }
}

#[tokio::test]
async fn examples_are_accepted() {
    let cluster = Cluster::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if document["apiVersion"] == "evenkeel.dev/v1alpha1" {
            create(&cluster.api(&document), &document)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

/// A status write and a deletion must be accepted for an object that was stored before a rule became stricter.
#[tokio::test]
async fn stack_breaking_newer_rule_keeps_status_and_deletion() {
    let client: Client = ClusterSim::new(Arc::new(SystemClock)).client();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition: CustomResourceDefinition = serde_saphyr::from_str(&api::crd_yaml()).unwrap();
    let name = definition.name_any();
    definitions.create(&PostParams::default(), &definition).await.unwrap();
    let stacks: Api<api::LoadBalancerStack> = Api::namespaced(client, "default");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/reference.yaml"));
    let mut stack: api::LoadBalancerStack = serde_saphyr::from_str(&text.unwrap()).unwrap();
    stack.metadata.finalizers = Some(vec!["evenkeel.dev/loadbalancer".to_owned()]);
    assert!(!stack.spec().listeners.is_empty());
    stacks.create(&PostParams::default(), &stack).await.unwrap();

    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let listener = format!("{spec}/properties/listeners/items");
    let never = json!([{"rule": "false", "message": "never"}]);
    let stricter = json!([
        {"op": "add", "path": format!("{spec}/x-kubernetes-validations"), "value": never},
        {"op": "add", "path": format!("{listener}/x-kubernetes-validations"), "value": never},
        {"op": "add", "path": format!("{listener}/properties/name/pattern"), "value": "^never$"},
    ]);
    let stricter = Patch::Json::<()>(serde_json::from_value(stricter).unwrap());
    definitions.patch(&name, &PatchParams::default(), &stricter).await.unwrap();

    let status = json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack", "status": {"observedGeneration": 1}});
    let how = PatchParams::apply("evenkeel").force();
    stacks.patch_status("reference", &how, &Patch::Apply(status)).await.unwrap();
    stacks.delete("reference", &DeleteParams::default()).await.unwrap();
    let change = Patch::Merge(json!({"spec": {"paused": true}}));
    assert_eq!(status_code(stacks.patch("reference", &PatchParams::default(), &change).await), 422);
    let gone = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    stacks.patch("reference", &PatchParams::default(), &gone).await.unwrap();
    assert_eq!(status_code(stacks.get("reference").await), 404);
}
