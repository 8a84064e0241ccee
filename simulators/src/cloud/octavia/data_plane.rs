//! TLS settings that the API stores and the data plane cannot apply. Nearly every change renders the whole
//! configuration, so one such listener or pool fails all of them.

use serde_json::Value;

use super::super::world::World;
use super::record::{Kind, Record};

/// Parts of the names of ciphers that OpenSSL builds have dropped since 1.1.1.
const REMOVED: [&str; 8] = ["RC4", "RC2", "DES", "EXP", "IDEA", "SEED", "LOW", "MEDIUM"];

impl World {
    /// True where the worker or haproxy rejects the TLS settings of any listener, or of a pool that a listener uses.
    /// `gone` is the object that is being deleted.
    pub(super) fn data_plane_rejects_tls(&self, load_balancer: &str, gone: Option<&(Kind, String)>) -> bool {
        let store = &self.octavia.store;
        let stays = |kind: Kind, id: &str| gone != Some(&(kind, id.to_owned()));
        store
            .children(Kind::Listener, load_balancer)
            .filter(|listener| stays(Kind::Listener, &listener.id) && is_rendered(listener))
            .any(|listener| {
                let encrypts = matches!(listener.text("protocol"), "TERMINATED_HTTPS" | "PROMETHEUS");
                let pools = store.pools_of(listener);
                let pools = pools.iter().filter(|id| stays(Kind::Pool, id)).filter_map(|id| store.get(Kind::Pool, id));
                encrypts && is_rejected(listener) || pools.filter(|pool| pool.flag("tls_enabled")).any(is_rejected)
            })
    }
}

/// True for a listener that haproxy serves. UDP and SCTP listeners are not.
fn is_rendered(listener: &Record) -> bool {
    !matches!(listener.text("protocol"), "UDP" | "SCTP")
}

fn is_rejected(record: &Record) -> bool {
    let versions = record.fields.get("tls_versions").and_then(Value::as_array);
    let named = |newest: bool| {
        versions.is_none_or(|list| list.iter().any(|version| (version.as_str() == Some("TLSv1.3")) == newest))
    };
    let Some(list) = record.fields.get("tls_ciphers").and_then(Value::as_str) else {
        // "del ret_value['tlsv1_3_ciphers']" in jinja_cfg.py raises a KeyError.
        return !named(true) || !named(false);
    };
    let suites = ["TLS_AES_", "TLS_CHACHA20_POLY1305_SHA256"];
    let older: Vec<&str> = list.split(':').filter(|entry| !suites.iter().any(|s| entry.starts_with(s))).collect();
    let sorted_first = older.iter().min();
    let unknown = |entry: &&str| {
        entry.starts_with(['!', '-', '+', '@'])
            || entry.starts_with("TLS_")
            || REMOVED.iter().any(|part| entry.contains(part))
            // OpenSSL knows DEFAULT only as the first entry, and Octavia sorts the entries.
            || entry.starts_with("DEFAULT") && sorted_first != Some(entry)
            || entry.is_empty()
    };
    named(false) && older.iter().any(|entry| !entry.is_empty()) && older.iter().all(unknown)
}
