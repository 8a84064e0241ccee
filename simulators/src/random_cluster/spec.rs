//! A small family of random specs: few names, so that edits collide, every feature that depends on an order of steps, and
//! references to a random cluster.

use serde_json::{Value, json};

use super::dice::Dice;
use super::{spec_sources, spec_tls};
use crate::rig::SECRET;

const POOLS: [(&str, &str); 4] = [("web", "HTTP"), ("api", "HTTP"), ("db", "TCP"), ("dns", "UDP")];
const LISTENERS: [(&str, &str, u16); 5] = [
    ("http", "HTTP", 80),
    ("alt", "HTTP", 8080),
    ("tcp", "TCP", 5432),
    ("https", "TERMINATED_HTTPS", 443),
    ("dns", "UDP", 53),
];

/// The parts of a spec that its edits keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The load balancer has an IPv6 address beside its IPv4 address.
    pub dual_stack: bool,
    /// The credentials are those of the ClusterOpenStackCloud [`CLUSTER_CLOUD`].
    pub shared_cloud: bool,
}

/// Name of the ClusterOpenStackCloud of random specs.
pub const CLUSTER_CLOUD: &str = "prod";

/// Draws a spec of the family. Interruptions are allowed, so that no step is held back.
pub fn draw(dice: &mut Dice, shape: Shape) -> Value {
    let (mut pools, mut listeners) = (Vec::new(), Vec::new());
    for one in POOLS {
        if dice.chance(65) {
            pools.push(pool(dice, one, shape));
        }
    }
    for one in LISTENERS {
        if dice.chance(60) {
            listeners.push(listener(dice, one, &pools));
        }
    }
    let mut load_balancer = json!({"vip": {"subnet": {"name": "tenant-v4"}}});
    if shape.dual_stack {
        load_balancer["vip"]["additional"] = json!([{"subnet": {"name": "tenant-v6"}}]);
    }
    if dice.chance(40) {
        load_balancer["description"] = dice.pick(&["one", "two", "Größe ü"]).into();
    }
    if dice.chance(20) {
        load_balancer["tags"] = json!(["team=shop"]);
    }
    if dice.chance(30) {
        load_balancer["floatingIP"] = json!({"allocate": {"network": {"name": "public"}}});
    }
    let credentials = match shape.shared_cloud {
        true => json!({"clusterCloud": CLUSTER_CLOUD}),
        false => json!({"secretName": SECRET, "cloudName": "openstack"}),
    };
    json!({
        "cloudCredentialsRef": credentials,
        "disruptionPolicy": "Allow", "resyncPeriod": "90s",
        "loadBalancer": load_balancer, "listeners": listeners, "pools": pools,
    })
}

fn pool(dice: &mut Dice, (name, protocol): (&str, &str), shape: Shape) -> Value {
    let mut pool = json!({"name": name, "protocol": protocol, "algorithm": dice.pick(&["ROUND_ROBIN", "SOURCE_IP"])});
    if dice.chance(70) {
        let kind = match protocol {
            "HTTP" => dice.pick(&["HTTP", "TCP"]),
            "UDP" => "UDP-CONNECT",
            _ => "TCP",
        };
        let delay = dice.pick(&["5s", "7s"]);
        pool["healthMonitor"] = json!({"type": kind, "delay": delay, "timeout": "3s", "maxRetries": 3});
    }
    let sourced = dice.chance(70);
    if !sourced || dice.chance(30) {
        pool["members"] = static_members(dice).into();
    }
    if sourced {
        spec_sources::add(dice, &mut pool, shape);
    }
    if protocol == "HTTP" && dice.chance(25) {
        pool["tls"] = spec_tls::of_pool(dice);
    }
    pool
}

/// Members that are listed. Some addresses are those of endpoints, too.
fn static_members(dice: &mut Dice) -> Vec<Value> {
    let mut members = Vec::new();
    for address in ["10.20.0.11", "10.20.0.12", "10.20.10.1"] {
        if dice.chance(50) {
            let weight = dice.pick(&[1, 1, 5]);
            members.push(json!({"address": address, "port": 8080, "weight": weight}));
        }
    }
    members
}

fn listener(dice: &mut Dice, (name, protocol, port): (&str, &str, u16), pools: &[Value]) -> Value {
    let port = if dice.chance(20) { port + 1 } else { port };
    let mut listener = json!({"name": name, "protocol": protocol, "port": port});
    let is_http = matches!(protocol, "HTTP" | "TERMINATED_HTTPS");
    let suits = |pool: &&Value| match protocol {
        "TCP" => pool["protocol"] != "UDP",
        "UDP" => pool["protocol"] == "UDP",
        _ => pool["protocol"] == "HTTP",
    };
    let suiting: Vec<&str> = pools.iter().filter(suits).filter_map(|pool| pool["name"].as_str()).collect();
    if !suiting.is_empty() && dice.chance(80) {
        listener["defaultPool"] = dice.pick(&suiting).into();
    }
    if dice.chance(30) {
        listener["connectionLimit"] = dice.pick(&[100, 200]).into();
    }
    if is_http && dice.chance(30) {
        let mut policies = vec![json!({"name": "no-admin", "action": "REJECT", "rules": [rule("/admin")]})];
        if !suiting.is_empty() && dice.chance(50) {
            let to = dice.pick(&suiting);
            policies.insert(
                dice.index(2),
                json!({"name": "path", "action": "REDIRECT_TO_POOL", "redirectPool": to, "rules": [rule("/p/")]}),
            );
        }
        listener["l7Policies"] = policies.into();
    }
    if protocol == "TERMINATED_HTTPS" {
        listener["tls"] = spec_tls::of_listener(dice);
    }
    listener
}

fn rule(path: &str) -> Value {
    json!({"type": "PATH", "compareType": "STARTS_WITH", "value": path})
}
