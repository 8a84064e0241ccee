//! The objects of one random cluster, and their changes.

use std::collections::BTreeMap;
use std::fmt;

use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::dice::Dice;
use super::{certificates, nodes, services};
use crate::rig::NAMESPACE;

/// Kind of an object that a stack may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    Service,
    /// Before the EndpointSlices, which refer to the UIDs of pods.
    Pod,
    EndpointSlice,
    Node,
    Secret,
    ConfigMap,
}

impl ObjectKind {
    pub const ALL: [Self; 6] =
        [Self::Service, Self::Pod, Self::EndpointSlice, Self::Node, Self::Secret, Self::ConfigMap];

    /// Group and plural, as in paths.
    pub const fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::Service => ("", "services"),
            Self::Pod => ("", "pods"),
            Self::EndpointSlice => ("discovery.k8s.io", "endpointslices"),
            Self::Node => ("", "nodes"),
            Self::Secret => ("", "secrets"),
            Self::ConfigMap => ("", "configmaps"),
        }
    }

    fn api(self, client: &Client) -> Api<DynamicObject> {
        let (group, plural) = self.resource();
        let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let kind = format!("{self:?}");
        let resource =
            ApiResource { group: group.into(), version: "v1".into(), api_version, kind, plural: plural.into() };
        match self {
            Self::Node => Api::all_with(client.clone(), &resource),
            _ => Api::namespaced_with(client.clone(), NAMESPACE, &resource),
        }
    }
}

/// Kind and name of an object. The namespace is that of all stacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    pub kind: ObjectKind,
    pub name: String,
}

impl ObjectName {
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// Brings the object in the cluster in line: applies it, or deletes it.
    ///
    /// # Errors
    /// A request failed; it may have been carried out.
    pub async fn write(&self, client: &Client, wanted: Option<&Value>) -> Result<(), kube::Error> {
        let api = self.kind.api(client);
        let Some(wanted) = wanted else {
            return match api.delete(&self.name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                done => done.map(drop),
            };
        };
        let (group, _) = self.kind.resource();
        let mut object = wanted.clone();
        if self.kind == ObjectKind::EndpointSlice {
            name_pods(client, &mut object).await?;
        }
        object["apiVersion"] = if group.is_empty() { "v1".into() } else { format!("{group}/v1").into() };
        object["kind"] = format!("{:?}", self.kind).into();
        object["metadata"]["name"] = self.name.as_str().into();
        let status = object.as_object_mut().and_then(|object| object.remove("status"));
        api.patch(&self.name, &PatchParams::apply("tests").force(), &Patch::Apply(object)).await?;
        if let Some(status) = status {
            let patch = Patch::Merge(json!({"status": status}));
            api.patch_status(&self.name, &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }
}

/// Gives the references of an EndpointSlice to pods the UIDs of those that there are.
async fn name_pods(client: &Client, slice: &mut Value) -> Result<(), kube::Error> {
    let pods = ObjectKind::Pod.api(client);
    for endpoint in slice["endpoints"].as_array_mut().into_iter().flatten() {
        let target = &mut endpoint["targetRef"];
        if let Some(pod) = pods.get_opt(target["name"].as_str().unwrap_or_default()).await? {
            target["uid"] = pod.metadata.uid.into();
        }
    }
    Ok(())
}

/// A change of some objects. The printed form names the change alone.
#[derive(Clone)]
pub struct ClusterChange {
    pub what: String,
    /// The objects as they are wanted from now on; `None`: deleted.
    pub objects: BTreeMap<ObjectName, Option<Value>>,
}

impl fmt::Debug for ClusterChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// The objects of one cluster, as its users want them.
#[derive(Debug, Clone)]
pub struct RandomCluster {
    pub objects: BTreeMap<ObjectName, Value>,
    /// The objects before all edits.
    first: BTreeMap<ObjectName, Value>,
    /// A Secret of which only one of two keys was renewed, with its content after the second update.
    pub(super) half_done: Option<(ObjectName, Value)>,
}

impl RandomCluster {
    /// A cluster in which everything that a stack may refer to can be used.
    pub fn draw(dice: &mut Dice) -> Self {
        let services = services::NAMES.into_iter().flat_map(|service| services::draw(dice, service));
        let mut objects: BTreeMap<ObjectName, Value> = services.collect();
        objects.extend(nodes::draw(dice));
        objects.extend(certificates::draw(dice));
        Self { first: objects.clone(), objects, half_done: None }
    }

    /// Takes all edits back, so that every object can be used.
    pub fn heal(&mut self) -> ClusterChange {
        let before = self.clone();
        self.half_done = None;
        self.objects.clone_from(&self.first);
        self.changes_since(&before, "everything can be used".to_owned())
    }

    /// The difference from an earlier state, as a change.
    pub(super) fn changes_since(&self, before: &Self, what: String) -> ClusterChange {
        let set = self.objects.iter().filter(|(name, object)| before.objects.get(*name) != Some(*object));
        let gone = before.objects.keys().filter(|name| !self.objects.contains_key(*name));
        let objects =
            set.map(|(name, object)| (name.clone(), Some(object.clone()))).chain(gone.map(|name| (name.clone(), None)));
        ClusterChange { what, objects: objects.collect() }
    }
}
