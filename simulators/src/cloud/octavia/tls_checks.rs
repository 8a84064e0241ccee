//! Checks of the TLS settings of listeners and pools: ciphers, versions, ALPN protocols, HSTS.

use serde_json::{Map, Value};

use super::super::reply::{Reply, invalid};
use super::checks::{text, truthy};
use super::record::Record;

pub(super) fn check_ciphers(given: &Map<String, Value>) -> Result<(), Reply> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-+!:@=_.".contains(c);
    if text(given, "tls_ciphers").chars().all(good) {
        return Ok(());
    }
    Err(invalid("Invalid characters in cipher string. Only alphanumeric, -, +, !, :, @, =, _, and . are allowed."))
}

/// Checks TLS versions and ALPN protocols: a given list is not empty, versions are known.
pub(super) fn check_tls_lists(given: &Map<String, Value>) -> Result<(), Reply> {
    let list = |field: &str| given.get(field).and_then(Value::as_array);
    if let Some(versions) = list("tls_versions") {
        if versions.is_empty() {
            return Err(invalid(
                "Empty TLS version list. Either specify at least one TLS version or remove this parameter to use the \
                 default.",
            ));
        }
        let known = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
        let wrong: Vec<_> = versions.iter().filter_map(Value::as_str).filter(|v| !known.contains(v)).collect();
        if !wrong.is_empty() {
            return Err(invalid(format!("Invalid TLS versions: {}", wrong.join(", "))));
        }
    }
    if list("alpn_protocols").is_some_and(Vec::is_empty) {
        return Err(invalid(
            "Empty ALPN protocol list. Either specify at least one ALPN protocol or remove this parameter to use the \
             default.",
        ));
    }
    Ok(())
}

const HSTS_PROTOCOL: &str = "The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol.";

pub(super) fn check_hsts(given: &Map<String, Value>, protocol: &str) -> Result<(), Reply> {
    let has_age = given.get("hsts_max_age").is_some_and(Value::is_number);
    if (truthy(given, "hsts_include_subdomains") || truthy(given, "hsts_preload")) && !has_age {
        return Err(invalid(
            "HSTS configuration options hsts_include_subdomains and hsts_preload only make sense if hsts_max_age is \
             set as well.",
        ));
    }
    if has_age && protocol != "TERMINATED_HTTPS" { Err(invalid(HSTS_PROTOCOL)) } else { Ok(()) }
}

pub(super) fn check_hsts_put(given: &Map<String, Value>, stored: &Record) -> Result<(), Reply> {
    let has_age = given.get("hsts_max_age").is_some_and(Value::is_number);
    let wants = truthy(given, "hsts_include_subdomains") || truthy(given, "hsts_preload");
    if wants && !has_age && !stored.has("hsts_max_age") {
        return Err(invalid(
            "Cannot enable hsts_include_subdomains or hsts_preload if hsts_max_age was not set as well.",
        ));
    }
    if has_age && stored.text("protocol") != "TERMINATED_HTTPS" { Err(invalid(HSTS_PROTOCOL)) } else { Ok(()) }
}
