//! Changes of the endpoints of a stack over time.
//!
//! The first change is passed on at once, and those that follow within the window of a pool together at its end. A change
//! of the spec waits for no window. An endpoint that left drains for a while, if the pool says so. A pool is emptied only
//! once its zero is confirmed twice, a window apart.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::floor::Floor;
use crate::model::{
    Endpoint, EndpointPhase, Key, MemberKey, ObservedMember, ObservedTree, SourceEndpoints, SourceKey,
    SourcedEndpoints, key_of,
};

/// Shortest time between the two reads that confirm a zero.
const ZERO_INTERVAL: Duration = Duration::from_secs(2);

/// Interval at which a read that failed is tried again.
const READ_RETRY: Duration = Duration::from_secs(10);

/// Endpoints of one pool, by source.
pub(crate) type PoolEndpoints = BTreeMap<Key, SourceEndpoints>;

/// Durations of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) window: Duration,
    pub(crate) drain: Duration,
}

/// The endpoints of the sources of a stack as the engine gets them.
#[derive(Debug, Default)]
pub(crate) struct PacedSources {
    pools: BTreeMap<Key, PacedPool>,
    /// Generation of the stack at the last look.
    generation: Option<i64>,
}

#[derive(Debug, Default)]
struct PacedPool {
    passed_on: PoolEndpoints,
    changed_at: Option<Instant>,
    /// Endpoints that left their source, with the end of their drain.
    draining: BTreeMap<Key, BTreeMap<MemberKey, Instant>>,
    zero: Zero,
    floor: Floor,
    /// Time at which there is something to do without another event.
    wake_at: Option<Instant>,
}

/// State of a pool whose sources have no endpoints.
#[derive(Debug, Default)]
enum Zero {
    #[default]
    Unconfirmed,
    /// Not confirmed, because a read failed.
    Unreadable {
        at: Instant,
        problems: PoolEndpoints,
    },
    /// Confirmed by one read, at this time.
    Seen(Instant),
    Confirmed,
}

impl PacedSources {
    /// Endpoints as the engine gets them.
    pub(crate) fn sourced(&self) -> SourcedEndpoints {
        let pools = self.pools.iter();
        let sources = pools
            .flat_map(|(pool, paced)| paced.passed_on.iter().map(move |(name, endpoints)| (pool, name, endpoints)));
        sources.map(|(pool, name, endpoints)| (SourceKey::new(pool, name), endpoints.clone())).collect()
    }

    /// Time of the next change that waits.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.pools.values().flat_map(|pool| [pool.wake_at, pool.floor.wake_at()]).flatten().min()
    }

    /// Ends all windows where the spec has changed. A source may lead to other endpoints by then: those of before, together
    /// with the new spec, would be members that neither spec wants.
    pub(crate) fn follow(&mut self, generation: Option<i64>) {
        if self.generation != generation {
            self.generation = generation;
            self.pools.values_mut().for_each(|pool| pool.changed_at = None);
        }
    }

    /// Forgets the times of changes that wait; the next update of each pool sets its own.
    pub(crate) fn forget_wake(&mut self) {
        self.pools.values_mut().for_each(|pool| pool.wake_at = None);
    }

    /// Forgets pools that the stack no longer has.
    pub(crate) fn retain(&mut self, exists: impl Fn(&str) -> bool) -> bool {
        let before = self.pools.len();
        self.pools.retain(|pool, _| exists(pool));
        self.pools.len() != before
    }

    /// Tells whether a pool without endpoints needs a read that confirms that.
    pub(crate) fn needs_confirmation(&self, pool: &str) -> bool {
        match self.pools.get(pool).map(|pool| &pool.zero) {
            None | Some(Zero::Unconfirmed) => true,
            Some(zero) => zero.next_read().is_some_and(|due| due <= Instant::now()),
        }
    }

    /// Takes note that a read has found no endpoint of a pool.
    pub(crate) fn confirm_zero(&mut self, pool: &str) {
        let pool = self.pools.entry(pool.to_owned()).or_default();
        pool.zero = match pool.zero {
            Zero::Unconfirmed | Zero::Unreadable { .. } => Zero::Seen(Instant::now()),
            Zero::Seen(_) | Zero::Confirmed => Zero::Confirmed,
        };
    }

    /// Takes note that a read of a pool failed, with the problem of each source.
    pub(crate) fn fail_read(&mut self, pool: &str, problems: PoolEndpoints) {
        self.pools.entry(pool.to_owned()).or_default().zero = Zero::Unreadable { at: Instant::now(), problems };
    }

    /// Floor of a pool.
    pub(super) fn floor(&mut self, pool: &str) -> &mut Floor {
        &mut self.pools.entry(pool.to_owned()).or_default().floor
    }

    /// Takes note of the members that the engine gets for a pool with a floor.
    pub(super) fn remember_members(&mut self, pool: &str) {
        let Some(pool) = self.pools.get_mut(pool) else { return };
        let known = pool.passed_on.values().map(|source| match source {
            SourceEndpoints::Known(known) => Some(known.keys().cloned()),
            SourceEndpoints::Unknown(_) => None,
        });
        if let Some(known) = known.collect::<Option<Vec<_>>>() {
            pool.floor.remember(known.into_iter().flatten().collect());
        }
    }

    /// Takes note of the members that the cloud has, for the floors that need to know them.
    pub(crate) fn learn_members(&mut self, tree: &ObservedTree) {
        for (name, paced) in self.pools.iter_mut().filter(|(_, paced)| paced.floor.needs_members()) {
            let pool = tree.pools.iter().find(|pool| key_of(&pool.tags) == Some(name.as_str()));
            let members = pool.into_iter().flat_map(|pool| &pool.members);
            paced.floor.learn(members.filter_map(ObservedMember::key).collect());
        }
    }

    /// Takes in the endpoints of a pool as they are now. Tells whether the engine gets others than before.
    pub(crate) fn update(&mut self, pool: &str, endpoints: PoolEndpoints, pace: Pace) -> bool {
        self.pools.entry(pool.to_owned()).or_default().update(endpoints, pace)
    }
}

impl Zero {
    /// Time of the next read that may confirm the zero, if one is planned.
    fn next_read(&self) -> Option<Instant> {
        match self {
            Self::Unconfirmed | Self::Confirmed => None,
            Self::Unreadable { at, .. } => Some(*at + READ_RETRY),
            Self::Seen(first) => Some(*first + ZERO_INTERVAL),
        }
    }
}

/// Tells whether all sources are read and have no endpoint.
pub(crate) fn is_zero(endpoints: &PoolEndpoints) -> bool {
    endpoints.values().all(|source| matches!(source, SourceEndpoints::Known(known) if known.is_empty()))
}

impl PacedPool {
    fn update(&mut self, mut endpoints: PoolEndpoints, pace: Pace) -> bool {
        let now = Instant::now();
        self.wake_at = None;
        self.hold_zero(&mut endpoints);
        self.drain(&mut endpoints, pace.drain, now);
        if endpoints == self.passed_on {
            return false;
        }
        let due = self.changed_at.map(|last| last + pace.window);
        if let Some(due) = due.filter(|due| *due > now) {
            self.wake_by(due);
            return false;
        }
        // Unknown members cause no write, so the next change need not wait for the window.
        if endpoints.values().all(|source| matches!(source, SourceEndpoints::Known(_))) {
            self.changed_at = Some(now);
        }
        self.passed_on = endpoints;
        true
    }

    /// Holds an unconfirmed zero back: the members stay as they are.
    fn hold_zero(&mut self, endpoints: &mut PoolEndpoints) {
        if !is_zero(endpoints) {
            self.zero = Zero::Unconfirmed;
            return;
        }
        if let Some(due) = self.zero.next_read() {
            self.wake_by(due);
        }
        match &self.zero {
            Zero::Confirmed => {}
            Zero::Unreadable { problems, .. } => endpoints.clone_from(problems),
            Zero::Unconfirmed | Zero::Seen(_) => {
                endpoints.values_mut().for_each(|source| *source = SourceEndpoints::Unknown(None));
            }
        }
    }

    /// Adds the endpoints that left a source and still drain.
    fn drain(&mut self, endpoints: &mut PoolEndpoints, drain: Duration, now: Instant) {
        let mut wake_at = None;
        for (name, source) in endpoints.iter_mut() {
            let SourceEndpoints::Known(known) = source else { continue };
            let draining = self.draining.entry(name.clone()).or_default();
            if let Some(SourceEndpoints::Known(before)) = self.passed_on.get(name) {
                let left = before
                    .iter()
                    .filter(|(key, endpoint)| endpoint.phase != EndpointPhase::Draining && !known.contains_key(key));
                left.for_each(|(key, _)| {
                    draining.entry(key.clone()).or_insert(now + drain);
                });
            }
            draining.retain(|key, end| *end > now && !known.contains_key(key));
            let drains = Endpoint { phase: EndpointPhase::Draining, ..Endpoint::default() };
            known.extend(draining.keys().map(|key| (key.clone(), drains)));
            wake_at = draining.values().copied().chain(wake_at).min();
        }
        self.draining.retain(|name, _| endpoints.contains_key(name));
        if let Some(wake_at) = wake_at {
            self.wake_by(wake_at);
        }
    }

    fn wake_by(&mut self, time: Instant) {
        self.wake_at = Some(self.wake_at.map_or(time, |known| known.min(time)));
    }
}

#[cfg(test)]
mod tests;
