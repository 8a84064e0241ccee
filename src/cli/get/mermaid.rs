//! The topology as a flowchart in Mermaid, which GitHub and GitLab draw.

use std::collections::BTreeMap;

use crate::model::Kind;

use super::dot::colour;
use super::svg::escaped;
use super::topology::{Health, Node};

/// Prints one flowchart with all load balancers.
pub(super) fn mermaid(nodes: &[Node]) -> String {
    let mut chart = Chart::default();
    for node in nodes {
        chart.number(node);
    }
    for node in nodes {
        chart.add(node, None);
    }
    let mut text = String::from("flowchart LR\n");
    chart.lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    for health in [Health::Good, Health::Idle, Health::Attention, Health::Bad] {
        text.push_str(&format!("  classDef {} fill:{},stroke:#607d8b,color:#000\n", class(health), colour(health)));
    }
    text
}

#[derive(Default)]
struct Chart {
    /// Short names of objects by id.
    names: BTreeMap<String, String>,
    lines: Vec<String>,
}

impl Chart {
    fn number(&mut self, node: &Node) {
        let name = format!("n{}", self.names.len() + 1);
        self.names.insert(node.id.clone(), name);
        node.children.iter().for_each(|child| self.number(child));
    }

    fn name(&self, id: &str) -> String {
        self.names.get(id).cloned().unwrap_or_default()
    }

    fn add(&mut self, node: &Node, parent: Option<&Node>) {
        let name = self.name(&node.id);
        let separator = if node.detail.is_empty() { "" } else { "<br/>" };
        let label = format!("{}{separator}{}", escaped(&node.title()), escaped(&node.detail));
        self.lines.push(format!("{name}[\"{label}\"]:::{}", class(node.health())));
        if let Some(parent) = parent.filter(|_| node.kind != Kind::Pool) {
            self.lines.push(format!("{} --> {name}", self.name(&parent.id)));
        }
        if let Some(target) = &node.leads_to {
            self.lines.push(format!("{name} --> {}", self.name(&target.id)));
        }
        for child in &node.children {
            self.add(child, Some(node));
        }
    }
}

const fn class(health: Health) -> &'static str {
    match health {
        Health::Good => "good",
        Health::Idle => "idle",
        Health::Attention => "attention",
        Health::Bad => "bad",
    }
}
