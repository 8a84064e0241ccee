//! Checks of the documentation: every link has a target, and every source file and test that a page names exists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Folders that are searched, besides the files at the root.
const FOLDERS: [&str; 7] = ["src", "tests", "simulators", "docs", "deploy", "examples", "crds"];
const BUGS_FOUND: &str = "docs/development/bugs-found.md";

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let (link, code) = (Regex::new(r"\]\(([^)\s]+)\)").unwrap(), Regex::new("`[^`\n]*`").unwrap());
    let mut broken = Vec::new();
    for page in pages() {
        let text = outside_code_blocks(&page);
        let text = code.replace_all(&text, "");
        for target in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            if !target.contains("://") && !has_target(&page, &target) {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links without a target: {broken:#?}");
}

#[test]
fn every_named_source_file_exists() {
    let named = Regex::new(r"`([\w./-]+\.rs)`").unwrap();
    let sources: Vec<String> = files().iter().map(|path| format!("/{}", path.display())).collect();
    let mut missing = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for name in named.captures_iter(&text).map(|found| found[1].to_owned()) {
            if !sources.iter().any(|source| source.ends_with(&format!("/{name}"))) {
                missing.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "source files that do not exist: {missing:#?}");
}

/// Names with three underscores or more are tests; shorter ones may be anything.
#[test]
fn every_test_in_the_list_of_bugs_exists() {
    let named = Regex::new(r"`(?:[a-z0-9_]+::)*((?:[a-z0-9]+_){3,}[a-z0-9]+)`").unwrap();
    let is_source = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    let sources: String = files()
        .iter()
        .filter(|path| is_source(path))
        .map(|path| fs::read_to_string(root().join(path)).unwrap())
        .collect();
    let text = fs::read_to_string(root().join(BUGS_FOUND)).unwrap();
    let names: Vec<String> = named.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    assert!(names.len() > 100, "the tests have not been found");
    let is_missing = |name: &&String| !sources.contains(&format!("fn {name}("));
    let missing: Vec<&String> = names.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{BUGS_FOUND} names tests that do not exist: {missing:#?}");
}

#[test]
fn health_check_in_the_guide_is_the_file_for_argo_cd() {
    let folder = root().join("deploy/argocd/resource_customizations/evenkeel.dev/LoadBalancerStack");
    let script = fs::read_to_string(folder.join("health.lua")).unwrap();
    let guide = fs::read_to_string(root().join("docs/user-guide/gitops.md")).unwrap();
    let quoted: String = script.lines().map(|line| format!("    {line}\n")).collect();
    assert!(
        guide.contains(&format!("_LoadBalancerStack: |\n{quoted}```")),
        "docs/user-guide/gitops.md has another script"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project, relative to its root.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        files.push(entry);
    }
    let mut pending: Vec<PathBuf> = FOLDERS.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = pending.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { pending.push(path) } else { files.push(path) }
        }
    }
    files.iter().map(|path| path.strip_prefix(root()).unwrap().to_owned()).collect()
}

/// Every Markdown page.
fn pages() -> Vec<PathBuf> {
    files().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

fn outside_code_blocks(page: &Path) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// True if a relative link has a target: a file, and in it the heading.
fn has_target(page: &Path, target: &str) -> bool {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let file = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    let exists = root().join(&file).exists();
    exists && heading.is_none_or(|heading| anchors(&file).iter().any(|anchor| anchor == heading))
}

/// The anchors that GitHub gives to headings.
fn anchors(page: &Path) -> Vec<String> {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor = |heading: &str| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
    let text = outside_code_blocks(page);
    text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}
