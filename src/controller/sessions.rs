//! The sessions with clouds, as long as they are used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::credentials::CredentialsProblem;
use crate::clock::Clock;
use crate::openstack::{Cloud, CloudSettings, Connector, Credentials};

/// A session that nobody used for so long is dropped, with its token, its lists and its credentials.
const IDLE: Duration = Duration::from_secs(3600);
/// Sessions of one Secret that are kept for their next use. Each holds lists, a token and what it trusts, and whoever
/// writes stacks may name one entry after the other.
const MOST_OF_A_SECRET: usize = 4;

/// Which Secret, and which entry of its clouds.yaml.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CredentialsSource {
    pub namespace: String,
    pub secret: String,
    pub cloud: String,
}

impl CredentialsSource {
    fn is_in(&self, namespace: &str, secret: &str) -> bool {
        self.namespace == namespace && self.secret == secret
    }
}

/// Sessions by credentials, kept as long as the Secret does not change and somebody uses them.
pub struct SessionCache {
    connector: Arc<dyn Connector>,
    clock: Arc<dyn Clock>,
    settings: CloudSettings,
    kept: Mutex<HashMap<CredentialsSource, CachedSession>>,
}

/// What became of one version of a Secret: a session, or the reason why there is none, so that what was costly to find
/// out is found out once.
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

    /// The session that a Secret as it is now leads to.
    pub fn open(&self, place: &CredentialsSource, secret: &Secret) -> Result<Cloud, CredentialsProblem> {
        if !secret.data.as_ref().is_some_and(|data| data.contains_key("clouds.yaml")) {
            self.forget(&place.namespace, &place.secret);
            return Err(CredentialsProblem::NoKey(place.secret.clone()));
        }
        let opened = self.slot(place, digest(secret));
        let opened = opened.get_or_init(|| self.connect(place, secret)).clone();
        opened.map_err(|cause| CredentialsProblem::Unusable { secret: place.secret.clone(), cause })
    }

    /// The Secret is not there any more.
    pub fn forget(&self, namespace: &str, secret: &str) {
        self.lock().retain(|place, _| !place.is_in(namespace, secret));
    }

    /// Empty for a version that was not seen yet. Those of other versions go, and those that nobody uses.
    fn slot(&self, place: &CredentialsSource, version: String) -> Arc<OnceLock<Result<Cloud, String>>> {
        let now = Instant::now();
        let mut kept = self.lock();
        kept.retain(|other, kept| {
            let same_secret = other.is_in(&place.namespace, &place.secret);
            now.duration_since(kept.used) < IDLE && (!same_secret || kept.version == version)
        });
        make_room(&mut kept, place);
        let fresh = || CachedSession { version, used: now, opened: Arc::default() };
        let slot = kept.entry(place.clone()).or_insert_with(fresh);
        slot.used = now;
        Arc::clone(&slot.opened)
    }

    /// Reads and builds, which takes its time: never under the lock that all share.
    fn connect(&self, place: &CredentialsSource, secret: &Secret) -> Result<Cloud, String> {
        let key = |name: &str| secret.data.as_ref()?.get(name).map(|bytes| bytes.0.as_slice());
        let credentials =
            Credentials::parse(key("clouds.yaml").unwrap_or_default(), key("cacert"), &place.cloud).map_err(text)?;
        Cloud::new(credentials, self.connector.as_ref(), self.clock.clone(), self.settings.clone()).map_err(text)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CredentialsSource, CachedSession>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For this one among those of its Secret. Those that were not used for longest go; none that is in use, or there would be
/// two sessions of one place.
fn make_room(kept: &mut HashMap<CredentialsSource, CachedSession>, place: &CredentialsSource) {
    if kept.contains_key(place) {
        return;
    }
    let of_secret = |(other, _): &(&CredentialsSource, &CachedSession)| other.is_in(&place.namespace, &place.secret);
    let surplus = (kept.iter().filter(of_secret).count() + 1).saturating_sub(MOST_OF_A_SECRET);
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

/// Changes when the content does; our own entry on the Secret does not start a new session.
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
    use crate::openstack::{ConnectError, ReqwestConnector, TlsOptions, Transport};

    /// Counts how often a client is built, and builds it.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Connector for Counting {
        fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            ReqwestConnector.connect(tls)
        }
    }

    fn sessions() -> (Arc<Counting>, SessionCache) {
        let connector = Arc::new(Counting::default());
        (connector.clone(), SessionCache::new(connector, Arc::new(SystemClock), CloudSettings::default()))
    }

    fn place(namespace: &str, secret: &str, cloud: &str) -> CredentialsSource {
        CredentialsSource { namespace: namespace.into(), secret: secret.into(), cloud: cloud.into() }
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
        let mut kept: Vec<_> = sessions
            .lock()
            .keys()
            .cloned()
            .map(|CredentialsSource { namespace, secret, cloud }| (namespace, secret, cloud))
            .collect();
        kept.sort();
        kept
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_opened_once_for_a_version_of_its_secret() {
        let (connector, sessions) = sessions();
        for (password, opened) in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
            sessions.open(&place("shop", "s", "c"), &secret(password, None)).unwrap();
            assert_eq!(connector.0.load(Ordering::SeqCst), opened);
        }
        assert_eq!(kept(&sessions).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_used_is_tried_once_for_a_version_of_its_secret() {
        let (connector, sessions) = sessions();
        for _ in 0..3 {
            let error = sessions.open(&place("shop", "s", "c"), &secret("a", Some("no PEM"))).unwrap_err();
            assert!(error.to_string().contains("cacert holds no certificate"), "{error}");
        }
        assert_eq!(connector.0.load(Ordering::SeqCst), 1);
        sessions.open(&place("shop", "s", "c"), &secret("a", None)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_goes_an_hour_after_its_last_use() {
        let (_, sessions) = sessions();
        let open = |name: &str| sessions.open(&place("shop", name, "c"), &secret("a", None)).unwrap();
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
    async fn of_one_secret_the_sessions_used_last_are_kept_and_those_in_use() {
        let (_, sessions) = sessions();
        let open = async |name: &str, cloud: &str| {
            tokio::time::advance(Duration::from_secs(1)).await;
            sessions.open(&place("shop", name, cloud), &secret("a", None)).unwrap()
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
    async fn what_a_secret_said_before_is_forgotten_for_all_of_its_clouds() {
        let (_, sessions) = sessions();
        let all = [("shop", "s", "c"), ("shop", "s", "d"), ("shop", "t", "c"), ("other", "s", "c")];
        for (namespace, name, cloud) in all {
            sessions.open(&place(namespace, name, cloud), &secret("a", None)).unwrap();
        }
        sessions.open(&place("shop", "s", "c"), &secret("b", None)).unwrap();
        let left =
            |all: &[(&str, &str, &str)]| all.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect();
        let expected: Vec<_> = left(&[("other", "s", "c"), ("shop", "s", "c"), ("shop", "t", "c")]);
        assert_eq!(kept(&sessions), expected);
        sessions.forget("shop", "s");
        assert!(sessions.open(&place("shop", "t", "c"), &Secret::default()).is_err());
        assert_eq!(kept(&sessions), left(&[("other", "s", "c")]) as Vec<_>);
    }
}
