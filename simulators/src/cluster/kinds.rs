//! The served kinds: a few built-in ones, and one for each served version of a CustomResourceDefinition.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::schema::Schema;
use super::table::{self, Column};

/// The key under which the objects of a kind are stored. The two forms of Event share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource {
    pub group: String,
    pub plural: String,
}

/// One kind in one version, as clients see it.
#[derive(Debug)]
pub struct Kind {
    pub group: String,
    pub version: String,
    pub kind: String,
    pub plural: String,
    pub singular: String,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub namespaced: bool,
    /// True with a `/status` subresource, the only way to write the status.
    pub has_status: bool,
    pub group_resource: GroupResource,
    pub columns: Vec<Column>,
    /// JSON paths that field selectors may use, besides name and namespace.
    pub selectable: Vec<String>,
    /// Schema of a custom resource. Built-in kinds have none and are not validated.
    pub schema: Option<Schema>,
}

impl Kind {
    /// `plural.group`, as error messages name it.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `group/version`, or just the version for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    pub fn is_custom(&self) -> bool {
        self.schema.is_some()
    }

    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}

/// All kinds that are served at present.
#[derive(Debug, Clone)]
pub struct Kinds(Vec<Arc<Kind>>);

impl Default for Kinds {
    fn default() -> Self {
        Self(built_in().into_iter().map(Arc::new).collect())
    }
}

impl Kinds {
    pub fn all(&self) -> &[Arc<Kind>] {
        &self.0
    }

    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.0.iter().find(|k| k.version == version && k.is(group, plural)).cloned()
    }

    pub fn stored_at(&self, group_resource: &GroupResource) -> Option<Arc<Kind>> {
        self.0
            .iter()
            .find(|k| k.group_resource == *group_resource && k.is(&group_resource.group, &group_resource.plural))
            .cloned()
    }

    pub fn namespaced_resources(&self) -> Vec<GroupResource> {
        let mut resources: Vec<GroupResource> =
            self.0.iter().filter(|k| k.namespaced).map(|k| k.group_resource.clone()).collect();
        resources.dedup();
        resources
    }

    /// Installs the kinds of `definition` in place of those that it defined before.
    pub fn install(&mut self, definition: &Value) {
        self.remove(definition);
        self.0.extend(known(&definition["spec"]));
    }

    pub fn remove(&mut self, definition: &Value) {
        let group_resource = group_resource_of(definition);
        self.0.retain(|kind| kind.group_resource != group_resource);
    }
}

/// The storage key of the instances of a CustomResourceDefinition.
pub fn group_resource_of(definition: &Value) -> GroupResource {
    group_resource_of_spec(&definition["spec"])
}

fn group_resource_of_spec(spec: &Value) -> GroupResource {
    GroupResource { group: text(&spec["group"]), plural: text(&spec["names"]["plural"]) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// The spec of a definition, and the kinds that it defines.
type CompiledDefinition = (Value, Vec<Arc<Kind>>);

/// Compiles the kinds of a definition, with a cache: simulations make thousands of clusters with the same definition,
/// and its rules take long to compile.
fn known(spec: &Value) -> Vec<Arc<Kind>> {
    static KNOWN: Mutex<Vec<CompiledDefinition>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, kinds)) = known.iter().find(|(known, _)| known == spec) {
        return kinds.clone();
    }
    let kinds: Vec<_> = custom(spec).into_iter().map(Arc::new).collect();
    known.push((spec.clone(), kinds.clone()));
    kinds
}

fn custom(spec: &Value) -> Vec<Kind> {
    let names = &spec["names"];
    let group_resource = group_resource_of_spec(spec);
    let kind = text(&names["kind"]);
    let served = spec["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true);
    served
        .map(|version| Kind {
            group: group_resource.group.clone(),
            version: text(&version["name"]),
            kind: kind.clone(),
            plural: group_resource.plural.clone(),
            singular: names["singular"].as_str().map_or_else(|| kind.to_lowercase(), str::to_owned),
            short_names: texts(&names["shortNames"]),
            categories: texts(&names["categories"]),
            namespaced: spec["scope"] == "Namespaced",
            has_status: version["subresources"]["status"].is_object(),
            group_resource: group_resource.clone(),
            columns: table::custom_columns(&version["additionalPrinterColumns"]),
            selectable: version["selectableFields"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|field| text(&field["jsonPath"]).trim_start_matches('.').to_owned())
                .collect(),
            schema: Some(Schema::new(&version["schema"]["openAPIV3Schema"])),
        })
        .collect()
}

/// Group, version, kind, plural, short names, namespaced, has a status subresource, extra selectable fields.
type BuiltIn = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    bool,
    bool,
    &'static [&'static str],
);

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

const REGARDING_FIELDS: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.resourceVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
];

const BUILT_IN: &[BuiltIn] = &[
    ("", "v1", "ConfigMap", "configmaps", &["cm"], true, false, &[]),
    ("", "v1", "Event", "events", &["ev"], true, false, EVENT_FIELDS),
    ("", "v1", "Namespace", "namespaces", &["ns"], false, true, &["status.phase"]),
    ("", "v1", "Node", "nodes", &["no"], false, true, &["spec.unschedulable"]),
    ("", "v1", "Pod", "pods", &["po"], true, true, &["spec.nodeName", "status.podIP", "status.phase"]),
    ("", "v1", "Secret", "secrets", &[], true, false, &["type"]),
    ("", "v1", "Service", "services", &["svc"], true, true, &["spec.clusterIP", "spec.type"]),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        &["crd", "crds"],
        false,
        true,
        &[],
    ),
    ("coordination.k8s.io", "v1", "Lease", "leases", &[], true, false, &[]),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", &[], true, false, &[]),
    ("events.k8s.io", "v1", "Event", "events", &["ev"], true, false, REGARDING_FIELDS),
];

fn built_in() -> Vec<Kind> {
    BUILT_IN
        .iter()
        .map(|&(group, version, kind, plural, short_names, namespaced, has_status, selectable)| {
            // Both forms of Event are stored in the core form.
            let home = if plural == "events" { "" } else { group };
            Kind {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
                singular: kind.to_lowercase(),
                short_names: short_names.iter().map(|&s| s.to_owned()).collect(),
                categories: if plural == "customresourcedefinitions" {
                    vec!["api-extensions".to_owned()]
                } else {
                    Vec::new()
                },
                namespaced,
                has_status,
                group_resource: GroupResource { group: home.to_owned(), plural: plural.to_owned() },
                columns: table::built_in_columns(plural),
                selectable: selectable.iter().map(|&s| s.to_owned()).collect(),
                schema: None,
            }
        })
        .collect()
}
