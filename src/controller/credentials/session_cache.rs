//! Cache of the sessions with clouds, with eviction of those that are not used.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::error::CredentialsProblem;
use super::source::CredentialsSource;
use crate::clock::Clock;
use crate::controller::names::NamespacedName;
use crate::openstack::{Cloud, CloudSettings, Connector, Credentials};

/// Time after its last use at which a session is dropped, with its token, its lists and its credentials.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Sessions of one Secret that are kept for their next use. Each holds lists, a token and trusted certificates, and an
/// author of stacks may name one entry after the other.
const MAX_PER_SECRET: usize = 4;

/// Sessions by the source of their credentials, kept as long as the Secret does not change and stacks use them.
pub struct SessionCache {
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
    pub fn new(connector: Arc<dyn Connector>, clock: Arc<dyn Clock>, settings: CloudSettings) -> Self {
        Self { connector, clock, settings, kept: Mutex::default() }
    }

    /// Session with the credentials in the Secret as it is now.
    pub fn open(&self, source: &CredentialsSource, secret: &Secret) -> Result<Cloud, CredentialsProblem> {
        if !secret.data.as_ref().is_some_and(|data| data.contains_key("clouds.yaml")) {
            self.forget(source.secret());
            return Err(CredentialsProblem::NoKey(source.secret().name.clone()));
        }
        let opened = self.slot(source, digest(secret));
        let opened = opened.get_or_init(|| self.connect(source, secret)).clone();
        opened.map_err(|cause| CredentialsProblem::Unusable { secret: source.secret().name.clone(), cause })
    }

    /// Drops the sessions of a Secret that is gone.
    pub fn forget(&self, secret: &NamespacedName) {
        self.kept.lock().retain(|source, _| source.secret() != secret);
    }

    /// Slot for the session of this version, empty for a new one. Drops the sessions of other versions, and idle ones.
    fn slot(&self, source: &CredentialsSource, version: String) -> Arc<OnceLock<Result<Cloud, String>>> {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        kept.retain(|other, kept| {
            let same_secret = other.secret() == source.secret();
            now.duration_since(kept.used) < IDLE_TIMEOUT && (!same_secret || kept.version == version)
        });
        make_room(&mut kept, source);
        let fresh = || CachedSession { version, used: now, opened: Arc::default() };
        let slot = kept.entry(source.clone()).or_insert_with(fresh);
        slot.used = now;
        Arc::clone(&slot.opened)
    }

    /// Reads the credentials and opens a session, which takes its time: never under the shared lock.
    fn connect(&self, source: &CredentialsSource, secret: &Secret) -> Result<Cloud, String> {
        let key = |name: &str| secret.data.as_ref()?.get(name).map(|bytes| bytes.0.as_slice());
        let credentials =
            Credentials::parse(key("clouds.yaml").unwrap_or_default(), key("cacert"), source.cloud()).map_err(text)?;
        Cloud::new(credentials, self.connector.as_ref(), self.clock.clone(), self.settings.clone()).map_err(text)
    }
}

/// Makes room for this session among those of its Secret: drops the least recently used, but none that is in use, or there
/// would be two sessions of one source.
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

/// Digest of the contents: the finalizer on the Secret does not start a new session.
fn digest(secret: &Secret) -> String {
    let mut hash = Sha256::new();
    for (name, value) in secret.data.iter().flatten() {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(&value.0);
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use k8s_openapi::ByteString;

    use super::*;
    use crate::clock::SystemClock;
    use crate::openstack::{ReqwestConnector, TlsOptions, Transport};

    /// Counts how often a client is built, and builds it.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Connector for Counting {
        fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, String> {
            self.0.fetch_add(1, Ordering::SeqCst);
            ReqwestConnector.connect(tls)
        }
    }

    fn sessions() -> (Arc<Counting>, SessionCache) {
        let connector = Arc::new(Counting::default());
        (connector.clone(), SessionCache::new(connector, Arc::new(SystemClock), CloudSettings::default()))
    }

    fn source(namespace: &str, secret: &str, cloud: &str) -> CredentialsSource {
        CredentialsSource::Secret { secret: NamespacedName::new(namespace, secret), cloud: cloud.into() }
    }

    fn secret(password: &str, cacert: Option<&str>) -> Secret {
        let auth = format!("auth: {{auth_url: 'http://k', user_id: u, password: {password}, project_id: p}}");
        let entries = ["c", "d", "e", "f", "g", "h"].map(|name| format!("  {name}: {{{auth}}}\n"));
        let yaml = format!("clouds:\n{}", entries.concat());
        let data = [Some(("clouds.yaml", yaml)), cacert.map(|pem| ("cacert", pem.to_owned()))];
        let data = data.into_iter().flatten().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    fn kept(sessions: &SessionCache) -> Vec<(String, String, String)> {
        let parts = |CredentialsSource::Secret { secret, cloud }| (secret.namespace, secret.name, cloud);
        let mut kept: Vec<_> = sessions.kept.lock().keys().cloned().map(parts).collect();
        kept.sort();
        kept
    }

    #[tokio::test(start_paused = true)]
    async fn session_opens_once_per_version_of_its_secret() {
        let (connector, sessions) = sessions();
        for (password, opened) in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
            sessions.open(&source("shop", "s", "c"), &secret(password, None)).unwrap();
            assert_eq!(connector.0.load(Ordering::SeqCst), opened);
        }
        assert_eq!(kept(&sessions).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn unusable_secret_is_tried_once_per_version() {
        let (connector, sessions) = sessions();
        for _ in 0..3 {
            let error = sessions.open(&source("shop", "s", "c"), &secret("a", Some("no PEM"))).unwrap_err();
            assert!(error.to_string().contains("cacert holds no certificate"), "{error}");
        }
        assert_eq!(connector.0.load(Ordering::SeqCst), 1);
        sessions.open(&source("shop", "s", "c"), &secret("a", None)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn session_is_dropped_an_hour_after_its_last_use() {
        let (_, sessions) = sessions();
        let open = |name: &str| sessions.open(&source("shop", name, "c"), &secret("a", None)).unwrap();
        open("idle");
        open("busy");
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(1500)).await;
            open("busy");
        }
        assert_eq!(kept(&sessions), [("shop".into(), "busy".into(), "c".into())]);
    }

    /// A Secret with hundreds of entries, and a stack that names one after the other.
    #[tokio::test(start_paused = true)]
    async fn sessions_used_last_and_in_use_are_kept_per_secret() {
        let (_, sessions) = sessions();
        let open = async |name: &str, cloud: &str| {
            tokio::time::advance(Duration::from_secs(1)).await;
            sessions.open(&source("shop", name, cloud), &secret("a", None)).unwrap()
        };
        open("other", "c").await;
        let in_use = open("s", "c").await;
        for cloud in ["d", "e", "f", "d", "g", "h"] {
            open("s", cloud).await;
        }
        let clouds = || kept(&sessions).into_iter().map(|(_, name, cloud)| format!("{name} {cloud}"));
        assert_eq!(clouds().collect::<Vec<_>>(), ["other c", "s c", "s d", "s g", "s h"]);
        drop(in_use);
        open("s", "e").await;
        assert_eq!(clouds().collect::<Vec<_>>(), ["other c", "s d", "s e", "s g", "s h"]);
    }

    #[tokio::test(start_paused = true)]
    async fn new_version_drops_sessions_of_all_its_clouds() {
        let (_, sessions) = sessions();
        let all = [("shop", "s", "c"), ("shop", "s", "d"), ("shop", "t", "c"), ("other", "s", "c")];
        for (namespace, name, cloud) in all {
            sessions.open(&source(namespace, name, cloud), &secret("a", None)).unwrap();
        }
        sessions.open(&source("shop", "s", "c"), &secret("b", None)).unwrap();
        let left =
            |all: &[(&str, &str, &str)]| all.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect();
        let expected: Vec<_> = left(&[("other", "s", "c"), ("shop", "s", "c"), ("shop", "t", "c")]);
        assert_eq!(kept(&sessions), expected);
        sessions.forget(&NamespacedName::new("shop", "s"));
        assert!(sessions.open(&source("shop", "t", "c"), &Secret::default()).is_err());
        assert_eq!(kept(&sessions), left(&[("other", "s", "c")]) as Vec<_>);
    }
}
