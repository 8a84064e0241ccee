//! Findings of a check, held against the list of those that are known.

use std::collections::BTreeMap;

/// A finding by a name that stays the same when lines move, and where it is.
pub type Findings = BTreeMap<String, String>;

/// Fails on a finding that is not known, and on a known one that is no longer found.
pub fn expect_known(check: &str, found: &Findings, known: &[&str]) {
    let mut text = String::new();
    for (name, place) in found.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        text.push_str(&format!("\nnew: \"{name}\"\n{place}"));
    }
    for name in known.iter().filter(|name| !found.contains_key(**name)) {
        text.push_str(&format!("\nnot found any more, take it off the list: \"{name}\""));
    }
    assert!(text.is_empty(), "{check}:{text}");
}

/// One finding for each file: its name and the number of places in it.
pub fn counted_by_file(places: impl IntoIterator<Item = Place>) -> Findings {
    by_file(places).into_iter().map(|(file, lines)| (format!("{file}: {}", lines.lines().count()), lines)).collect()
}

/// One finding for each file.
pub fn by_file(places: impl IntoIterator<Item = Place>) -> Findings {
    let mut files = Findings::new();
    for Place { file, line, what } in places {
        let what = what.replace('\n', " ");
        files.entry(file.clone()).or_default().push_str(&format!("  {file}:{line}: {what}\n"));
    }
    files
}

pub struct Place {
    pub file: String,
    pub line: usize,
    pub what: String,
}
