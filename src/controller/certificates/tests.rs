use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::watcher::Event;
use serde_json::json;

use super::expiry::Lifetime;
use super::index::CertificateIndex;
use super::state::{ContentDate, ReadFacts, StackCertificates};
use crate::api::LoadBalancerStackSpec;
use crate::cluster::{CertificateObject, NamespacedName, certificate_fields};
use crate::controller::watch::MaybeStack;
use crate::model::{
    ApiVersion, ClusterContents, Owner, Problem, ProblemReason, Reference, ReferenceKind, Resolutions,
    ResolvedReference, Selector, SourcedCertificate,
};
use crate::translate;

fn secret(name: &str) -> CertificateObject {
    CertificateObject::Secret(NamespacedName::new("shop", name))
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A spec whose every TLS field names an object of the cluster.
fn everything() -> LoadBalancerStackSpec {
    let trust = |name: &str| json!({"configMapRef": {"name": name}});
    let spec = json!({
        "cloudCredentialsRef": {"secretName": "openstack", "cloudName": "openstack"},
        "loadBalancer": {"vip": {"subnet": {"name": "tenant"}}},
        "listeners": [{
            "name": "https", "protocol": "TERMINATED_HTTPS", "port": 443,
            "tls": {
                "certificate": {"secretRef": {"name": "a"}},
                "sniCertificates": [{"secretRef": {"name": "b"}}, {"secretRef": {"name": "a"}}],
                "clientAuthentication": "OPTIONAL", "clientCA": trust("ca"), "clientCRL": trust("crl"),
            },
        }],
        "pools": [{
            "name": "web", "protocol": "HTTP", "algorithm": "ROUND_ROBIN",
            "tls": {"clientCertificate": {"secretRef": {"name": "c"}}, "ca": trust("ca"), "crl": trust("crl")},
        }],
    });
    serde_json::from_value(spec).unwrap()
}

#[test]
fn every_tls_field_is_read_under_its_path_in_the_translator() {
    let spec = everything();
    let paths: BTreeSet<String> = certificate_fields(&spec, "shop").into_iter().map(|field| field.path).collect();
    let problem = |path: &String| Problem::new(path, ProblemReason::ReferenceUnusable, "unknown");
    let certificates =
        paths.iter().map(|path| (path.clone(), SourcedCertificate::Unknown(Some(problem(path))))).collect();
    let contents = ClusterContents { certificates, ..ClusterContents::default() };
    let subnet = Reference { kind: ReferenceKind::Subnet, by: Selector::Name("tenant".into()) };
    let resolved =
        ResolvedReference::Subnet { id: "s".into(), network_id: "n".into(), cidr: "10.0.0.0/24".parse().unwrap() };
    let owner = Owner { uid: "u".into(), cluster: "c".into(), namespace: "shop".into(), name: "web".into() };
    let resolutions = Resolutions([(subnet, Ok(resolved))].into());
    let desired = translate::desired(&spec, owner, &resolutions, &contents, ApiVersion { minor: 30 }).unwrap();
    let reported: BTreeSet<String> = desired.source_problems.into_iter().map(|problem| problem.field).collect();
    assert_eq!(reported, paths);
    assert_eq!(paths.len(), 8);
}

#[test]
fn notice_is_due_once_for_each_of_its_days() {
    let end = time("2027-01-31T00:00:00Z");
    let due = |now| Lifetime::Certificate.due_notice(end, time(now));
    assert_eq!(due("2027-01-16T23:59:59Z"), None);
    assert_eq!((due("2027-01-17T00:00:00Z"), due("2027-01-27T23:59:59Z")), (Some(14), Some(14)));
    assert_eq!((due("2027-01-28T00:00:00Z"), due("2027-02-01T00:00:00Z")), (Some(3), Some(3)));
    let next = |now| Lifetime::Certificate.next_time(end, time(now)).map(|time| time.to_string());
    assert_eq!(next("2027-01-01T00:00:00Z").as_deref(), Some("2027-01-17T00:00:00Z"));
    assert_eq!(next("2027-01-17T00:00:00Z").as_deref(), Some("2027-01-28T00:00:00Z"));
    assert_eq!(next("2027-01-30T00:00:00Z").as_deref(), Some("2027-01-31T00:00:00Z"));
    assert_eq!(next("2027-01-31T00:00:00Z"), None);
}

#[tokio::test(start_paused = true)]
async fn event_is_published_once_for_each_object_and_notice() {
    let mut state = StackCertificates::default();
    let date = |object, end| ContentDate { object, lifetime: Lifetime::Certificate, not_after: time(end) };
    let dates: BTreeMap<String, ContentDate> = [
        ("certificate", date(secret("a"), "2027-01-31T00:00:00Z")),
        ("sniCertificates[0]", date(secret("a"), "2027-01-31T00:00:00Z")),
        ("clientCA", date(secret("a"), "2027-01-30T00:00:00Z")),
        ("sniCertificates[1]", date(secret("b"), "2028-01-01T00:00:00Z")),
    ]
    .map(|(field, date)| (field.to_owned(), date))
    .into();
    let mut notes = |now| {
        state.end_read(ReadFacts { dates: dates.clone(), ..ReadFacts::default() }, time(now));
        let events = state.take_notices(time(now)).into_iter();
        events.map(|event| (event.reason, event.note)).collect::<Vec<_>>()
    };
    let expected = [
        ("CertificateExpires", "a certificate in Secret a expires on 2027-01-31T00:00:00Z: renew it".to_owned()),
        ("CertificateExpires", "a certificate in Secret a expires on 2027-01-30T00:00:00Z: renew it".to_owned()),
    ];
    assert_eq!(notes("2027-01-20T00:00:00Z").into_iter().collect::<BTreeSet<_>>(), expected.into());
    assert_eq!(notes("2027-01-21T00:00:00Z"), []);
    assert_eq!(notes("2027-01-29T00:00:00Z").len(), 2);
    assert_eq!(notes("2027-01-29T12:00:00Z"), []);
}

#[test]
fn read_is_due_once_for_each_version_of_an_object() {
    let index = CertificateIndex::default();
    let stack = json!({
        "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
        "metadata": {"name": "web", "namespace": "shop"}, "spec": everything(),
    });
    index.observe_stack(&Event::Apply(serde_json::from_value::<MaybeStack>(stack).unwrap()));
    let stacks = index.object_changed(&secret("a"), "1".to_owned());
    assert_eq!(stacks, [NamespacedName::new("shop", "web")]);
    assert_eq!(index.object_changed(&secret("other"), "1".to_owned()), []);

    let mut state = StackCertificates::default();
    let mut read = |version: &str| {
        let read = [(secret("a"), Some(version.to_owned()))].into();
        state.begin_read(index.versions(&[secret("a")].into()), read);
        state.take_due(&index)
    };
    assert!(!read("1"), "nothing has changed since the read");
    index.object_changed(&secret("a"), "2".to_owned());
    let mut state = StackCertificates::default();
    state.begin_read([(secret("a"), None)].into(), [(secret("a"), Some("2".to_owned()))].into());
    assert!(!state.take_due(&index), "the read was ahead of the watch");
    index.object_changed(&secret("a"), "3".to_owned());
    assert!(state.take_due(&index) && state.take_due(&index), "it is due until it was read");
    state.begin_read(index.versions(&[secret("a")].into()), [(secret("a"), None)].into());
    assert!(!state.take_due(&index), "a deleted object has the version of its deletion");
}

#[tokio::test(start_paused = true)]
async fn half_done_update_is_overdue_after_ten_seconds() {
    let mut state = StackCertificates::default();
    let now = time("2027-01-01T00:00:00Z");
    assert!(!state.is_overdue("certificate"));
    let wait = state.wake_at().unwrap() - tokio::time::Instant::now();
    assert_eq!(wait, Duration::from_secs(10));
    tokio::time::sleep(wait).await;
    assert!(state.take_due(&CertificateIndex::default()) && state.wake_at().is_none());
    assert!(state.is_overdue("certificate"));
    state.end_read(ReadFacts::default(), now);
    assert!(!state.is_overdue("certificate"), "it was right meanwhile");
}
