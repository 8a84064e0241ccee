//! Random Nodes.

use serde_json::{Value, json};

use super::cluster::{ObjectKind, ObjectName};
use super::dice::Dice;

pub(super) const NAMES: [&str; 3] = ["node-1", "node-2", "node-3"];
pub(super) const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// All nodes, usable. Each has addresses of every type and IP version, so that every source finds some.
pub(super) fn draw(dice: &mut Dice) -> Vec<(ObjectName, Value)> {
    let node = |(at, name): (usize, &&str)| {
        // A selector finds the first node at least.
        let role = if at == 0 { "web" } else { dice.pick(&["web", "db"]) };
        let addresses = json!([
            {"type": "Hostname", "address": name},
            {"type": "InternalIP", "address": format!("10.20.3.{}", at + 1)},
            {"type": "InternalIP", "address": format!("fd00:10:20:3::{}", at + 1)},
            {"type": "ExternalIP", "address": format!("192.0.2.{}", at + 1)},
            {"type": "ExternalIP", "address": format!("2001:db8:3::{}", at + 1)},
        ]);
        let object = json!({"metadata": {"labels": {"role": role}}, "status": {"addresses": addresses}});
        (ObjectName::new(ObjectKind::Node, *name), object)
    };
    NAMES.iter().enumerate().map(node).collect()
}
