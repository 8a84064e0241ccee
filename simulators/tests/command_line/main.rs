//! The command line against the simulators, by scripts with their exact output.
//!
//! A script (`scripts/*.console`) is what a person sees at a terminal: commands after `$`, and below each what it
//! prints. A new case is a new file, or new lines; `SNAPSHOTS=overwrite` writes the output as it is now.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod script;
mod stage;

use std::path::{Path, PathBuf};

use snapbox::{Assert, Data};

use script::Script;
use stage::Stage;

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/scripts");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Compares texts, and writes them with `SNAPSHOTS=overwrite`. Backslashes stay what they are.
fn assert() -> Assert {
    Assert::new().action_env("SNAPSHOTS").normalize_paths(false)
}

#[tokio::test(start_paused = true)]
async fn scripts_print_exactly_their_output() {
    let assert = assert();
    let mut differences = Vec::new();
    for path in scripts() {
        let script = Script::parse(&std::fs::read_to_string(&path).unwrap());
        let actual = Stage::new().await.play(&script).await;
        if let Err(difference) = assert.try_eq(Some(&path.display()), actual.into(), Data::read_from(&path, None)) {
            differences.push(difference.to_string());
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn picture_in_documentation_is_that_of_its_script() {
    let script = std::fs::read_to_string(scripts().iter().find(|path| path.ends_with("get.console")).unwrap()).unwrap();
    let (_, after) = script.split_once("<svg ").unwrap();
    let (picture, _) = after.split_once("</svg>").unwrap();
    let path = root().join("docs/reference/topology.svg");
    assert().eq(format!("<svg {picture}</svg>\n"), Data::read_from(&path, None));
}

#[test]
fn output_in_documentation_is_that_of_scripts() {
    let all: String = scripts().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut shown = 0;
    for page in ["README.md", "docs/reference/cli.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            for command in block.split_inclusive("$ evenkeel ").skip(1) {
                let command = command.trim_end_matches("$ evenkeel ").trim_end();
                assert!(
                    all.contains(&format!("$ evenkeel {command}\n")),
                    "{page} shows what no script prints: {command}"
                );
                shown += 1;
            }
        }
    }
    assert!(shown > 3, "the pages show {shown} commands");
}
