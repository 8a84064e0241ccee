//! The architecture, checked on the syntax tree of every file that ships.
//!
//! `tests/layering/` reads the modules, resolves their paths through re-exports and draws an arrow to the file with the
//! definition; `snippets.rs` tests that on small sources. Calls of methods are no arrows, because a syntax tree has no types.
//!
//! The constants below list the exceptions. Each list is exact: a finding that is not on it fails, and so does an entry that
//! is no longer found.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

mod layering {
    pub mod arrows;
    pub mod findings;
    pub mod reader;
    pub mod rules;
    pub mod scope;
    mod snippets;
    pub mod table;
    pub mod tree;
    pub mod tuples;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use layering::arrows::{Codebase, Graph, cycles};
use layering::findings::{Findings, by_file, counted_by_file, expect_known};
use layering::table;
use layering::tree::{Sources, Tree};
use layering::tuples::tuples;

/// Modules that compute and nothing else.
const PURE: &[&str] = &["certificates", "model", "plan", "translate"];

/// Files that name a writing method of HTTP. Beside the one that executes steps: the session, which logs in and carries every
/// method, and the cloud, which asks for the time-out of a create.
const CLOUD_WRITERS: &[&str] = &["src/openstack/cloud.rs", "src/openstack/execute.rs", "src/openstack/session.rs"];

/// The one file that writes status.
const STATUS_WRITERS: &[&str] = &["src/controller/status.rs"];

/// Differences between ARCHITECTURE.md and the imports.
const KNOWN_TABLE_GAPS: &[&str] = &[];

/// Cycles of top-level modules.
const KNOWN_MODULE_CYCLES: &[&str] = &[];

/// Cycles of files.
const KNOWN_FILE_CYCLES: &[&str] = &[];

/// `mod.rs` files with more than docs, `mod` and `use`, and the number of their items.
const KNOWN_MOD_FILES: &[&str] = &[];

/// Files of `PURE` with I/O, and in how many places.
const KNOWN_IMPURE: &[&str] = &[];

/// Files of the engine that import Kubernetes.
const KNOWN_KUBERNETES_PATHS: &[&str] = &[];

/// Files of the engine with texts about Kubernetes, and the number of texts.
const KNOWN_KUBERNETES_TEXTS: &[&str] = &[];

/// Fields, parameters and results that are tuples of texts.
const KNOWN_TUPLES: &[&str] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src`.
fn sources() -> Sources {
    let mut found = Sources::new();
    let mut pending = vec![root().join("src")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The dependency graphs of the code and the findings of each check. It is computed once for all tests.
struct CodeAnalysis {
    /// Files that no `mod` leads to.
    unreached: Vec<String>,
    /// Paths that lead to no definition.
    unresolved: Vec<String>,
    modules: Vec<String>,
    module_graph: Graph,
    file_graph: Graph,
    mod_files: Findings,
    impure: Findings,
    kubernetes_paths: Findings,
    kubernetes_texts: Findings,
    cloud_writers: Findings,
    status_writers: Findings,
    tuples: Findings,
}

static ANALYSIS: LazyLock<CodeAnalysis> = LazyLock::new(|| {
    let sources = sources();
    let tree = Tree::read(&sources);
    let unreached = tree.unreached(&sources).cloned().collect();
    let tuples = tuples(&tree);
    let codebase = Codebase::of(tree);
    let modules: BTreeSet<&str> = (0..codebase.tree.modules.len()).filter_map(|id| codebase.top_level(id)).collect();
    CodeAnalysis {
        unreached,
        unresolved: codebase.unresolved(),
        modules: modules.into_iter().map(str::to_owned).collect(),
        module_graph: codebase.module_graph(),
        file_graph: codebase.file_graph(),
        mod_files: counted_by_file(codebase.extra_items_of_mod_files()),
        impure: counted_by_file(codebase.impurities(PURE)),
        kubernetes_paths: counted_by_file(codebase.kubernetes_paths("engine")),
        kubernetes_texts: counted_by_file(codebase.kubernetes_texts("engine")),
        cloud_writers: by_file(codebase.writes_to_the_cloud()),
        status_writers: by_file(codebase.status_writes()),
        tuples,
    }
});

#[test]
fn every_file_and_path_is_understood() {
    assert!(ANALYSIS.unreached.is_empty(), "no `mod` leads to {:?}", ANALYSIS.unreached);
    let unresolved = &ANALYSIS.unresolved;
    assert!(unresolved.is_empty(), "paths that lead nowhere, so tests/layering misses their arrows: {unresolved:#?}");
}

#[test]
fn imports_match_the_table_of_architecture() {
    let table = table::read(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let found = table::differences(&table, &ANALYSIS.modules, &ANALYSIS.module_graph);
    expect_known("ARCHITECTURE.md and the imports differ", &found, KNOWN_TABLE_GAPS);
}

#[test]
fn top_level_modules_form_no_cycle() {
    expect_known("modules import each other", &cycles(&ANALYSIS.module_graph), KNOWN_MODULE_CYCLES);
}

#[test]
fn files_form_no_cycle() {
    expect_known("files import each other", &cycles(&ANALYSIS.file_graph), KNOWN_FILE_CYCLES);
}

#[test]
fn mod_files_only_declare_and_export() {
    expect_known("a mod.rs holds docs, `mod` and `use`", &ANALYSIS.mod_files, KNOWN_MOD_FILES);
}

#[test]
fn pure_modules_do_no_input_or_output() {
    expect_known("a pure module has I/O or waits", &ANALYSIS.impure, KNOWN_IMPURE);
}

#[test]
fn engine_imports_no_kubernetes() {
    expect_known("the engine imports Kubernetes", &ANALYSIS.kubernetes_paths, KNOWN_KUBERNETES_PATHS);
}

#[test]
fn engine_texts_name_no_kubernetes() {
    expect_known("a text of the engine belongs to the shell", &ANALYSIS.kubernetes_texts, KNOWN_KUBERNETES_TEXTS);
}

#[test]
fn only_execute_changes_the_cloud() {
    expect_known("only openstack/execute.rs changes the cloud", &ANALYSIS.cloud_writers, CLOUD_WRITERS);
}

#[test]
fn only_status_writes_status() {
    expect_known("only controller/status.rs writes status", &ANALYSIS.status_writers, STATUS_WRITERS);
}

#[test]
fn texts_side_by_side_have_field_names() {
    expect_known("a tuple of texts wants a type with named fields", &ANALYSIS.tuples, KNOWN_TUPLES);
}
