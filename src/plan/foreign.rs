//! Children of a load balancer that the stack does not name and that stay.

use super::natural_keys::recognised;
use crate::model::{Desired, ForeignChild, Kind, ObservedTree, PrunePolicy};

/// Listeners, pools and L7 policies that no plan of the stack touches.
pub fn foreign_children(desired: &Desired, tree: &ObservedTree) -> Vec<ForeignChild> {
    let tree = recognised(desired, tree);
    let stays = |key: Option<&str>, is_named: &dyn Fn(&str) -> bool| {
        key.is_none_or(|key| desired.prune == PrunePolicy::None && !is_named(key))
    };
    let child = |kind, name: &String, id: &String| ForeignChild { kind, name: name.clone(), id: id.clone() };
    let mut children = Vec::new();
    for listener in &tree.listeners {
        if stays(listener.key(), &|key: &str| desired.listeners.contains_key(key)) {
            // Its policies belong to it.
            children.push(child(Kind::Listener, &listener.name, &listener.id));
            continue;
        }
        let named = listener.key().and_then(|key| desired.listeners.get(key));
        let is_named = |key: &str| named.is_some_and(|named| named.policies.iter().any(|policy| policy.key == key));
        let policies = listener.policies.iter().filter(|policy| stays(policy.key(), &is_named));
        children.extend(policies.map(|policy| child(Kind::L7Policy, &policy.name, &policy.id)));
    }
    let pools = tree.pools.iter().filter(|pool| stays(pool.key(), &|key: &str| desired.pools.contains_key(key)));
    children.extend(pools.map(|pool| child(Kind::Pool, &pool.name, &pool.id)));
    children.sort();
    children
}
