//! Random TLS settings whose contents are in Secrets and ConfigMaps.

use serde_json::{Value, json};

use super::certificates::{PAIR_SECRETS, TRUST};
use super::dice::Dice;

/// TLS settings of a listener.
pub(super) fn of_listener(dice: &mut Dice) -> Value {
    let mut tls = json!({"certificate": pair(dice)});
    if dice.chance(40) {
        let others: Vec<Value> = (0..=dice.index(2)).map(|_| pair(dice)).collect();
        tls["sniCertificates"] = others.into();
    }
    if dice.chance(50) {
        let place = dice.pick(&["secretRef", "configMapRef"]);
        tls["clientCA"] = trust(place);
        tls["clientAuthentication"] = dice.pick(&["OPTIONAL", "MANDATORY"]).into();
        if dice.chance(60) {
            tls["clientCRL"] = trust(place);
        }
    }
    tls
}

/// TLS settings of a pool.
pub(super) fn of_pool(dice: &mut Dice) -> Value {
    let mut tls = json!({});
    if dice.chance(60) {
        tls["clientCertificate"] = pair(dice);
    }
    if dice.chance(60) {
        let place = dice.pick(&["secretRef", "configMapRef"]);
        tls["ca"] = trust(place);
        if dice.chance(60) {
            tls["crl"] = trust(place);
        }
    }
    tls
}

fn pair(dice: &mut Dice) -> Value {
    let mut reference = json!({"name": dice.pick(&PAIR_SECRETS)});
    if dice.chance(20) {
        reference["keys"] = json!({"certificate": "tls.crt", "privateKey": "tls.key"});
    }
    json!({"secretRef": reference})
}

fn trust(place: &str) -> Value {
    json!({place: {"name": TRUST}})
}
