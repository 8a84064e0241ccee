//! Random member sources.

use serde_json::{Value, json};

use super::dice::Dice;
use super::services::NAMES;
use super::spec::Shape;

/// Gives a pool up to three sources.
pub(super) fn add(dice: &mut Dice, pool: &mut Value, shape: Shape) {
    // Sources that serve and standbys have weights apart from each other.
    let weighted = [dice.chance(40), dice.chance(40)];
    let mut sources = Vec::new();
    for at in 0..=dice.index(3) {
        let mut source = json!({"name": format!("source-{at}")});
        let named_family = family(dice, pool, shape);
        if dice.chance(75) {
            source["service"] = service(dice, pool, named_family);
        } else {
            source["nodes"] = nodes(dice, named_family);
        }
        let standby = pool["protocol"] != "UDP" && dice.chance(20);
        if standby {
            source["backup"] = true.into();
        }
        if weighted[usize::from(standby)] {
            source["weight"] = dice.pick(&[0, 1, 30, 70, 256]).into();
        }
        add_settings(dice, &mut source, pool, named_family);
        sources.push(source);
    }
    let some_pods = sources.iter().any(|source| source["service"]["target"] == "PodIP");
    if some_pods && pool["healthMonitor"].is_object() && dice.chance(80) {
        pool["minMembers"] = dice.pick(&[2, 3, 6]).into();
    }
    pool["memberSources"] = sources.into();
    if dice.chance(50) {
        pool["memberWindow"] = dice.pick(&["0s", "1s", "5s"]).into();
    }
    if dice.chance(30) {
        pool["drain"] = dice.pick(&["1s", "15s"]).into();
    }
}

fn family(dice: &mut Dice, pool: &Value, shape: Shape) -> Option<&'static str> {
    let translated = pool["protocol"] != "UDP" || shape.dual_stack;
    match dice.below(10) {
        0..2 => Some("IPv4"),
        2 if translated => Some("IPv6"),
        _ => None,
    }
}

fn service(dice: &mut Dice, pool: &Value, family: Option<&str>) -> Value {
    let port: Value = match (pool["protocol"] == "UDP", dice.below(3)) {
        (true, 0) => 53.into(),
        (true, _) => "dns".into(),
        (false, 0) => 80.into(),
        (false, 1) => "80".into(),
        (false, _) => "http".into(),
    };
    let target = if dice.chance(65) { "PodIP" } else { "NodePort" };
    let mut service = json!({"name": dice.pick(&NAMES), "port": port, "target": target});
    if target == "NodePort" {
        add_node_fields(dice, &mut service, "nodeSelector");
    }
    if let Some(family) = family {
        service["family"] = family.into();
    }
    service
}

fn nodes(dice: &mut Dice, family: Option<&str>) -> Value {
    let mut nodes = json!({"port": dice.pick(&[30_080, 30_443])});
    add_node_fields(dice, &mut nodes, "selector");
    if let Some(family) = family {
        nodes["family"] = family.into();
    }
    nodes
}

fn add_node_fields(dice: &mut Dice, of: &mut Value, selector: &str) {
    match dice.below(6) {
        0 => of[selector] = json!({"matchLabels": {"role": "web"}}),
        1 => of[selector] = json!({"matchExpressions": [{"key": "role", "operator": "In", "values": ["web", "api"]}]}),
        2 => of[selector] = json!({"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}),
        _ => {}
    }
    if dice.chance(25) {
        of["addressType"] = dice.pick(&["InternalIP", "ExternalIP"]).into();
    }
}

fn add_settings(dice: &mut Dice, source: &mut Value, pool: &Value, family: Option<&str>) {
    if family == Some("IPv4") && dice.chance(50) {
        source["subnet"] = json!({"name": "members-v4"});
    }
    if pool["healthMonitor"].is_object() && dice.chance(25) {
        source["monitorPort"] = 9000.into();
    }
    if pool["healthMonitor"].is_object() && dice.chance(10) {
        source["monitorAddress"] = "10.20.9.9".into();
    }
    if dice.chance(20) {
        source["tags"] = json!(["tier=front"]);
    }
}
