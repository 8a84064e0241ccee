//! Discovery: the groups, versions and resources that are served.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::kinds::{Kind, Kinds};
use super::status::StatusError;

const VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0-evenkeel.simulated", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": "linux/amd64",
    })
}

/// `/api`: the core group, aggregated when the client accepts that.
pub fn core(kinds: &Kinds, accept: &str) -> (&'static str, Value) {
    if accept.contains("as=APIGroupDiscoveryList") {
        return (AGGREGATED, aggregated(kinds, |group| group.is_empty()));
    }
    let address = json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]);
    let body =
        json!({"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"], "serverAddressByClientCIDRs": address});
    ("application/json", body)
}

/// `/apis`: all other groups.
pub fn groups(kinds: &Kinds, accept: &str) -> (&'static str, Value) {
    if accept.contains("as=APIGroupDiscoveryList") {
        return (AGGREGATED, aggregated(kinds, |group| !group.is_empty()));
    }
    let names = group_names(kinds).into_iter().filter(|group| !group.is_empty());
    let groups: Vec<Value> = names.filter_map(|name| group(kinds, &name).ok()).collect();
    ("application/json", json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
}

fn group_names(kinds: &Kinds) -> BTreeSet<String> {
    kinds.all().iter().map(|kind| kind.group.clone()).collect()
}

pub fn versions(kinds: &Kinds, group: &str) -> Vec<String> {
    let versions: BTreeSet<&String> =
        kinds.all().iter().filter(|kind| kind.group == group).map(|kind| &kind.version).collect();
    versions.into_iter().cloned().collect()
}

pub fn group(kinds: &Kinds, name: &str) -> Result<Value, StatusError> {
    let versions: Vec<Value> = versions(kinds, name)
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    let preferred = versions.first().cloned().ok_or_else(StatusError::no_such_path)?;
    Ok(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": preferred,
    }))
}

/// `/api/v1` or `/apis/group/version`.
pub fn resources(kinds: &Kinds, group: &str, version: &str) -> Result<Value, StatusError> {
    let served: Vec<&Kind> = of(kinds, group, version).collect();
    let first = served.first().ok_or_else(StatusError::no_such_path)?;
    let mut resources = Vec::new();
    for kind in &served {
        let mut resource = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": VERBS,
        });
        if !kind.short_names.is_empty() {
            resource["shortNames"] = kind.short_names.clone().into();
        }
        if !kind.categories.is_empty() {
            resource["categories"] = kind.categories.clone().into();
        }
        resources.push(resource);
        if kind.has_status {
            resources.push(json!({
                "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "kind": kind.kind, "verbs": STATUS_VERBS,
            }));
        }
    }
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": resources,
    }))
}

pub fn of<'a>(kinds: &'a Kinds, group: &str, version: &str) -> impl Iterator<Item = &'a Kind> {
    kinds.all().iter().map(AsRef::as_ref).filter(move |kind| kind.group == group && kind.version == version)
}

fn aggregated(kinds: &Kinds, wanted: impl Fn(&str) -> bool) -> Value {
    let items: Vec<Value> = group_names(kinds)
        .iter()
        .filter(|group| wanted(group))
        .map(|group| {
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            let versions: Vec<Value> = versions(kinds, group)
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = of(kinds, group, version).map(aggregated_resource).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated_resource(kind: &Kind) -> Value {
    let response = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut resource = json!({
        "resource": kind.plural, "responseKind": response, "singularResource": kind.singular, "verbs": VERBS,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
    });
    if !kind.short_names.is_empty() {
        resource["shortNames"] = kind.short_names.clone().into();
    }
    if !kind.categories.is_empty() {
        resource["categories"] = kind.categories.clone().into();
    }
    if kind.has_status {
        resource["subresources"] = json!([{"subresource": "status", "responseKind": response, "verbs": STATUS_VERBS}]);
    }
    resource
}
