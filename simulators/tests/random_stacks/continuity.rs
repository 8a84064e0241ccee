//! Continuity of service while a load balancer changes.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use evenkeel::model::{Desired, Key};
use serde_json::Value;

use super::compare::key;

/// Two guarantees. A listener that keeps its name, protocol and port always has a pool if it has one before and after.
/// While interruptions are forbidden, a port that is served before and after is served all the time.
pub struct Continuity {
    /// Name, protocol and port.
    kept: Vec<(Key, &'static str, u16)>,
    pooled: BTreeSet<Key>,
    served: BTreeSet<(u16, &'static str)>,
}

impl Continuity {
    pub fn new(before: &Desired, after: &Desired) -> Self {
        let mut continuity = Self { kept: Vec::new(), pooled: BTreeSet::new(), served: BTreeSet::new() };
        for (key, listener) in &after.listeners {
            let Some(was) = before.listeners.get(key) else { continue };
            if (was.protocol, was.port) == (listener.protocol, listener.port) {
                continuity.kept.push((key.clone(), listener.protocol.as_str(), listener.port));
                if was.default_pool.is_some() && listener.default_pool.is_some() {
                    continuity.pooled.insert(key.clone());
                }
            }
        }
        let endpoints = |desired: &Desired| -> BTreeSet<_> {
            desired.listeners.values().map(|l| (l.port, transport(l.protocol.as_str()))).collect()
        };
        if !after.allow_interruption {
            continuity.served = endpoints(before).intersection(&endpoints(after)).copied().collect();
        }
        continuity
    }

    /// Checks the guarantees on the tree that Octavia shows at this moment.
    pub fn check(&self, tree: &Value) -> Result<()> {
        let listeners: Vec<&Value> = tree["listeners"].as_array().into_iter().flatten().collect();
        for (name, protocol, port) in &self.kept {
            let Some(seen) = listeners.iter().find(|l| l["protocol"] == *protocol && l["protocol_port"] == *port)
            else {
                anyhow::bail!("listener {name} went");
            };
            let emptied = self.pooled.contains(name) && seen["default_pool_id"].is_null();
            ensure!(!emptied || key(seen) != Some(name.as_str()), "listener {name} is without a pool");
        }
        for (port, transport_) in &self.served {
            let serves =
                |l: &&&Value| l["protocol_port"] == *port && l["protocol"].as_str().map(transport) == Some(*transport_);
            ensure!(listeners.iter().find(serves).is_some(), "{transport_} port {port} is not served");
        }
        Ok(())
    }
}

fn transport(protocol: &str) -> &'static str {
    match protocol {
        "UDP" => "udp",
        "SCTP" => "sctp",
        _ => "tcp",
    }
}
