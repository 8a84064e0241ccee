//! Docstrings of a Python file, found line by line.

const QUOTES: [&str; 2] = ["\"\"\"", "'''"];

/// Texts of triple quotes that begin a line, each with its first line that has words.
pub fn docstrings(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some((at, quote)) = QUOTES.iter().filter_map(|quote| Some((line.find(quote)?, *quote))).min() else {
            continue;
        };
        if line[..at].contains('#') {
            continue;
        }
        let is_docstring = ["", "r", "R"].contains(&line[..at].trim());
        let mut first = Some((number + 1, line[at + quote.len()..].to_owned()));
        let mut rest = line[at + quote.len()..].to_owned();
        // On to the closing quotes.
        while !rest.contains(quote) {
            let Some((number, line)) = lines.next() else { break };
            if first.as_ref().is_some_and(|(_, text)| text.trim().is_empty()) {
                first = Some((number + 1, line.to_owned()));
            }
            rest = line.to_owned();
        }
        if is_docstring {
            found.extend(first.take().map(|(line, text)| (line, text.replace(quote, "").trim().to_owned())));
        }
    }
    found
}
