//! Problems: differences between desired and observed objects for which the plan has no steps.

use super::matching::{ListenerMatch, Matching};
use crate::model::{Problem, ProblemReason};

impl Matching<'_> {
    /// Differences for which the plan has no steps.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let conflicts = self.port_conflicts().into_iter();
        conflicts.chain(self.waits_for_members()).chain(self.waits_for_certificates()).collect()
    }

    /// Problems of the desired listeners that another client's listener is in the way of.
    fn port_conflicts(&self) -> Vec<Problem> {
        let problem = |(key, found): (&&str, &ListenerMatch<'_>)| {
            let (ListenerMatch::Foreign(foreign), Some(desired)) = (found, self.desired.listeners.get(*key)) else {
                return None;
            };
            Some(Problem::new(
                format!("spec.listeners[{key}].port"),
                ProblemReason::ResourceConflict,
                format!(
                    "listener {key} cannot have port {}: listener {:?} ({}, {}), which this stack did not make, has \
                     it. Delete that listener, or take another port",
                    desired.port, foreign.name, foreign.protocol, foreign.id
                ),
            ))
        };
        self.listeners.iter().filter_map(problem).collect()
    }

    /// Objects that wait until their certificates are known.
    pub(super) fn waits_for_certificates(&self) -> Vec<Problem> {
        let cause = "a certificate of its TLS cannot be read, stored or used now";
        let waits = |field, message| Problem::new(field, ProblemReason::ReferenceUnusable, message);
        let pools = self.desired.pools.keys().filter(|key| self.pool_lacks_certificate(key)).map(|key| {
            let verb = if self.pool(key).is_some() { "changed" } else { "created" };
            waits(format!("spec.pools[{key}].tls"), format!("pool {key} is not {verb} yet: {cause}"))
        });
        let listeners = self.desired.listeners.keys().filter_map(|key| {
            let verb = if matches!(self.listener(key), ListenerMatch::InPlace(_)) { "changed" } else { "created" };
            if self.lacks_certificate(key) {
                let message = format!("listener {key} is not {verb} yet: {cause}");
                return Some(waits(format!("spec.listeners[{key}].tls"), message));
            }
            let pool = self.unmakeable_pool(key)?;
            let message = format!("listener {key} is not {verb} yet: it waits for pool {pool}");
            Some(waits(format!("spec.listeners[{key}]"), message))
        });
        pools.chain(listeners).collect()
    }

    /// Replacements and deletions that wait until the members of a pool are known.
    fn waits_for_members(&self) -> Vec<Problem> {
        let unknown = |field, message| Problem::new(field, ProblemReason::MembersUnknown, message);
        let pools = self.desired.pools.iter().filter_map(|(key, desired)| {
            let (was, want) = (&self.unreplaced_pool(key)?.protocol, desired.protocol);
            let message = format!(
                "pool {key} keeps protocol {was} and does not become {want} yet: its members cannot be read now, and a \
                 new pool would have none. It is replaced once they can be read"
            );
            Some(unknown(format!("spec.pools[{key}].protocol"), message))
        });
        let duplicates = self.kept_duplicates.iter().filter_map(|pool| {
            let (key, id) = (pool.key()?, &pool.id);
            let message = format!(
                "the duplicate {id} of pool {key} stays: the members of the pool cannot be read now. It is deleted once \
                 they can be read"
            );
            Some(unknown(format!("spec.pools[{key}].members"), message))
        });
        let listeners = self.desired.listeners.iter().filter_map(|(key, desired)| {
            let (pool, observed) = self.unsuitable_pool(key)?;
            let message = format!(
                "listener {key} waits for the replacement of pool {pool}, whose protocol {} does not suit protocol {}",
                observed.protocol, desired.protocol
            );
            Some(unknown(format!("spec.listeners[{key}]"), message))
        });
        let switches = self.desired.listeners.keys().filter_map(|key| {
            let pool = self.awaited_pool(key)?;
            let message = format!(
                "listener {key} stays as it is: pool {pool} does not exist yet, and without its members, which cannot be \
                 read now, it would serve nobody. The listener changes once they can be read"
            );
            Some(unknown(format!("spec.listeners[{key}]"), message))
        });
        pools.chain(duplicates).chain(listeners).chain(switches).collect()
    }
}
