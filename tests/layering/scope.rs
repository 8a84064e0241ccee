//! Name resolution: the names that a module declares and imports, and the definition that a path leads to.

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
    /// The name in this module; `None` for a glob.
    pub name: Option<String>,
    pub line: usize,
}

/// The thing that a name stands for.
#[derive(Debug, Clone)]
enum Target {
    Module(ModuleId),
    Item,
    Import(Import),
}

/// One meaning of a name within a module, and the modules that may use it.
#[derive(Debug, Clone)]
struct Name {
    target: Target,
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
    names: BTreeMap<String, Vec<Name>>,
    globs: Vec<(Import, Visibility)>,
    /// Names that function bodies of the module declare or import.
    function_names: BTreeMap<String, Vec<Name>>,
    function_globs: Vec<(Import, Visibility)>,
    /// Names that a macro call may declare.
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

/// Imports of a `use` item, one for each name.
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

/// The path with one more name.
fn with(prefix: &[String], last: &str) -> Vec<String> {
    prefix.iter().cloned().chain([last.to_owned()]).collect()
}

impl Scope {
    pub fn declare_module(&mut self, name: &str, id: ModuleId) {
        let declared = Name { target: Target::Module(id), visibility: Visibility::Everywhere };
        self.names.entry(name.to_owned()).or_default().push(declared);
    }

    pub fn with_items(mut self, items: &[Item]) -> Self {
        for item in items {
            declare(item, &mut self.names, &mut self.globs);
            self.generated.extend(generated_by_macro(item));
        }
        let mut bodies = FunctionBodies { names: BTreeMap::new(), globs: Vec::new(), depth: 0 };
        items.iter().for_each(|item| bodies.visit_item(item));
        self.function_names = bodies.names;
        self.function_globs = bodies.globs;
        self
    }
}

/// Collects the declarations within functions.
struct FunctionBodies {
    names: BTreeMap<String, Vec<Name>>,
    globs: Vec<(Import, Visibility)>,
    depth: usize,
}

impl<'ast> Visit<'ast> for FunctionBodies {
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

/// Adds the names that an item declares or imports.
fn declare(item: &Item, names: &mut BTreeMap<String, Vec<Name>>, globs: &mut Vec<(Import, Visibility)>) {
    let mut add = |name: String, target, visibility| {
        names.entry(name).or_default().push(Name { target, visibility });
    };
    if let Item::Use(item) = item {
        let visibility = Visibility::of(&item.vis);
        for import in imports(item) {
            match import.name.clone() {
                Some(name) => add(name, Target::Import(import), visibility),
                None => globs.push((import, visibility)),
            }
        }
        return;
    }
    if let Item::Macro(syn::ItemMacro { ident: Some(name), .. }) = item {
        add(name.to_string(), Target::Item, Visibility::Everywhere);
    }
    if let Item::Struct(item) = item {
        generated_by_kube(&item.attrs).into_iter().for_each(|name| add(name, Target::Item, Visibility::of(&item.vis)));
    }
    if let Some((name, visibility)) = named(item) {
        add(name.to_string(), Target::Item, Visibility::of(visibility));
    }
}

/// Name and visibility of an item that has a name.
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
        Resolver { tree: self, in_progress: Vec::new() }.resolve_path(from, path, absolute, true)
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
    /// Look-ups under way, so that imports in a cycle end.
    in_progress: Vec<(ModuleId, String)>,
}

impl Resolver<'_> {
    /// `in_functions`: with the names that function bodies declare.
    fn resolve_path(&mut self, from: ModuleId, path: &[String], absolute: bool, in_functions: bool) -> Vec<Definition> {
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
            name => self.look_up(from, name, from, in_functions),
        };
        if starts.is_empty() {
            return external();
        }
        self.resolve_rest(starts, &path[1..], from)
    }

    fn resolve_rest(&mut self, mut reached: Vec<Definition>, rest: &[String], viewer: ModuleId) -> Vec<Definition> {
        for segment in rest {
            let has_module = reached.iter().any(|definition| matches!(definition, Definition::Module(_)));
            let mut next = Vec::new();
            for definition in reached {
                match definition {
                    Definition::Module(id) if segment == "super" => {
                        next.extend(self.tree.modules[id].parent.map(Definition::Module));
                    }
                    Definition::Module(id) => {
                        let found = self.look_up(id, segment, viewer, false);
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

    fn look_up(&mut self, id: ModuleId, name: &str, viewer: ModuleId, in_functions: bool) -> Vec<Definition> {
        let here = (id, name.to_owned());
        if self.in_progress.contains(&here) {
            return Vec::new();
        }
        self.in_progress.push(here);
        let scope = &self.tree.modules[id].scope;
        let mut found = Vec::new();
        if in_functions {
            found.extend(self.definitions_of(id, name, scope.function_names.get(name), viewer));
        }
        if found.is_empty() {
            found.extend(self.definitions_of(id, name, scope.names.get(name), viewer));
        }
        if found.is_empty() {
            let function_globs = in_functions.then_some(&scope.function_globs).into_iter().flatten();
            for (glob, visibility) in scope.globs.iter().chain(function_globs) {
                if self.tree.is_visible(*visibility, id, viewer) {
                    for target in self.resolve_path(id, &glob.path, glob.absolute, in_functions) {
                        if let Definition::Module(target) = target {
                            found.extend(self.look_up(target, name, id, false));
                        }
                    }
                }
            }
        }
        if found.is_empty() && scope.generated.contains(name) {
            found.push(Definition::Item(id, name.to_owned()));
        }
        self.in_progress.pop();
        found.dedup();
        found
    }

    fn definitions_of(
        &mut self,
        id: ModuleId,
        name: &str,
        names: Option<&Vec<Name>>,
        viewer: ModuleId,
    ) -> Vec<Definition> {
        let mut found = Vec::new();
        for declared in names.into_iter().flatten() {
            if self.tree.is_visible(declared.visibility, id, viewer) {
                match &declared.target {
                    Target::Module(child) => found.push(Definition::Module(*child)),
                    Target::Item => found.push(Definition::Item(id, name.to_owned())),
                    Target::Import(import) => found.extend(self.resolve_path(id, &import.path, import.absolute, false)),
                }
            }
        }
        found
    }
}
