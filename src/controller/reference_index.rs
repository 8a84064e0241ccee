//! Index from objects of the cluster to the stacks that refer to them, kept up to date by the watch of stacks.
//!
//! A cluster has many objects of the kinds that stacks refer to, and each of their events asks for the stacks that use
//! the object: the index answers without a walk over all stacks.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use kube::runtime::watcher::Event;

use super::watch::MaybeStack;
use crate::cluster::NamespacedName;

/// Stacks by the objects that they refer to.
pub(crate) struct ReferenceIndex<R> {
    references: HashMap<NamespacedName, BTreeSet<R>>,
    users: HashMap<R, BTreeSet<NamespacedName>>,
    /// The same as `references`, for a list of all stacks that is not complete yet.
    listed: HashMap<NamespacedName, BTreeSet<R>>,
}

impl<R> Default for ReferenceIndex<R> {
    fn default() -> Self {
        Self { references: HashMap::new(), users: HashMap::new(), listed: HashMap::new() }
    }
}

impl<R: Clone + Ord + Hash> ReferenceIndex<R> {
    /// Takes in an event of the watch of stacks; `references_of` reads the references of one. Returns the objects that no
    /// stack refers to any more.
    pub(crate) fn observe(
        &mut self,
        event: &Event<MaybeStack>,
        references_of: impl Fn(&MaybeStack) -> BTreeSet<R>,
    ) -> Vec<R> {
        match event {
            Event::Apply(stack) => self.set(NamespacedName::of(stack), references_of(stack)),
            Event::Delete(stack) => self.set(NamespacedName::of(stack), BTreeSet::new()),
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(stack) => {
                self.listed.insert(NamespacedName::of(stack), references_of(stack));
                Vec::new()
            }
            Event::InitDone => self.replace(),
        }
    }

    /// Stacks that refer to an object.
    pub(crate) fn users(&self, object: &R) -> impl Iterator<Item = &NamespacedName> {
        self.users.get(object).into_iter().flatten()
    }

    /// Objects that a stack refers to.
    pub(crate) fn references(&self, stack: &NamespacedName) -> BTreeSet<R> {
        self.references.get(stack).cloned().unwrap_or_default()
    }

    /// Tells whether any stack refers to an object.
    pub(crate) fn is_used(&self, object: &R) -> bool {
        self.users.contains_key(object)
    }

    /// All stacks that refer to anything.
    pub(crate) fn all_users(&self) -> Vec<NamespacedName> {
        self.references.keys().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    fn set(&mut self, stack: NamespacedName, references: BTreeSet<R>) -> Vec<R> {
        let before = self.references.remove(&stack).unwrap_or_default();
        let mut unused = Vec::new();
        for object in before.difference(&references) {
            self.remove_user(object, &stack);
            if !self.is_used(object) {
                unused.push(object.clone());
            }
        }
        for object in references.difference(&before) {
            self.users.entry(object.clone()).or_default().insert(stack.clone());
        }
        if !references.is_empty() {
            self.references.insert(stack, references);
        }
        unused
    }

    fn remove_user(&mut self, object: &R, stack: &NamespacedName) {
        if let Some(users) = self.users.get_mut(object) {
            users.remove(stack);
            if users.is_empty() {
                self.users.remove(object);
            }
        }
    }

    /// A complete list replaces everything: stacks that it lacks were deleted unseen.
    fn replace(&mut self) -> Vec<R> {
        let listed = std::mem::take(&mut self.listed);
        let gone: Vec<NamespacedName> =
            self.references.keys().filter(|stack| !listed.contains_key(*stack)).cloned().collect();
        let gone = gone.into_iter().map(|stack| (stack, BTreeSet::new()));
        let mut unused = Vec::new();
        for (stack, references) in listed.into_iter().chain(gone) {
            unused.extend(self.set(stack, references));
        }
        unused.retain(|object| !self.is_used(object));
        unused
    }
}
