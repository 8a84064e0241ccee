//! The binary with streams that nobody reads, and its exit statuses.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::process::{Command, Output};

fn evenkeel(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(arguments);
    command
}

/// Runs the binary with a standard output whose reader has gone.
fn without_reader(arguments: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    evenkeel(arguments).stdout(writer).output().unwrap()
}

#[test]
fn closed_pipe_ends_a_command_without_a_word() {
    for arguments in [&["crds"][..], &["completion", "bash"], &["explain-reason"], &["lint", "-f", "examples/"]] {
        let output = without_reader(arguments);
        assert_eq!(output.status.code(), Some(141), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
}

#[test]
fn closed_pipe_of_help_does_not_panic() {
    let output = without_reader(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn wrong_flag_is_an_error_and_not_a_change() {
    let output = evenkeel(&["plan", "--no-such-flag"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--no-such-flag"));
}

#[test]
fn redirected_output_has_no_colour() {
    let output = evenkeel(&["explain-reason", "InvalidSpec"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.contains(&0x1b));
}
