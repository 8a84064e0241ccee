//! Cache of the sessions with clouds, with eviction of those that are not used.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::data::CredentialsData;
use super::error::CredentialsProblem;
use super::source::CredentialsSource;
use crate::clock::Clock;
use crate::cluster::NamespacedName;
use crate::openstack::{Cloud, CloudSettings, Connector, Credentials};

/// Time after its last use at which a session is dropped, with its token, its lists and its credentials.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Sessions of one Secret that are kept for their next use. Each holds lists, a token and trusted certificates, and an
/// author of stacks may name one entry after the other.
const MAX_PER_SECRET: usize = 4;

/// Sessions by the source of their credentials, kept as long as the Secret does not change and stacks use them.
pub(crate) struct SessionCache {
    connector: Arc<dyn Connector>,
    clock: Arc<dyn Clock>,
    settings: CloudSettings,
    kept: Mutex<HashMap<CredentialsSource, CachedSession>>,
}

/// The session of one version of a Secret, or the reason for which there is none: each version is tried once.
struct CachedSession {
    version: String,
    used: Instant,
    opened: Arc<OnceLock<Result<Cloud, String>>>,
}

impl CachedSession {
    fn is_in_use(&self) -> bool {
        let is_shared = |opened: &Result<Cloud, String>| opened.as_ref().is_ok_and(Cloud::is_shared);
        Arc::strong_count(&self.opened) > 1 || self.opened.get().is_some_and(is_shared)
    }
}

impl SessionCache {
    pub(crate) fn new(connector: Arc<dyn Connector>, clock: Arc<dyn Clock>, settings: CloudSettings) -> Self {
        Self { connector, clock, settings, kept: Mutex::default() }
    }

    /// Session with the credentials as they are now.
    pub(crate) fn open(
        &self,
        source: &CredentialsSource,
        data: &CredentialsData<'_>,
    ) -> Result<Cloud, CredentialsProblem> {
        let Some(clouds_yaml) = data.clouds_yaml else {
            self.forget(source.secret());
            return Err(CredentialsProblem::NoKey(source.secret().name.clone()));
        };
        let opened = self.slot(source, &data.version);
        let opened = opened.get_or_init(|| self.connect(clouds_yaml, data.cacert, source)).clone();
        opened.map_err(|cause| CredentialsProblem::Unusable { secret: source.secret().name.clone(), cause })
    }

    /// Drops the sessions of a Secret that is gone.
    pub(crate) fn forget(&self, secret: &NamespacedName) {
        self.kept.lock().retain(|source, _| source.secret() != secret);
    }

    /// Slot for the session of this version, empty for a new one. Drops the sessions of other versions, and idle ones.
    fn slot(&self, source: &CredentialsSource, version: &str) -> Arc<OnceLock<Result<Cloud, String>>> {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        kept.retain(|other, kept| {
            let same_secret = other.secret() == source.secret();
            now.duration_since(kept.used) < IDLE_TIMEOUT && (!same_secret || kept.version == version)
        });
        make_room(&mut kept, source);
        let fresh = || CachedSession { version: version.to_owned(), used: now, opened: Arc::default() };
        let slot = kept.entry(source.clone()).or_insert_with(fresh);
        slot.used = now;
        Arc::clone(&slot.opened)
    }

    /// Reads the credentials and opens a session, which takes its time: never under the shared lock.
    fn connect(&self, clouds_yaml: &[u8], cacert: Option<&[u8]>, source: &CredentialsSource) -> Result<Cloud, String> {
        let credentials = Credentials::parse(clouds_yaml, cacert, source.cloud()).map_err(text)?;
        let names_other_owners = source.cluster_cloud().is_none();
        let settings = CloudSettings { names_other_owners, ..self.settings.clone() };
        Cloud::new(credentials, self.connector.as_ref(), self.clock.clone(), settings).map_err(text)
    }
}

/// Makes room for this session among those of its Secret: drops the least recently used, but none that is in use, or
/// there would be two sessions of one source.
fn make_room(kept: &mut HashMap<CredentialsSource, CachedSession>, source: &CredentialsSource) {
    if kept.contains_key(source) {
        return;
    }
    let of_secret = |(other, _): &(&CredentialsSource, &CachedSession)| other.secret() == source.secret();
    let surplus = (kept.iter().filter(of_secret).count() + 1).saturating_sub(MAX_PER_SECRET);
    let idle = kept.iter().filter(of_secret).filter(|(_, kept)| !kept.is_in_use());
    let mut idle: Vec<(Instant, CredentialsSource)> = idle.map(|(other, kept)| (kept.used, other.clone())).collect();
    idle.sort_unstable_by_key(|(used, _)| *used);
    for (_, other) in idle.into_iter().take(surplus) {
        kept.remove(&other);
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
