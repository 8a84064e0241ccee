//! Reads the syntax tree of a module: its paths, string literals, called methods and asynchronous code.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, Meta, Stmt, TraitItem};

use super::scope::imports;
use super::tree::{Module, attributes, attributes_of_impl_item, attributes_of_trait_item, is_shipped};

/// A path as it stands in the code, not resolved yet.
#[derive(Debug, Clone)]
pub struct PathUse {
    pub path: Vec<String>,
    pub absolute: bool,
    pub line: usize,
    /// It stands in a `use`.
    pub imported: bool,
}

/// The parts of a module that the checks need, each with its line.
#[derive(Debug, Default)]
pub struct ModuleContents {
    pub path_uses: Vec<PathUse>,
    pub strings: Vec<(String, usize)>,
    pub methods: Vec<(String, usize)>,
    pub async_lines: Vec<usize>,
    /// Local variables of the function that is being read: a single lower-case name of these is no item.
    locals: BTreeSet<String>,
}

/// Reads a module without the modules inside it.
pub fn read_module(module: &Module) -> ModuleContents {
    let mut contents = ModuleContents::default();
    module.items.iter().for_each(|item| contents.visit_item(item));
    contents
}

impl ModuleContents {
    fn add_path(&mut self, path: Vec<String>, absolute: bool, line: usize) {
        self.path_uses.push(PathUse { path, absolute, line, imported: false });
    }

    /// Adds a parsed path. A single name counts unless it is a local variable.
    fn add_syntax_path(&mut self, path: &syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let Some(first) = path.segments.first() else { return };
        if names.len() > 1 || !(names[0] == "self" || names[0] == "Self" || self.locals.contains(&names[0])) {
            self.add_path(names, path.leading_colon.is_some(), first.ident.span().start().line);
        }
    }

    /// Reads a part of the code in which these are the local variables.
    fn with_locals(&mut self, locals: BTreeSet<String>, read: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.locals, locals);
        read(self);
        self.locals = before;
    }

    fn add_string(&mut self, text: String, line: usize) {
        self.strings.push((text, line));
    }

    /// Reads the tokens of a macro call or an attribute. They have no syntax of their own, so each run of `a::b::c` is a
    /// path; a name alone counts where it begins with a capital, or is called.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) if is_unread_attribute(&tokens, at, group) => {}
                TokenTree::Group(group) => self.read_tokens(group.stream()),
                TokenTree::Literal(literal) => self.read_literal(literal),
                TokenTree::Ident(ident) if ident == "async" || ident == "await" => {
                    self.async_lines.push(ident.span().start().line);
                }
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let (path, after) = path_at(&tokens, at);
                    let called = matches!(tokens.get(after), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    let before = at.checked_sub(1).map(|before| &tokens[before]);
                    if is_punct(before, '.') {
                        self.methods.push((path[0].clone(), line));
                    } else if is_keyword(before, "fn") {
                        // A declaration.
                    } else if path.len() > 1
                        || begins_with_capital(&path[0])
                        || (called && !self.locals.contains(&path[0]))
                    {
                        self.add_path(path, is_after_colons(&tokens, at), line);
                    }
                    at = after;
                    continue;
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }

    fn read_literal(&mut self, literal: &proc_macro2::Literal) {
        let line = literal.span().start().line;
        match syn::Lit::new(literal.clone()) {
            syn::Lit::Str(text) => {
                self.read_format_captures(&text.value(), line);
                self.add_string(text.value(), line);
            }
            syn::Lit::ByteStr(text) => self.add_string(String::from_utf8_lossy(&text.value()).into_owned(), line),
            _ => {}
        }
    }

    /// Adds the constants that a format string names, as in `"at most {LIMIT}"`.
    fn read_format_captures(&mut self, text: &str, line: usize) {
        for piece in text.split('{').skip(1) {
            let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if piece[name.len()..].starts_with(['}', ':']) && begins_with_capital(&name) {
                self.add_path(vec![name], false, line);
            }
        }
    }
}

/// The path that begins at a name, and the index of the token after it.
fn path_at(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = start;
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        path.push(ident.to_string());
        at += 1;
        if !(is_joint_colon(tokens.get(at)) && is_punct(tokens.get(at + 1), ':')) {
            break;
        }
        if !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        at += 2;
    }
    (path, at)
}

/// True for a name after a leading `::`. The last name of `Vec::<T>::new` is none.
fn is_after_colons(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2
        && is_punct(tokens.get(at - 1), ':')
        && is_joint_colon(tokens.get(at - 2))
        && !(at >= 3 && is_punct(tokens.get(at - 3), '>'))
}

/// `#[doc = "..."]` within a macro call, or a `#[cfg(...)]`.
fn is_unread_attribute(tokens: &[TokenTree], at: usize, group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && is_punct(at.checked_sub(1).map(|before| &tokens[before]), '#')
        && group.stream().into_iter().next().is_some_and(|first| ["doc", "cfg"].contains(&first.to_string().as_str()))
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn is_joint_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint)
}

fn is_keyword(token: Option<&TokenTree>, keyword: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == keyword)
}

fn begins_with_capital(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The local variables that a function, a constant or a closure in it binds.
#[derive(Default)]
struct LocalVariables(BTreeSet<String>);

impl<'ast> Visit<'ast> for LocalVariables {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = pattern.ident.to_string();
        if !begins_with_capital(&name) {
            self.0.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }
}

fn local_variables(read: impl FnOnce(&mut LocalVariables)) -> BTreeSet<String> {
    let mut found = LocalVariables::default();
    read(&mut found);
    found.0
}

impl<'ast> Visit<'ast> for ModuleContents {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_shipped(attributes(item)) {
            return;
        }
        match item {
            Item::Use(item) => {
                for import in imports(item) {
                    let (path, absolute, line) = (import.path, import.absolute, import.line);
                    self.path_uses.push(PathUse { path, absolute, line, imported: true });
                }
            }
            // Each function of these binds its own.
            Item::Impl(_) | Item::Trait(_) => visit::visit_item(self, item),
            _ => {
                let mut locals = local_variables(|found| found.visit_item(item));
                locals.extend(self.locals.iter().cloned());
                self.with_locals(locals, |this| visit::visit_item(this, item));
            }
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if is_shipped(attributes_of_impl_item(item)) {
            self.with_locals(local_variables(|found| found.visit_impl_item(item)), |this| {
                visit::visit_impl_item(this, item)
            });
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if is_shipped(attributes_of_trait_item(item)) {
            self.with_locals(local_variables(|found| found.visit_trait_item(item)), |this| {
                visit::visit_trait_item(this, item)
            });
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes: &[Attribute] = match statement {
            Stmt::Local(local) => &local.attrs,
            Stmt::Macro(call) => &call.attrs,
            Stmt::Expr(Expr::Block(block), _) => &block.attrs,
            Stmt::Expr(Expr::Call(call), _) => &call.attrs,
            Stmt::Expr(Expr::MethodCall(call), _) => &call.attrs,
            _ => &[],
        };
        if is_shipped(attributes) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if is_shipped(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if is_shipped(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if is_shipped(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add_syntax_path(path);
        visit::visit_path(self, path);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = pattern.ident.to_string();
        if begins_with_capital(&name) {
            self.add_path(vec![name], false, pattern.ident.span().start().line);
        }
        visit::visit_pat_ident(self, pattern);
    }

    // `<T>::name` names nothing of a module.
    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        match &expression.qself {
            Some(of) if of.position == 0 => self.visit_qself(of),
            _ => visit::visit_expr_path(self, expression),
        }
    }

    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        match &path.qself {
            Some(of) if of.position == 0 => self.visit_qself(of),
            _ => visit::visit_type_path(self, path),
        }
    }

    /// `pub(in crate::plan)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    /// Documentation is no code; other attributes name functions in strings too (`#[serde(with = "super::duration")]`).
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") || attribute.path().is_ident("cfg") {
            return;
        }
        if attribute.path().segments.len() > 1 {
            self.add_syntax_path(attribute.path());
        }
        let before = self.strings.len();
        match &attribute.meta {
            Meta::List(list) => self.read_tokens(list.tokens.clone()),
            Meta::NameValue(pair) => self.visit_expr(&pair.value),
            Meta::Path(_) => {}
        }
        let named = self.strings[before..].iter().filter(|(text, _)| text.contains("::"));
        let named = named.filter_map(|(text, line)| Some((syn::parse_str::<syn::Path>(text).ok()?, *line)));
        for (path, line) in named.collect::<Vec<_>>() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add_path(names, path.leading_colon.is_some(), line);
        }
    }

    /// A macro called by its name alone is in scope by a `use`, or by the order of the text.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.segments.len() > 1 {
            self.add_syntax_path(&call.path);
        }
        self.read_tokens(call.tokens.clone());
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.read_tokens(tokens.clone());
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.add_string(literal.value(), literal.span().start().line);
    }

    fn visit_lit_byte_str(&mut self, literal: &'ast syn::LitByteStr) {
        self.add_string(String::from_utf8_lossy(&literal.value()).into_owned(), literal.span().start().line);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.methods.push((call.method.to_string(), call.method.span().start().line));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.async_lines.extend(signature.asyncness.as_ref().map(|word| word.span.start().line));
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.async_lines.push(block.async_token.span.start().line);
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_await(&mut self, wait: &'ast syn::ExprAwait) {
        self.async_lines.push(wait.await_token.span.start().line);
        visit::visit_expr_await(self, wait);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.async_lines.extend(closure.asyncness.as_ref().map(|word| word.span.start().line));
        visit::visit_expr_closure(self, closure);
    }
}
