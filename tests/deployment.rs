//! The files that deploy Evenkeel agree with the project and with each other: versions, labels of the image, files of the charts.
//!
//! `tests/e2e/scenarios/78_charts.py` renders charts and kustomizations and compares them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Files that a chart takes over as they are: Helm reads none outside of it.
const CHART_COPIES: [(&str, &str); 3] = [
    ("deploy/base/rbac.yaml", "deploy/charts/evenkeel/files/rbac.yaml"),
    ("deploy/base/user-roles.yaml", "deploy/charts/evenkeel/files/user-roles.yaml"),
    ("deploy/monitoring/prometheus-rule.yaml", "deploy/charts/evenkeel/files/prometheus-rule.yaml"),
];
const CRDS: &str = "crds";
const CHART_CRDS: &str = "deploy/charts/evenkeel-crds/files";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_default()
}

/// Names of the definitions in a folder.
fn definitions(folder: &str) -> Vec<String> {
    let names = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("evenkeel.dev_")).collect();
    names.sort();
    names
}

#[test]
fn chart_files_are_copies_of_the_manifests() {
    let of_chart = |name: &String| (format!("{CRDS}/{name}"), format!("{CHART_CRDS}/{name}"));
    let mut copies: Vec<(String, String)> = definitions(CRDS).iter().map(of_chart).collect();
    assert!(!copies.is_empty(), "the definitions have not been found");
    copies.extend(CHART_COPIES.map(|(from, to)| (from.to_owned(), to.to_owned())));
    for (from, to) in copies {
        if std::env::var_os("EVENKEEL_WRITE_CRD").is_some() {
            fs::copy(path(&from), path(&to)).unwrap();
        }
        assert!(!read(&from).is_empty() && read(&from) == read(&to), "{to} is stale: write it with make crds");
    }
    assert_eq!(definitions(CHART_CRDS), definitions(CRDS), "definitions of the chart and of the project");
}

/// The first group of the only match.
fn found(pattern: &str, text: &str) -> String {
    let all: Vec<_> = Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect();
    let [one] = all.as_slice() else { panic!("{pattern}: {all:?}") };
    one.clone()
}

/// The chart sets the address of probes, and the namespace of the Lease is that of the release.
#[test]
fn chart_accepts_every_flag_of_the_controller() {
    let page = read("docs/reference/flags.md");
    let of_run = page.split("## evenkeel plan").next().unwrap();
    let names = Regex::new(r"(?m)^\| `--([a-z-]+)`").unwrap();
    let documented: BTreeSet<String> = names.captures_iter(of_run).map(|found| found[1].to_owned()).collect();
    let schema: serde_json::Value = serde_json::from_str(&read("deploy/charts/evenkeel/values.schema.json")).unwrap();
    let accepted = schema["properties"]["flags"]["propertyNames"]["enum"].as_array().unwrap();
    let mut accepted: BTreeSet<String> = accepted.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    accepted.extend(["bind-address".to_owned(), "leader-election-namespace".to_owned()]);
    assert_eq!(accepted, documented);
}

#[test]
fn image_is_built_by_the_oldest_supported_compiler() {
    let oldest = found(r#"(?m)^rust-version = "(\d+\.\d+)"#, &read("Cargo.toml"));
    assert_eq!(found(r"(?m)^FROM rust:(\d+\.\d+)", &read("Dockerfile")), oldest);
}

#[test]
fn image_has_labels_of_its_origin() {
    let (dockerfile, makefile) = (read("Dockerfile"), read("Makefile"));
    let (_, last_stage) = dockerfile.split_once("\nFROM scratch\n").unwrap();
    for label in ["title", "description", "licenses", "version", "revision", "source"] {
        assert!(last_stage.contains(&format!("org.opencontainers.image.{label}=\"")), "{label}");
    }
    for (label, key) in [("licenses", "license"), ("description", "description")] {
        let value = found(&format!("image\\.{label}=\"(.*)\""), last_stage);
        assert_eq!(value, found(&format!("(?m)^{key} = \"(.*)\""), &read("Cargo.toml")));
    }
    for argument in ["VERSION", "REVISION", "SOURCE"] {
        assert!(last_stage.contains(&format!("ARG {argument}=")) && last_stage.contains(&format!("=\"${argument}\"")));
        assert!(makefile.contains(&format!("--build-arg {argument}=")), "make image does not set {argument}");
    }
}

#[test]
fn manifests_name_the_version_of_the_package() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(found(r"(?m)^  newTag: (\S+)$", &read("deploy/base/kustomization.yaml")), version);
    for chart in ["evenkeel", "evenkeel-crds"] {
        let chart = read(&format!("deploy/charts/{chart}/Chart.yaml"));
        assert_eq!(found(r"(?m)^version: (\S+)$", &chart), version);
        assert_eq!(found(r"(?m)^appVersion: (\S+)$", &chart), version);
    }
    let tag = Regex::new(r"evenkeel:(\d\S*)").unwrap();
    for page in ["README.md", "docs/operations/install.md"] {
        let text = read(page);
        let tags: Vec<_> = tag.captures_iter(&text).map(|tag| tag[1].to_owned()).collect();
        assert!(!tags.is_empty() && tags.iter().all(|tag| tag == version), "{page}: {tags:?}");
    }
}
