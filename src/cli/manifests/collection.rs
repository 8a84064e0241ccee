//! All manifests of a command.

use std::collections::BTreeMap;

use anyhow::bail;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{ClusterOpenStackCloud, LoadBalancerStack};
use crate::cli::world::World;
use crate::cluster::NamespacedName;
use crate::endpoints::SERVICE_LABEL;
use crate::model::Problem;

use super::args::ManifestArgs;
use super::files::{ManifestFile, read_files};
use super::node::{Content, Node, documents};
use super::path::segments;
use super::problem::{ManifestProblem, ManifestProblems, Place, Position};
use super::schema::{self, Kind};

const GROUP: &str = "evenkeel.dev";
const API_VERSION: &str = "evenkeel.dev/v1alpha1";
const KIND: &str = "LoadBalancerStack";
const CLOUD_KIND: &str = "ClusterOpenStackCloud";

/// A stack with its place.
pub(in crate::cli) struct StackManifest {
    pub(in crate::cli) name: NamespacedName,
    pub(in crate::cli) place: Place,
    pub(in crate::cli) stack: LoadBalancerStack,
    document: Node,
}

/// Stacks, and objects that they may refer to.
#[derive(Default)]
pub(in crate::cli) struct Manifests {
    /// In the order of the files.
    pub(in crate::cli) stacks: Vec<StackManifest>,
    /// By name: they are in no namespace.
    pub(in crate::cli) clouds: BTreeMap<String, ClusterOpenStackCloud>,
    pub(in crate::cli) services: BTreeMap<NamespacedName, Service>,
    pub(in crate::cli) secrets: BTreeMap<NamespacedName, Secret>,
    pub(in crate::cli) config_maps: BTreeMap<NamespacedName, ConfigMap>,
    slices: Vec<EndpointSlice>,
}

/// Manifests, and the problems of those that cannot be used.
pub(in crate::cli) struct ReadManifests {
    pub(in crate::cli) manifests: Manifests,
    pub(in crate::cli) problems: Vec<ManifestProblem>,
}

impl StackManifest {
    /// A problem of a field, with its place.
    pub(in crate::cli) fn problem(&self, problem: &Problem) -> ManifestProblem {
        let Problem { field, message, .. } = problem;
        ManifestProblem { place: self.place_of(field), field: field.clone(), message: message.clone() }
    }

    pub(in crate::cli) fn place_of(&self, field: &str) -> Place {
        Place { file: self.place.file.clone(), position: self.document.position_of(&segments(field)) }
    }
}

impl Manifests {
    /// Reads all manifests.
    ///
    /// # Errors
    /// A file cannot be read, or there is no stack.
    pub(in crate::cli) fn read(args: &ManifestArgs, world: &World<'_>) -> anyhow::Result<ReadManifests> {
        let files = read_files(args, world)?;
        let mut reader = Reader { namespace: &args.namespace, manifests: Self::default(), problems: Vec::new() };
        for file in &files {
            reader.read_file(file);
        }
        let Reader { manifests, mut problems, .. } = reader;
        problems.sort();
        if manifests.stacks.is_empty() && manifests.clouds.is_empty() && problems.is_empty() {
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            bail!("there is no {KIND} in {}", names.join(", "));
        }
        Ok(ReadManifests { manifests, problems })
    }

    /// Reads manifests that are all valid.
    ///
    /// # Errors
    /// A file cannot be read, there is no stack, or [`ManifestProblems`] with every problem of every file.
    pub(in crate::cli) fn read_valid(args: &ManifestArgs, world: &World<'_>) -> anyhow::Result<Self> {
        let ReadManifests { manifests, problems } = Self::read(args, world)?;
        if problems.is_empty() { Ok(manifests) } else { Err(ManifestProblems(problems).into()) }
    }

    /// EndpointSlices of a Service.
    pub(in crate::cli) fn slices_of(&self, service: &NamespacedName) -> Vec<&EndpointSlice> {
        let is_of = |slice: &&EndpointSlice| {
            slice.namespace().as_ref() == Some(&service.namespace)
                && slice.labels().get(SERVICE_LABEL) == Some(&service.name)
        };
        self.slices.iter().filter(is_of).collect()
    }
}

struct Reader<'a> {
    namespace: &'a str,
    manifests: Manifests,
    problems: Vec<ManifestProblem>,
}

impl Reader<'_> {
    fn read_file(&mut self, file: &ManifestFile) {
        match documents(&file.text) {
            Ok(documents) => documents.into_iter().for_each(|document| self.read_document(&file.name, document)),
            Err(error) => {
                let position = error.location().map(Position::from).unwrap_or_default();
                let place = Place { file: file.name.clone(), position };
                self.add(place, "", format!("it cannot be read as YAML: {}", bare(&error)));
            }
        }
    }

    fn add(&mut self, place: Place, field: &str, message: impl Into<String>) {
        self.problems.push(ManifestProblem { place, field: field.to_owned(), message: message.into() });
    }

    fn read_document(&mut self, file: &str, document: Node) {
        let place = Place { file: file.to_owned(), position: document.position };
        let api_version = document.text("apiVersion").unwrap_or_default();
        match document.text("kind") {
            None => self.add(place, "kind", "is required: a manifest has apiVersion and kind"),
            Some("List") => {
                let items = document.get("items").map(|items| items.content.clone());
                if let Some(Content::List(items)) = items {
                    items.into_iter().for_each(|item| self.read_document(file, item));
                }
            }
            Some(KIND) if api_version == API_VERSION => self.read_stack(place, document),
            Some(CLOUD_KIND) if api_version == API_VERSION => {
                let cloud = self.checked::<ClusterOpenStackCloud>(Kind::ClusterCloud, &place, &document);
                self.manifests.clouds.extend(cloud.map(|cloud| (cloud.name_any(), cloud)));
            }
            Some(KIND | CLOUD_KIND) if api_version.split('/').next() == Some(GROUP) => {
                self.add(place, "apiVersion", format!("must be {API_VERSION}, not {api_version}"));
            }
            Some("Service") if api_version == "v1" => {
                let read = self.object::<Service>(place, &document);
                self.manifests.services.extend(read.map(|service| (NamespacedName::of(&service), service)));
            }
            Some("EndpointSlice") if api_version == "discovery.k8s.io/v1" => {
                let read = self.object(place, &document);
                self.manifests.slices.extend(read);
            }
            Some("Secret") if api_version == "v1" => {
                let read = self.object::<Secret>(place, &document).map(with_string_data);
                self.manifests.secrets.extend(read.map(|secret| (NamespacedName::of(&secret), secret)));
            }
            Some("ConfigMap") if api_version == "v1" => {
                let read = self.object::<ConfigMap>(place, &document);
                self.manifests.config_maps.extend(read.map(|config_map| (NamespacedName::of(&config_map), config_map)));
            }
            Some(_) => {}
        }
    }

    fn read_stack(&mut self, place: Place, document: Node) {
        if let Some(stack) = self.checked::<LoadBalancerStack>(Kind::Stack, &place, &document) {
            self.add_stack(StackManifest { name: NamespacedName::of(&stack), place, stack, document });
        }
    }

    /// Reads an object of Evenkeel, if its schema admits it.
    fn checked<K: DeserializeOwned>(&mut self, kind: Kind, place: &Place, document: &Node) -> Option<K> {
        let value = match kind {
            Kind::Stack => self.with_namespace(document),
            Kind::ClusterCloud => document.value(),
        };
        let found = schema::check(kind, &value);
        if !found.is_empty() {
            for problem in found {
                let position = document.position_of(&segments(&problem.field));
                self.add(Place { position, ..place.clone() }, &problem.field, problem.message);
            }
            return None;
        }
        serde_json::from_value(value).map_err(|error| self.add(place.clone(), "", error.to_string())).ok()
    }

    fn add_stack(&mut self, manifest: StackManifest) {
        match self.manifests.stacks.iter().find(|other| other.name == manifest.name) {
            Some(other) => {
                let message = format!("{KIND} {} is also in {}: remove one of them", manifest.name, other.place);
                self.add(manifest.place, "", message);
            }
            None => self.manifests.stacks.push(manifest),
        }
    }

    /// Reads an object of Kubernetes. Its values may be secret, so an error shows none.
    fn object<K: DeserializeOwned>(&mut self, place: Place, document: &Node) -> Option<K> {
        let read = serde_json::from_value(self.with_namespace(document));
        if read.is_err() {
            let kind = document.text("kind").unwrap_or_default();
            self.add(place, "", format!("it is not a valid {kind}: a field has a value of a wrong kind"));
        }
        read.ok()
    }

    fn with_namespace(&self, document: &Node) -> Value {
        let mut value = document.value();
        if value["metadata"].is_object() && value["metadata"]["namespace"].is_null() {
            value["metadata"]["namespace"] = self.namespace.into();
        }
        value
    }
}

/// The Secret as the API server stores it: texts of `stringData` go over values of `data`.
fn with_string_data(mut secret: Secret) -> Secret {
    let texts = secret.string_data.take().into_iter().flatten();
    let data = secret.data.get_or_insert_default();
    data.extend(texts.map(|(key, text)| (key, k8s_openapi::ByteString(text.into_bytes()))));
    secret
}

/// The message without the location, which the place of the problem tells, and without advice to programmers.
fn bare(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.split(" at line ").next().unwrap_or(first);
    first.split(", set DuplicateKeyPolicy").next().unwrap_or(first).to_owned()
}
