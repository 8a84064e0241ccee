//! The invariants of ARCHITECTURE.md that the protocol keeps, and the states that must be reachable.

use stateright::Property;

use super::model::{LatestCommit, Protocol};
use super::state::{COPY, LoadBalancer, Misdeed, State, Uid};

pub const AT_MOST_ONE: &str = "at most one load balancer exists for each UID";
pub const ON_RECORD: &str = "a create in flight is on record";
pub const NO_DUPLICATE_LEFT: &str = "the record is cleared only when no duplicate is left";
pub const NOTHING_LEAKED: &str = "nothing is left of a stack that has ended";
pub const NOTHING_FOREIGN: &str = "nothing without the stack's owner tags is touched";
pub const NOTHING_WANTED: &str = "no duplicate is deleted that may be wanted";

pub const CONVERGED: &str = "a stack converges";
pub const ENDED: &str = "a stack ends";
pub const TAKEN_OVER: &str = "a load balancer is taken over";
pub const DUPLICATED: &str = "a duplicate appears";

pub fn properties(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(ON_RECORD, |_, state: &State| creates_are_on_record(state)),
        Property::always(NOTHING_LEAKED, |_, state: &State| nothing_leaked(state)),
        Property::always(NOTHING_FOREIGN, |_, state: &State| state.octavia.misdeed != Some(Misdeed::TouchedForeign)),
        Property::always(NOTHING_WANTED, |_, state: &State| state.octavia.misdeed != Some(Misdeed::DeletedWanted)),
        Property::always(NO_DUPLICATE_LEFT, |_, state: &State| no_duplicate_left(state)),
        Property::sometimes(CONVERGED, |_, state: &State| has_converged(state)),
    ];
    if !protocol.deletions.is_empty() {
        properties.push(Property::sometimes(ENDED, |_, state: &State| has_ended(state)));
    }
    if protocol.latest_commit == LatestCommit::WithinQuietPeriod {
        properties.push(Property::always(AT_MOST_ONE, |_, state: &State| uids(state).all(|uid| count(state, uid) < 2)));
    } else {
        properties
            .push(Property::sometimes(DUPLICATED, |_, state: &State| uids(state).any(|uid| count(state, uid) > 1)));
    }
    if protocol.restores {
        properties.push(Property::sometimes(TAKEN_OVER, |_, state: &State| {
            state.octavia.load_balancers.iter().any(is_taken_over)
        }));
    }
    properties
}

fn uids(state: &State) -> impl Iterator<Item = Uid> {
    0..state.api.uids
}

/// Load balancers that creates made for this UID. One that no read shows yet counts as well.
fn count(state: &State, uid: Uid) -> usize {
    let committed = state.octavia.posts.iter().filter(|post| post.uid == uid && post.is_committed).count();
    let shown =
        state.octavia.load_balancers.iter().filter(|found| found.id != COPY && found.is_tagged_for(uid)).count();
    committed + shown
}

fn creates_are_on_record(state: &State) -> bool {
    let Some(stack) = &state.api.stack else { return true };
    state.octavia.posts.iter().all(|post| post.uid != stack.uid || stack.pending.contains(&post.attempt))
}

fn no_duplicate_left(state: &State) -> bool {
    let Some(stack) = &state.api.stack else { return true };
    !stack.pending.is_empty() || stack.deleting.is_some() || count(state, stack.uid) < 2
}

fn nothing_leaked(state: &State) -> bool {
    let api = &state.api;
    state.octavia.load_balancers.iter().all(|found| {
        let Some(tags) = found.tags.filter(|tags| !tags.other_cluster) else { return true };
        let ended_unasked = api.ended_unasked == Some(tags.uid) && found.made_for == tags.uid;
        tags.uid >= api.ended_below && !ended_unasked
    })
}

fn has_converged(state: &State) -> bool {
    let Some(stack) = &state.api.stack else { return false };
    stack.deleting.is_none() && stack.recorded.is_some() && stack.pending.is_empty() && count(state, stack.uid) == 1
}

fn has_ended(state: &State) -> bool {
    state.api.ended_below > 0 && state.octavia.attempts > 0
}

fn is_taken_over(found: &LoadBalancer) -> bool {
    found.tags.is_some_and(|tags| tags.uid > found.made_for)
}
