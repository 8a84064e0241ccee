//! `evenkeel lint` on the samples of the CRD's rules, which say what the API server accepts and rejects.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use evenkeel::cli::{self, ExitStatus, KubeconfigConnector, Terminal, World};
use evenkeel::clock::SystemClock;
use evenkeel::openstack::ReqwestConnector;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: cli::Command,
}

fn no_input() -> std::io::Result<Vec<u8>> {
    Ok(Vec::new())
}

/// Exit status and output of `evenkeel lint -f FILE`.
async fn lint(file: &Path) -> (ExitStatus, String) {
    let world = World {
        connector: &ReqwestConnector,
        kube: &KubeconfigConnector,
        clock: Arc::new(SystemClock),
        variables: BTreeMap::new(),
        home: None,
        folder: PathBuf::new(),
        input: &no_input,
    };
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let mut terminal = Terminal { out: &mut out, errors: &mut errors, colours: false };
    let arguments = ["evenkeel", "lint", "-f", file.to_str().unwrap()];
    let status = cli::execute(&Cli::parse_from(arguments).command, &world, &mut terminal).await;
    (status, String::from_utf8(out).unwrap() + &String::from_utf8(errors).unwrap())
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 5, "the samples have not been found");
    paths
}

/// Tells whether a sample has two documents: an object and its update, of which lint sees no relation.
fn is_update(path: &Path) -> bool {
    std::fs::read_to_string(path).unwrap().contains("\n---\n")
}

#[tokio::test]
async fn accepted_samples_and_examples_have_no_problem() {
    let examples = files("examples").into_iter().filter(|path| !path.ends_with("credentials.yaml"));
    for path in files("tests/rules/accepted").into_iter().filter(|path| !is_update(path)).chain(examples) {
        let (status, text) = lint(&path).await;
        assert_eq!(status, ExitStatus::Success, "{}: {text}", path.display());
    }
}

#[tokio::test]
async fn rejected_samples_have_a_problem_with_its_line() {
    let mut passed = Vec::new();
    for path in files("tests/rules/rejected").into_iter().filter(|path| !is_update(path)) {
        let (status, text) = lint(&path).await;
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if status == ExitStatus::Success {
            passed.push(name);
            continue;
        }
        let first = text.lines().next().unwrap();
        let place = first.strip_prefix(&format!("{}:", path.display())).unwrap_or_else(|| panic!("{first}"));
        let line: u64 = place.split(':').next().unwrap().parse().unwrap();
        assert!(line > 0, "{first}");
    }
    assert_eq!(passed, PASSED, "rejected by the API server and not by lint");
}

/// Samples that only a rule in CEL rejects, which lint does not evaluate.
const PASSED: [&str; 0] = [];
