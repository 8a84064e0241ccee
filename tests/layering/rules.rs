//! Rules for single modules: purity, an engine without Kubernetes, one writer each.

use proc_macro2::Span;
use syn::Item;
use syn::spanned::Spanned;

use super::arrows::{Codebase, is_mod_file};
use super::findings::Occurrence;
use super::scope::Definition;
use super::tree::ModuleId;

/// Crates, modules and functions that a module without I/O, clock and waiting does not use.
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

/// Crates, modules and words of Kubernetes and of the shell around the engine.
const KUBERNETES_CRATES: [&str; 2] = ["kube", "k8s_openapi"];
const SHELL_MODULES: [&str; 3] = ["api", "translate", "controller"];
const KUBERNETES_WORDS: [&str; 4] = ["kubectl", "annotat", "Annotat", "Secret"];

/// Methods of HTTP that change something; `from_bytes` makes any of them.
const WRITE_METHODS: [&str; 5] =
    ["Method::POST", "Method::PUT", "Method::DELETE", "Method::PATCH", "Method::from_bytes"];

const STATUS_WRITE_METHODS: [&str; 4] = ["patch_status", "replace_status", "patch_subresource", "replace_subresource"];

impl Codebase {
    fn occurrence(&self, module: ModuleId, line: usize, what: impl Into<String>) -> Occurrence {
        Occurrence { file: self.tree.modules[module].file.clone(), line, what: what.into() }
    }

    fn is_in(&self, module: ModuleId, tops: &[&str]) -> bool {
        self.top_level(module).is_some_and(|top| tops.contains(&top))
    }

    /// Paths into other crates that contain one of the patterns, as `a::b`.
    fn foreign_paths(&self, patterns: &[&str], is_checked: impl Fn(ModuleId) -> bool) -> Vec<Occurrence> {
        let mut found = Vec::new();
        for (module, path_use, definition) in self.resolved_paths().filter(|(module, ..)| is_checked(*module)) {
            if let Definition::External(path) = definition
                && patterns.iter().any(|pattern| contains(&path, pattern))
            {
                found.push(self.occurrence(module, path_use.line, path.join("::")));
            }
        }
        found
    }

    /// I/O, clocks and waiting in these top-level modules.
    pub fn impurities(&self, modules: &[&str]) -> Vec<Occurrence> {
        let mut found = self.foreign_paths(&IMPURE, |module| self.is_in(module, modules));
        for (module, contents) in self.contents.iter().enumerate().filter(|(module, _)| self.is_in(*module, modules)) {
            found.extend(contents.async_lines.iter().map(|line| self.occurrence(module, *line, "async or await")));
        }
        found
    }

    /// Paths into Kubernetes crates and into modules of the shell.
    pub fn kubernetes_paths(&self, top: &str) -> Vec<Occurrence> {
        let mut found = self.foreign_paths(&KUBERNETES_CRATES, |module| self.is_in(module, &[top]));
        for (module, path_use, definition) in self.resolved_paths().filter(|(module, ..)| self.is_in(*module, &[top])) {
            if let Definition::Module(to) | Definition::Item(to, _) = definition
                && self.is_in(to, &SHELL_MODULES)
            {
                found.push(self.occurrence(module, path_use.line, path_use.path.join("::")));
            }
        }
        found
    }

    /// Strings with words of Kubernetes.
    pub fn kubernetes_texts(&self, top: &str) -> Vec<Occurrence> {
        let mut found = Vec::new();
        for (module, contents) in self.contents.iter().enumerate().filter(|(module, _)| self.is_in(*module, &[top])) {
            for (text, line) in &contents.strings {
                if KUBERNETES_WORDS.iter().any(|word| text.contains(word)) {
                    found.push(self.occurrence(module, *line, format!("{text:?}")));
                }
            }
        }
        found
    }

    /// Writing methods of HTTP.
    pub fn writes_to_the_cloud(&self) -> Vec<Occurrence> {
        self.foreign_paths(&WRITE_METHODS, |_| true)
    }

    /// Calls of the methods that write a status, also by their paths.
    pub fn status_writes(&self) -> Vec<Occurrence> {
        let mut found = Vec::new();
        for (module, contents) in self.contents.iter().enumerate() {
            let called = contents.methods.iter().map(|(name, line)| (name.as_str(), *line));
            let named =
                contents.path_uses.iter().filter_map(|path_use| Some((path_use.path.last()?.as_str(), path_use.line)));
            for (name, line) in called.chain(named).filter(|(name, _)| STATUS_WRITE_METHODS.contains(name)) {
                found.push(self.occurrence(module, line, name));
            }
        }
        found
    }

    /// Items of a `mod.rs` or `lib.rs` beside `mod` and `use`.
    pub fn extra_items_of_mod_files(&self) -> Vec<Occurrence> {
        let mut found = Vec::new();
        for (id, module) in self.tree.modules.iter().enumerate().filter(|(_, module)| is_mod_file(&module.file)) {
            for item in &module.items {
                let what = match item {
                    Item::Use(_) | Item::Mod(syn::ItemMod { content: None, .. }) => continue,
                    Item::Mod(item) => format!("mod {} {{ ... }}", item.ident),
                    item => first_line(item.span()),
                };
                found.push(self.occurrence(id, item.span().start().line, what));
            }
        }
        found
    }
}

/// True if the names of a pattern follow each other in a path.
fn contains(path: &[String], pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split("::").collect();
    path.windows(pattern.len()).any(|window| window.iter().zip(&pattern).all(|(a, b)| a == b))
}

/// The first line of an item that is neither documentation nor an attribute.
fn first_line(span: Span) -> String {
    let text = span.source_text().unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    lines.next().unwrap_or_default().to_owned()
}
