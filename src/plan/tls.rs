//! Versions of TLS that Octavia's worker cannot render without ciphers.
//!
//! The worker sorts the ciphers of a listener or pool into those up to TLS 1.2 and those of TLS 1.3, and takes out the
//! part that no version needs. Where there are no ciphers there is no part: a `KeyError`, and ERROR for the whole load
//! balancer (`_transform_listener` and `_transform_pool` in
//! octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py).
//!
//! Octavia fills in ciphers when it makes a TERMINATED_HTTPS listener or a pool with TLS (`octavia/db/prepare.py`), never
//! when it makes a PROMETHEUS listener, and not when TLS is switched on later. In an update, null gives the operator's
//! default, on any protocol.

use serde_json::{Value, json};

use super::diff::Patch;
use crate::model::Body;

const CIPHERS: &str = "tls_ciphers";
const VERSIONS: &str = "tls_versions";

/// Octavia's stock default (`CIPHERS_OWASP_SUITE_B` in octavia/common/constants.py).
const STOCK_CIPHERS: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
    DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";

/// TLS 1.3 alone, or all but it.
fn need_ciphers<'a>(mut versions: impl Iterator<Item = &'a str>) -> bool {
    let newest = |version| version == "TLSv1.3";
    versions.next().is_some_and(|first| versions.all(|version| newest(version) == newest(first)))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Ciphers for the create of a PROMETHEUS listener, spelled out, because null stays null there.
pub(super) fn spell_out_ciphers(body: &mut Body) {
    if body.get(VERSIONS).is_some_and(|versions| need_ciphers(texts(versions))) {
        body.entry(CIPHERS).or_insert_with(|| json!(STOCK_CIPHERS));
    }
}

/// The operator's default ciphers for a change of what has none.
pub(super) fn fill_ciphers(edit: &mut Patch, seen_ciphers: Option<&str>, seen_versions: Option<&[String]>) {
    let needed = match edit.body.get(VERSIONS) {
        Some(versions) => need_ciphers(texts(versions)),
        None => versions_need_ciphers(seen_versions),
    };
    if !edit.is_empty() && seen_ciphers.is_none() && needed {
        edit.body.entry(CIPHERS).or_insert(Value::Null);
    }
}

/// As [`fill_ciphers`], for the write that brings back what is in ERROR.
pub(super) fn heal_ciphers(body: &mut Body, seen_ciphers: Option<&str>, seen_versions: Option<&[String]>) {
    if seen_ciphers.is_none() && versions_need_ciphers(seen_versions) {
        body.insert(CIPHERS.to_owned(), Value::Null);
    }
}

fn versions_need_ciphers(versions: Option<&[String]>) -> bool {
    need_ciphers(versions.unwrap_or_default().iter().map(String::as_str))
}
