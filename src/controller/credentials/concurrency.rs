//! Limits of concurrent reconciles for each namespace, each Secret with credentials and each cloud that namespaces share.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::cluster::NamespacedName;

/// Reconciles in progress by share. A cloud that accepts calls and never answers holds each of them for a minute or more:
/// without a limit it would hold every worker, and all other clouds would wait for it. Entries of a clouds.yaml are not
/// counted: one Secret may have hundreds of them.
pub(crate) struct ConcurrencyLimits {
    max_concurrent_reconciles: u16,
    in_progress: Arc<Mutex<InProgress>>,
}

type InProgress = HashMap<Share, usize>;

/// Reconciles that have a limit in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Share {
    Namespace(String),
    Secret(NamespacedName),
    /// All namespaces that share a cloud.
    ClusterCloud(String),
    /// One of them: none may use up the share of the cloud.
    NamespaceOfClusterCloud {
        namespace: String,
        cloud: String,
    },
}

impl Share {
    /// Shares of a stack with a Secret of its own namespace.
    pub(crate) fn of_secret(namespace: String, secret: &str) -> Vec<Self> {
        vec![Self::Secret(NamespacedName::new(&namespace, secret)), Self::Namespace(namespace)]
    }

    /// Shares of a stack with a cloud that namespaces share.
    pub(crate) fn of_cluster_cloud(namespace: String, cloud: &str) -> Vec<Self> {
        let cloud = cloud.to_owned();
        let of_namespace = Self::NamespaceOfClusterCloud { namespace: namespace.clone(), cloud: cloud.clone() };
        vec![of_namespace, Self::Namespace(namespace), Self::ClusterCloud(cloud)]
    }

    /// A quarter of the workers for one Secret, and for one namespace with a shared cloud; half of them for all of a
    /// namespace; three quarters for all of a shared cloud. At least two each.
    fn limit(&self, workers: u16) -> usize {
        let limit = match self {
            Self::Secret(_) | Self::NamespaceOfClusterCloud { .. } => workers / 4,
            Self::Namespace(_) => workers / 2,
            Self::ClusterCloud(_) => workers - workers / 4,
        };
        usize::from(limit).max(2)
    }
}

/// The right to one reconcile, until it is dropped.
pub(crate) struct Permit {
    shares: Vec<Share>,
    in_progress: Arc<Mutex<InProgress>>,
}

impl ConcurrencyLimits {
    pub(crate) fn of(max_concurrent_reconciles: u16) -> Self {
        Self { max_concurrent_reconciles, in_progress: Arc::default() }
    }

    /// `None`: one of the shares has all that it may have in progress.
    pub(crate) fn try_acquire(&self, shares: Vec<Share>) -> Option<Permit> {
        let mut in_progress = self.in_progress.lock();
        let is_used_up = |share: &Share| {
            in_progress.get(share).is_some_and(|count| *count >= share.limit(self.max_concurrent_reconciles))
        };
        if shares.iter().any(is_used_up) {
            return None;
        }
        for share in &shares {
            *in_progress.entry(share.clone()).or_default() += 1;
        }
        Some(Permit { shares, in_progress: Arc::clone(&self.in_progress) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut in_progress = self.in_progress.lock();
        for share in &self.shares {
            decrement(&mut in_progress, share);
        }
    }
}

/// Counts one less; a count of zero is removed.
fn decrement(in_progress: &mut InProgress, share: &Share) {
    if let Some(count) = in_progress.get_mut(share) {
        *count -= 1;
        if *count == 0 {
            in_progress.remove(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_acquire(limits: &ConcurrencyLimits, namespace: &str, secret: &str) -> Option<Permit> {
        limits.try_acquire(Share::of_secret(namespace.to_owned(), secret))
    }

    fn all(limits: &ConcurrencyLimits, namespace: &str, secret: &str) -> Vec<Permit> {
        std::iter::from_fn(|| try_acquire(limits, namespace, secret)).collect()
    }

    fn all_of_cloud(limits: &ConcurrencyLimits, namespace: &str, cloud: &str) -> Vec<Permit> {
        let shares = || Share::of_cluster_cloud(namespace.to_owned(), cloud);
        std::iter::from_fn(|| limits.try_acquire(shares())).collect()
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
            assert!(limits.in_progress.lock().is_empty(), "no count of zero is kept");
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

    #[test]
    fn namespace_cannot_use_up_a_shared_cloud() {
        let limits = ConcurrencyLimits::of(32);
        let of_a = all_of_cloud(&limits, "a", "prod");
        let of_b = all_of_cloud(&limits, "b", "prod");
        assert_eq!((of_a.len(), of_b.len()), (8, 8));
        assert_eq!(all(&limits, "a", "own").len(), 8, "a Secret of its own is another share");
        let of_c = all_of_cloud(&limits, "c", "prod");
        assert_eq!(of_c.len(), 8);
        assert_eq!(all_of_cloud(&limits, "d", "prod").len(), 0, "other clouds have workers left");
        assert_eq!(all_of_cloud(&limits, "d", "test").len(), 8);
        drop(of_a);
        assert_eq!(all_of_cloud(&limits, "d", "prod").len(), 8);
        drop((of_b, of_c));
        assert!(limits.in_progress.lock().is_empty(), "no count of zero is kept");
    }
}
