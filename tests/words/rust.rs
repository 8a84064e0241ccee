//! Doc blocks and names of tests in a Rust file. They are read from its tokens, so those within macro calls are found too.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A text with the line of its beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct TextAtLine {
    pub line: usize,
    pub text: String,
}

/// The texts of one Rust file that the checks read.
#[derive(Debug, Default)]
pub struct RustTexts {
    /// The first line that has text, of each run of `///` or `//!` lines.
    pub blocks: Vec<TextAtLine>,
    pub tests: Vec<TextAtLine>,
}

pub fn read(text: &str) -> Result<RustTexts, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
    let mut texts = RustTexts::default();
    texts.walk(tokens, false);
    Ok(texts)
}

/// An attribute's path, and for documentation its text.
struct Attribute {
    path: String,
    doc: Option<String>,
    line: usize,
    /// `#![...]`, and `//!`.
    is_inner: bool,
}

impl RustTexts {
    /// Reads tokens and the groups within. With `in_proptest` every function is a test.
    fn walk(&mut self, tokens: TokenStream, in_proptest: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut block: Vec<TextAtLine> = Vec::new();
        let mut block_is_inner = false;
        let mut is_test = in_proptest;
        let mut at = 0;
        while at < tokens.len() {
            if let Some((attribute, after)) = attribute_at(&tokens, at) {
                match attribute.doc {
                    // The docs of a file end where those of its first item begin.
                    Some(_) if attribute.is_inner != block_is_inner => {
                        self.end_block(&mut block);
                        block_is_inner = attribute.is_inner;
                        continue;
                    }
                    Some(text) => block.push(TextAtLine { line: attribute.line, text }),
                    None => is_test |= attribute.path == "test" || attribute.path.ends_with("::test"),
                }
                at = after;
                continue;
            }
            self.end_block(&mut block);
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let is_proptest =
                        at >= 2 && is_ident(&tokens[at - 2], "proptest") && is_punct(&tokens[at - 1], '!');
                    self.walk(group.stream(), is_proptest);
                    if group.delimiter() == Delimiter::Brace {
                        is_test = in_proptest;
                    }
                }
                TokenTree::Ident(ident) if ident == "fn" => {
                    if let (true, Some(TokenTree::Ident(name))) = (is_test, tokens.get(at + 1)) {
                        self.tests.push(TextAtLine { line: name.span().start().line, text: name.to_string() });
                    }
                    is_test = in_proptest;
                }
                _ => {}
            }
            at += 1;
        }
        self.end_block(&mut block);
    }

    /// Adds the first line with text of a doc block.
    fn end_block(&mut self, block: &mut Vec<TextAtLine>) {
        let mut lines = std::mem::take(block).into_iter();
        self.blocks.extend(lines.find(|line| !line.text.trim().is_empty()));
    }
}

/// The attribute that begins at this token, and the index of the token after it.
fn attribute_at(tokens: &[TokenTree], at: usize) -> Option<(Attribute, usize)> {
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    let is_inner = is_punct(tokens.get(at + 1)?, '!');
    let at = if is_inner { at + 2 } else { at + 1 };
    let TokenTree::Group(group) = tokens.get(at)? else { return None };
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut path = String::new();
    let mut doc = None;
    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
    for token in &inside {
        match token {
            TokenTree::Ident(ident) => path.push_str(&ident.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => path.push(':'),
            _ => break,
        }
    }
    if path == "doc"
        && let [_, _, TokenTree::Literal(literal)] = &inside[..]
        && let syn::Lit::Str(text) = syn::Lit::new(literal.clone())
    {
        doc = Some(text.value());
    }
    Some((Attribute { path, doc, line: group.span_open().start().line, is_inner }, at + 1))
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}
