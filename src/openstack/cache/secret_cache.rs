//! The secrets of all stacks of a session, by one list.

use std::sync::Arc;

use tokio::time::Instant;

use super::freshness::Freshness;
use crate::model::{ObservedSecret, ObservedTree, Owner, StoredSecret, TreeQuery};
use crate::openstack::http::{CloudError, SingleFlight};
use crate::openstack::secrets::known_or_cause;
use crate::openstack::session::Session;

/// Beginning of the names of the secrets of all stacks.
const PREFIX: &str = "evenkeel-";

struct Secrets {
    began: Instant,
    completed: Instant,
    secrets: Vec<ObservedSecret>,
}

/// The latest list of secrets. Good enough to detect drift.
pub(in crate::openstack) struct SecretCache {
    latest: SingleFlight<Arc<Secrets>>,
}

impl SecretCache {
    pub(in crate::openstack) fn new() -> Self {
        Self { latest: SingleFlight::new() }
    }

    /// Adds the secrets of its stack to a tree, if it may have some.
    pub(in crate::openstack) async fn with_secrets(
        &self,
        session: &Session,
        mut tree: ObservedTree,
        query: TreeQuery<'_>,
        freshness: Freshness,
    ) -> ObservedTree {
        if query.needs_secrets(&tree.load_balancer) {
            tree.secrets = known_or_cause(self.secrets_of(session, query.owner, &tree, freshness).await);
        }
        tree
    }

    async fn secrets_of(
        &self,
        session: &Session,
        owner: &Owner,
        tree: &ObservedTree,
        freshness: Freshness,
    ) -> Result<Vec<ObservedSecret>, CloudError> {
        let read = |_| async {
            let (began, secrets) = (Instant::now(), session.secrets(PREFIX).await?);
            Ok(Arc::new(Secrets { began, completed: Instant::now(), secrets }))
        };
        let is_fresh =
            |latest: &Arc<Secrets>| freshness.allows(latest.began) && latest.completed.elapsed() <= freshness.max_age;
        let latest = self.latest.get(is_fresh, read).await?;
        let prefix = StoredSecret::prefix(owner);
        let own = latest.secrets.iter().filter(|secret| secret.name.starts_with(&prefix));
        let mut secrets: Vec<ObservedSecret> = own.cloned().collect();
        session.mark_named_elsewhere(&mut secrets, tree).await?;
        Ok(secrets)
    }
}
