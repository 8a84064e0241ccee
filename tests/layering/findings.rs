//! Findings of a check, compared with the list of those that are known.

use std::collections::BTreeMap;

/// Findings of one check: a name that stays the same when lines move, and the location.
pub type Findings = BTreeMap<String, String>;

/// Fails on a finding that is not known, and on a known one that is no longer found.
pub fn expect_known(check: &str, found: &Findings, known: &[&str]) {
    let mut text = String::new();
    for (name, location) in found.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        text.push_str(&format!("\nnew: \"{name}\"\n{location}"));
    }
    for name in known.iter().filter(|name| !found.contains_key(**name)) {
        text.push_str(&format!("\nnot found any more, take it off the list: \"{name}\""));
    }
    assert!(text.is_empty(), "{check}:{text}");
}

/// One finding for each file: its name and the number of occurrences in it.
pub fn counted_by_file(occurrences: impl IntoIterator<Item = Occurrence>) -> Findings {
    by_file(occurrences)
        .into_iter()
        .map(|(file, lines)| (format!("{file}: {}", lines.lines().count()), lines))
        .collect()
}

/// One finding for each file.
pub fn by_file(occurrences: impl IntoIterator<Item = Occurrence>) -> Findings {
    let mut files = Findings::new();
    for Occurrence { file, line, what } in occurrences {
        let what = what.replace('\n', " ");
        files.entry(file.clone()).or_default().push_str(&format!("  {file}:{line}: {what}\n"));
    }
    files
}

/// A line of code that breaks a rule.
pub struct Occurrence {
    pub file: String,
    pub line: usize,
    pub what: String,
}
