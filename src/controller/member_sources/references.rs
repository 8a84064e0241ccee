//! Objects of the cluster that the member sources of a stack use.

use std::collections::BTreeSet;

use crate::cluster::NamespacedName;
use crate::controller::watch::MaybeStack;

/// An object, or a kind of objects, whose changes may change the members of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SourceObject {
    /// A Service with its EndpointSlices.
    Service(NamespacedName),
    /// The nodes of the cluster.
    Nodes,
}

/// The objects that a valid stack uses. A Service is in the namespace of the stack.
pub(crate) fn source_objects(stored: &MaybeStack) -> BTreeSet<SourceObject> {
    let mut found = BTreeSet::new();
    let Ok(stack) = &stored.0 else { return found };
    let namespace = NamespacedName::of(stack).namespace;
    for source in stack.spec.pools.iter().flat_map(|pool| &pool.member_sources) {
        if let Some(service) = &source.service {
            found.insert(SourceObject::Service(NamespacedName::new(&namespace, &service.name)));
        }
        if source.uses_nodes() {
            found.insert(SourceObject::Nodes);
        }
    }
    found
}
