//! Who is who: which object of the cloud serves which entry of the stack, what is to go, and what has to stay for now.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::l7_policy;
use super::step::Target;
use crate::model::{
    Desired, Key, Kind, L4, L7Action, Listener, ListenerProtocol, ObservedListener, ObservedPool, ObservedTree,
    Problem, ProblemReason, Provisioning, key_of,
};

/// What stands where a listener of the stack should be. Octavia keeps one listener for each port and transport, so the
/// place is the identity, and our key on it says that it is ours: a listener that was renamed in the stack, or two that
/// swapped their ports, are changed in place and nobody notices.
#[derive(Debug, Clone, Copy)]
pub(super) enum ListenerMatch<'a> {
    Missing,
    /// Ours, and changeable in place.
    InPlace(&'a ObservedListener),
    /// Ours, with a protocol that Octavia cannot change: it has to go before the new one can come.
    NeedsReplace(&'a ObservedListener),
    /// Not ours.
    Foreign(&'a ObservedListener),
}

/// May what the stack says of a listener be done?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// It would interrupt traffic, which the stack forbids.
    HeldBack,
    /// Something that is not ours is in the way.
    Blocked,
}

pub(super) struct Matching<'a> {
    pub desired: &'a Desired,
    pub tree: &'a ObservedTree,
    places: BTreeMap<&'a str, ListenerMatch<'a>>,
    /// Listeners of ours at places that the stack does not name.
    pub leaving_listeners: Vec<&'a ObservedListener>,
    /// The pools that serve the stack, by key.
    pools: BTreeMap<&'a str, &'a ObservedPool>,
    /// Other pools of ours: unwanted keys, other protocols, doubles.
    pub leaving_pools: Vec<&'a ObservedPool>,
}

impl<'a> Matching<'a> {
    pub fn new(desired: &'a Desired, tree: &'a ObservedTree) -> Self {
        let (places, leaving_listeners) = place_listeners(desired, tree);
        let (pools, leaving_pools) = sort_pools(desired, tree, &places);
        Self { desired, tree, places, leaving_listeners, pools, leaving_pools }
    }

    pub fn place(&self, key: &str) -> ListenerMatch<'a> {
        self.places.get(key).copied().unwrap_or(ListenerMatch::Missing)
    }

    pub fn leave(&self, key: &str) -> Gate {
        match self.place(key) {
            ListenerMatch::NeedsReplace(_) if !self.desired.allow_interruption => Gate::HeldBack,
            ListenerMatch::Foreign(_) => Gate::Blocked,
            _ => Gate::Open,
        }
    }

    /// When a listener that is to go may go: not before its successor of the same name has come.
    pub fn may_delete(&self, listener: &ObservedListener) -> Gate {
        key_of(&listener.tags).filter(|key| self.places.contains_key(*key)).map_or(Gate::Open, |key| self.leave(key))
    }

    pub fn pool(&self, key: &str) -> Option<&'a ObservedPool> {
        self.pools.get(key).copied()
    }

    /// Every pool of the stack, there or to be made.
    pub fn pool_targets(&self) -> BTreeMap<&'a str, Target> {
        let target =
            |key: &Key| self.pool(key).map_or_else(|| Target::pending(Kind::Pool, key), |p| Target::existing(&p.id));
        self.desired.pools.keys().map(|key| (key.as_str(), target(key))).collect()
    }

    /// May a pool that is not there be made? Not for the sake of a listener alone that cannot come yet.
    pub fn may_create(&self, pool: &str) -> Gate {
        let users = self.desired.listeners.iter().filter(|(_, listener)| listener.pools().any(|used| used == pool));
        let leaves: Vec<Gate> = users.map(|(key, _)| self.leave(key)).collect();
        match leaves.as_slice() {
            leaves if leaves.is_empty() || leaves.contains(&Gate::Open) => Gate::Open,
            leaves if leaves.contains(&Gate::HeldBack) => Gate::HeldBack,
            _ => Gate::Blocked,
        }
    }

    /// Pools that listeners and policies use which this plan leaves alone: foreign ones, and ours that cannot go yet.
    /// A pool in use by a policy cannot be deleted (409), and one that is a default could, which empties the listener.
    pub fn pools_in_use(&self, why: Gate) -> HashSet<&'a str> {
        let standing = self.standing(why);
        let policies = standing.iter().flat_map(|listener| &listener.policies);
        let foreign = self.places.values().filter(|_| why == Gate::Blocked).flat_map(|place| match place {
            ListenerMatch::InPlace(listener) => listener.policies.as_slice(),
            _ => &[],
        });
        let foreign = foreign.filter(|policy| key_of(&policy.tags).is_none());
        let redirects = policies.chain(foreign).filter_map(|policy| policy.redirect_pool_id.as_deref());
        standing.iter().filter_map(|listener| listener.default_pool_id.as_deref()).chain(redirects).collect()
    }

    /// Listeners that this plan leaves as they are, by reason.
    fn standing(&self, why: Gate) -> Vec<&'a ObservedListener> {
        let foreign = self.tree.listeners.iter().filter(|l| why == Gate::Blocked && key_of(&l.tags).is_none());
        let leaving = self.leaving_listeners.iter().copied().filter(|listener| self.may_delete(listener) == why);
        let taken = self.places.iter().filter_map(|(key, place)| match place {
            ListenerMatch::NeedsReplace(listener) if self.leave(key) == why => Some(*listener),
            _ => None,
        });
        match why {
            Gate::Open => Vec::new(),
            Gate::HeldBack | Gate::Blocked => foreign.chain(leaving).chain(taken).collect(),
        }
    }

    /// Foreign listeners where ours should be.
    pub fn problems(&self) -> Vec<Problem> {
        let problem = |(key, place): (&&str, &ListenerMatch<'_>)| {
            let (ListenerMatch::Foreign(foreign), Some(wanted)) = (place, self.desired.listeners.get(*key)) else {
                return None;
            };
            Some(Problem::new(
                format!("spec.listeners[name={key}].port"),
                ProblemReason::ResourceConflict,
                format!(
                    "listener {key} cannot have port {}: listener {:?} ({}, {}), which this stack did not make, has \
                     it. Delete that listener, or take another port",
                    wanted.port, foreign.name, foreign.protocol, foreign.id
                ),
            ))
        };
        self.places.iter().filter_map(problem).collect()
    }
}

impl Listener {
    /// The pools that it and its policies use.
    pub(super) fn pools(&self) -> impl Iterator<Item = &Key> {
        self.default_pool.iter().chain(self.policies.iter().filter_map(|policy| policy.action.pool()))
    }
}

impl L7Action {
    pub(super) const fn pool(&self) -> Option<&Key> {
        match self {
            Self::RedirectToPool { pool } => Some(pool),
            Self::RedirectToUrl { .. } | Self::RedirectPrefix { .. } | Self::Reject => None,
        }
    }
}

/// The transport of a listener of the cloud; an unknown protocol shares none of ours.
fn l4(protocol: &str) -> Option<L4> {
    ListenerProtocol::ALL.iter().find(|known| known.as_str() == protocol).map(|known| known.l4())
}

fn place_listeners<'a>(
    desired: &'a Desired,
    tree: &'a ObservedTree,
) -> (BTreeMap<&'a str, ListenerMatch<'a>>, Vec<&'a ObservedListener>) {
    let mut there: BTreeMap<(u16, L4), &ObservedListener> = BTreeMap::new();
    let mut leaving = Vec::new();
    for listener in &tree.listeners {
        match l4(&listener.protocol) {
            Some(l4) => drop(there.insert((listener.protocol_port, l4), listener)),
            None if key_of(&listener.tags).is_some() => leaving.push(listener),
            None => {}
        }
    }
    let mut places = BTreeMap::new();
    for (key, listener) in &desired.listeners {
        let place = match there.remove(&(listener.port, listener.protocol.l4())) {
            None => ListenerMatch::Missing,
            Some(foreign) if key_of(&foreign.tags).is_none() => ListenerMatch::Foreign(foreign),
            Some(ours) if ours.protocol == listener.protocol.as_str() => ListenerMatch::InPlace(ours),
            Some(ours) => ListenerMatch::NeedsReplace(ours),
        };
        places.insert(key.as_str(), place);
    }
    leaving.extend(there.into_values().filter(|listener| key_of(&listener.tags).is_some()));
    (places, leaving)
}

/// References to pools that the stack wants as they are: pool id and key.
fn settled_references<'a>(
    desired: &'a Desired,
    places: &BTreeMap<&'a str, ListenerMatch<'a>>,
) -> BTreeSet<(&'a str, &'a str)> {
    let mut settled = BTreeSet::new();
    for (key, place) in places {
        let (ListenerMatch::InPlace(seen), Some(want)) = (place, desired.listeners.get(*key)) else { continue };
        settled.extend(seen.default_pool_id.as_deref().zip(want.default_pool.as_deref()));
        let kept = l7_policy::kept(&want.policies, &seen.policies);
        for wanted in &want.policies {
            let pool = kept.get(wanted.key.as_str()).and_then(|kept| kept.redirect_pool_id.as_deref());
            settled.extend(pool.zip(wanted.action.pool().map(String::as_str)));
        }
    }
    settled
}

fn sort_pools<'a>(
    desired: &'a Desired,
    tree: &'a ObservedTree,
    places: &BTreeMap<&'a str, ListenerMatch<'a>>,
) -> (BTreeMap<&'a str, &'a ObservedPool>, Vec<&'a ObservedPool>) {
    let settled = settled_references(desired, places);
    // Of two (a lost answer) the one that serves stays, because healing it is one write and switching is more. Only
    // references that stay count, so that the choice does not change while the plan runs.
    let rank = |key: &str, pool: &ObservedPool| {
        let active = pool.provisioning_status == Provisioning::Active;
        (settled.contains(&(pool.id.as_str(), key)), active, std::cmp::Reverse(pool.id.clone()))
    };
    let (mut pools, mut leaving) = (BTreeMap::<&str, &ObservedPool>::new(), Vec::new());
    for pool in &tree.pools {
        let Some(key) = key_of(&pool.tags) else { continue };
        let serves = desired.pools.get(key).is_some_and(|want| want.protocol.as_str() == pool.protocol);
        match pools.get(key).copied() {
            _ if !serves => leaving.push(pool),
            Some(other) if rank(key, other) >= rank(key, pool) => leaving.push(pool),
            other => {
                leaving.extend(other);
                pools.insert(key, pool);
            }
        }
    }
    (pools, leaving)
}
