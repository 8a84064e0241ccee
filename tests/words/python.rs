//! Openings of the docstrings in a Python file. The file is read line by line, because triple quotes suffice to find
//! docstrings without a parser of Python.

const QUOTES: [&str; 2] = ["\"\"\"", "'''"];

/// The first line with words of each docstring, with its line number.
///
/// The quotes of a docstring begin their line. Other triple-quoted strings are read to their end too: their closing
/// quotes would otherwise pass for opening ones.
pub fn docstrings(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some((at, quote)) = QUOTES.iter().filter_map(|quote| Some((line.find(quote)?, *quote))).min() else {
            continue;
        };
        // The quotes are part of a comment.
        if line[..at].contains('#') {
            continue;
        }
        let is_docstring = ["", "r", "R"].contains(&line[..at].trim());
        let mut rest = &line[at + quote.len()..];
        let mut opening = (number + 1, rest);
        // Reads on to the line of the closing quotes.
        while !rest.contains(quote) {
            let Some((number, line)) = lines.next() else { break };
            if opening.1.trim().is_empty() {
                opening = (number + 1, line);
            }
            rest = line;
        }
        if is_docstring {
            let (number, text) = opening;
            found.push((number, text.replace(quote, "").trim().to_owned()));
        }
    }
    found
}
