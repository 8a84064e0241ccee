use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

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

fn open(sessions: &SessionCache, source: &CredentialsSource, secret: &Secret) -> Result<Cloud, CredentialsProblem> {
    sessions.open(source, &CredentialsData::from(secret))
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
    let parts = |source: CredentialsSource| {
        let NamespacedName { namespace, name } = source.secret().clone();
        (namespace, name, source.cloud().to_owned())
    };
    let mut kept: Vec<_> = sessions.kept.lock().keys().cloned().map(parts).collect();
    kept.sort();
    kept
}

#[tokio::test(start_paused = true)]
async fn session_opens_once_per_version_of_its_secret() {
    let (connector, sessions) = sessions();
    for (password, opened) in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
        open(&sessions, &source("shop", "s", "c"), &secret(password, None)).unwrap();
        assert_eq!(connector.0.load(Ordering::SeqCst), opened);
    }
    assert_eq!(kept(&sessions).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unusable_secret_is_tried_once_per_version() {
    let (connector, sessions) = sessions();
    for _ in 0..3 {
        let error = open(&sessions, &source("shop", "s", "c"), &secret("a", Some("no PEM"))).unwrap_err();
        assert!(error.to_string().contains("cacert holds no certificate"), "{error}");
    }
    assert_eq!(connector.0.load(Ordering::SeqCst), 1);
    open(&sessions, &source("shop", "s", "c"), &secret("a", None)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn session_is_dropped_an_hour_after_its_last_use() {
    let (_, sessions) = sessions();
    let open = |name: &str| open(&sessions, &source("shop", name, "c"), &secret("a", None)).unwrap();
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
        open(&sessions, &source("shop", name, cloud), &secret("a", None)).unwrap()
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
        open(&sessions, &source(namespace, name, cloud), &secret("a", None)).unwrap();
    }
    open(&sessions, &source("shop", "s", "c"), &secret("b", None)).unwrap();
    let left =
        |all: &[(&str, &str, &str)]| all.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect();
    let expected: Vec<_> = left(&[("other", "s", "c"), ("shop", "s", "c"), ("shop", "t", "c")]);
    assert_eq!(kept(&sessions), expected);
    sessions.forget(&NamespacedName::new("shop", "s"));
    assert!(open(&sessions, &source("shop", "t", "c"), &Secret::default()).is_err());
    assert_eq!(kept(&sessions), left(&[("other", "s", "c")]) as Vec<_>);
}
