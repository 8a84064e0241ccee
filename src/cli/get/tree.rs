//! The tree for people at a terminal.

use crate::cli::terminal::{Paint, Palette};

use super::topology::{Health, Node};

/// Column at which states begin, unless a line is longer.
const STATE_COLUMN: usize = 72;

/// Prints trees; `wide` adds ids.
pub(super) fn tree(nodes: &[Node], wide: bool, palette: Palette) -> String {
    let mut lines = Vec::new();
    for node in nodes {
        let printer = Printer { wide, palette };
        lines.push(printer.line("", node));
        printer.add_children("", node, &mut lines);
    }
    match lines.is_empty() {
        true => "There is no load balancer of a stack.\n".to_owned(),
        false => lines.join("\n") + "\n",
    }
}

#[derive(Clone, Copy)]
struct Printer {
    wide: bool,
    palette: Palette,
}

impl Printer {
    fn add_children(self, indent: &str, node: &Node, lines: &mut Vec<String>) {
        let last = node.children.len().saturating_sub(1);
        for (index, child) in node.children.iter().enumerate() {
            let (branch, below) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            lines.push(self.line(&format!("{indent}{branch}"), child));
            self.add_children(&format!("{indent}{below}"), child, lines);
        }
    }

    fn line(self, prefix: &str, node: &Node) -> String {
        let facts = node.facts();
        let separator = if facts.is_empty() { "" } else { ": " };
        let text = format!("{prefix}{}{separator}{facts}", node.title());
        let width = STATE_COLUMN.saturating_sub(text.chars().count()).max(1);
        let state = self.palette.paint(paint_of(node.health()), &node.states());
        let id = if self.wide { format!("  {}", node.id) } else { String::new() };
        format!("{text}{}{state}{id}", " ".repeat(width))
    }
}

const fn paint_of(health: Health) -> Paint {
    match health {
        Health::Good => Paint::Added,
        Health::Idle => Paint::Faint,
        Health::Attention => Paint::Changed,
        Health::Bad => Paint::Removed,
    }
}
