//! The CustomResourceDefinitions, generated from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::cluster_cloud::ClusterOpenStackCloud;
use super::stack::LoadBalancerStack;

/// The CustomResourceDefinition of stacks, as it is installed.
pub fn crd() -> CustomResourceDefinition {
    finished(LoadBalancerStack::crd())
}

/// The CustomResourceDefinition of clouds that namespaces share, as it is installed.
pub fn cluster_cloud_crd() -> CustomResourceDefinition {
    finished(ClusterOpenStackCloud::crd())
}

/// The CustomResourceDefinition of stacks as a YAML document.
pub fn crd_yaml() -> String {
    yaml(&crd())
}

/// The CustomResourceDefinition of clouds that namespaces share as a YAML document.
pub fn cluster_cloud_crd_yaml() -> String {
    yaml(&cluster_cloud_crd())
}

fn finished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let kind = crd.spec.names.kind.clone();
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else { continue };
        tidy(root);
        put_object_fields(root, &kind);
        // kstatus takes an object without status for healthy; this marks an object that was never reconciled.
        if let Some(status) = root.properties.as_mut().and_then(|p| p.get_mut("status")) {
            status.default = Some(JSON(json!({"observedGeneration": -1})));
        }
    }
    crd
}

fn yaml(crd: &CustomResourceDefinition) -> String {
    // Plain data in memory: a failure here is a bug, which the tests would report as a document that is no CRD.
    document(crd).unwrap_or_else(|problem| format!("# {problem}\n"))
}

fn document(crd: &CustomResourceDefinition) -> Result<String, Box<dyn std::error::Error>> {
    let mut value = serde_json::to_value(crd)?;
    whole_numbers(&mut value);
    Ok(serde_saphyr::to_string(&value)?)
}

/// Adds the fields of every object. The API server knows them without this; tools that make the schema strict, and editors,
/// do not.
fn put_object_fields(root: &mut JSONSchemaProps, kind: &str) {
    let field = |json_type: &str, description: Option<&str>| JSONSchemaProps {
        type_: Some(json_type.to_owned()),
        description: description.map(str::to_owned),
        ..JSONSchemaProps::default()
    };
    let fields = [
        ("apiVersion", field("string", Some("Group and version of the schema of this object: evenkeel.dev/v1alpha1."))),
        ("kind", field("string", Some(&format!("Kind of this object: {kind}.")))),
        ("metadata", field("object", None)),
    ];
    root.properties.get_or_insert_default().extend(fields.map(|(name, schema)| (name.to_owned(), schema)));
}

/// Removes unwanted output of the generator: `nullable`, so that null is the same as absent; defaults of everything but
/// policies (enumerations), because a default that the API server stores can never change; formats that Kubernetes does
/// not know; line breaks and type names of the source.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    schema.description = schema.description.take().map(|text| text.replace('\n', " "));
    if schema.enum_.is_none() {
        schema.default = None;
    }
    if schema.format.as_deref().is_some_and(|f| f.starts_with("uint")) {
        schema.format = None;
    }
    for property in schema.properties.iter_mut().flat_map(|p| p.values_mut()) {
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        tidy(values);
    }
}

/// Turns `65535.0` into `65535`: limits are floating point in the Kubernetes type, and would look inexact.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 1e15) {
                *value = json!(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
