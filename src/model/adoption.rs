//! Adoption: a stack takes a load balancer that another client made.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    Id, ObservedL7Policy, ObservedListener, ObservedLoadBalancer, ObservedPool, ObservedTree, foreign_owner, key_of,
};

/// Beginnings of the names by which the OpenStack cloud provider marks its load balancers and listeners
/// (`servicePrefix` in pkg/openstack/loadbalancer.go), and the Octavia ingress controller its load balancers.
const CONTROLLER_PREFIXES: [&str; 2] = ["kube_service_", "kube_ingress_"];

/// Load balancer that a stack adopts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adoption {
    pub selector: AdoptionSelector,
    /// The owner that the load balancer may be taken from, as [`owners`] names it.
    pub from_owner: Option<String>,
}

/// Selector of a load balancer that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum AdoptionSelector {
    Id(Id),
    /// The only one with this name, if there is a name, and with all of these tags.
    NameAndTags {
        name: Option<String>,
        tags: BTreeSet<String>,
    },
}

impl AdoptionSelector {
    pub fn matches(&self, load_balancer: &ObservedLoadBalancer) -> bool {
        match self {
            Self::Id(id) => load_balancer.id == *id,
            Self::NameAndTags { name, tags } => {
                name.as_ref().is_none_or(|name| load_balancer.name == *name) && tags.is_subset(&load_balancer.tags)
            }
        }
    }
}

impl std::fmt::Display for AdoptionSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, tags) = match self {
            Self::Id(id) => return write!(f, "id {id}"),
            Self::NameAndTags { name, tags } => (name, tags),
        };
        if let Some(name) = name {
            write!(f, "name {name:?}")?;
        }
        if !tags.is_empty() {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            write!(f, "{}tags {}", if name.is_some() { " and " } else { "" }, tags.join(", "))?;
        }
        Ok(())
    }
}

/// True for a tag or name with which another controller marks its load balancers and listeners.
pub fn is_mark_of_controller(text: &str) -> bool {
    CONTROLLER_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// The owners that a load balancer and its listeners name: `<cluster>/<uid>` of a stack, or the name that a controller
/// of Services or Ingresses gave them. More than one: Services share the load balancer.
///
/// These controllers tag what they own, and the older ones give it a name only. A name counts where no tag does: a
/// stack may keep the name of a load balancer that it adopted.
pub fn owners(tree: &ObservedTree) -> BTreeSet<String> {
    let load_balancer = &tree.load_balancer;
    let of_controller = |text: &&String| is_mark_of_controller(text);
    let of_listeners = tree.listeners.iter().flat_map(|listener| &listener.tags);
    let tags = load_balancer.tags.iter().chain(of_listeners).filter(of_controller).cloned();
    let mut owners: BTreeSet<String> = tags.chain(foreign_owner(&load_balancer.tags)).collect();
    if owners.is_empty() {
        owners.extend(Some(&load_balancer.name).filter(of_controller).cloned());
    }
    owners
}

/// Declares the key of an object: its name in the stack.
macro_rules! keyed {
    ($($object:ty),+) => {$(
        impl $object {
            /// The name in the stack, by adoption or by the key tag; `None` for an object of another client.
            pub fn key(&self) -> Option<&str> {
                self.adopted_as.as_deref().or_else(|| key_of(&self.tags))
            }
        }
    )+};
}

keyed!(ObservedListener, ObservedL7Policy, ObservedPool);

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn owners_of(name: &str, tags: &[&str], of_listener: &[&str]) -> BTreeSet<String> {
        let load_balancer = ObservedLoadBalancer { name: name.into(), tags: texts(tags), ..Default::default() };
        let listener = ObservedListener { tags: texts(of_listener), ..Default::default() };
        owners(&ObservedTree { load_balancer, listeners: vec![listener], ..Default::default() })
    }

    #[test]
    fn owners_are_named_by_tags_of_every_controller() {
        assert_eq!(owners_of("web", &["team=shop"], &["blue"]), texts(&[]));
        assert_eq!(owners_of("web", &["evenkeel:uid=u1", "evenkeel:cluster=c1"], &[]), texts(&["c1/u1"]));
        let service = "kube_service_a_shop_web";
        assert_eq!(owners_of(service, &[service], &[service]), texts(&[service]));
        assert_eq!(owners_of(service, &["evenkeel:uid=u1", "evenkeel:cluster=c1"], &[]), texts(&["c1/u1"]));
        assert_eq!(owners_of("web", &[service], &["kube_service_a_shop_api"]).len(), 2);
        assert_eq!(owners_of("kube_ingress_a_shop_web", &[], &[]), texts(&["kube_ingress_a_shop_web"]));
    }

    #[test]
    fn selector_needs_its_name_and_all_of_its_tags() {
        let found = ObservedLoadBalancer { name: "web".into(), tags: texts(&["a", "b"]), ..Default::default() };
        let by = |name: Option<&str>, tags: &[&str]| AdoptionSelector::NameAndTags {
            name: name.map(str::to_owned),
            tags: texts(tags),
        };
        assert!(by(Some("web"), &[]).matches(&found) && by(None, &["a", "b"]).matches(&found));
        assert!(!by(Some("web2"), &["a"]).matches(&found) && !by(None, &["a", "c"]).matches(&found));
        assert_eq!(by(Some("web"), &["a", "b"]).to_string(), "name \"web\" and tags a, b");
    }
}
