//! Text output of a stack: one line while it is not Ready, a tree when it is.

use serde_json::{Map, Value};

use crate::cloud::CloudSim;

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

pub fn name(stack: &Value) -> &str {
    text(&stack["metadata"], "name")
}

fn ready(stack: &Value) -> Option<&Value> {
    stack["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")
}

/// True when the stack is Ready for its current spec.
pub fn is_ready(stack: &Value) -> bool {
    let current = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
    current && ready(stack).is_some_and(|condition| condition["status"] == "True")
}

/// `Ready`, or the reason and message; with the addresses as soon as they are known.
pub fn state(stack: &Value) -> String {
    let addresses = addresses(stack);
    match ready(stack) {
        None => "not observed yet".to_owned(),
        Some(_) if is_ready(stack) => format!("Ready  {addresses}"),
        Some(condition) => {
            let (reason, message) = (text(condition, "reason"), text(condition, "message"));
            let message = message.lines().next().unwrap_or_default();
            let short: String = message.chars().take(90).collect();
            format!("{reason}  {addresses}{}{short}", if addresses.is_empty() { "" } else { "  " })
        }
    }
}

fn addresses(stack: &Value) -> String {
    let status = &stack["status"]["loadBalancer"];
    let both = [text(status, "vipAddress"), text(status, "floatingIP")];
    both.into_iter().filter(|address| !address.is_empty()).collect::<Vec<_>>().join(" = ")
}

/// The load balancer of a stack with its tree, as the cloud has it.
pub fn lines(stack: &Value, cloud: &CloudSim) -> Vec<String> {
    let id = text(&stack["status"]["loadBalancer"], "id");
    let Some(tree) = cloud.tree(id).map(Value::Object) else {
        return vec![format!("{}: no load balancer", name(stack))];
    };
    let mut lines = vec![format!("{}  {}  {}", name(stack), addresses(stack), states(&tree))];
    let pools = sorted(&tree, "pools", "name");
    let of_listeners = sorted(&tree, "listeners", "protocol_port").into_iter().map(|l| listener_lines(l, &pools));
    let of_pools = pools.iter().map(|pool| pool_lines(pool));
    append_branches(&mut lines, of_listeners.chain(of_pools).collect());
    lines
}

/// Appends blocks of lines as branches, the last one with a corner.
fn append_branches(lines: &mut Vec<String>, blocks: Vec<Vec<String>>) {
    let last = blocks.len().saturating_sub(1);
    for (index, block) in blocks.into_iter().enumerate() {
        let (first, others) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let rest = block.iter().skip(1).map(|line| format!("{others}{line}"));
        lines.extend(block.first().map(|line| format!("{first}{line}")).into_iter().chain(rest));
    }
}

fn children<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The children in a stable order: the cloud's own order means nothing.
fn sorted<'a>(value: &'a Value, key: &str, by: &str) -> Vec<&'a Value> {
    let mut sorted: Vec<&Value> = children(value, key).iter().collect();
    sorted.sort_by_key(|child| (child[by].as_i64(), child[by].to_string()));
    sorted
}

fn states(object: &Value) -> String {
    format!("{} {}", text(object, "provisioning_status"), text(object, "operating_status"))
}

fn listener_lines(listener: &Value, pools: &[&Value]) -> Vec<String> {
    let pool = |id: &Value| pools.iter().find(|pool| pool["id"] == *id).map(|pool| text(pool, "name"));
    let target = pool(&listener["default_pool_id"]).map(|pool| format!(" -> {pool}")).unwrap_or_default();
    let (name, protocol) = (text(listener, "name"), text(listener, "protocol"));
    let head = format!("listener {name}  {protocol} {}{target}  {}", listener["protocol_port"], states(listener));
    let mut lines = vec![head];
    let policies = children(listener, "l7policies").iter().map(|policy| {
        let to = ["redirect_url", "redirect_prefix"].into_iter().map(|key| text(policy, key)).find(|to| !to.is_empty());
        let to = to.or(pool(&policy["redirect_pool_id"])).map(|to| format!(" {to}")).unwrap_or_default();
        vec![format!(
            "policy {}  {}{to}  {}",
            text(policy, "name"),
            text(policy, "action"),
            text(policy, "provisioning_status")
        )]
    });
    append_branches(&mut lines, policies.collect());
    lines
}

fn pool_lines(pool: &Value) -> Vec<String> {
    let monitor = pool["healthmonitor"].as_object().map(monitor).unwrap_or_default();
    let (name, protocol, algorithm) = (text(pool, "name"), text(pool, "protocol"), text(pool, "lb_algorithm"));
    let mut lines = vec![format!("pool {name}  {protocol} {algorithm}{monitor}  {}", states(pool))];
    let members = sorted(pool, "members", "address").into_iter().map(|member| {
        let backup = if member["backup"] == true { " backup" } else { "" };
        let (address, port, weight) = (text(member, "address"), &member["protocol_port"], &member["weight"]);
        vec![format!("{address}:{port} weight {weight}{backup}  {}", states(member))]
    });
    append_branches(&mut lines, members.collect());
    lines
}

fn monitor(monitor: &Map<String, Value>) -> String {
    monitor.get("type").and_then(Value::as_str).map(|kind| format!(" watched by {kind}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_drawn_with_branches() {
        let block = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let mut lines = block(&["root"]);
        append_branches(&mut lines, vec![block(&["a", "├─ b", "└─ c"]), block(&["d", "└─ e"])]);
        assert_eq!(lines, ["root", "├─ a", "│  ├─ b", "│  └─ c", "└─ d", "   └─ e"]);
    }
}
