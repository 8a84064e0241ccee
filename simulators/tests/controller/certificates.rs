//! Certificates from Secrets and ConfigMaps: stored in the key manager, renewed, and kept where they are broken.

use std::collections::BTreeMap;

use evenkeel_simulators::cluster::{Effect, Fault as ClusterFault};
use evenkeel_simulators::rig::{Log, condition, start_time, text};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair,
    SerialNumber, date_time_ymd,
};
use tokio::time::sleep;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate and its key in PEM.
struct Pair {
    certificate: String,
    key: String,
}

/// A pair that expires so long after the begin of the simulation.
fn pair_for(host: &str, time: Duration) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(start_time().as_second() as u64) + time;
    Pair { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn pair(host: &str) -> Pair {
    pair_for(host, 1000 * DAY)
}

impl Pair {
    fn data(&self) -> BTreeMap<&'static str, &str> {
        BTreeMap::from([("tls.crt", self.certificate.as_str()), ("tls.key", self.key.as_str())])
    }
}

async fn create_secret(rig: &Rig, name: &str, data: &BTreeMap<&str, &str>) {
    let secret: Secret = serde_json::from_value(json!({"metadata": {"name": name}, "stringData": data})).unwrap();
    rig.secrets().create(&PostParams::default(), &secret).await.unwrap();
}

async fn patch_secret(rig: &Rig, name: &str, data: &BTreeMap<&str, &str>) {
    let patch = Patch::Merge(json!({"stringData": data}));
    rig.secrets().patch(name, &PatchParams::default(), &patch).await.unwrap();
}

fn config_maps(rig: &Rig) -> Api<ConfigMap> {
    Api::namespaced(rig.client.clone(), "shop")
}

/// An HTTPS listener whose certificate is in a Secret.
fn https(name: &str, port: u16, secret: &str) -> Value {
    json!({
        "name": name, "protocol": "TERMINATED_HTTPS", "port": port, "defaultPool": "web",
        "tls": {"certificate": {"secretRef": {"name": secret}}},
    })
}

fn with_listeners(listeners: Value) -> Value {
    let mut spec = small();
    spec["listeners"] = listeners;
    spec
}

/// References of the listeners in the cloud, by port.
fn references(rig: &Rig) -> BTreeMap<u64, String> {
    let listeners = rig.cloud.objects(Kind::Listener);
    let reference = |listener: &Map<String, Value>| {
        let reference = listener["default_tls_container_ref"].as_str().unwrap_or_default().to_owned();
        (listener["protocol_port"].as_u64().unwrap(), reference)
    };
    listeners.iter().map(reference).collect()
}

fn resolved_refs(rig: &Rig) -> String {
    let stack = rig.stack("web");
    let condition = condition(&stack, "ResolvedRefs");
    format!("{}: {}", text(condition, "reason"), text(condition, "message"))
}

/// A rig with stack `web` on port 443, Ready with the certificate of Secret `shop-tls`.
async fn with_certificate(pair: &Pair) -> Rig {
    let mut rig = Rig::new().await;
    create_secret(&rig, "shop-tls", &pair.data()).await;
    rig.start();
    rig.create("web", with_listeners(json!([https("https", 443, "shop-tls")]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn certificate_of_a_secret_is_served() {
    let rig = with_certificate(&pair("shop.example")).await;
    let reference = references(&rig)[&443].clone();
    assert!(reference.contains("/v1/secrets/"), "{reference}");
    assert_eq!(resolved_refs(&rig), "ResolvedRefs: ");
    sleep(MINUTE).await;
    let writes = rig.cloud.writes().len();
    patch_secret(&rig, "shop-tls", &BTreeMap::from([("note", "of nobody's interest")])).await;
    sleep(30 * MINUTE).await;
    assert_eq!((references(&rig)[&443].clone(), rig.cloud.writes().len()), (reference, writes));
}

#[tokio::test(start_paused = true)]
async fn renewed_certificate_is_served_within_seconds() {
    let rig = with_certificate(&pair("shop.example")).await;
    let before = references(&rig)[&443].clone();
    patch_secret(&rig, "shop-tls", &pair("shop.example").data()).await;
    rig.until("the listener is switched", SOON, |rig| references(rig)[&443] != before).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn half_an_update_is_waited_for_and_then_reported() {
    let rig = with_certificate(&pair("shop.example")).await;
    let before = references(&rig)[&443].clone();
    let new = pair("shop.example");
    patch_secret(&rig, "shop-tls", &BTreeMap::from([("tls.key", new.key.as_str())])).await;
    sleep(Duration::from_secs(8)).await;
    assert_eq!(resolved_refs(&rig), "ResolvedRefs: ");
    sleep(Duration::from_secs(5)).await;
    let expected = "ReferenceUnusable: spec.listeners[https].tls.certificate: Secret shop-tls cannot be used: the private \
                    key in key tls.key belongs to no certificate in key tls.crt";
    assert!(resolved_refs(&rig).starts_with(expected), "{}", resolved_refs(&rig));
    assert_eq!((references(&rig)[&443].clone(), rig.is_ready("web")), (before.clone(), false));
    patch_secret(&rig, "shop-tls", &BTreeMap::from([("tls.crt", new.certificate.as_str())])).await;
    rig.until("the listener is switched", SOON, |rig| references(rig)[&443] != before).await;
    rig.until("it is resolved", SOON, |rig| resolved_refs(rig) == "ResolvedRefs: " && rig.is_ready("web")).await;
}

#[tokio::test(start_paused = true)]
async fn listener_without_its_secret_waits_alone() {
    let mut rig = Rig::new().await;
    create_secret(&rig, "shop-tls", &pair("shop.example").data()).await;
    rig.start();
    let listeners = json!([https("https", 443, "shop-tls"), https("other", 8443, "late-tls")]);
    rig.create("web", with_listeners(listeners)).await;
    rig.until("the first listener is there", MINUTE, |rig| references(rig).contains_key(&443)).await;
    sleep(MINUTE).await;
    assert_eq!(references(&rig).len(), 1);
    let expected = "ReferenceNotFound: spec.listeners[other].tls.certificate: Secret late-tls does not exist";
    assert!(resolved_refs(&rig).starts_with(expected), "{}", resolved_refs(&rig));
    create_secret(&rig, "late-tls", &pair("other.example").data()).await;
    rig.until("the second listener is there", SOON, |rig| references(rig).len() == 2).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
}

/// Notes of the Events about dates.
fn expiry_notes(rig: &Rig) -> Vec<String> {
    let events = rig.events("web").into_iter();
    events.filter(|(reason, _)| reason == "CertificateExpires").map(|(_, note)| note).collect()
}

fn is_counted(rig: &Rig, days_left: &str) -> bool {
    rig.metrics.text().unwrap().contains(&format!("evenkeel_certificates{{days_left=\"{days_left}\"}} 1"))
}

/// A stack without resyncs, so that only the dates of its certificate lead to a reconcile.
async fn with_certificate_for(time: Duration) -> Rig {
    let mut rig = Rig::new().await;
    create_secret(&rig, "shop-tls", &pair_for("shop.example", time).data()).await;
    rig.start();
    let mut spec = with_listeners(json!([https("https", 443, "shop-tls")]));
    spec["resyncPeriod"] = "0s".into();
    rig.create("web", spec).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn certificate_that_expires_in_two_weeks_is_announced() {
    let rig = with_certificate_for(14 * DAY + 10 * MINUTE).await;
    sleep(MINUTE).await;
    assert_eq!((expiry_notes(&rig), is_counted(&rig, "14-30")), (vec![], true));
    sleep(10 * MINUTE).await;
    let note = "a certificate in Secret shop-tls expires on 2027-01-29T08:10:00Z: renew it";
    assert_eq!((expiry_notes(&rig), is_counted(&rig, "3-14")), (vec![note.to_owned()], true));
    sleep(60 * MINUTE).await;
    assert_eq!(expiry_notes(&rig).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn certificate_that_has_expired_is_reported_and_stays() {
    let rig = with_certificate_for(10 * MINUTE).await;
    let before = references(&rig)[&443].clone();
    sleep(MINUTE).await;
    assert_eq!((expiry_notes(&rig).len(), is_counted(&rig, "0-3")), (1, true));
    sleep(10 * MINUTE).await;
    let expected = "has expired on 2027-01-15T08:10:00Z: renew it";
    assert!(resolved_refs(&rig).contains(expected), "{}", resolved_refs(&rig));
    assert_eq!((references(&rig)[&443].clone(), is_counted(&rig, "expired")), (before, true));
}

/// An authority and its revocation list in PEM.
fn authority() -> Pair {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2029, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Pair { certificate: issuer.pem(), key: list.signed_by(&issuer).unwrap().pem().unwrap() }
}

fn trust(authority: &Pair) -> Value {
    json!({"metadata": {"name": "clients"}, "data": {"ca.crt": authority.certificate, "ca.crl": authority.key}})
}

#[tokio::test(start_paused = true)]
async fn authorities_of_a_config_map_are_followed() {
    let mut rig = Rig::new().await;
    create_secret(&rig, "shop-tls", &pair("shop.example").data()).await;
    let config_map: ConfigMap = serde_json::from_value(trust(&authority())).unwrap();
    config_maps(&rig).create(&PostParams::default(), &config_map).await.unwrap();
    rig.start();
    let mut listener = https("https", 443, "shop-tls");
    listener["tls"]["clientAuthentication"] = "MANDATORY".into();
    listener["tls"]["clientCA"] = json!({"configMapRef": {"name": "clients"}});
    listener["tls"]["clientCRL"] = json!({"configMapRef": {"name": "clients"}});
    rig.create("web", with_listeners(json!([listener]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    let trusted = |rig: &Rig| {
        let listener = &rig.cloud.objects(Kind::Listener)[0];
        ["client_ca_tls_container_ref", "client_crl_container_ref"].map(|field| text_of(listener, field))
    };
    let before = trusted(&rig);
    assert!(before.iter().all(|reference| reference.contains("/v1/secrets/")), "{before:?}");
    let mut mixed = trust(&authority());
    mixed["data"]["ca.crl"] = authority().key.into();
    config_maps(&rig).patch("clients", &PatchParams::default(), &Patch::Merge(mixed)).await.unwrap();
    rig.until("it is reported", SOON, |rig| resolved_refs(rig).contains("is not signed by an authority")).await;
    assert_eq!(trusted(&rig), before, "authorities and list change together");
    config_maps(&rig).patch("clients", &PatchParams::default(), &Patch::Merge(trust(&authority()))).await.unwrap();
    rig.until("both are switched", SOON, |rig| trusted(rig).iter().zip(&before).all(|(now, then)| now != then)).await;
}

fn text_of(object: &Map<String, Value>, field: &str) -> String {
    object[field].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn secret_that_cannot_be_read_changes_nothing() {
    let rig = with_certificate(&pair("shop.example")).await;
    let before = references(&rig)[&443].clone();
    rig.cluster.inject(ClusterFault::next("get", "/secrets/shop-tls", Effect::Status(403)).times(3));
    patch_secret(&rig, "shop-tls", &pair("shop.example").data()).await;
    rig.until("it is reported", SOON, |rig| resolved_refs(rig).contains("does not show Secret shop-tls")).await;
    assert_eq!(references(&rig)[&443], before);
    rig.until("the listener is switched", MINUTE, |rig| references(rig)[&443] != before).await;
}

/// Names of the secrets that stacks have in Barbican.
fn stored(rig: &Rig) -> Vec<String> {
    let secrets = rig.cloud.stored_secrets();
    let names = secrets.iter().map(|secret| text(secret, "name").to_owned());
    names.filter(|name| name.starts_with("evenkeel-")).collect()
}

/// A rig whose stack `web` has stored its certificate, and whose create is rejected.
async fn stored_before_rejected_create() -> Rig {
    let mut rig = Rig::new().await;
    create_secret(&rig, "shop-tls", &pair("shop.example").data()).await;
    rig.cloud.fail(create(), octavia(400, "not this one"), 1);
    rig.start();
    rig.create("web", with_listeners(json!([https("https", 443, "shop-tls")]))).await;
    rig.until("the create is rejected", MINUTE, |rig| rig.reason("web") == "RequestRejected").await;
    assert_eq!(stored(&rig).len(), 1);
    rig
}

#[tokio::test(start_paused = true)]
async fn certificate_dropped_before_create_is_collected() {
    let rig = stored_before_rejected_create().await;
    rig.patch("web", json!({"spec": {"listeners": small()["listeners"]}})).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    rig.until("its secret is gone", SOON, |rig| stored(rig).is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn certificate_lost_before_create_is_collected() {
    let rig = stored_before_rejected_create().await;
    rig.secrets().delete("shop-tls", &DeleteParams::default()).await.unwrap();
    rig.until("web is created", MINUTE, |rig| !rig.load_balancers().is_empty()).await;
    rig.until("its secret is gone", MINUTE, |rig| stored(rig).is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn stack_deleted_before_create_leaves_no_secret() {
    let rig = stored_before_rejected_create().await;
    rig.delete("web").await;
    rig.until("web is gone", MINUTE, |rig| rig.stack("web").is_null()).await;
    assert!(stored(&rig).is_empty());
}

#[tokio::test(start_paused = true)]
async fn private_key_is_in_no_output() {
    let log = Log::capture("debug,evenkeel=trace");
    let pair = pair("shop.example");
    let rig = with_certificate(&pair).await;
    let broken = pair.key.replace("BEGIN", "BEGUN");
    patch_secret(&rig, "shop-tls", &BTreeMap::from([("tls.key", broken.as_str())])).await;
    sleep(MINUTE).await;
    assert!(resolved_refs(&rig).contains("Secret shop-tls cannot be used"), "{}", resolved_refs(&rig));
    let objects = |group: &str, plural: &str| json!(rig.cluster.objects(group, plural)).to_string();
    let outputs =
        [log.text(), objects("evenkeel.dev", "loadbalancerstacks"), objects("", "events"), rig.metrics.text().unwrap()];
    let secret_line = pair.key.lines().nth(1).unwrap();
    assert!(outputs.iter().all(|output| !output.is_empty() && !output.contains(&secret_line[..24])));
}
