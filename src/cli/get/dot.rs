//! The topology as a graph for Graphviz.

use crate::model::Kind;

use super::topology::{Health, Node};

/// Prints one graph with all load balancers.
pub(super) fn dot(nodes: &[Node]) -> String {
    let mut text =
        String::from("digraph evenkeel {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n");
    for node in nodes {
        add(node, None, &mut text);
    }
    text.push_str("}\n");
    text
}

fn add(node: &Node, parent: Option<&Node>, text: &mut String) {
    let label = match &*node.detail {
        "" => node.title(),
        detail => format!("{}\n{detail}", node.title()),
    };
    text.push_str(&format!("  \"{}\" [label={}, fillcolor=\"{}\"];\n", node.id, quoted(&label), colour(node.health())));
    // A pool hangs on the listeners and policies that lead to it.
    if let Some(parent) = parent.filter(|_| node.kind != Kind::Pool) {
        text.push_str(&format!("  \"{}\" -> \"{}\";\n", parent.id, node.id));
    }
    if let Some(target) = &node.leads_to {
        text.push_str(&format!("  \"{}\" -> \"{}\";\n", node.id, target.id));
    }
    for child in &node.children {
        add(child, Some(node), text);
    }
}

/// Colour of a state, with dark text on it readable.
pub(super) const fn colour(health: Health) -> &'static str {
    match health {
        Health::Good => "#c8e6c9",
        Health::Idle => "#eceff1",
        Health::Attention => "#ffe082",
        Health::Bad => "#ef9a9a",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
