//! Style of the project's texts: openings of doc blocks and docstrings, lengths of test names.
//!
//! A doc block opens with a noun phrase or a verb. `tests/words/` reads Rust and Python files; `make words` prints the share
//! of wrong openings and each of them.

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

/// Percentage of wrong openings at which the check fails.
const CLAUSE_LIMIT_PERCENT: f64 = 2.0;

/// Most characters in the name of a test.
const NAME_LIMIT: usize = 60;

/// First words that make a clause the subject.
const CLAUSES: [&str; 7] = ["what", "who", "whether", "where", "of", "those", "without"];

/// First words that often do. They are printed and do not fail the check.
const DOUBTFUL: [&str; 8] = ["how", "why", "whose", "whom", "that", "when", "whenever", "whatever"];

/// The opening of a doc block or docstring.
struct Opening {
    file: String,
    line: usize,
    text: String,
}

impl Opening {
    /// The first word in lower case; none where code or a link comes first.
    fn first_word(&self) -> String {
        let text = self.text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '`' && c != '[');
        text.chars().take_while(|c| c.is_alphabetic()).collect::<String>().to_lowercase()
    }

    fn opens_with(&self, words: &[&str]) -> bool {
        words.contains(&self.first_word().as_str())
    }

    /// Location and first words, for the output.
    fn line(&self) -> String {
        let beginning: Vec<&str> = self.text.split_whitespace().take(8).collect();
        format!("{}:{}: {}", self.file, self.line, beginning.join(" "))
    }
}

/// The name of a test and its location.
struct TestName {
    file: String,
    line: usize,
    name: String,
}

#[derive(Default)]
struct ProjectTexts {
    /// Doc blocks of all Rust files.
    blocks: Vec<Opening>,
    /// Docstrings of the end-to-end tests.
    docstrings: Vec<Opening>,
    tests: Vec<TestName>,
}

/// The project is read once for all tests.
static PROJECT_TEXTS: LazyLock<ProjectTexts> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut project = ProjectTexts::default();
    for folder in ["src", "tests", "simulators"] {
        for path in files(&root.join(folder)) {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            if file.ends_with(".rs") {
                project.add_rust_file(&file, &fs::read_to_string(&path).unwrap());
            } else if file.starts_with("tests/e2e/") && file.ends_with(".py") {
                project.add_python_file(&file, &fs::read_to_string(&path).unwrap());
            }
        }
    }
    project
});

impl ProjectTexts {
    fn add_rust_file(&mut self, file: &str, code: &str) {
        let texts = rust::read(code).unwrap_or_else(|error| panic!("{file}: {error}"));
        for block in texts.blocks {
            self.blocks.push(Opening { file: file.to_owned(), line: block.line, text: block.text });
        }
        for test in texts.tests {
            self.tests.push(TestName { file: file.to_owned(), line: test.line, name: test.text });
        }
    }

    fn add_python_file(&mut self, file: &str, code: &str) {
        for (line, text) in python::docstrings(code) {
            self.docstrings.push(Opening { file: file.to_owned(), line, text });
        }
    }
}

/// Every file below a folder, without build output and hidden files.
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

/// Prints the share of wrong openings, and fails when it reaches the limit.
fn expect_few_clauses(name: &str, openings: &[&Opening]) {
    assert!(!openings.is_empty(), "{name}: none were found");
    let offenders = openings.iter().filter(|opening| opening.opens_with(&CLAUSES)).count();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let share = 100.0 * offenders as f64 / openings.len() as f64;
    let text = format!(
        "{name}: {offenders} of {} open with {}: {share:.2} %, must be below {CLAUSE_LIMIT_PERCENT} %",
        openings.len(),
        CLAUSES.join("/")
    );
    println!("{text}");
    assert!(share < CLAUSE_LIMIT_PERCENT, "{text}\n{}", lines_that_open_with(openings, &CLAUSES));
}

/// Prints every wrong and every doubtful opening.
fn print_openings(openings: &[&Opening]) {
    println!(
        "offenders:\n{}\nwarnings:\n{}",
        lines_that_open_with(openings, &CLAUSES),
        lines_that_open_with(openings, &DOUBTFUL)
    );
}

fn lines_that_open_with(openings: &[&Opening], words: &[&str]) -> String {
    let lines = openings.iter().filter(|opening| opening.opens_with(words)).map(|opening| opening.line());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn doc_blocks_open_with_a_noun_or_a_verb() {
    let all: Vec<&Opening> = PROJECT_TEXTS.blocks.iter().collect();
    let shipped: Vec<&Opening> = all.iter().copied().filter(|opening| opening.file.starts_with("src/")).collect();
    print_openings(&all);
    expect_few_clauses("doc blocks in src/", &shipped);
    expect_few_clauses("all doc blocks", &all);
}

#[test]
fn docstrings_open_with_a_noun_or_a_verb() {
    let all: Vec<&Opening> = PROJECT_TEXTS.docstrings.iter().collect();
    print_openings(&all);
    expect_few_clauses("docstrings in tests/e2e", &all);
}

#[test]
fn test_names_have_at_most_60_characters() {
    let mut long: Vec<&TestName> = PROJECT_TEXTS.tests.iter().filter(|test| test.name.len() > NAME_LIMIT).collect();
    long.sort_by_key(|test| std::cmp::Reverse(test.name.len()));
    let lines = long.iter().map(|test| format!("{}:{}: {} ({})", test.file, test.line, test.name, test.name.len()));
    let text = format!(
        "test names: {} of {} have more than {NAME_LIMIT} characters\n{}",
        long.len(),
        PROJECT_TEXTS.tests.len(),
        lines.collect::<Vec<_>>().join("\n")
    );
    println!("{text}");
    assert!(long.is_empty(), "{text}");
}
