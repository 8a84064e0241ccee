//! The words of the project: openings of doc blocks and docstrings, lengths of test names.
//!
//! A doc block opens with a noun phrase or a verb. `make words` prints the shares and the offenders of all kinds.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

mod words {
    pub mod python;
    pub mod rust;
    mod snippets;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use words::{python, rust};

/// Percent of wrong openings that are too many.
const TOO_MANY: f64 = 2.0;

/// Characters of the longest name of a test.
const LONGEST_NAME: usize = 60;

/// First words that make a clause the subject.
const CLAUSES: [&str; 7] = ["what", "who", "whether", "where", "of", "those", "without"];

/// First words that often do. They are printed and fail nothing.
const DOUBTFUL: [&str; 8] = ["how", "why", "whose", "whom", "that", "when", "whenever", "whatever"];

/// The opening of a doc block or docstring.
struct Opening {
    file: String,
    line: usize,
    text: String,
}

impl Opening {
    fn first_word(&self) -> String {
        let text = self.text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '`' && c != '[');
        text.chars().take_while(|c| c.is_alphabetic()).collect::<String>().to_lowercase()
    }

    fn opens_with(&self, words: &[&str]) -> bool {
        words.contains(&self.first_word().as_str())
    }

    fn line(&self) -> String {
        let beginning: Vec<&str> = self.text.split_whitespace().take(8).collect();
        format!("{}:{}: {}", self.file, self.line, beginning.join(" "))
    }
}

/// A test that has a name.
struct TestName {
    file: String,
    line: usize,
    name: String,
}

#[derive(Default)]
struct Project {
    blocks: Vec<Opening>,
    docstrings: Vec<Opening>,
    tests: Vec<TestName>,
}

/// The project is read once for all tests.
static PROJECT: LazyLock<Project> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut project = Project::default();
    for folder in ["src", "tests", "simulators"] {
        for path in files(&root.join(folder)) {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            if file.ends_with(".rs") {
                let read =
                    rust::read(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|why| panic!("{file}: {why}"));
                let opening = |block: rust::Named| Opening { file: file.clone(), line: block.line, text: block.text };
                project.blocks.extend(read.blocks.into_iter().map(opening));
                let test = |test: rust::Named| TestName { file: file.clone(), line: test.line, name: test.text };
                project.tests.extend(read.tests.into_iter().map(test));
            } else if file.starts_with("tests/e2e/") && file.ends_with(".py") {
                let found = python::docstrings(&fs::read_to_string(&path).unwrap());
                let opening = |(line, text)| Opening { file: file.clone(), line, text };
                project.docstrings.extend(found.into_iter().map(opening));
            }
        }
    }
    project
});

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        if path.file_name().is_some_and(|name| name == "target" || name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Prints the share of wrong openings, and fails when it reaches the bound.
fn expect_few(name: &str, openings: &[&Opening]) {
    assert!(!openings.is_empty(), "{name}: none were found");
    let offenders = openings.iter().filter(|opening| opening.opens_with(&CLAUSES)).count();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let share = 100.0 * offenders as f64 / openings.len() as f64;
    let text = format!(
        "{name}: {offenders} of {} open with {}: {share:.2} %, must be below {TOO_MANY} %",
        openings.len(),
        CLAUSES.join("/")
    );
    println!("{text}");
    assert!(share < TOO_MANY, "{text}\n{}", list(openings, &CLAUSES));
}

fn print_warnings(openings: &[&Opening]) {
    println!("offenders:\n{}\nwarnings:\n{}", list(openings, &CLAUSES), list(openings, &DOUBTFUL));
}

fn list(openings: &[&Opening], words: &[&str]) -> String {
    let lines = openings.iter().filter(|opening| opening.opens_with(words)).map(|opening| opening.line());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn doc_blocks_open_with_a_noun_or_a_verb() {
    let all: Vec<&Opening> = PROJECT.blocks.iter().collect();
    let shipped: Vec<&Opening> = all.iter().copied().filter(|opening| opening.file.starts_with("src/")).collect();
    print_warnings(&all);
    expect_few("doc blocks in src/", &shipped);
    expect_few("all doc blocks", &all);
}

#[test]
fn docstrings_open_with_a_noun_or_a_verb() {
    let all: Vec<&Opening> = PROJECT.docstrings.iter().collect();
    print_warnings(&all);
    expect_few("docstrings in tests/e2e", &all);
}

#[test]
fn test_names_have_at_most_60_characters() {
    let mut long: Vec<&TestName> = PROJECT.tests.iter().filter(|test| test.name.len() > LONGEST_NAME).collect();
    long.sort_by_key(|test| std::cmp::Reverse(test.name.len()));
    let lines = long.iter().map(|test| format!("{}:{}: {} ({})", test.file, test.line, test.name, test.name.len()));
    let text = format!(
        "test names: {} of {} have more than {LONGEST_NAME} characters\n{}",
        long.len(),
        PROJECT.tests.len(),
        lines.collect::<Vec<_>>().join("\n")
    );
    println!("{text}");
    assert!(long.is_empty(), "{text}");
}
