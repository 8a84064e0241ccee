//! How many stacks of one namespace may be worked on at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many passes are under way for each namespace and each Secret with credentials. A cloud that takes calls and never
/// answers holds each of them for a minute or more: without a bound it would hold every worker, and all other clouds would
/// wait for it. Not by the entry of a clouds.yaml: one Secret may have hundreds of them.
pub struct ConcurrencyLimits {
    most_of_a_secret: usize,
    most_of_a_namespace: usize,
    taken: Arc<Mutex<HashMap<Holder, usize>>>,
}

/// A namespace; alone, or with a Secret in it.
type Holder = (String, Option<String>);

/// The right to one pass, as long as it is kept.
pub struct Permit {
    taken: Arc<Mutex<HashMap<Holder, usize>>>,
    holders: [Holder; 2],
}

impl ConcurrencyLimits {
    /// A quarter of the workers for each Secret, half of them for all of a namespace.
    pub fn of(workers: u16) -> Self {
        let share = |part: u16| usize::from(workers / part).max(2);
        Self { most_of_a_secret: share(4), most_of_a_namespace: share(2), taken: Arc::default() }
    }

    /// `None`: the Secret or its namespace has its share.
    pub fn try_acquire(&self, namespace: &str, secret: &str) -> Option<Permit> {
        let holders = [(namespace.to_owned(), Some(secret.to_owned())), (namespace.to_owned(), None)];
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut limits = holders.iter().zip([self.most_of_a_secret, self.most_of_a_namespace]);
        if limits.any(|(holder, most)| taken.get(holder).is_some_and(|count| *count >= most)) {
            return None;
        }
        for holder in &holders {
            *taken.entry(holder.clone()).or_default() += 1;
        }
        Some(Permit { taken: Arc::clone(&self.taken), holders })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for holder in &self.holders {
            match taken.get_mut(holder) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(taken.remove(holder)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(shares: &ConcurrencyLimits, namespace: &str, secret: &str) -> Vec<Permit> {
        std::iter::from_fn(|| shares.try_acquire(namespace, secret)).collect()
    }

    #[test]
    fn a_secret_has_a_quarter_of_the_workers_and_at_least_two() {
        for (workers, most) in [(1, 2), (8, 2), (12, 3), (32, 8)] {
            let shares = ConcurrencyLimits::of(workers);
            let mut held = all(&shares, "a", "hung");
            assert_eq!(held.len(), most, "{workers} workers");
            assert!(shares.try_acquire("b", "hung").is_some(), "another namespace is not concerned");
            held.pop();
            assert!(shares.try_acquire("a", "hung").is_some(), "what was given back is there again");
            drop(held);
            assert!(shares.taken.lock().unwrap().is_empty(), "nothing is kept of those who are gone");
        }
    }

    #[test]
    fn a_namespace_has_half_of_the_workers_however_many_secrets_it_has() {
        let shares = ConcurrencyLimits::of(32);
        let held: Vec<_> = ["s", "t", "u", "v"].iter().flat_map(|secret| all(&shares, "a", secret)).collect();
        assert_eq!(held.len(), 16);
        assert_eq!(all(&shares, "b", "s").len(), 8);
        drop(held);
        assert_eq!(all(&shares, "a", "v").len(), 8);
    }
}
