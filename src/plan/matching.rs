//! Matches desired to observed objects: which object of the cloud serves which key of the stack, which ones are
//! obsolete, and which of these cannot be deleted or replaced now.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::l7_policy;
use super::step::Target;
use super::tls::lacks;
use crate::model::{
    Desired, Key, Kind, Listener, ListenerProtocol, Members, ObservedL7Policy, ObservedListener, ObservedPool,
    ObservedTree, Pool, PoolProtocol, Provisioning, PrunePolicy, TransportProtocol,
};

/// Listener of the cloud at the port of a desired one.
///
/// Octavia keeps one listener for each port and transport protocol. So port and transport are the identity, and the key
/// tag says that the listener is the stack's: a listener that is renamed in the stack, or two that swap their ports,
/// are changed in place and no client notices.
#[derive(Debug, Clone, Copy)]
pub(super) enum ListenerMatch<'a> {
    Missing,
    /// The stack's, and changeable in place.
    InPlace(&'a ObservedListener),
    /// The stack's, with a protocol that Octavia cannot change: it has to go before the new one can come.
    NeedsReplace(&'a ObservedListener),
    /// Another client's.
    Foreign(&'a ObservedListener),
}

/// Decision whether steps for an object may run now.
///
/// Example: listener `web` changes from HTTP to TCP on port 80, while `disruptionPolicy` forbids interruptions. Its
/// gate is [`HeldBack`](Self::HeldBack): Octavia can only delete and recreate the listener, so these steps are shown in
/// the plan and not run. So are the steps for its new pool, and the deletion of its old pool, which keeps serving. With
/// a listener of another client on port 80 the gate is [`Blocked`](Self::Blocked): no steps, and the plan has a problem
/// that names that listener. So it is if a pool of listener `web` has to be replaced and its members are unknown: then
/// the listener stays as it is; and if a certificate of the listener or of a new pool is unknown, and the cloud has none
/// in its place. In all other cases it is [`Open`](Self::Open).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// The steps run.
    Open,
    /// The steps would interrupt traffic, which the stack forbids: the plan shows them as held back.
    HeldBack,
    /// Another client's object is in the way, or a pool that cannot be replaced yet: the plan has no such steps.
    Blocked,
}

/// Desired and observed objects of one stack, matched.
pub(super) struct Matching<'a> {
    pub desired: &'a Desired,
    pub tree: &'a ObservedTree,
    /// By key of the desired listener.
    pub listeners: BTreeMap<&'a str, ListenerMatch<'a>>,
    /// The stack's listeners at ports that it no longer names.
    pub obsolete_listeners: Vec<&'a ObservedListener>,
    /// Obsolete listeners that `prunePolicy: None` keeps.
    kept_listeners: Vec<&'a ObservedListener>,
    /// Pools that serve the stack, by key.
    pools: BTreeMap<&'a str, &'a ObservedPool>,
    /// The stack's other pools: unwanted keys, other protocols, duplicates.
    pub obsolete_pools: Vec<&'a ObservedPool>,
    /// Duplicates that stay, because they have members and the desired ones are unknown.
    pub kept_duplicates: Vec<&'a ObservedPool>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(desired: &'a Desired, tree: &'a ObservedTree) -> Self {
        let (listeners, obsolete) = match_listeners(desired, tree);
        let keeps = desired.prune == PrunePolicy::None;
        let is_replaced = |listener: &&ObservedListener| {
            !keeps || listener.key().is_some_and(|key| desired.listeners.contains_key(key))
        };
        let (obsolete_listeners, kept_listeners) = obsolete.into_iter().partition(is_replaced);
        let MatchedPools { serving: pools, mut obsolete, kept_duplicates } = match_pools(desired, tree, &listeners);
        obsolete.retain(|pool| !keeps || pool.key().is_some_and(|key| desired.pools.contains_key(key)));
        let obsolete_pools = obsolete;
        Self { desired, tree, listeners, obsolete_listeners, kept_listeners, pools, obsolete_pools, kept_duplicates }
    }

    pub(super) fn listener(&self, key: &str) -> ListenerMatch<'a> {
        self.listeners.get(key).copied().unwrap_or(ListenerMatch::Missing)
    }

    /// Gate of the changes to a desired listener.
    pub(super) fn gate(&self, key: &str) -> Gate {
        match self.listener(key) {
            ListenerMatch::Foreign(_) => Gate::Blocked,
            _ if self.unsuitable_pool(key).is_some() || self.awaited_pool(key).is_some() => Gate::Blocked,
            _ if self.lacks_certificate(key) || self.unmakeable_pool(key).is_some() => Gate::Blocked,
            ListenerMatch::NeedsReplace(_) if !self.desired.allow_interruption => Gate::HeldBack,
            _ => Gate::Open,
        }
    }

    /// A pool of a desired listener that cannot be replaced yet, and that Octavia does not let the listener use.
    pub(super) fn unsuitable_pool(&self, listener: &str) -> Option<(&'a str, &'a ObservedPool)> {
        let listener = self.desired.listeners.get(listener)?;
        let suits = |pool: &ObservedPool| {
            PoolProtocol::parse(&pool.protocol).is_some_and(|protocol| listener.protocol.suits(protocol))
        };
        let mut waiting = listener.pools().filter_map(|key| Some((key.as_str(), self.unreplaced_pool(key)?)));
        waiting.find(|(_, pool)| !suits(pool))
    }

    /// A pool that a serving listener is to use, and that would be created without its members, which are unknown.
    pub(super) fn awaited_pool(&self, listener: &str) -> Option<&'a str> {
        let (ListenerMatch::InPlace(observed) | ListenerMatch::NeedsReplace(observed)) = self.listener(listener) else {
            return None;
        };
        let has_members = |id: &str| self.tree.pools.iter().any(|pool| pool.id == id && !pool.members.is_empty());
        if !pools_of(observed).any(has_members) {
            return None;
        }
        let is_awaited = |key: &Key| {
            let members = self.desired.pools.get(key).map(|pool| &pool.members);
            self.pool(key).is_none() && members == Some(&Members::Unknown)
        };
        self.desired.listeners.get(listener)?.pools().find(|key| is_awaited(key)).map(String::as_str)
    }

    /// True if the listener needs a certificate that is unknown now, and the cloud has none in its place.
    pub(super) fn lacks_certificate(&self, listener: &str) -> bool {
        let tls = self.desired.listeners.get(listener).and_then(|listener| listener.tls.as_ref());
        tls.is_some_and(|tls| lacks(tls.certificates()))
    }

    /// A pool of a desired listener that cannot be created yet.
    pub(super) fn unmakeable_pool(&self, listener: &str) -> Option<&'a str> {
        let mut pools = self.desired.listeners.get(listener)?.pools().map(String::as_str);
        pools.find(|key| self.pool(key).is_none() && self.pool_lacks_certificate(key))
    }

    /// True if the pool needs a certificate that is unknown now, and the cloud has none in its place: it is not created,
    /// and an existing one gets no write but to its members and monitor.
    pub(super) fn pool_lacks_certificate(&self, pool: &str) -> bool {
        let tls = self.desired.pools.get(pool).and_then(|pool| pool.tls.as_ref());
        tls.is_some_and(|tls| lacks(tls.certificates()))
    }

    /// Gate of the deletion of an obsolete listener: it stays until the one of the same key exists at its new port.
    pub(super) fn may_delete(&self, listener: &ObservedListener) -> Gate {
        let successor = listener.key().filter(|key| self.listeners.contains_key(*key));
        successor.map_or(Gate::Open, |key| self.gate(key))
    }

    pub(super) fn pool(&self, key: &str) -> Option<&'a ObservedPool> {
        self.pools.get(key).copied()
    }

    /// A pool with another protocol than the desired one, which stays as it is while the desired members are unknown: a
    /// new pool would have none. Listeners that its protocol suits use it meanwhile.
    pub(super) fn unreplaced_pool(&self, key: &str) -> Option<&'a ObservedPool> {
        let desired = self.desired.pools.get(key)?;
        self.pool(key).filter(|pool| pool.protocol != desired.protocol.as_str())
    }

    /// Every desired pool, existing or to be created.
    pub(super) fn pool_targets(&self) -> BTreeMap<&'a str, Target> {
        let target = |key: &Key| {
            self.pool(key).map_or_else(|| Target::pending(Kind::Pool, key), |pool| Target::existing(&pool.id))
        };
        self.desired.pools.keys().map(|key| (key.as_str(), target(key))).collect()
    }

    /// Gate of the creation of a pool: closed while all listeners that use it are.
    pub(super) fn may_create(&self, pool: &str) -> Gate {
        if self.pool_lacks_certificate(pool) {
            return Gate::Blocked;
        }
        let users = self.desired.listeners.iter().filter(|(_, listener)| listener.pools().any(|used| used == pool));
        let gates: Vec<Gate> = users.map(|(key, _)| self.gate(key)).collect();
        match gates.as_slice() {
            gates if gates.is_empty() || gates.contains(&Gate::Open) => Gate::Open,
            gates if gates.contains(&Gate::HeldBack) => Gate::HeldBack,
            _ => Gate::Blocked,
        }
    }

    /// Pools that must stay, because listeners and policies that this plan leaves alone use them. Octavia rejects
    /// the deletion of a pool that a policy uses (409). It does delete one that is a default pool, and leaves the
    /// listener without one.
    pub(super) fn pools_in_use(&self) -> PoolsInUse<'a> {
        let obsolete =
            |gate: Gate| self.obsolete_listeners.iter().copied().filter(move |old| self.may_delete(old) == gate);
        let foreign = self.tree.listeners.iter().filter(|listener| listener.key().is_none());
        let foreign = foreign.chain(self.kept_listeners.iter().copied());
        let foreign_policies = self
            .listeners
            .iter()
            .filter_map(|(key, found)| match found {
                ListenerMatch::InPlace(listener) => Some((self.desired.listeners.get(*key)?, *listener)),
                ListenerMatch::Missing | ListenerMatch::NeedsReplace(_) | ListenerMatch::Foreign(_) => None,
            })
            .flat_map(|(desired, listener)| listener.policies.iter().filter(move |policy| self.stays(desired, policy)))
            .filter_map(|policy| policy.redirect_pool_id.as_deref());
        let waiting = |gate: Gate| {
            self.listeners.iter().filter_map(move |(key, found)| match found {
                ListenerMatch::NeedsReplace(listener) | ListenerMatch::InPlace(listener) if self.gate(key) == gate => {
                    Some(*listener)
                }
                _ => None,
            })
        };
        let blocked = foreign.chain(obsolete(Gate::Blocked)).chain(waiting(Gate::Blocked));
        PoolsInUse {
            blocked: blocked.flat_map(pools_of).chain(foreign_policies).collect(),
            held_back: obsolete(Gate::HeldBack).chain(waiting(Gate::HeldBack)).flat_map(pools_of).collect(),
        }
    }
}

impl Matching<'_> {
    /// True for a policy of a desired listener that the stack does not name and that is not deleted.
    fn stays(&self, listener: &Listener, policy: &ObservedL7Policy) -> bool {
        let keeps = self.desired.prune == PrunePolicy::None;
        policy.key().is_none_or(|key| keeps && listener.policies.iter().all(|desired| desired.key != key))
    }
}

/// Ids of the pools that listeners and policies use which a plan leaves alone.
pub(super) struct PoolsInUse<'a> {
    /// Used by objects of another client, or by listeners that such an object keeps from going.
    blocked: HashSet<&'a str>,
    /// Used by listeners that are held back.
    held_back: HashSet<&'a str>,
}

impl PoolsInUse<'_> {
    /// Gate of the deletion of a pool.
    pub(super) fn may_delete(&self, pool: &ObservedPool) -> Gate {
        match pool.id.as_str() {
            id if self.blocked.contains(id) => Gate::Blocked,
            id if self.held_back.contains(id) => Gate::HeldBack,
            _ => Gate::Open,
        }
    }
}

/// Ids of the pools that a listener and its policies use.
fn pools_of(listener: &ObservedListener) -> impl Iterator<Item = &str> {
    let redirects = listener.policies.iter().filter_map(|policy| policy.redirect_pool_id.as_deref());
    listener.default_pool_id.as_deref().into_iter().chain(redirects)
}

/// The transport protocol of a listener of the cloud. An unknown protocol shares none.
pub(super) fn transport(listener: &ObservedListener) -> Option<TransportProtocol> {
    ListenerProtocol::parse(&listener.protocol).map(ListenerProtocol::transport)
}

fn match_listeners<'a>(
    desired: &'a Desired,
    tree: &'a ObservedTree,
) -> (BTreeMap<&'a str, ListenerMatch<'a>>, Vec<&'a ObservedListener>) {
    let mut by_port: BTreeMap<(u16, TransportProtocol), &ObservedListener> = BTreeMap::new();
    let mut obsolete = Vec::new();
    for listener in &tree.listeners {
        if let Some(transport) = transport(listener) {
            by_port.insert((listener.protocol_port, transport), listener);
        } else if listener.key().is_some() {
            obsolete.push(listener);
        }
    }
    let mut matches = BTreeMap::new();
    for (key, listener) in &desired.listeners {
        let found = match by_port.remove(&(listener.port, listener.protocol.transport())) {
            None => ListenerMatch::Missing,
            Some(foreign) if foreign.key().is_none() => ListenerMatch::Foreign(foreign),
            Some(own) if own.protocol == listener.protocol.as_str() => ListenerMatch::InPlace(own),
            Some(own) => ListenerMatch::NeedsReplace(own),
        };
        matches.insert(key.as_str(), found);
    }
    obsolete.extend(by_port.into_values().filter(|listener| listener.key().is_some()));
    (matches, obsolete)
}

/// The stack's listeners that are changed in place, by key.
pub(super) fn in_place<'a>(desired: &'a Desired, tree: &'a ObservedTree) -> BTreeMap<&'a str, &'a ObservedListener> {
    let (matches, _) = match_listeners(desired, tree);
    let in_place = matches.into_iter().filter_map(|(key, found)| match found {
        ListenerMatch::InPlace(listener) => Some((key, listener)),
        ListenerMatch::Missing | ListenerMatch::NeedsReplace(_) | ListenerMatch::Foreign(_) => None,
    });
    in_place.collect()
}

/// A listener or policy uses this pool, and the stack says by which name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct PoolReference<'a> {
    id: &'a str,
    key: &'a str,
}

impl<'a> PoolReference<'a> {
    fn new(id: Option<&'a str>, key: Option<&'a str>) -> Option<Self> {
        Some(Self { id: id?, key: key? })
    }
}

/// References to pools that no step changes.
fn settled_references<'a>(
    desired: &'a Desired,
    listeners: &BTreeMap<&'a str, ListenerMatch<'a>>,
) -> BTreeSet<PoolReference<'a>> {
    let mut settled = BTreeSet::new();
    for (key, found) in listeners {
        let (ListenerMatch::InPlace(observed), Some(desired)) = (found, desired.listeners.get(*key)) else { continue };
        settled.extend(PoolReference::new(observed.default_pool_id.as_deref(), desired.default_pool.as_deref()));
        let kept = l7_policy::kept(&desired.policies, &observed.policies);
        for policy in &desired.policies {
            let pool = kept.get(policy.key.as_str()).and_then(|kept| kept.redirect_pool_id.as_deref());
            settled.extend(PoolReference::new(pool, policy.action.pool().map(String::as_str)));
        }
    }
    settled
}

/// The stack's pools in the cloud.
#[derive(Default)]
struct MatchedPools<'a> {
    /// By key.
    serving: BTreeMap<&'a str, &'a ObservedPool>,
    obsolete: Vec<&'a ObservedPool>,
    kept_duplicates: Vec<&'a ObservedPool>,
}

impl<'a> MatchedPools<'a> {
    /// Adds a pool that does not serve. One with members goes only if the desired ones are known.
    fn add_surplus(&mut self, pool: &'a ObservedPool, members: &Members) {
        let stays = *members == Members::Unknown && !pool.members.is_empty();
        if stays { self.kept_duplicates.push(pool) } else { self.obsolete.push(pool) }
    }
}

fn match_pools<'a>(
    desired: &'a Desired,
    tree: &'a ObservedTree,
    listeners: &BTreeMap<&'a str, ListenerMatch<'a>>,
) -> MatchedPools<'a> {
    let settled = settled_references(desired, listeners);
    let has_protocol = |pool: &ObservedPool, desired: &Pool| pool.protocol == desired.protocol.as_str();
    // Of duplicates (an answer was lost) the one that serves stays: healing it is one write, switching is more. Only
    // references that stay count, so that the choice does not change while the plan runs. While the desired members are
    // unknown, a replacement may be half done: the new pool counts only if no member is missing in it.
    let rank = |key: &str, pool: &ObservedPool, desired: &Pool| {
        let members = desired.members.known().map_or(pool.members.len(), |_| 0);
        let active = pool.provisioning_status == Provisioning::Active;
        let is_settled = settled.contains(&PoolReference { id: &pool.id, key });
        (is_settled, members, has_protocol(pool, desired), active, std::cmp::Reverse(pool.id.clone()))
    };
    let mut matched = MatchedPools::default();
    for pool in &tree.pools {
        let Some(key) = pool.key() else { continue };
        let Some(desired) = desired.pools.get(key) else {
            matched.obsolete.push(pool);
            continue;
        };
        // A pool of another protocol is replaced by one with the desired members. While these are unknown, it stays.
        let serves = has_protocol(pool, desired) || (desired.members == Members::Unknown && !pool.members.is_empty());
        match matched.serving.get(key).copied() {
            _ if !serves => matched.obsolete.push(pool),
            Some(other) if rank(key, other, desired) >= rank(key, pool, desired) => {
                matched.add_surplus(pool, &desired.members);
            }
            other => {
                if let Some(other) = other {
                    matched.add_surplus(other, &desired.members);
                }
                matched.serving.insert(key, pool);
            }
        }
    }
    matched
}
