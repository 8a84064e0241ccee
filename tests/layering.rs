//! The architecture, checked: who may import whom, and what the pure modules must not know.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::fs;
use std::path::{Path, PathBuf};

/// A module, and the modules of ours that it may import. Nothing else.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("kill", &[]),
    ("model", &[]),
    ("plan", &["model"]),
    ("openstack", &["model", "plan", "clock", "kill"]),
    ("engine", &["model", "plan", "openstack"]),
    ("api", &["model"]),
    ("intake", &["api", "model"]),
    ("metrics", &["openstack"]),
    ("serve", &["metrics"]),
    ("controller", &["api", "intake", "engine", "model", "plan", "openstack", "clock", "kill", "metrics", "serve"]),
];

/// Modules that compute and nothing else.
const PURE: &[&str] = &["model", "plan", "intake"];

/// What a pure module must not contain.
const IMPURE: &[&str] = &[
    "async fn",
    "async move",
    "tokio::",
    "reqwest::",
    "kube::",
    "Timestamp::now",
    "SystemTime",
    "Instant::now",
    "std::fs",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file below a folder or of the module's own name, with its text.
fn files_of(module: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let single = source().join(format!("{module}.rs"));
    let mut pending = if single.exists() { vec![single] } else { vec![source().join(module)] };
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!found.is_empty(), "module {module} has no files");
    found
}

/// The part of a file before its tests.
fn shipped(path: &Path, text: &str) -> String {
    if path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs") {
        return String::new();
    }
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn modules_import_only_what_they_may() {
    let ours: Vec<&str> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    for (module, allowed) in MAY_IMPORT {
        for (path, text) in files_of(module) {
            for line in shipped(&path, &text).lines().filter(|line| !line.trim_start().starts_with("//")) {
                for other in ours.iter().filter(|other| line.contains(&format!("crate::{other}"))) {
                    assert!(
                        other == module || allowed.contains(other),
                        "{}: {module} must not import {other}: {line}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn every_module_is_in_the_table() {
    let library = fs::read_to_string(source().join("lib.rs")).unwrap();
    for line in library.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(MAY_IMPORT.iter().any(|(known, _)| *known == module), "module {module} is not in the table");
        }
    }
}

#[test]
fn pure_modules_do_no_input_or_output() {
    for module in PURE {
        for (path, text) in files_of(module) {
            let shipped = shipped(&path, &text);
            for (number, line) in shipped.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in IMPURE {
                    assert!(
                        !code.contains(word),
                        "{}:{}: {module} is pure, but has {word:?}",
                        path.display(),
                        number + 1
                    );
                }
            }
        }
    }
}

/// Calls that change something go through `Session::write`; only `execute.rs` may make one. The door that logs in is
/// Keystone's own.
#[test]
fn only_execute_changes_the_cloud() {
    for (path, text) in files_of("openstack") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // session.rs carries every method; cloud.rs names the create for its time-out.
        if ["execute.rs", "session.rs", "keystone.rs", "cloud.rs"].contains(&name.as_str()) {
            continue;
        }
        for word in ["Method::POST", "Method::PUT", "Method::DELETE", "Method::PATCH"] {
            assert!(!shipped(&path, &text).contains(word), "{} must not send {word}", path.display());
        }
    }
}

#[test]
fn only_status_writes_status() {
    for (path, text) in files_of("controller") {
        let shipped = shipped(&path, &text);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name == "status.rs" || !shipped.contains("patch_status"), "{} writes status", path.display());
    }
}
