//! The files that deploy Evenkeel agree with the project: versions, labels of the image.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_default()
}

/// The first group of the only match.
fn found(pattern: &str, text: &str) -> String {
    let all: Vec<_> = Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect();
    let [one] = all.as_slice() else { panic!("{pattern}: {all:?}") };
    one.clone()
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
    for page in ["README.md", "docs/operations/install.md"] {
        let text = read(page);
        let tags: Vec<_> =
            Regex::new(r"evenkeel:(\d\S*)").unwrap().captures_iter(&text).map(|tag| tag[1].to_owned()).collect();
        assert!(!tags.is_empty() && tags.iter().all(|tag| tag == version), "{page}: {tags:?}");
    }
}
