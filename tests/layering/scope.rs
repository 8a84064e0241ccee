//! Names: the ones that a module declares and imports, and the definition that a path leads to.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use syn::{Item, UseTree};

use super::tree::{ModuleId, Tree, is_shipped};

/// One import of a `use` item.
#[derive(Debug, Clone)]
pub struct Import {
    pub path: Vec<String>,
    /// It began with `::`.
    pub absolute: bool,
    /// The name that it gets here; `None` for a glob.
    pub name: Option<String>,
    pub line: usize,
}

#[derive(Debug, Clone)]
enum Meaning {
    Module(ModuleId),
    Item,
    Import(Import),
}

/// A name within a module, and who may use it from outside.
#[derive(Debug, Clone)]
struct Entry {
    meaning: Meaning,
    visibility: Visibility,
}

#[derive(Debug, Clone, Copy)]
enum Visibility {
    Everywhere,
    /// In the module and below it.
    Private,
    /// In the parent and below it.
    Parent,
}

impl Visibility {
    /// `pub(in path)` counts as visible everywhere: more than it is, but the compiler refuses what goes beyond.
    fn of(written: &syn::Visibility) -> Self {
        match written {
            syn::Visibility::Public(_) => Self::Everywhere,
            syn::Visibility::Restricted(to) if to.path.is_ident("super") => Self::Parent,
            syn::Visibility::Restricted(to) if to.path.is_ident("self") => Self::Private,
            syn::Visibility::Restricted(_) => Self::Everywhere,
            syn::Visibility::Inherited => Self::Private,
        }
    }
}

/// The names of one module.
#[derive(Debug, Default)]
pub struct Scope {
    names: BTreeMap<String, Vec<Entry>>,
    globs: Vec<(Import, Visibility)>,
    /// Names that function bodies of the module declare or import.
    inner: BTreeMap<String, Vec<Entry>>,
    inner_globs: Vec<(Import, Visibility)>,
    generated: BTreeSet<String>,
}

/// The end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    Module(ModuleId),
    /// An item of this module. Variants and associated items count as their type.
    Item(ModuleId, String),
    /// A path into another crate, or into nothing that is known here (the prelude, generic parameters).
    External(Vec<String>),
    /// A name that a module of this package does not have.
    Unknown(ModuleId, String),
}

/// Flattens a `use` tree.
pub fn imports(item: &syn::ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    flatten(&item.tree, &mut Vec::new(), item.leading_colon.is_some(), &mut found);
    found
}

fn flatten(tree: &UseTree, prefix: &mut Vec<String>, absolute: bool, found: &mut Vec<Import>) {
    let mut add = |path: Vec<String>, name: Option<String>, line| found.push(Import { path, absolute, name, line });
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, absolute, found);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" && !prefix.is_empty() => {
            add(prefix.clone(), prefix.last().cloned(), name.ident.span().start().line);
        }
        UseTree::Name(name) => {
            let ident = name.ident.to_string();
            add(with(prefix, &ident), Some(ident), name.ident.span().start().line);
        }
        UseTree::Rename(rename) => {
            let ident = rename.ident.to_string();
            let path = if ident == "self" && !prefix.is_empty() { prefix.clone() } else { with(prefix, &ident) };
            add(path, Some(rename.rename.to_string()), rename.ident.span().start().line);
        }
        UseTree::Glob(glob) => add(prefix.clone(), None, glob.star_token.spans[0].start().line),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, absolute, found)),
    }
}

fn with(prefix: &[String], last: &str) -> Vec<String> {
    prefix.iter().cloned().chain([last.to_owned()]).collect()
}

impl Scope {
    pub fn declare_module(&mut self, name: &str, id: ModuleId) {
        let entry = Entry { meaning: Meaning::Module(id), visibility: Visibility::Everywhere };
        self.names.entry(name.to_owned()).or_default().push(entry);
    }

    pub fn with_items(mut self, items: &[Item]) -> Self {
        for item in items {
            declare(item, &mut self.names, &mut self.globs);
            self.generated.extend(generated_by_macro(item));
        }
        let mut inner = Inner { names: BTreeMap::new(), globs: Vec::new(), depth: 0 };
        items.iter().for_each(|item| inner.visit_item(item));
        self.inner = inner.names;
        self.inner_globs = inner.globs;
        self
    }
}

/// Declarations within functions.
struct Inner {
    names: BTreeMap<String, Vec<Entry>>,
    globs: Vec<(Import, Visibility)>,
    depth: usize,
}

impl<'ast> Visit<'ast> for Inner {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_shipped(super::tree::attributes(item)) {
            return;
        }
        if self.depth > 0 {
            declare(item, &mut self.names, &mut self.globs);
        }
        self.depth += 1;
        visit::visit_item(self, item);
        self.depth -= 1;
    }
}

fn declare(item: &Item, names: &mut BTreeMap<String, Vec<Entry>>, globs: &mut Vec<(Import, Visibility)>) {
    let mut add = |name: String, meaning, visibility| {
        names.entry(name).or_default().push(Entry { meaning, visibility });
    };
    if let Item::Use(item) = item {
        let visibility = Visibility::of(&item.vis);
        for import in imports(item) {
            match import.name.clone() {
                Some(name) => add(name, Meaning::Import(import), visibility),
                None => globs.push((import, visibility)),
            }
        }
        return;
    }
    if let Item::Macro(syn::ItemMacro { ident: Some(name), .. }) = item {
        add(name.to_string(), Meaning::Item, Visibility::Everywhere);
    }
    if let Item::Struct(item) = item {
        generated_by_kube(&item.attrs).into_iter().for_each(|name| add(name, Meaning::Item, Visibility::of(&item.vis)));
    }
    if let Some((name, visibility)) = named(item) {
        add(name.to_string(), Meaning::Item, Visibility::of(visibility));
    }
}

fn named(item: &Item) -> Option<(&syn::Ident, &syn::Visibility)> {
    Some(match item {
        Item::Const(item) => (&item.ident, &item.vis),
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::ExternCrate(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Static(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::TraitAlias(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    })
}

/// `#[kube(kind = "LoadBalancerStack")]` makes a struct of that name.
fn generated_by_kube(attributes: &[syn::Attribute]) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("kube")) {
        let _other_settings_are_not_read = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("kind") || meta.path.is_ident("struct") {
                found.push(meta.value()?.parse::<syn::LitStr>()?.value());
            } else if let Ok(value) = meta.value() {
                value.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                meta.input.parse::<proc_macro2::TokenTree>()?;
            }
            Ok(())
        });
    }
    found
}

/// Names that a macro call in the place of an item may declare, as in `words!(Protocol { Tcp = "TCP" })`: those with a
/// capital at the outermost level. They count only where nothing else has the name.
fn generated_by_macro(item: &Item) -> Vec<String> {
    let Item::Macro(syn::ItemMacro { ident: None, mac, .. }) = item else { return Vec::new() };
    let names = mac.tokens.clone().into_iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    });
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())).collect()
}

impl Tree {
    /// The definitions that a path leads to; several where a name is a module and a function.
    pub fn resolve(&self, from: ModuleId, path: &[String], absolute: bool) -> Vec<Definition> {
        Resolver { tree: self, busy: Vec::new() }.follow(from, path, absolute, true)
    }

    fn is_within(&self, module: ModuleId, ancestor: ModuleId) -> bool {
        module == ancestor || self.modules[module].parent.is_some_and(|parent| self.is_within(parent, ancestor))
    }

    fn is_visible(&self, visibility: Visibility, of: ModuleId, to: ModuleId) -> bool {
        match visibility {
            Visibility::Everywhere => true,
            Visibility::Private => self.is_within(to, of),
            Visibility::Parent => self.is_within(to, self.modules[of].parent.unwrap_or(of)),
        }
    }
}

struct Resolver<'a> {
    tree: &'a Tree,
    /// Look-ups under way, so that imports in a circle end.
    busy: Vec<(ModuleId, String)>,
}

impl Resolver<'_> {
    /// `inner`: with the names that function bodies declare.
    fn follow(&mut self, from: ModuleId, path: &[String], absolute: bool, inner: bool) -> Vec<Definition> {
        let external = || vec![Definition::External(path.to_vec())];
        let Some(first) = path.first() else { return vec![] };
        if absolute {
            return external();
        }
        let module = &self.tree.modules[from];
        let starts = match first.as_str() {
            "crate" => vec![Definition::Module(module.root)],
            "self" => vec![Definition::Module(from)],
            "super" => module.parent.map(Definition::Module).into_iter().collect(),
            // The package's name in its binary.
            "evenkeel" if Some(module.root) != self.tree.library => {
                self.tree.library.map(Definition::Module).into_iter().collect()
            }
            name => self.lookup(from, name, from, inner),
        };
        if starts.is_empty() {
            return external();
        }
        self.descend(starts, &path[1..], from)
    }

    fn descend(&mut self, mut reached: Vec<Definition>, rest: &[String], viewer: ModuleId) -> Vec<Definition> {
        for segment in rest {
            let has_module = reached.iter().any(|definition| matches!(definition, Definition::Module(_)));
            let mut next = Vec::new();
            for definition in reached {
                match definition {
                    Definition::Module(id) if segment == "super" => {
                        next.extend(self.tree.modules[id].parent.map(Definition::Module));
                    }
                    Definition::Module(id) => {
                        let found = self.lookup(id, segment, viewer, false);
                        if found.is_empty() {
                            next.push(Definition::Unknown(id, segment.clone()));
                        }
                        next.extend(found);
                    }
                    // Only modules lead on where a module and an item share the name.
                    Definition::Item(..) if has_module => {}
                    Definition::External(mut path) => {
                        path.push(segment.clone());
                        next.push(Definition::External(path));
                    }
                    item => next.push(item),
                }
            }
            reached = next;
        }
        reached
    }

    fn lookup(&mut self, id: ModuleId, name: &str, viewer: ModuleId, inner: bool) -> Vec<Definition> {
        let here = (id, name.to_owned());
        if self.busy.contains(&here) {
            return Vec::new();
        }
        self.busy.push(here);
        let scope = &self.tree.modules[id].scope;
        let mut found = Vec::new();
        if inner {
            found.extend(self.of_entries(id, name, scope.inner.get(name), viewer));
        }
        if found.is_empty() {
            found.extend(self.of_entries(id, name, scope.names.get(name), viewer));
        }
        if found.is_empty() {
            let inner_globs = inner.then_some(&scope.inner_globs).into_iter().flatten();
            for (glob, visibility) in scope.globs.iter().chain(inner_globs) {
                if self.tree.is_visible(*visibility, id, viewer) {
                    for target in self.follow(id, &glob.path, glob.absolute, inner) {
                        if let Definition::Module(target) = target {
                            found.extend(self.lookup(target, name, id, false));
                        }
                    }
                }
            }
        }
        if found.is_empty() && scope.generated.contains(name) {
            found.push(Definition::Item(id, name.to_owned()));
        }
        self.busy.pop();
        found.dedup();
        found
    }

    fn of_entries(
        &mut self,
        id: ModuleId,
        name: &str,
        entries: Option<&Vec<Entry>>,
        viewer: ModuleId,
    ) -> Vec<Definition> {
        let mut found = Vec::new();
        for entry in entries.into_iter().flatten() {
            if self.tree.is_visible(entry.visibility, id, viewer) {
                match &entry.meaning {
                    Meaning::Module(child) => found.push(Definition::Module(*child)),
                    Meaning::Item => found.push(Definition::Item(id, name.to_owned())),
                    Meaning::Import(import) => found.extend(self.follow(id, &import.path, import.absolute, false)),
                }
            }
        }
        found
    }
}
