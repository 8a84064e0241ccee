//! Positions of a listener's policies while steps change them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Key, L7Policy, ObservedL7Policy};

/// The order of a listener's policies, as Octavia keeps it: dense, from 1. A move takes the policy out and puts it back
/// in (`L7PolicyRepository.update`).
///
/// Example: `a b c d` becomes `d a b c`. The longest run that is in order, `a b c`, rests; only `d` is moved, from 4 to
/// 1.
pub(super) struct PolicyOrder {
    /// Entries in their present order: the id of an existing policy, `new KEY` of one that a step creates.
    list: Vec<String>,
    /// Desired keys in order, each with its entry.
    desired: Vec<(Key, String)>,
    /// Entries that need no move.
    resting: BTreeSet<String>,
}

/// A change of position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub from: usize,
    pub to: usize,
}

impl PolicyOrder {
    pub(super) fn new<'a>(
        desired: &[L7Policy],
        observed: impl Iterator<Item = &'a ObservedL7Policy>,
        kept: &BTreeMap<&str, &ObservedL7Policy>,
    ) -> Self {
        let entry = |key: &Key| kept.get(key.as_str()).map_or_else(|| new_entry(key), |policy| policy.id.clone());
        let desired: Vec<(Key, String)> =
            desired.iter().map(|policy| (policy.key.clone(), entry(&policy.key))).collect();
        let mut sorted: Vec<&ObservedL7Policy> = observed.collect();
        sorted.sort_by_key(|policy| policy.position);
        let list: Vec<String> = sorted.into_iter().map(|policy| policy.id.clone()).collect();
        let index: BTreeMap<&str, usize> = list.iter().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
        let present: Vec<(&str, usize)> =
            desired.iter().filter_map(|(_, entry)| Some((entry.as_str(), *index.get(entry.as_str())?))).collect();
        let resting = longest_run(&present).into_iter().map(str::to_owned).collect();
        Self { list, desired, resting }
    }

    /// Moves an existing policy into its place; `None` if it rests.
    pub(super) fn move_into_place(&mut self, key: &str) -> Option<Move> {
        let entry = self.desired.iter().find(|(k, _)| k == key)?.1.clone();
        if self.resting.contains(&entry) {
            return None;
        }
        let index = self.list.iter().position(|other| *other == entry)?;
        self.list.remove(index);
        Some(Move { from: index + 1, to: self.put(key, entry) })
    }

    /// The position at which a new policy has to be created.
    pub(super) fn insert(&mut self, key: &str) -> usize {
        self.put(key, new_entry(key))
    }

    /// Puts an entry right behind its predecessor. The first one of all goes before the first of the stack's, so that
    /// policies of other clients keep their places.
    fn put(&mut self, key: &str, entry: String) -> usize {
        let own = self.desired.iter().position(|(k, _)| k == key).unwrap_or_default();
        let index_of = |entry: &String| self.list.iter().position(|other| other == entry);
        let behind_predecessor =
            own.checked_sub(1).and_then(|before| index_of(&self.desired[before].1)).map(|index| index + 1);
        let before_first = || self.desired.iter().filter_map(|(_, entry)| index_of(entry)).min();
        let index = behind_predecessor.or_else(before_first).unwrap_or(self.list.len());
        self.resting.insert(entry.clone());
        self.list.insert(index, entry);
        index + 1
    }
}

fn new_entry(key: &str) -> String {
    format!("new {key}")
}

/// The longest subsequence with rising indices. Quadratic, which is the readable way for lists of some dozens.
fn longest_run<'a>(entries: &[(&'a str, usize)]) -> Vec<&'a str> {
    let mut best: Vec<Vec<usize>> = Vec::with_capacity(entries.len());
    for (i, (_, index)) in entries.iter().enumerate() {
        let longest = (0..i).filter(|j| entries[*j].1 < *index).max_by_key(|j| (best[*j].len(), std::cmp::Reverse(*j)));
        let mut run = longest.map_or_else(Vec::new, |j| best[j].clone());
        run.push(i);
        best.push(run);
    }
    let run = best.into_iter().max_by_key(Vec::len).unwrap_or_default();
    run.into_iter().map(|i| entries[i].0).collect()
}
