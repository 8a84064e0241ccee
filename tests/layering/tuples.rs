//! Finds tuples of two or more texts, whose meaning only their order shows. A type with named fields belongs in their place.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ReturnType, TraitItem, Type};

use super::tree::{Tree, attributes, attributes_of_impl_item, attributes_of_trait_item, is_shipped};

/// Fields, parameters and results with such a tuple: `file: owner of the type: type`, and its line.
pub fn tuples(tree: &Tree) -> BTreeMap<String, String> {
    let mut finder = Finder::default();
    for module in &tree.modules {
        finder.file.clone_from(&module.file);
        module.items.iter().for_each(|item| finder.visit_item(item));
    }
    finder.found
}

#[derive(Default)]
struct Finder {
    file: String,
    found: BTreeMap<String, String>,
}

impl Finder {
    fn check_type(&mut self, owner: &str, of: &Type) {
        let mut tuples = TextTuple::default();
        tuples.visit_type(of);
        if let Some(line) = tuples.line {
            let text = of.span().source_text().unwrap_or_default();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.found.insert(format!("{}: {owner}: {text}", self.file), format!("{}:{line}", self.file));
        }
    }

    fn check_signature(&mut self, signature: &syn::Signature) {
        let owner = format!("fn {}", signature.ident);
        for input in &signature.inputs {
            if let syn::FnArg::Typed(input) = input {
                self.check_type(&owner, &input.ty);
            }
        }
        if let ReturnType::Type(_, output) = &signature.output {
            self.check_type(&owner, output);
        }
    }

    fn check_fields(&mut self, owner: &str, fields: &syn::Fields) {
        for field in fields.iter().filter(|field| is_shipped(&field.attrs)) {
            self.check_type(owner, &field.ty);
        }
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_shipped(attributes(item)) {
            return;
        }
        match item {
            Item::Fn(item) => self.check_signature(&item.sig),
            Item::Struct(item) => self.check_fields(&format!("struct {}", item.ident), &item.fields),
            Item::Enum(item) => {
                for variant in &item.variants {
                    self.check_fields(&format!("enum {}", item.ident), &variant.fields);
                }
            }
            Item::Type(item) => self.check_type(&format!("type {}", item.ident), &item.ty),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if is_shipped(attributes_of_impl_item(item)) {
            if let ImplItem::Fn(item) = item {
                self.check_signature(&item.sig);
            }
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if is_shipped(attributes_of_trait_item(item)) {
            if let TraitItem::Fn(item) = item {
                self.check_signature(&item.sig);
            }
            visit::visit_trait_item(self, item);
        }
    }
}

/// The line of the first such tuple within a type.
#[derive(Default)]
struct TextTuple {
    line: Option<usize>,
}

impl<'ast> Visit<'ast> for TextTuple {
    fn visit_type_tuple(&mut self, tuple: &'ast syn::TypeTuple) {
        if tuple.elems.iter().filter(|element| is_text(element)).count() >= 2 {
            self.line.get_or_insert(tuple.paren_token.span.open().start().line);
        }
        visit::visit_type_tuple(self, tuple);
    }
}

/// `String`, `str`, a reference to one of them, or an `Option` of it.
fn is_text(of: &Type) -> bool {
    match of {
        Type::Reference(reference) => is_text(&reference.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            last.ident == "String"
                || last.ident == "str"
                || (last.ident == "Option" && argument(last).is_some_and(is_text))
        }),
        _ => false,
    }
}

fn argument(segment: &syn::PathSegment) -> Option<&Type> {
    match &segment.arguments {
        syn::PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            syn::GenericArgument::Type(of) => Some(of),
            _ => None,
        }),
        _ => None,
    }
}
