//! A small family of random specs: few names, so that edits collide, and every feature that depends on an order of
//! steps.

use evenkeel_simulators::rig::SECRET;
use serde_json::{Value, json};

use super::dice::Dice;

const POOLS: [(&str, &str); 3] = [("web", "HTTP"), ("api", "HTTP"), ("db", "TCP")];
const LISTENERS: [(&str, &str, u16); 3] = [("http", "HTTP", 80), ("alt", "HTTP", 8080), ("tcp", "TCP", 5432)];

/// Draws a spec of the family. Interruptions are allowed, so that no step is held back.
pub fn draw(dice: &mut Dice) -> Value {
    let (mut pools, mut listeners) = (Vec::new(), Vec::new());
    for one in POOLS {
        if dice.chance(70) {
            pools.push(pool(dice, one));
        }
    }
    for one in LISTENERS {
        if dice.chance(65) {
            listeners.push(listener(dice, one, &pools));
        }
    }
    let mut load_balancer = json!({"vip": {"subnet": {"name": "tenant-v4"}}});
    if dice.chance(40) {
        load_balancer["description"] = dice.pick(&["one", "two", "Größe ü"]).into();
    }
    if dice.chance(20) {
        load_balancer["tags"] = json!(["team=shop"]);
    }
    if dice.chance(30) {
        load_balancer["floatingIP"] = json!({"allocate": {"network": {"name": "public"}}});
    }
    json!({
        "cloudCredentialsRef": {"secretName": SECRET, "cloudName": "openstack"},
        "disruptionPolicy": "Allow", "resyncPeriod": "90s",
        "loadBalancer": load_balancer, "listeners": listeners, "pools": pools,
    })
}

fn pool(dice: &mut Dice, (name, protocol): (&str, &str)) -> Value {
    let mut pool = json!({"name": name, "protocol": protocol, "algorithm": dice.pick(&["ROUND_ROBIN", "SOURCE_IP"])});
    let mut members = Vec::new();
    for host in 11..14 {
        if dice.chance(50) {
            let weight = dice.pick(&[1, 1, 5]);
            members.push(json!({"address": format!("10.20.0.{host}"), "port": 8080, "weight": weight}));
        }
    }
    pool["members"] = members.into();
    if dice.chance(50) {
        let kind = if protocol == "HTTP" { dice.pick(&["HTTP", "TCP"]) } else { "TCP" };
        let delay = dice.pick(&["5s", "7s"]);
        pool["healthMonitor"] = json!({"type": kind, "delay": delay, "timeout": "3s", "maxRetries": 3});
    }
    pool
}

fn listener(dice: &mut Dice, (name, protocol, port): (&str, &str, u16), pools: &[Value]) -> Value {
    let port = if dice.chance(20) { port + 1 } else { port };
    let mut listener = json!({"name": name, "protocol": protocol, "port": port});
    let suits = |pool: &&Value| protocol == "TCP" || pool["protocol"] == "HTTP";
    let suiting: Vec<&str> = pools.iter().filter(suits).filter_map(|pool| pool["name"].as_str()).collect();
    if !suiting.is_empty() && dice.chance(80) {
        listener["defaultPool"] = dice.pick(&suiting).into();
    }
    if dice.chance(30) {
        listener["connectionLimit"] = dice.pick(&[100, 200]).into();
    }
    if protocol == "HTTP" && dice.chance(30) {
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
    listener
}

fn rule(path: &str) -> Value {
    json!({"type": "PATH", "compareType": "STARTS_WITH", "value": path})
}
