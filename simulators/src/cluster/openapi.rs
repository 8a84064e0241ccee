//! OpenAPI v3 documents, reduced to the parts that `kubectl apply` and `kubectl explain` read.

use serde_json::{Value, json};

use super::discovery;
use super::kinds::{Kind, Kinds};
use super::status::StatusError;

pub fn index(kinds: &Kinds) -> Value {
    let mut paths = json!({});
    for kind in kinds.all() {
        let path = if kind.group.is_empty() {
            format!("api/{}", kind.version)
        } else {
            format!("apis/{}/{}", kind.group, kind.version)
        };
        paths[&path] = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
    }
    json!({"paths": paths})
}

pub fn document(kinds: &Kinds, group: &str, version: &str) -> Result<Value, StatusError> {
    let served: Vec<&Kind> = discovery::of(kinds, group, version).collect();
    if served.is_empty() {
        return Err(StatusError::no_such_path());
    }
    let mut schemas = json!({});
    let mut paths = json!({});
    for kind in served {
        schemas[component(kind)] = schema(kind);
        paths[path(kind)] = operations(kind);
    }
    Ok(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "simulated"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

/// The name of the component of a kind: `dev.evenkeel.v1alpha1.LoadBalancerStack`.
fn component(kind: &Kind) -> String {
    let reversed: Vec<&str> = kind.group.rsplit('.').filter(|part| !part.is_empty()).collect();
    let group = if reversed.is_empty() { "io.k8s.api.core".to_owned() } else { reversed.join(".") };
    format!("{group}.{}.{}", kind.version, kind.kind)
}

fn path(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "/api" } else { "/apis" };
    let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let api_version = kind.api_version();
    format!("{root}/{api_version}{namespace}/{}/{{name}}", kind.plural)
}

fn identity(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

fn schema(kind: &Kind) -> Value {
    let mut schema = kind.schema.as_ref().map_or_else(|| json!({"type": "object"}), |schema| schema.root.clone());
    let text = |description: &str| json!({"type": "string", "description": description});
    schema["properties"]["apiVersion"] = text("Version of the schema of this object.");
    schema["properties"]["kind"] = text("Kind of this object.");
    schema["properties"]["metadata"] = json!({"type": "object", "description": "Standard object metadata."});
    schema["x-kubernetes-group-version-kind"] = json!([identity(kind)]);
    schema
}

/// The operations of a kind. kubectl reads from them the query parameters that it may send.
fn operations(kind: &Kind) -> Value {
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter).into();
    let reference = json!({"$ref": format!("#/components/schemas/{}", component(kind))});
    let body = json!({"content": {"application/json": {"schema": reference}}});
    let operation = |action: &str| {
        json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": identity(kind),
            "parameters": parameters, "responses": {"200": {"description": "OK", "content": body["content"]}},
        })
    };
    let mut patch = operation("patch");
    patch["requestBody"] = body.clone();
    json!({"get": operation("get"), "patch": patch})
}
