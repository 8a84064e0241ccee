//! Natural keys of children: the port of a listener, the content of an L7 policy, the users and members of a pool. They
//! decide which child of an adopted load balancer becomes which object of the stack.
//!
//! A child with a key tag has its name already. All others are matched here, as long as the stack says `adopt`:
//!
//! 1. a listener by its port and transport protocol, of which Octavia keeps one each;
//! 2. an L7 policy by its action and rules, in the order of positions; of the remaining ones, by the order of those with
//!    the same action;
//! 3. a pool of the same protocol by the listener whose default it is, then by the policy that redirects to it, then by
//!    equal members (of several the one with its name), by its name, and by common members.
//!
//! With `prunePolicy: All` every other child gets a key that no stack has, so that it is obsolete.
//!
//! Members, health monitors and rules carry nothing of the stack and are compared as everywhere else. A child that
//! matches nothing stays another client's. The order of the steps of a plan keeps the matches: pools and policies get
//! their key tags before anything that the match rests on changes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::l7_policy;
use super::matching::transport;
use crate::model::{
    Desired, Id, Key, L7Policy, Listener, MemberKey, ObservedL7Policy, ObservedListener, ObservedMember, ObservedPool,
    ObservedTree, Pool, PrunePolicy, TransportProtocol,
};

/// The tree with the keys of the children that the stack adopts, and of those that it prunes.
pub(super) fn recognised<'a>(desired: &Desired, tree: &'a ObservedTree) -> Cow<'a, ObservedTree> {
    let (adopts, prunes_all) = (desired.adopt.is_some(), desired.prune == PrunePolicy::All);
    if !adopts && !prunes_all || has_all_keys(tree) {
        return Cow::Borrowed(tree);
    }
    let mut recognised = tree.clone();
    if adopts {
        adopt_children(desired, &mut recognised);
    }
    if prunes_all {
        claim_foreign_children(desired, &mut recognised);
    }
    Cow::Owned(recognised)
}

/// True for a tree at rest, which needs no copy.
fn has_all_keys(tree: &ObservedTree) -> bool {
    let is_keyed = |listener: &ObservedListener| {
        listener.key().is_some() && listener.policies.iter().all(|policy| policy.key().is_some())
    };
    tree.listeners.iter().all(is_keyed) && tree.pools.iter().all(|pool| pool.key().is_some())
}

/// Gives every child of another client a key: that of the listener whose port it has, or one that no stack can have. So
/// all the others are obsolete, and go in the order in which obsolete children do.
fn claim_foreign_children(desired: &Desired, tree: &mut ObservedTree) {
    for listener in &mut tree.listeners {
        if listener.key().is_none() {
            let wanted = desired.listeners.iter().find(|(_, wanted)| is_at_port(listener, wanted));
            listener.adopted_as =
                Some(wanted.map_or_else(|| unusable_key(&listener.name, &listener.id), |(key, _)| key.clone()));
        }
        for policy in listener.policies.iter_mut().filter(|policy| policy.key().is_none()) {
            policy.adopted_as = Some(unusable_key(&policy.name, &policy.id));
        }
    }
    for pool in tree.pools.iter_mut().filter(|pool| pool.key().is_none()) {
        pool.adopted_as = Some(unusable_key(&pool.name, &pool.id));
    }
}

/// A key that is no DNS label, for people.
fn unusable_key(name: &str, id: &str) -> Key {
    if name.is_empty() { format!("({id})") } else { format!("{name} ({id})") }
}

fn adopt_children(desired: &Desired, recognised: &mut ObservedTree) {
    for (key, listener) in &desired.listeners {
        if let Some(observed) = at_port(&mut recognised.listeners, listener) {
            if observed.key().is_none() {
                observed.adopted_as = Some(key.clone());
            }
            recognise_policies(&listener.policies, &mut observed.policies);
        }
    }
    let pools = PoolMatching::new(desired, recognised).all();
    for pool in &mut recognised.pools {
        pool.adopted_as = pools.get(&pool.id).cloned();
    }
}

fn at_port<'a>(observed: &'a mut [ObservedListener], desired: &Listener) -> Option<&'a mut ObservedListener> {
    observed.iter_mut().find(|listener| is_at_port(listener, desired))
}

fn is_at_port(observed: &ObservedListener, desired: &Listener) -> bool {
    let wanted: TransportProtocol = desired.protocol.transport();
    observed.protocol_port == desired.port && transport(observed) == Some(wanted)
}

/// Gives keys to the policies of a listener that have none.
fn recognise_policies(desired: &[L7Policy], observed: &mut [ObservedL7Policy]) {
    observed.sort_by_key(|policy| policy.position);
    let taken: BTreeSet<String> = observed.iter().filter_map(|policy| policy.key().map(str::to_owned)).collect();
    let mut missing: Vec<&L7Policy> = desired.iter().filter(|policy| !taken.contains(&policy.key)).collect();
    let same_action = |wanted: &L7Policy, found: &ObservedL7Policy| wanted.action.kind().as_str() == found.action;
    for alike in [l7_policy::has_same_content, same_action] {
        missing.retain(|wanted| {
            let found = observed.iter_mut().find(|found| found.key().is_none() && alike(wanted, found));
            let Some(found) = found else { return true };
            found.adopted_as = Some(wanted.key.clone());
            false
        });
    }
}

/// Desired pools that the cloud has under no key, and pools without a key.
struct PoolMatching<'a> {
    desired: &'a Desired,
    tree: &'a ObservedTree,
    /// Keys of matched pools, by id.
    matched: BTreeMap<Id, Key>,
}

impl<'a> PoolMatching<'a> {
    fn new(desired: &'a Desired, tree: &'a ObservedTree) -> Self {
        Self { desired, tree, matched: BTreeMap::new() }
    }

    /// All matches, the strongest reasons first.
    fn all(mut self) -> BTreeMap<Id, Key> {
        for (key, id) in self.uses() {
            self.take(key, |pool| pool.id == *id);
        }
        for (key, pool) in &self.desired.pools {
            self.take(key, |observed| observed.name == pool.name && has_equal_members(pool, observed));
        }
        for (key, pool) in &self.desired.pools {
            self.take(key, |observed| !observed.members.is_empty() && has_equal_members(pool, observed));
        }
        for (key, pool) in &self.desired.pools {
            self.take(key, |observed| observed.name == pool.name);
        }
        for (key, pool) in &self.desired.pools {
            self.take(key, |observed| has_common_members(pool, observed));
        }
        self.matched
    }

    /// Pools by their users: those of listeners first, then those of policies.
    fn uses(&self) -> Vec<(&'a Key, &'a Id)> {
        let listeners: Vec<(&Listener, &ObservedListener)> = self
            .desired
            .listeners
            .values()
            .filter_map(|listener| Some((listener, self.tree.listeners.iter().find(|one| is_at_port(one, listener))?)))
            .collect();
        let defaults = listeners.iter().filter_map(|(desired, observed)| {
            Some((desired.default_pool.as_ref()?, observed.default_pool_id.as_ref()?))
        });
        let redirects = listeners.iter().flat_map(|(desired, observed)| {
            desired.policies.iter().filter_map(|policy| {
                let found = observed.policies.iter().find(|found| found.key() == Some(&policy.key))?;
                Some((policy.action.pool()?, found.redirect_pool_id.as_ref()?))
            })
        });
        defaults.chain(redirects).collect()
    }

    /// Matches the desired pool of this key, if it has no match yet, with the first free one of its protocol.
    fn take(&mut self, key: &Key, is_alike: impl Fn(&ObservedPool) -> bool) {
        let Some(pool) = self.desired.pools.get(key) else { return };
        let has_match = self.matched.values().any(|matched| matched == key);
        let exists = self.tree.pools.iter().any(|observed| observed.key() == Some(key));
        if has_match || exists {
            return;
        }
        let is_free = |observed: &&ObservedPool| observed.key().is_none() && !self.matched.contains_key(&observed.id);
        let mut free = self.tree.pools.iter().filter(is_free);
        let found = free.find(|observed| observed.protocol == pool.protocol.as_str() && is_alike(observed));
        if let Some(found) = found {
            self.matched.insert(found.id.clone(), key.clone());
        }
    }
}

fn members_of(observed: &ObservedPool) -> BTreeSet<MemberKey> {
    observed.members.iter().filter_map(ObservedMember::key).collect()
}

fn has_equal_members(desired: &Pool, observed: &ObservedPool) -> bool {
    let observed = members_of(observed);
    desired.members.known().is_some_and(|desired| desired.keys().eq(observed.iter()))
}

fn has_common_members(desired: &Pool, observed: &ObservedPool) -> bool {
    let observed = members_of(observed);
    desired.members.known().is_some_and(|desired| desired.keys().any(|key| observed.contains(key)))
}
