//! Rules for single modules: purity, an engine without Kubernetes, one writer each.

use proc_macro2::Span;
use syn::Item;
use syn::spanned::Spanned;

use super::arrows::{Mentions, is_head};
use super::findings::Place;
use super::scope::Definition;
use super::tree::ModuleId;

/// Crates, modules and functions that a module without I/O, clock and waiting does not mention.
const IMPURE: [&str; 16] = [
    "tokio",
    "reqwest",
    "kube",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::io::stdin",
    "std::io::stdout",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
];

/// Crates, modules and words that belong to the shell around the engine.
const KUBERNETES: [&str; 2] = ["kube", "k8s_openapi"];
const SHELL: [&str; 3] = ["api", "translate", "controller"];
const WORDS_OF_THE_SHELL: [&str; 4] = ["kubectl", "annotat", "Annotat", "Secret"];

/// Methods of HTTP that change something; `from_bytes` makes any of them.
const WRITING: [&str; 5] = ["Method::POST", "Method::PUT", "Method::DELETE", "Method::PATCH", "Method::from_bytes"];

const STATUS_WRITERS: [&str; 4] = ["patch_status", "replace_status", "patch_subresource", "replace_subresource"];

impl Mentions {
    fn place_of(&self, module: ModuleId, line: usize, what: impl Into<String>) -> Place {
        Place { file: self.tree.modules[module].file.clone(), line, what: what.into() }
    }

    fn is_in(&self, module: ModuleId, tops: &[&str]) -> bool {
        self.top(module).is_some_and(|top| tops.contains(&top))
    }

    /// Paths into other crates that hold one of the patterns, as `a::b`.
    fn foreign_paths(&self, patterns: &[&str], is_judged: impl Fn(ModuleId) -> bool) -> Vec<Place> {
        let mut found = Vec::new();
        for (module, mention, definition) in self.resolved().filter(|(module, ..)| is_judged(*module)) {
            if let Definition::External(path) = definition
                && patterns.iter().any(|pattern| holds(&path, pattern))
            {
                found.push(self.place_of(module, mention.line, path.join("::")));
            }
        }
        found
    }

    pub fn impurities(&self, modules: &[&str]) -> Vec<Place> {
        let mut found = self.foreign_paths(&IMPURE, |module| self.is_in(module, modules));
        for (module, reading) in self.readings.iter().enumerate().filter(|(module, _)| self.is_in(*module, modules)) {
            found.extend(reading.asynchronous.iter().map(|line| self.place_of(module, *line, "async or await")));
        }
        found
    }

    pub fn kubernetes_paths(&self, top: &str) -> Vec<Place> {
        let mut found = self.foreign_paths(&KUBERNETES, |module| self.is_in(module, &[top]));
        for (module, mention, definition) in self.resolved().filter(|(module, ..)| self.is_in(*module, &[top])) {
            if let Definition::Module(to) | Definition::Item(to, _) = definition
                && self.is_in(to, &SHELL)
            {
                found.push(self.place_of(module, mention.line, mention.path.join("::")));
            }
        }
        found
    }

    pub fn kubernetes_texts(&self, top: &str) -> Vec<Place> {
        let mut found = Vec::new();
        for (module, reading) in self.readings.iter().enumerate().filter(|(module, _)| self.is_in(*module, &[top])) {
            for (text, line) in &reading.strings {
                if WORDS_OF_THE_SHELL.iter().any(|word| text.contains(word)) {
                    found.push(self.place_of(module, *line, format!("{text:?}")));
                }
            }
        }
        found
    }

    pub fn writes_to_the_cloud(&self) -> Vec<Place> {
        self.foreign_paths(&WRITING, |_| true)
    }

    pub fn status_writes(&self) -> Vec<Place> {
        let mut found = Vec::new();
        for (module, reading) in self.readings.iter().enumerate() {
            let called = reading.methods.iter().map(|(name, line)| (name.as_str(), *line));
            let named =
                reading.mentions.iter().filter_map(|mention| Some((mention.path.last()?.as_str(), mention.line)));
            for (name, line) in called.chain(named).filter(|(name, _)| STATUS_WRITERS.contains(name)) {
                found.push(self.place_of(module, line, name));
            }
        }
        found
    }

    /// Items of a `mod.rs` or `lib.rs` beside `mod` and `use`.
    pub fn items_of_heads(&self) -> Vec<Place> {
        let mut found = Vec::new();
        for (id, module) in self.tree.modules.iter().enumerate().filter(|(_, module)| is_head(&module.file)) {
            for item in &module.items {
                let what = match item {
                    Item::Use(_) | Item::Mod(syn::ItemMod { content: None, .. }) => continue,
                    Item::Mod(item) => format!("mod {} {{ ... }}", item.ident),
                    item => first_line(item.span()),
                };
                found.push(self.place_of(id, item.span().start().line, what));
            }
        }
        found
    }
}

fn holds(path: &[String], pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split("::").collect();
    path.windows(pattern.len()).any(|window| window.iter().zip(&pattern).all(|(a, b)| a == b))
}

/// The first line of an item that is neither documentation nor an attribute.
fn first_line(span: Span) -> String {
    let text = span.source_text().unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    lines.next().unwrap_or_default().to_owned()
}
