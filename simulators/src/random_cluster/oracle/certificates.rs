//! Certificates, authorities and revocation lists of TLS fields.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::Value;

use super::cluster_objects::ClusterObjects;
use crate::cloud::CloudSim;
use crate::random_cluster::ObjectKind;
use crate::random_cluster::fixtures::{AUTHORITIES, PAIRS, first_block};

/// Content by the name of its fixture: `pair2`, `authority1`, `list of authority1`. `None`: unusable.
pub type ExpectedContent = Option<String>;

/// Contents of the TLS fields of a listener or pool, by Octavia's name of the field. An absent field is not wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedTls {
    pub single: Vec<(&'static str, ExpectedContent)>,
    pub sni: Vec<ExpectedContent>,
}

impl ExpectedTls {
    /// True if every content can be used.
    pub fn is_known(&self) -> bool {
        self.single.iter().map(|(_, content)| content).chain(&self.sni).all(Option::is_some)
    }
}

pub fn listener_tls(tls: &Value, objects: &ClusterObjects) -> ExpectedTls {
    let mut expected = ExpectedTls::default();
    if tls["certificate"].is_object() {
        expected.single.push(("default_tls_container_ref", expected_content(&tls["certificate"], objects)));
    }
    let sni = tls["sniCertificates"].as_array().into_iter().flatten();
    expected.sni = sni.map(|certificate| expected_content(certificate, objects)).collect();
    let fields = ["client_ca_tls_container_ref", "client_crl_container_ref"];
    expected.single.extend(trusted(&tls["clientCA"], &tls["clientCRL"], fields, objects));
    expected
}

pub fn pool_tls(tls: &Value, objects: &ClusterObjects) -> ExpectedTls {
    let mut expected = ExpectedTls::default();
    if tls["clientCertificate"].is_object() {
        expected.single.push(("tls_container_ref", expected_content(&tls["clientCertificate"], objects)));
    }
    let fields = ["ca_tls_container_ref", "crl_container_ref"];
    expected.single.extend(trusted(&tls["ca"], &tls["crl"], fields, objects));
    expected
}

/// Content of a certificate with its key.
pub fn expected_content(certificate: &Value, objects: &ClusterObjects) -> ExpectedContent {
    let name = certificate["secretRef"]["name"].as_str()?;
    let text = |key: &str| objects.text(ObjectKind::Secret, name, key);
    let (leaf, key) = (text("tls.crt")?, text("tls.key")?);
    let fixture = PAIRS.iter().find(|pair| pair.certificate == leaf && pair.private_key == key)?;
    Some(fixture.name.to_owned())
}

/// Authority and list: both are unusable if one is, because they change together.
fn trusted(
    authority: &Value,
    list: &Value,
    fields: [&'static str; 2],
    objects: &ClusterObjects,
) -> Vec<(&'static str, ExpectedContent)> {
    if !authority.is_object() {
        return Vec::new();
    }
    let read = |place: &Value, key: &str| {
        let (kind, reference) = match &place["secretRef"] {
            Value::Null => (ObjectKind::ConfigMap, &place["configMapRef"]),
            secret => (ObjectKind::Secret, secret),
        };
        objects.text(kind, reference["name"].as_str()?, key)
    };
    let known = read(authority, "ca.crt").and_then(|text| AUTHORITIES.iter().find(|known| known.certificate == text));
    if !list.is_object() {
        return vec![(fields[0], known.map(|known| known.name.to_owned()))];
    }
    let fitting = read(list, "ca.crl").and_then(|text| known.filter(|known| known.revocation_list == text));
    let list = fitting.map(|known| format!("list of {}", known.name));
    vec![(fields[0], fitting.map(|known| known.name.to_owned())), (fields[1], list)]
}

thread_local! {
    /// Contents by payload: reading one takes thousands of rounds of key derivation.
    static READ: RefCell<HashMap<Vec<u8>, Result<String, String>>> = RefCell::default();
}

/// The content behind a reference, by the name of its fixture.
///
/// # Errors
/// There is no such secret, or Octavia could not use its payload.
pub fn stored_content(cloud: &CloudSim, reference: &str) -> Result<String, String> {
    let payload = cloud.secret_payload(reference).ok_or_else(|| format!("{reference} does not exist"))?;
    READ.with_borrow_mut(|read| read.entry(payload).or_insert_with_key(|payload| content_of(payload)).clone())
}

fn content_of(payload: &[u8]) -> Result<String, String> {
    if let Ok(text) = std::str::from_utf8(payload) {
        let block = first_block(text);
        let authority = AUTHORITIES.iter().find(|known| first_block(known.certificate) == block);
        let list = AUTHORITIES.iter().find(|known| first_block(known.revocation_list) == block);
        let name = authority.map(|known| known.name.to_owned());
        return name.or(list.map(|known| format!("list of {}", known.name))).ok_or_else(|| format!("{text:?}"));
    }
    let store = KeyStore::from_pkcs12(payload, "", Pkcs12ImportPolicy::Strict).map_err(|error| error.to_string())?;
    let (_, chain) = store.private_key_chain().ok_or("no private key")?;
    let leaf = chain.certs().first().ok_or("no certificate")?.as_der();
    let key = chain.key().as_der();
    let is_pair = |text: &str, der: &[u8]| STANDARD.decode(first_block(text)).is_ok_and(|bytes| bytes == der);
    let found = PAIRS.iter().find(|pair| is_pair(pair.certificate, leaf) && is_pair(pair.private_key, key));
    found.map(|pair| pair.name.to_owned()).ok_or_else(|| "a pair that is no fixture".to_owned())
}
