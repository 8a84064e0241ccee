//! Tests of the checker itself, on small sources.

use super::arrows::{Codebase, cycles};
use super::findings::{by_file, counted_by_file, expect_known};
use super::table;
use super::tree::{Sources, Tree};
use super::tuples::tuples;

fn sources(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(path, text)| (format!("src/{path}"), (*text).to_owned())).collect()
}

fn read(files: &[(&str, &str)]) -> Codebase {
    let codebase = Codebase::of(Tree::read(&sources(files)));
    assert_eq!(codebase.unresolved(), Vec::<String>::new());
    codebase
}

/// Arrows between files, as `a.rs -> b.rs`.
fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    let graph = read(files).file_graph();
    let pairs = graph.iter().flat_map(|(from, arrows)| arrows.keys().map(move |to| format!("{from} -> {to}")));
    pairs.map(|pair| pair.replace("src/", "")).collect()
}

/// The arrows of `a.rs` with this text, beside `b.rs` with a function, a type, a constant, a trait and a macro.
fn arrows_of_a(text: &str) -> Vec<String> {
    let b = "pub fn call() -> u8 { 0 } pub struct Thing { pub x: u8 } pub enum Kind { One } pub const LIMIT: u8 = 1; \
             pub trait Able {} macro_rules! mac { () => {} } pub(crate) use mac;";
    arrows(&[("lib.rs", "pub mod a; pub mod b;"), ("a.rs", text), ("b.rs", b)])
}

#[test]
fn path_is_found_at_every_place() {
    for text in [
        "use crate::b::Thing;",
        "use crate::b;",
        "use crate::{b::{Thing as Other}};",
        "use super::b::*;",
        "pub use crate::b::Thing;",
        "fn f() { use crate::b::call; }",
        "fn f() { crate::b::call(); }",
        "fn f() { let _ = crate::b::Thing { x: 1 }; }",
        "fn f(x: &crate::b::Thing) {}",
        "fn f() -> Option<crate::b::Thing> { None }",
        "fn f(x: u8) { match x { crate::b::LIMIT => {} _ => {} } }",
        "fn f(x: crate::b::Kind) { if let crate::b::Kind::One = x {} }",
        "fn f<T: crate::b::Able>() {}",
        "impl crate::b::Able for u8 {}",
        "struct S { x: crate::b::Thing }",
        "#[derive(Debug)] struct S { #[serde(default = \"crate::b::call\")] x: u8 }",
        "struct S { #[serde(with = \"super::b\")] x: u8 }",
        "#[schemars(schema_with = crate::b::call)] struct S;",
        "fn f() { println!(\"{}\", crate::b::call()); }",
        "fn f() { vec![Some(super::b::LIMIT)]; }",
        "fn f() { json!({\"a\": {\"b\": [self::super::b::LIMIT]}}); }",
        "crate::b::mac!();",
        "macro_rules! m { () => { $crate::b::call() } }",
        "const X: u8 = crate::b::LIMIT;",
        "mod inner { fn f() { super::super::b::call(); } }",
        "fn f() { let _ = <u8 as crate::b::Able>::x(); }",
        "fn f() { let _ = <crate::b::Thing>::new(); }",
    ] {
        assert_eq!(arrows_of_a(text), ["a.rs -> b.rs"], "{text}");
    }
}

#[test]
fn path_outside_of_code_is_not_found() {
    for text in [
        "//! [`Thing`](crate::b::Thing)",
        "/// [`crate::b`]\nfn f() {} // crate::b",
        "fn f() -> &'static str { \"crate::b is a module\" }",
        "pub(in crate::a) fn f() {}",
        "words! { /// In crate::b.\n A }",
        "fn f(b: u8) -> u8 { b }",
    ] {
        assert_eq!(arrows_of_a(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn import_for_tests_only_is_not_found() {
    for text in [
        "#[cfg(test)] use crate::b::Thing;",
        "#[cfg(test)] mod tests { use crate::b::Thing; }",
        "#[cfg(all(test, unix))] fn f() { crate::b::call(); }",
        "#[test] fn f() { crate::b::call(); }",
        "struct S; impl S { #[cfg(test)] fn f() { crate::b::call(); } }",
        "struct S { #[cfg(test)] x: crate::b::Thing }",
        "fn f() { #[cfg(test)] let x = crate::b::call(); }",
    ] {
        assert_eq!(arrows_of_a(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn import_that_can_ship_is_found() {
    for text in [
        "#[cfg(test)] mod tests {}\nuse crate::b::Thing;",
        "#[cfg(test)] fn helper() {}\nfn f() { crate::b::call(); }",
        "#[cfg(any(test, feature = \"x\"))] use crate::b::Thing;",
        "#[cfg(not(test))] use crate::b::Thing;",
        "#[cfg(feature = \"x\")] use crate::b::Thing;",
    ] {
        assert_eq!(arrows_of_a(text), ["a.rs -> b.rs"], "{text}");
    }
}

#[test]
fn file_that_only_tests_reach_is_left_out() {
    let files = [
        ("lib.rs", "pub mod a; pub mod b;"),
        ("a.rs", "#[cfg(test)] mod tests; #[cfg(test)] #[path = \"a_more.rs\"] mod more;"),
        ("a/tests.rs", "mod deep; use crate::b::Thing;"),
        ("a/tests/deep.rs", "use crate::b::Thing;"),
        ("a_more.rs", "use crate::b::Thing;"),
        ("b.rs", "pub struct Thing;"),
        ("forgotten.rs", ""),
    ];
    assert_eq!(arrows(&files), Vec::<String>::new());
    let sources = sources(&files);
    let tree = Tree::read(&sources);
    assert_eq!(tree.test_files.len(), 3);
    assert_eq!(tree.unreached(&sources).collect::<Vec<_>>(), ["src/forgotten.rs"]);
}

#[test]
fn re_export_leads_to_the_defining_file() {
    let head = "mod one; mod two; mod three; pub use one::*; pub use two::Two as Zwei; pub const OWN: u8 = 1;";
    let with = |three: &str| {
        let all = arrows(&[
            ("lib.rs", "pub mod m;"),
            ("m/mod.rs", head),
            ("m/one.rs", "pub struct One; words!(Made { A });"),
            ("m/two.rs", "pub struct Two;"),
            ("m/three.rs", three),
        ]);
        all.into_iter().filter(|arrow| arrow.starts_with("m/three.rs")).collect::<Vec<_>>()
    };
    assert_eq!(with("use super::One;"), ["m/three.rs -> m/one.rs"]);
    assert_eq!(with("use crate::m::Zwei;"), ["m/three.rs -> m/two.rs"]);
    assert_eq!(with("use super::Made;"), ["m/three.rs -> m/one.rs"]);
    assert_eq!(with("use super::OWN;"), ["m/three.rs -> m/mod.rs"]);
    assert_eq!(with("use super::*;"), Vec::<String>::new());
    assert_eq!(with("use super::*; fn f(x: One) {}"), ["m/three.rs -> m/one.rs"]);
    assert_eq!(with("use super::*; fn f() { assert!(OWN > 0); }"), ["m/three.rs -> m/mod.rs"]);
    assert_eq!(with("use super::*; fn f() -> String { format!(\"{OWN}\") }"), ["m/three.rs -> m/mod.rs"]);
    assert_eq!(with("use super::two; fn f() -> two::Two { two::Two }"), ["m/three.rs -> m/two.rs"]);
}

#[test]
fn local_variable_is_no_item_of_a_glob() {
    let with =
        |text: &str| arrows(&[("lib.rs", "pub mod a; pub mod b;"), ("a.rs", text), ("b.rs", "pub fn call() {}")]);
    assert_eq!(with("use crate::b::*; fn f() { call() }"), ["a.rs -> b.rs"]);
    let graph = arrows(&[
        ("lib.rs", "pub mod m;"),
        ("m/mod.rs", "mod a; mod b; pub use b::*;"),
        ("m/a.rs", "use super::*; fn f(call: fn()) { call(); println!(\"{:?}\", call); }"),
        ("m/b.rs", "pub fn call() {}"),
    ]);
    assert_eq!(graph, ["m/mod.rs -> m/b.rs"]);
}

#[test]
fn private_import_does_not_pass_through_a_glob() {
    let graph = arrows(&[
        ("lib.rs", "pub mod m; pub mod n;"),
        ("m/mod.rs", "mod a; mod b; pub use a::*; pub use b::*;"),
        ("m/a.rs", "use super::Thing; pub fn f(x: Thing) {}"),
        ("m/b.rs", "pub struct Thing;"),
        ("n.rs", "use crate::m::Thing;"),
    ]);
    assert!(graph.contains(&"n.rs -> m/b.rs".to_owned()), "{graph:?}");
    assert!(!graph.contains(&"n.rs -> m/a.rs".to_owned()), "{graph:?}");
}

#[test]
fn binary_knows_the_library_by_its_name() {
    let files = [
        ("lib.rs", "pub mod a;"),
        ("a.rs", "pub fn run() {}"),
        ("main.rs", "mod flags; fn main() { evenkeel::a::run(); flags::read(); }"),
        ("flags.rs", "pub fn read() {}"),
    ];
    assert_eq!(arrows(&files), ["main.rs -> a.rs", "main.rs -> flags.rs"]);
    assert!(read(&files).module_graph()["main"].contains_key("a"));
}

#[test]
fn cycle_is_found_and_drawn() {
    let codebase = read(&[
        ("lib.rs", "pub mod a; pub mod b; pub mod c; pub mod d;"),
        ("a.rs", "\nuse crate::b::f as g; pub fn f() {}"),
        ("b.rs", "pub fn f() { crate::c::f() }"),
        ("c.rs", "pub fn f() { g!(crate::a::f) }"),
        ("d.rs", "use crate::a;"),
    ]);
    let found = cycles(&codebase.file_graph());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["src/{a.rs, b.rs, c.rs}"]);
    assert!(found["src/{a.rs, b.rs, c.rs}"].contains("src/a.rs -> src/b.rs  (src/a.rs:2)"), "{found:?}");
    assert_eq!(cycles(&codebase.module_graph()).keys().collect::<Vec<_>>(), ["{a, b, c}"]);
}

#[test]
fn mod_file_may_only_declare_and_export() {
    let codebase = read(&[
        ("lib.rs", "//! Docs.\n#![forbid(unsafe_code)]\npub mod m;"),
        ("m/mod.rs", "//! Docs.\nmod a;\npub use a::A;\n/// A function.\nfn f() {}\n#[cfg(test)]\nmod tests {}"),
        ("m/a.rs", "pub struct A; fn f() {}"),
    ]);
    let found = counted_by_file(codebase.extra_items_of_mod_files());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["src/m/mod.rs: 1"]);
    assert!(found["src/m/mod.rs: 1"].contains("fn f() {}"), "{found:?}");
}

#[test]
fn impurity_is_found_behind_an_alias() {
    for (text, count) in [
        ("use std::time::Instant as I; fn f() { I::now(); }", 1),
        ("use std::fs; fn f() { fs::read(\"x\"); }", 2),
        ("async fn f() {}", 1),
        ("fn f() { let _ = async {}; }", 1),
        ("fn f() { m!(async move { x.await }); }", 2),
        ("fn f() { jiff::Timestamp::now(); }", 1),
        ("#[tokio::main] fn f() {}", 1),
        ("use jiff::Timestamp; use std::net::IpAddr; fn f(now: Timestamp) {}", 0),
        ("#[cfg(test)] mod tests { use std::fs; }", 0),
    ] {
        let codebase = read(&[("lib.rs", "pub mod plan; pub mod other;"), ("plan.rs", text), ("other.rs", text)]);
        assert_eq!(codebase.impurities(&["plan"]).len(), count, "{text}");
    }
}

#[test]
fn kubernetes_in_the_engine_is_found() {
    let with = |text: &str| {
        read(&[("lib.rs", "pub mod engine; pub mod api;"), ("engine.rs", text), ("api.rs", "pub struct A;")])
    };
    for text in ["use kube::Client;", "fn f(x: k8s_openapi::Secret) {}", "use crate::api::A;", "use crate::api;"] {
        assert_eq!(with(text).kubernetes_paths("engine").len(), 1, "{text}");
    }
    for text in [
        "const X: &str = \"kubectl get\";",
        "fn f() { format!(\"{} annotated\", 1); }",
        "#[error(\"the Secret is gone\")] struct E;",
    ] {
        assert_eq!(with(text).kubernetes_texts("engine").len(), 1, "{text}");
    }
    for text in [
        "/// The Secret, kubectl.\nfn f() {}",
        "reasons!(/// A Secret.\n A);",
        "#[cfg(test)] const X: &str = \"Secret\";",
    ] {
        assert_eq!(with(text).kubernetes_texts("engine").len(), 0, "{text}");
    }
}

#[test]
fn writer_is_found_by_what_it_calls() {
    let codebase = read(&[
        ("lib.rs", "pub mod a; pub mod b; pub mod c;"),
        ("a.rs", "use http::Method as M; fn f() { send(M::PUT); api.patch_status(1); }"),
        ("b.rs", "fn f() { send(http::Method::GET); m!(api.replace_status(1)); }"),
        ("c.rs", "use http::Method; fn f() { m!(Method::DELETE); }"),
    ]);
    assert_eq!(by_file(codebase.writes_to_the_cloud()).into_keys().collect::<Vec<_>>(), ["src/a.rs", "src/c.rs"]);
    assert_eq!(by_file(codebase.status_writes()).into_keys().collect::<Vec<_>>(), ["src/a.rs", "src/b.rs"]);
}

#[test]
fn tuple_of_texts_is_found_in_types_that_have_names() {
    for (text, count) in [
        ("struct S { x: Vec<(String, String)> }", 1),
        ("enum E { A((u8, String, Option<String>)) }", 1),
        ("type T = (String, String);", 1),
        ("fn f(x: &[(&str, &'static str)]) {}", 1),
        ("struct S; impl S { fn f(&self) -> Option<(String, &str)> { None } }", 1),
        ("trait T { fn f() -> (String, String); }", 1),
        ("const X: &[(&str, &str)] = &[];", 0),
        ("struct S { x: (String, u8), y: (u8, u8) }", 0),
        ("#[cfg(test)] fn f(x: (String, String)) {}", 0),
    ] {
        let tree = Tree::read(&sources(&[("lib.rs", text)]));
        assert_eq!(tuples(&tree).len(), count, "{text}");
    }
}

#[test]
fn table_is_compared_with_the_imports() {
    let document = "# A\n\n| module | what it is | may import |\n|---|---|---|\n| `a` | x | nothing |\n| `b` | x | `a`, `c` |\n\
                    | `d` | x | all of them |\n| `e` | x | nothing |\n\nText.\n";
    let codebase = read(&[
        ("lib.rs", "pub mod a; pub mod b; pub mod c; pub mod d;"),
        ("a.rs", "use crate::b;"),
        ("b.rs", "use crate::a;"),
        ("c.rs", ""),
        ("d.rs", "use crate::{a, b, c};"),
    ]);
    let modules = ["a", "b", "c", "d"].map(str::to_owned);
    let found = table::differences(&table::read(document), &modules, &codebase.module_graph());
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, ["a imports b", "b never imports c", "c is missing", "e is no module"]);
}

#[test]
#[should_panic(expected = "take it off the list")]
fn known_finding_that_is_not_found_fails() {
    expect_known("check", &Default::default(), &["gone"]);
}

#[test]
#[should_panic(expected = "new: \"x\"")]
fn finding_that_is_not_known_fails() {
    expect_known("check", &[("x".to_owned(), String::new())].into(), &[]);
}
