//! The cache of resolved references.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::model::{Reference, Resolutions, ResolvedReference};
use crate::openstack::http::CloudError;
use crate::openstack::session::{PARALLEL_READS, Session};

/// The lifetime of a resolved reference: names rarely move.
const LIFETIME: Duration = Duration::from_secs(600);
/// The lifetime of a temporary obstacle, whose end a stack waits for.
const OBSTACLE_LIFETIME: Duration = Duration::from_secs(60);

struct Entry {
    expires_at: Instant,
    found: ResolvedReference,
}

/// Remembers successful look-ups. Failed ones are repeated each time.
pub(in crate::openstack) struct Resolver {
    cache: Mutex<HashMap<Reference, Entry>>,
}

impl Resolver {
    pub(in crate::openstack) fn new() -> Self {
        Self { cache: Mutex::default() }
    }

    pub(in crate::openstack) async fn resolve(
        &self,
        session: &Session,
        references: &BTreeSet<Reference>,
    ) -> Result<Resolutions, CloudError> {
        let mut resolutions = Resolutions::default();
        let mut unknown = Vec::new();
        for reference in references {
            match self.cached(reference) {
                Some(found) => {
                    resolutions.0.insert(reference.clone(), Ok(found));
                }
                None => unknown.push(reference.clone()),
            }
        }
        let lookups = unknown.into_iter().map(|reference| async move {
            let resolution = session.look_up(&reference).await?;
            Ok::<_, CloudError>((reference, resolution))
        });
        let resolved: Vec<_> = futures::stream::iter(lookups).buffered(PARALLEL_READS).try_collect().await?;
        for (reference, resolution) in resolved {
            if let Ok(found) = &resolution {
                self.remember(reference.clone(), found.clone());
            }
            resolutions.0.insert(reference, resolution);
        }
        Ok(resolutions)
    }

    /// Drops the cache, after a resolved object has turned out to be missing.
    pub(in crate::openstack) fn forget(&self) {
        self.cache.lock().clear();
    }

    fn cached(&self, reference: &Reference) -> Option<ResolvedReference> {
        let cache = self.cache.lock();
        let entry = cache.get(reference)?;
        (Instant::now() < entry.expires_at).then(|| entry.found.clone())
    }

    fn remember(&self, reference: Reference, found: ResolvedReference) {
        let now = Instant::now();
        let expires_at = now + if is_obstacle(&found) { OBSTACLE_LIFETIME } else { LIFETIME };
        let mut cache = self.cache.lock();
        cache.retain(|_, entry| now < entry.expires_at);
        cache.insert(reference, Entry { expires_at, found });
    }
}

/// True for an object that a stack cannot use yet: a port in use, a disabled flavor or zone.
fn is_obstacle(found: &ResolvedReference) -> bool {
    let in_use = matches!(found, ResolvedReference::Port { device_id, .. } if !device_id.is_empty());
    in_use || found.is_disabled()
}
