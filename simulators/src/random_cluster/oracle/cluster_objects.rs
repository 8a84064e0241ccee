//! The objects of a cluster that stacks refer to, as the API server has them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::cluster::ClusterSim;
use crate::random_cluster::ObjectKind;

/// Objects by kind and name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterObjects {
    by_kind: BTreeMap<ObjectKind, BTreeMap<String, Value>>,
}

impl ClusterObjects {
    /// The objects as they are at this moment.
    pub fn of(cluster: &ClusterSim) -> Self {
        let named = |object: Value| (object["metadata"]["name"].as_str().unwrap_or_default().to_owned(), object);
        let all = |kind: ObjectKind| {
            let (group, plural) = kind.resource();
            (kind, cluster.objects(group, plural).into_iter().map(named).collect())
        };
        Self { by_kind: ObjectKind::ALL.into_iter().map(all).collect() }
    }

    pub(super) fn get(&self, kind: ObjectKind, name: &str) -> Option<&Value> {
        self.by_kind.get(&kind)?.get(name)
    }

    pub(super) fn all(&self, kind: ObjectKind) -> impl Iterator<Item = (&String, &Value)> {
        self.by_kind.get(&kind).into_iter().flatten()
    }

    /// A key of a Secret or ConfigMap, as text.
    pub(super) fn text(&self, kind: ObjectKind, name: &str, key: &str) -> Option<String> {
        let text = self.get(kind, name)?["data"][key].as_str()?;
        match kind {
            ObjectKind::Secret => String::from_utf8(STANDARD.decode(text).ok()?).ok(),
            _ => Some(text.to_owned()),
        }
    }
}
