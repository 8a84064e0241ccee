//! The topology as a picture in SVG: a column for each kind, and lines along the way of a request.

use std::collections::BTreeMap;

use crate::model::Kind;

use super::dot::colour;
use super::topology::Node;

const BOX_WIDTH: usize = 190;
const BOX_HEIGHT: usize = 44;
const COLUMN: usize = 226;
const ROW: usize = 58;
const MARGIN: usize = 16;
/// Characters that fit into a box.
const FITTING: usize = 27;

/// Draws all load balancers, one below the other.
pub(super) fn svg(nodes: &[Node]) -> String {
    let mut picture = Picture::default();
    for node in nodes {
        picture.place(node);
        picture.connect(node, None);
    }
    picture.text()
}

/// Place of a box by column and row.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
}

#[derive(Default)]
struct Picture {
    /// First free row of the load balancer that is drawn.
    top: usize,
    /// Next free row of each column, below `top`.
    rows: BTreeMap<usize, usize>,
    places: BTreeMap<String, Place>,
    boxes: Vec<String>,
    lines: Vec<String>,
}

impl Picture {
    /// Places a load balancer with everything below it.
    fn place(&mut self, node: &Node) {
        self.top = self.rows.values().copied().max().unwrap_or_default();
        self.rows.clear();
        self.place_below(node);
    }

    fn place_below(&mut self, node: &Node) {
        let column = column_of(node.kind);
        let row = self.rows.entry(column).or_insert(self.top);
        let place = Place { x: MARGIN + column * COLUMN, y: MARGIN + *row * ROW };
        *row += 1;
        self.places.insert(node.id.clone(), place);
        self.boxes.push(drawn(node, place));
        node.children.iter().for_each(|child| self.place_below(child));
    }

    fn connect(&mut self, node: &Node, parent: Option<&Node>) {
        // A pool hangs on the listeners and policies that lead to it.
        if let Some(parent) = parent.filter(|_| node.kind != Kind::Pool) {
            self.line(&parent.id, &node.id);
        }
        if let Some(target) = &node.leads_to {
            self.line(&node.id, &target.id);
        }
        node.children.iter().for_each(|child| self.connect(child, Some(node)));
    }

    fn line(&mut self, from: &str, to: &str) {
        let (Some(from), Some(to)) = (self.places.get(from), self.places.get(to)) else { return };
        let (x, y) = (from.x + BOX_WIDTH, from.y + BOX_HEIGHT / 2);
        let end = to.y + BOX_HEIGHT / 2;
        let bend = (COLUMN - BOX_WIDTH) / 2;
        self.lines.push(format!(
            "<path d=\"M{x},{y} C{},{y} {},{end} {},{end}\" fill=\"none\" stroke=\"#78909c\"/>\n",
            x + bend,
            to.x.saturating_sub(bend),
            to.x
        ));
    }

    fn text(&self) -> String {
        let width = self.places.values().map(|place| place.x + BOX_WIDTH).max().unwrap_or_default() + MARGIN;
        let height = self.places.values().map(|place| place.y + BOX_HEIGHT).max().unwrap_or_default() + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}{}</svg>\n",
            self.lines.concat(),
            self.boxes.concat()
        )
    }
}

/// Columns in the order that a request passes.
const fn column_of(kind: Kind) -> usize {
    match kind {
        Kind::Listener => 1,
        Kind::L7Policy | Kind::L7Rule => 2,
        Kind::Pool => 3,
        Kind::Member | Kind::HealthMonitor => 4,
        Kind::LoadBalancer | Kind::FloatingIp | Kind::Secret => 0,
    }
}

fn drawn(node: &Node, Place { x, y }: Place) -> String {
    let fill = colour(node.health());
    let title = fitting(&node.title());
    let detail = match fitting(&node.detail) {
        detail if detail.is_empty() => detail,
        detail => format!("<text x=\"{}\" y=\"{}\">{detail}</text>", x + 8, y + 35),
    };
    let state = escaped(&node.states());
    format!(
        "<g><title>{state}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"4\" \
         fill=\"{fill}\" stroke=\"#607d8b\"/><text x=\"{}\" y=\"{}\" font-weight=\"bold\">{title}</text>{detail}</g>\n",
        x + 8,
        y + 18
    )
}

/// The text as far as it fits into a box.
fn fitting(text: &str) -> String {
    let mut short: String = text.chars().take(FITTING).collect();
    if text.chars().count() > FITTING {
        short.pop();
        short.push('…');
    }
    escaped(&short)
}

/// The text as XML and Mermaid take it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
