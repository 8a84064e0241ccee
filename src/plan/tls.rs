//! TLS of listeners and pools: references of certificates; versions, ciphers, ALPN.
//!
//! Versions alone can crash Octavia. Its worker sorts the ciphers of a listener or pool into those up to TLS 1.2 and
//! those of TLS 1.3, and drops the part that no version needs. Without ciphers there is no such part: a `KeyError`, and
//! ERROR for the whole load balancer (`_transform_listener` and `_transform_pool` in
//! octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py).
//!
//! Octavia fills in ciphers when it creates a TERMINATED_HTTPS listener or a pool with TLS (`octavia/db/prepare.py`),
//! never when it creates a PROMETHEUS listener, and not when TLS is switched on later. In an update, null gives the
//! operator's default on every protocol.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::diff::{Patch, add_some, object};
use crate::model::{Body, CertificateRef, ObservedListener, ObservedPool, TlsParameters};

const CIPHERS: &str = "tls_ciphers";
const VERSIONS: &str = "tls_versions";
const ALPN: &str = "alpn_protocols";

/// Octavia's stock default (`CIPHERS_OWASP_SUITE_B` in octavia/common/constants.py).
const STOCK_CIPHERS: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
    DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";

/// The reference that Octavia gets. By the time of a body every reference is a URL, or stands for one to come.
pub(super) fn reference(reference: Option<&CertificateRef>) -> Value {
    json!(reference.and_then(url))
}

pub(super) fn url(reference: &CertificateRef) -> Option<&str> {
    match reference {
        CertificateRef::Existing(url) => Some(url),
        CertificateRef::Stored(_) | CertificateRef::Unknown => None,
    }
}

/// True if a certificate is unknown, and the cloud has none in its place.
pub(super) fn lacks<'a>(mut certificates: impl Iterator<Item = &'a CertificateRef>) -> bool {
    certificates.any(|reference| *reference == CertificateRef::Unknown)
}

/// Desired parameters, as far as the stack sets them. Octavia keeps the order of versions, which means nothing; that of
/// ALPN is preference.
pub(super) fn desired_fields(parameters: &TlsParameters) -> Body {
    let TlsParameters { versions, ciphers, alpn_protocols } = parameters;
    let mut body = Body::new();
    add_some(
        &mut body,
        [
            (VERSIONS, versions.as_ref().map(|v| version_set(v.iter().map(|v| v.as_str())))),
            (CIPHERS, ciphers.as_ref().map(|c| json!(c))),
            (ALPN, alpn_protocols.as_ref().map(|p| json!(p))),
        ],
    );
    body
}

fn version_set<'a>(versions: impl Iterator<Item = &'a str>) -> Value {
    json!(versions.collect::<BTreeSet<_>>())
}

/// Parameters that a listener or pool of the cloud has.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObservedTls<'a> {
    ciphers: Option<&'a str>,
    versions: Option<&'a [String]>,
    alpn_protocols: Option<&'a [String]>,
}

impl<'a> From<&'a ObservedListener> for ObservedTls<'a> {
    fn from(listener: &'a ObservedListener) -> Self {
        Self {
            ciphers: listener.tls_ciphers.as_deref(),
            versions: listener.tls_versions.as_deref(),
            alpn_protocols: listener.alpn_protocols.as_deref(),
        }
    }
}

impl<'a> From<&'a ObservedPool> for ObservedTls<'a> {
    fn from(pool: &'a ObservedPool) -> Self {
        Self {
            ciphers: pool.tls_ciphers.as_deref(),
            versions: pool.tls_versions.as_deref(),
            alpn_protocols: pool.alpn_protocols.as_deref(),
        }
    }
}

impl ObservedTls<'_> {
    pub(super) fn fields(self) -> Body {
        let versions = self.versions.map(|versions| version_set(versions.iter().map(String::as_str)));
        object([(CIPHERS, json!(self.ciphers)), (VERSIONS, json!(versions)), (ALPN, json!(self.alpn_protocols))])
    }

    /// Adds the operator's default ciphers to a patch of an object that has none, where its versions need some.
    pub(super) fn fill_ciphers(self, patch: &mut Patch) {
        let needed = match patch.body.get(VERSIONS) {
            Some(versions) => need_ciphers(texts(versions)),
            None => self.versions_need_ciphers(),
        };
        if !patch.is_empty() && needed {
            self.default_ciphers(&mut patch.body);
        }
    }

    /// The same for the write that heals an object in ERROR.
    pub(super) fn heal_ciphers(self, body: &mut Body) {
        if self.versions_need_ciphers() {
            self.default_ciphers(body);
        }
    }

    /// Asks for the operator's default ciphers if the object has none and the body sends none.
    pub(super) fn default_ciphers(self, body: &mut Body) {
        if self.ciphers.is_none() {
            body.entry(CIPHERS).or_insert(Value::Null);
        }
    }

    fn versions_need_ciphers(self) -> bool {
        need_ciphers(self.versions.unwrap_or_default().iter().map(String::as_str))
    }
}

/// Adds Octavia's stock ciphers to the create of a PROMETHEUS listener, spelled out, because null stays null there.
pub(super) fn spell_out_ciphers(body: &mut Body) {
    if body.get(VERSIONS).is_some_and(|versions| need_ciphers(texts(versions))) {
        body.entry(CIPHERS).or_insert_with(|| json!(STOCK_CIPHERS));
    }
}

/// True for TLS 1.3 alone, and for any versions without it.
fn need_ciphers<'a>(mut versions: impl Iterator<Item = &'a str>) -> bool {
    let newest = |version| version == "TLSv1.3";
    versions.next().is_some_and(|first| versions.all(|version| newest(version) == newest(first)))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}
