//! The secrets of all stacks of a session, by one list.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{ObservedSecret, ObservedTree, Owner, StoredSecret, TreeQuery};
use crate::openstack::http::{CloudError, SingleFlight};
use crate::openstack::secrets::known_or_cause;
use crate::openstack::session::Session;

/// Beginning of the names of the secrets of all stacks.
const PREFIX: &str = "evenkeel-";

struct Secrets {
    taken: Instant,
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

    /// Adds the secrets of its stack to a tree, if it may have some, at most `max_age` old.
    pub(in crate::openstack) async fn with_secrets(
        &self,
        session: &Session,
        mut tree: ObservedTree,
        query: TreeQuery<'_>,
        max_age: Duration,
    ) -> ObservedTree {
        if query.needs_secrets(&tree.load_balancer) {
            tree.secrets = known_or_cause(self.secrets_of(session, query.owner, &tree, max_age).await);
        }
        tree
    }

    async fn secrets_of(
        &self,
        session: &Session,
        owner: &Owner,
        tree: &ObservedTree,
        max_age: Duration,
    ) -> Result<Vec<ObservedSecret>, CloudError> {
        let read = |_| async {
            let taken = Instant::now();
            Ok(Arc::new(Secrets { taken, secrets: session.secrets(PREFIX).await? }))
        };
        let latest = self.latest.get(|latest| latest.taken.elapsed() <= max_age, read).await?;
        let prefix = StoredSecret::prefix(owner);
        let own = latest.secrets.iter().filter(|secret| secret.name.starts_with(&prefix));
        let mut secrets: Vec<ObservedSecret> = own.cloned().collect();
        session.mark_named_elsewhere(&mut secrets, tree).await?;
        Ok(secrets)
    }
}
