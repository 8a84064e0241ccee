//! Reading of `clouds.yaml`: each file is read as openstacksdk reads it, or rejected with the offending key.
//!
//! `tests/clouds_yaml/openstacksdk.json` is the recording of the requests that openstacksdk sends for the files of
//! `read`. `tests/e2e/harness/openstacksdk.py` records it, and the end-to-end scenario `61_credentials` compares it
//! with openstacksdk itself. `more` has files that openstacksdk cannot use.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_simulators::clouds_yaml_probe;
use serde_json::Value;

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clouds_yaml")
}

fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = table().join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())).collect()
}

async fn compare_with(recorded: &str, folder: &str) {
    let recorded: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(table().join(recorded)).unwrap()).unwrap();
    let files = files(folder);
    assert_eq!(files.keys().collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (name, text) in files {
        match clouds_yaml_probe::probe(&text, "openstack").await {
            Ok(reading) if reading == recorded[&name] => {}
            reading => wrong.push(format!("{name}: {reading:?}\n    instead of {}", recorded[&name])),
        }
    }
    assert!(wrong.is_empty(), "{} files:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn supported_file_is_read_as_by_openstacksdk() {
    compare_with("openstacksdk.json", "read").await;
}

#[tokio::test]
async fn file_beyond_openstacksdk_is_read_as_documented() {
    compare_with("more.json", "more").await;
}

/// The first line of each file is a comment with a part of the expected message.
#[tokio::test]
async fn unsupported_or_duplicate_key_is_rejected_by_name() {
    let mut wrong = Vec::new();
    for (name, text) in files("rejected") {
        let first = text.split(|byte| *byte == b'\n').next().unwrap();
        let part = std::str::from_utf8(first).unwrap().strip_prefix("# ").unwrap().to_owned();
        match clouds_yaml_probe::probe(&text, "openstack").await {
            Err(message) if message.contains(&part) && !message.contains("replace-me") => {}
            reading => wrong.push(format!("{name}: {reading:?} instead of {part:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} files:\n{}", wrong.len(), wrong.join("\n"));
}
