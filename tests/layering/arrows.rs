//! The dependency graphs: an arrow leads from a file or module to another one whose definitions it uses. `cycles` finds the
//! groups of nodes that reach each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::reader::{ModuleContents, PathUse, read_module};
use super::scope::Definition;
use super::tree::{ModuleId, Tree};

/// Arrows by their two ends, each with the first line of code that makes it.
pub type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// All modules that ship, together with the paths, strings and method names in each.
pub struct Codebase {
    pub tree: Tree,
    /// Contents by `ModuleId`.
    pub contents: Vec<ModuleContents>,
}

impl Codebase {
    pub fn of(tree: Tree) -> Self {
        let contents = tree.modules.iter().map(read_module).collect();
        Self { tree, contents }
    }

    /// Every path in the code with its module and its definition; several definitions where the path is ambiguous.
    pub fn resolved_paths(&self) -> impl Iterator<Item = (ModuleId, &PathUse, Definition)> {
        self.contents.iter().enumerate().flat_map(move |(id, contents)| {
            contents.path_uses.iter().flat_map(move |path_use| {
                let found = self.tree.resolve(id, &path_use.path, path_use.absolute);
                // A name alone that is no import stands for a value or a type, never for a module.
                let is_name = path_use.path.len() == 1 && !path_use.imported;
                found
                    .into_iter()
                    .filter(move |definition| !(is_name && matches!(definition, Definition::Module(_))))
                    .map(move |definition| (id, path_use, definition))
            })
        })
    }

    /// File and line of a path.
    pub fn location(&self, from: ModuleId, path_use: &PathUse) -> String {
        format!("{}:{}", self.tree.modules[from].file, path_use.line)
    }

    /// The top-level module that contains a module; `main` for those of the binary, none for the root of the library.
    pub fn top_level(&self, id: ModuleId) -> Option<&str> {
        let module = &self.tree.modules[id];
        if Some(module.root) == self.tree.library { module.path.first().map(String::as_str) } else { Some("main") }
    }

    /// Builds the graph of top-level modules. Every import counts, of an item or of a module.
    pub fn module_graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (from, path_use, definition) in self.resolved_paths() {
            let (Definition::Module(to) | Definition::Item(to, _)) = definition else { continue };
            if let (Some(a), Some(b)) = (self.top_level(from), self.top_level(to)) {
                add(&mut graph, a, b, || self.location(from, path_use));
            }
        }
        graph
    }

    /// Builds the graph of files. Re-exports are resolved, so an arrow leads to the file that defines the item. An import of
    /// a module is an arrow to its file, unless that is a `mod.rs`, which defines nothing.
    pub fn file_graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (from, path_use, definition) in self.resolved_paths() {
            let to = match definition {
                Definition::Item(to, _) => to,
                Definition::Module(to) if !is_mod_file(&self.tree.modules[to].file) => to,
                _ => continue,
            };
            let (a, b) = (&self.tree.modules[from].file, &self.tree.modules[to].file);
            add(&mut graph, a, b, || self.location(from, path_use));
        }
        graph
    }

    /// Paths into modules of this package that lead to no definition. Each is an arrow that the graphs lack.
    pub fn unresolved(&self) -> Vec<String> {
        let found = self.resolved_paths().filter_map(|(from, path_use, definition)| match definition {
            Definition::Unknown(..) => Some(format!("{}: {}", self.location(from, path_use), path_use.path.join("::"))),
            _ => None,
        });
        found.collect()
    }
}

/// True for a file that may only declare and re-export: `mod.rs` and `lib.rs`.
pub fn is_mod_file(file: &str) -> bool {
    file.ends_with("/mod.rs") || file.ends_with("/lib.rs")
}

fn add(graph: &mut Graph, from: &str, to: &str, location: impl FnOnce() -> String) {
    if from != to {
        graph.entry(from.to_owned()).or_default().entry(to.to_owned()).or_insert_with(location);
    }
}

/// The groups of nodes that reach each other (strongly connected components). The key names the nodes, the value draws the
/// shortest cycles that together pass through all of them, with the location of each arrow.
pub fn cycles(graph: &Graph) -> BTreeMap<String, String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|node| (node.as_str(), predecessors(graph, node, None).into_keys().collect())).collect();
    let mut found = BTreeMap::new();
    let mut assigned: BTreeSet<&str> = BTreeSet::new();
    for (node, others) in &reached {
        let component: BTreeSet<&str> =
            others.iter().copied().filter(|other| reached.get(other).is_some_and(|back| back.contains(node))).collect();
        if component.len() > 1 && !assigned.contains(node) {
            found.insert(component_name(&component), draw_cycles(graph, &component));
            assigned.extend(component);
        }
    }
    found
}

/// The nodes by their names below the folder that they have in common.
fn component_name(component: &BTreeSet<&str>) -> String {
    let (first, last) = (component.first().copied().unwrap_or_default(), component.last().copied().unwrap_or_default());
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    let folder = first[..same].rfind('/').map_or("", |end| &first[..=end]);
    let names: Vec<&str> = component.iter().map(|node| &node[folder.len()..]).collect();
    format!("{folder}{{{}}}", names.join(", "))
}

/// The shortest cycles that together pass through all nodes of a component, one arrow a line.
fn draw_cycles(graph: &Graph, component: &BTreeSet<&str>) -> String {
    let mut chains: Vec<Vec<String>> = Vec::new();
    for from in component {
        for to in graph[*from].keys().filter(|to| component.contains(to.as_str())) {
            chains.extend(shortest_path(graph, to, from).map(|mut chain| {
                chain.push(chain[0].clone());
                chain
            }));
        }
    }
    chains.sort_by_key(Vec::len);
    let mut left = component.clone();
    let mut text = String::new();
    for chain in chains {
        if chain.iter().any(|node| left.remove(node.as_str())) {
            chain.iter().for_each(|node| {
                left.remove(node.as_str());
            });
            text.push_str("  cycle:\n");
            for pair in chain.windows(2) {
                text.push_str(&format!("    {} -> {}  ({})\n", pair[0], pair[1], graph[&pair[0]][&pair[1]]));
            }
        }
    }
    text
}

/// Nodes on the shortest path, both ends included.
fn shortest_path(graph: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let before = predecessors(graph, from, Some(to));
    let mut at = *before.get_key_value(to)?.0;
    let mut path = vec![at.to_owned()];
    while before[at] != at {
        at = before[at];
        path.push(at.to_owned());
    }
    path.reverse();
    Some(path)
}

/// For each node within reach, the one before it on a shortest path (breadth-first search, which ends at `to`).
fn predecessors<'a>(graph: &'a Graph, from: &'a str, to: Option<&str>) -> BTreeMap<&'a str, &'a str> {
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
