//! Random Secrets and ConfigMaps with certificates, authorities and revocation lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::cluster::{ObjectKind, ObjectName};
use super::dice::Dice;
use super::fixtures::{AUTHORITIES, AuthorityFixture, PAIRS, PairFixture};

/// Secrets with a certificate and its key.
pub(super) const PAIR_SECRETS: [&str; 3] = ["shop-tls", "api-tls", "client-tls"];
/// Name of the Secret and of the ConfigMap with an authority and its revocation list.
pub(super) const TRUST: &str = "trust";

/// All objects, usable.
pub(super) fn draw(dice: &mut Dice) -> Vec<(ObjectName, Value)> {
    let mut objects = Vec::new();
    for name in PAIR_SECRETS {
        let pair = &PAIRS[dice.index(PAIRS.len())];
        objects.push((ObjectName::new(ObjectKind::Secret, name), pair_secret(pair)));
    }
    for kind in [ObjectKind::Secret, ObjectKind::ConfigMap] {
        let authority = &AUTHORITIES[dice.index(AUTHORITIES.len())];
        objects.push((ObjectName::new(kind, TRUST), trust(kind, authority)));
    }
    objects
}

pub(super) fn pair_secret(pair: &PairFixture) -> Value {
    secret("kubernetes.io/tls", json!({"tls.crt": pair.certificate, "tls.key": pair.private_key}))
}

pub(super) fn trust(kind: ObjectKind, authority: &AuthorityFixture) -> Value {
    let data = json!({"ca.crt": authority.certificate, "ca.crl": authority.revocation_list});
    if kind == ObjectKind::Secret { secret("Opaque", data) } else { json!({"data": data}) }
}

fn secret(kind: &str, texts: Value) -> Value {
    let mut object = json!({"type": kind, "data": {}});
    for (key, text) in texts.as_object().unwrap() {
        object["data"][key] = encoded(text.as_str().unwrap()).into();
    }
    object
}

/// A text as `data` of a Secret has it.
pub(super) fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}
