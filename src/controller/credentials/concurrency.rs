//! Limits of concurrent reconciles for each namespace and each Secret with credentials.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::controller::names::NamespacedName;

/// Reconciles in progress for each namespace and each Secret. A cloud that accepts calls and never answers holds each
/// of them for a minute or more: without a limit it would hold every worker, and all other clouds would wait for it.
/// Entries of a clouds.yaml are not counted: one Secret may have hundreds of them.
pub(crate) struct ConcurrencyLimits {
    per_secret: usize,
    per_namespace: usize,
    in_progress: Arc<Mutex<InProgress>>,
}

#[derive(Default)]
struct InProgress {
    by_secret: HashMap<NamespacedName, usize>,
    by_namespace: HashMap<String, usize>,
}

/// The right to one reconcile, until it is dropped.
pub(crate) struct Permit {
    secret: NamespacedName,
    in_progress: Arc<Mutex<InProgress>>,
}

impl ConcurrencyLimits {
    /// A quarter of the concurrent reconciles for each Secret, half of them for all of a namespace.
    pub(crate) fn of(max_concurrent_reconciles: u16) -> Self {
        let share = |part: u16| usize::from(max_concurrent_reconciles / part).max(2);
        Self { per_secret: share(4), per_namespace: share(2), in_progress: Arc::default() }
    }

    /// `None`: the Secret or its namespace has all of its share in progress.
    pub(crate) fn try_acquire(&self, secret: &NamespacedName) -> Option<Permit> {
        let mut in_progress = self.in_progress.lock();
        let of_secret = in_progress.by_secret.get(secret).copied().unwrap_or_default();
        let of_namespace = in_progress.by_namespace.get(&secret.namespace).copied().unwrap_or_default();
        if of_secret >= self.per_secret || of_namespace >= self.per_namespace {
            return None;
        }
        in_progress.by_secret.insert(secret.clone(), of_secret + 1);
        in_progress.by_namespace.insert(secret.namespace.clone(), of_namespace + 1);
        Some(Permit { secret: secret.clone(), in_progress: Arc::clone(&self.in_progress) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut in_progress = self.in_progress.lock();
        decrement(&mut in_progress.by_secret, &self.secret);
        decrement(&mut in_progress.by_namespace, &self.secret.namespace);
    }
}

/// Counts one less; a count of zero is removed.
fn decrement<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_acquire(limits: &ConcurrencyLimits, namespace: &str, secret: &str) -> Option<Permit> {
        limits.try_acquire(&NamespacedName::new(namespace, secret))
    }

    fn all(limits: &ConcurrencyLimits, namespace: &str, secret: &str) -> Vec<Permit> {
        std::iter::from_fn(|| try_acquire(limits, namespace, secret)).collect()
    }

    #[test]
    fn secret_has_a_quarter_of_the_workers_and_at_least_two() {
        for (concurrent, most) in [(1, 2), (8, 2), (12, 3), (32, 8)] {
            let limits = ConcurrencyLimits::of(concurrent);
            let mut held = all(&limits, "a", "hung");
            assert_eq!(held.len(), most, "{concurrent} concurrent reconciles");
            assert!(try_acquire(&limits, "b", "hung").is_some(), "another namespace is not concerned");
            held.pop();
            assert!(try_acquire(&limits, "a", "hung").is_some(), "a permit that was dropped is free again");
            drop(held);
            let in_progress = limits.in_progress.lock();
            assert!(
                in_progress.by_secret.is_empty() && in_progress.by_namespace.is_empty(),
                "no count of zero is kept"
            );
        }
    }

    #[test]
    fn namespace_has_half_of_the_workers_whatever_its_secrets() {
        let limits = ConcurrencyLimits::of(32);
        let held: Vec<_> = ["s", "t", "u", "v"].iter().flat_map(|secret| all(&limits, "a", secret)).collect();
        assert_eq!(held.len(), 16);
        assert_eq!(all(&limits, "b", "s").len(), 8);
        drop(held);
        assert_eq!(all(&limits, "a", "v").len(), 8);
    }
}
