//! The module tree of the files that ship, read from their syntax.
//!
//! It starts at `lib.rs` and `main.rs` and follows every `mod`. An item under `#[cfg(test)]` is left out, and so is a file
//! that only such a `mod` reaches.

use std::collections::{BTreeMap, BTreeSet};

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ImplItem, Item, Lit, Meta, Token, TraitItem};

use super::scope::Scope;

/// Path of a file below the package, and its text.
pub type Sources = BTreeMap<String, String>;

pub type ModuleId = usize;

/// One module that ships, inline or in a file of its own.
pub struct Module {
    pub parent: Option<ModuleId>,
    pub root: ModuleId,
    /// Names from the root of the crate; none for the root itself.
    pub path: Vec<String>,
    pub file: String,
    pub items: Vec<Item>,
    pub scope: Scope,
}

/// All modules of library and binary that ship.
#[derive(Default)]
pub struct Tree {
    pub modules: Vec<Module>,
    /// Files that only modules of tests reach.
    pub test_files: BTreeSet<String>,
    /// The library's root, which binaries know by the name of the package.
    pub library: Option<ModuleId>,
}

pub const LIBRARY: &str = "src/lib.rs";
pub const BINARY: &str = "src/main.rs";

/// A file, and the folder with the files of its submodules.
struct SourceFile {
    file: String,
    folder: String,
}

impl Tree {
    pub fn read(sources: &Sources) -> Self {
        let mut tree = Self::default();
        for root in [LIBRARY, BINARY] {
            if sources.contains_key(root) {
                let source = SourceFile { file: root.to_owned(), folder: "src".to_owned() };
                let id = tree.modules.len();
                if root == LIBRARY {
                    tree.library = Some(id);
                }
                tree.read_file(sources, &source, None, Vec::new());
            }
        }
        let shipped: BTreeSet<String> = tree.modules.iter().map(|module| module.file.clone()).collect();
        tree.test_files.retain(|file| !shipped.contains(file));
        tree
    }

    /// Files that no `mod` leads to.
    pub fn unreached<'a>(&'a self, sources: &'a Sources) -> impl Iterator<Item = &'a String> {
        let known = |file: &String| self.test_files.contains(file) || self.modules.iter().any(|m| &m.file == file);
        sources.keys().filter(move |file| !known(file))
    }

    /// Reads the module of a file; none if the file says that it is for tests.
    fn read_file(
        &mut self,
        sources: &Sources,
        source: &SourceFile,
        parent: Option<ModuleId>,
        path: Vec<String>,
    ) -> Option<ModuleId> {
        let file = parse(sources, &source.file);
        if !is_shipped(&file.attrs) {
            self.read_test_file(sources, source);
            return None;
        }
        Some(self.read_module(sources, source, parent, path, file.items))
    }

    /// Adds a module and, below it, the modules that its items declare.
    fn read_module(
        &mut self,
        sources: &Sources,
        source: &SourceFile,
        parent: Option<ModuleId>,
        path: Vec<String>,
        items: Vec<Item>,
    ) -> ModuleId {
        let id = self.modules.len();
        let root = parent.map_or(id, |parent| self.modules[parent].root);
        let file = source.file.clone();
        self.modules.push(Module {
            parent,
            root,
            path: path.clone(),
            file,
            items: Vec::new(),
            scope: Scope::default(),
        });
        let mut kept = Vec::new();
        for mut item in items {
            if !is_shipped(attributes(&item)) {
                self.read_test_files_of(sources, source, &item);
                continue;
            }
            if let Item::Mod(declared) = &mut item {
                let name = declared.ident.to_string();
                let below = path.iter().cloned().chain([name.clone()]).collect();
                let child = match declared.content.take() {
                    Some((brace, inner)) => {
                        declared.content = Some((brace, Vec::new()));
                        Some(self.read_module(sources, &inline_module(source, &name), Some(id), below, inner))
                    }
                    None => self.read_file(sources, &module_file(sources, source, declared), Some(id), below),
                };
                if let Some(child) = child {
                    self.modules[id].scope.declare_module(&name, child);
                }
            }
            kept.push(item);
        }
        let scope = std::mem::take(&mut self.modules[id].scope);
        self.modules[id].scope = scope.with_items(&kept);
        self.modules[id].items = kept;
        id
    }

    /// Records a file for tests, and the files that its modules name.
    fn read_test_file(&mut self, sources: &Sources, source: &SourceFile) {
        if self.test_files.insert(source.file.clone()) {
            for item in &parse(sources, &source.file).items {
                self.read_test_files_of(sources, source, item);
            }
        }
    }

    /// Records the files of an item for tests.
    fn read_test_files_of(&mut self, sources: &Sources, source: &SourceFile, item: &Item) {
        if let Item::Mod(declared) = item {
            match &declared.content {
                Some((_, inner)) => {
                    let source = inline_module(source, &declared.ident.to_string());
                    inner.iter().for_each(|item| self.read_test_files_of(sources, &source, item));
                }
                None => self.read_test_file(sources, &module_file(sources, source, declared)),
            }
        }
    }
}

fn parse(sources: &Sources, path: &str) -> syn::File {
    let text = sources.get(path).unwrap_or_else(|| panic!("{path} is missing"));
    syn::parse_file(text).unwrap_or_else(|error| panic!("{path}:{}: {error}", error.span().start().line))
}

/// The place of `mod name { ... }` in this file.
fn inline_module(source: &SourceFile, name: &str) -> SourceFile {
    SourceFile { file: source.file.clone(), folder: format!("{}/{name}", source.folder) }
}

/// The file of `mod name;`.
fn module_file(sources: &Sources, source: &SourceFile, declared: &syn::ItemMod) -> SourceFile {
    let name = declared.ident.to_string();
    let folder = format!("{}/{name}", source.folder);
    if let Some(path) = path_attribute(&declared.attrs) {
        let beside = source.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = format!("{beside}/{path}");
        return SourceFile { folder: file.trim_end_matches(".rs").to_owned(), file };
    }
    let flat = format!("{folder}.rs");
    let file = if sources.contains_key(&flat) { flat } else { format!("{folder}/mod.rs") };
    SourceFile { file, folder }
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        match &attribute.meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    })
}

/// True where a build without tests can hold an item with these attributes.
pub fn is_shipped(attributes: &[Attribute]) -> bool {
    attributes.iter().all(|attribute| {
        if attribute.path().segments.last().is_some_and(|last| last.ident == "test") {
            return false;
        }
        !attribute.path().is_ident("cfg")
            || attribute.parse_args::<Meta>().map_or(true, |meta| in_shipped_build(&meta) != Some(false))
    })
}

/// The value of a `cfg` condition without tests; `None` where it depends on features or the target.
fn in_shipped_build(condition: &Meta) -> Option<bool> {
    match condition {
        Meta::Path(path) if path.is_ident("test") => Some(false),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
            let values: Vec<Option<bool>> = parts.iter().map(in_shipped_build).collect();
            if list.path.is_ident("not") {
                values.first().copied().flatten().map(|value| !value)
            } else {
                // `any` is settled by one true part, `all` by one false one.
                let settling = list.path.is_ident("any");
                if values.contains(&Some(settling)) {
                    Some(settling)
                } else if values.contains(&None) {
                    None
                } else {
                    Some(!settling)
                }
            }
        }
        _ => None,
    }
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub fn attributes_of_impl_item(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        ImplItem::Macro(item) => &item.attrs,
        _ => &[],
    }
}

pub fn attributes_of_trait_item(item: &TraitItem) -> &[Attribute] {
    match item {
        TraitItem::Const(item) => &item.attrs,
        TraitItem::Fn(item) => &item.attrs,
        TraitItem::Type(item) => &item.attrs,
        TraitItem::Macro(item) => &item.attrs,
        _ => &[],
    }
}
