//! Arrows: from a file or module to another whose definitions it uses. And the circles in them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::reader::{Mention, Reading, read};
use super::scope::Definition;
use super::tree::{ModuleId, Tree};

/// Nodes, and the arrows between them with the first place that makes each.
pub type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// The modules of a tree together with what each of them mentions.
pub struct Mentions {
    pub tree: Tree,
    pub readings: Vec<Reading>,
}

impl Mentions {
    pub fn of(tree: Tree) -> Self {
        let readings = tree.modules.iter().map(read).collect();
        Self { tree, readings }
    }

    /// Every mention with its module and what it leads to.
    pub fn resolved(&self) -> impl Iterator<Item = (ModuleId, &Mention, Definition)> {
        self.readings.iter().enumerate().flat_map(move |(id, reading)| {
            reading.mentions.iter().flat_map(move |mention| {
                let found = self.tree.resolve(id, &mention.path, mention.absolute);
                // A name alone that is no import stands for a value or a type, never for a module.
                let is_name = mention.path.len() == 1 && !mention.imported;
                found
                    .into_iter()
                    .filter(move |definition| !(is_name && matches!(definition, Definition::Module(_))))
                    .map(move |definition| (id, mention, definition))
            })
        })
    }

    pub fn place(&self, from: ModuleId, mention: &Mention) -> String {
        format!("{}:{}", self.tree.modules[from].file, mention.line)
    }

    /// Module of the library's root that a module belongs to; `main` for those of the binary.
    pub fn top(&self, id: ModuleId) -> Option<&str> {
        let module = &self.tree.modules[id];
        if Some(module.root) == self.tree.library { module.path.first().map(String::as_str) } else { Some("main") }
    }

    /// Arrows between top level modules. Every import counts, of an item or of a module.
    pub fn module_graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (from, mention, definition) in self.resolved() {
            let (Definition::Module(to) | Definition::Item(to, _)) = definition else { continue };
            if let (Some(a), Some(b)) = (self.top(from), self.top(to)) {
                add(&mut graph, a, b, || self.place(from, mention));
            }
        }
        graph
    }

    /// Arrows between files: to the file that defines an item, however many re-exports lie between. A module as such is an
    /// arrow to its file, unless that is a `mod.rs`, which defines nothing: paths through it lead further.
    pub fn file_graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (from, mention, definition) in self.resolved() {
            let to = match definition {
                Definition::Item(to, _) => to,
                Definition::Module(to) if !is_head(&self.tree.modules[to].file) => to,
                _ => continue,
            };
            let (a, b) = (&self.tree.modules[from].file, &self.tree.modules[to].file);
            add(&mut graph, a, b, || self.place(from, mention));
        }
        graph
    }

    /// Paths into modules of this package that lead to nothing: holes in this reader.
    pub fn unknown(&self) -> Vec<String> {
        let found = self.resolved().filter_map(|(from, mention, definition)| match definition {
            Definition::Unknown(..) => Some(format!("{}: {}", self.place(from, mention), mention.path.join("::"))),
            _ => None,
        });
        found.collect()
    }
}

/// A file that only heads a module.
pub fn is_head(file: &str) -> bool {
    file.ends_with("/mod.rs") || file.ends_with("/lib.rs")
}

fn add(graph: &mut Graph, from: &str, to: &str, place: impl FnOnce() -> String) {
    if from != to {
        graph.entry(from.to_owned()).or_default().entry(to.to_owned()).or_insert_with(place);
    }
}

/// The circles of a graph: each knot of nodes that reach each other. The key names the nodes, the value draws the shortest
/// chains that together pass through all of them, with the place of each arrow.
pub fn circles(graph: &Graph) -> BTreeMap<String, String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|node| (node.as_str(), ways(graph, node, None).into_keys().collect())).collect();
    let mut found = BTreeMap::new();
    let mut knotted: BTreeSet<&str> = BTreeSet::new();
    for (node, others) in &reached {
        let knot: BTreeSet<&str> =
            others.iter().copied().filter(|other| reached.get(other).is_some_and(|back| back.contains(node))).collect();
        if knot.len() > 1 && !knotted.contains(node) {
            found.insert(short(&knot), drawn(graph, &knot));
            knotted.extend(knot);
        }
    }
    found
}

/// The nodes by their names below the folder that they have in common.
fn short(knot: &BTreeSet<&str>) -> String {
    let (first, last) = (knot.first().copied().unwrap_or_default(), knot.last().copied().unwrap_or_default());
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    let folder = first[..same].rfind('/').map_or("", |end| &first[..=end]);
    let names: Vec<&str> = knot.iter().map(|node| &node[folder.len()..]).collect();
    format!("{folder}{{{}}}", names.join(", "))
}

fn drawn(graph: &Graph, knot: &BTreeSet<&str>) -> String {
    let mut chains: Vec<Vec<String>> = Vec::new();
    for from in knot {
        for to in graph[*from].keys().filter(|to| knot.contains(to.as_str())) {
            chains.extend(way(graph, to, from).map(|mut chain| {
                chain.push(chain[0].clone());
                chain
            }));
        }
    }
    chains.sort_by_key(Vec::len);
    let mut left = knot.clone();
    let mut text = String::new();
    for chain in chains {
        if chain.iter().any(|node| left.remove(node.as_str())) {
            chain.iter().for_each(|node| {
                left.remove(node.as_str());
            });
            text.push_str("  circle:\n");
            for pair in chain.windows(2) {
                text.push_str(&format!("    {} -> {}  ({})\n", pair[0], pair[1], graph[&pair[0]][&pair[1]]));
            }
        }
    }
    text
}

/// Nodes on the shortest way, both ends included.
fn way(graph: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let before = ways(graph, from, Some(to));
    let mut at = *before.get_key_value(to)?.0;
    let mut way = vec![at.to_owned()];
    while before[at] != at {
        at = before[at];
        way.push(at.to_owned());
    }
    way.reverse();
    Some(way)
}

/// For each node within reach, the one before it on a shortest way; the search ends at `to`.
fn ways<'a>(graph: &'a Graph, from: &'a str, to: Option<&str>) -> BTreeMap<&'a str, &'a str> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::from([(from, from)]);
    let mut pending = VecDeque::from([from]);
    while let Some(node) = pending.pop_front() {
        if Some(node) == to {
            break;
        }
        for next in graph.get(node).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(next.as_str()) {
                before.insert(next, node);
                pending.push_back(next);
            }
        }
    }
    before
}
