//! Paths of fields, as messages have them: `spec.pools[web].members[[2001:db8::1]:80].weight`.

/// Part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Field(String),
    /// Item of a list, by its key or its index.
    Item(String),
}

/// Splits a path.
pub(super) fn segments(path: &str) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = closing(inner);
            found.push(Segment::Item(inner.get(..end).unwrap_or(inner).to_owned()));
            rest = inner.get(end + 1..).unwrap_or_default();
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (field, after) = name.split_at(end);
            found.push(Segment::Field(field.to_owned()));
            rest = after;
        }
    }
    found
}

/// Position of the bracket that closes one before the text.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' if depth == 0 => return at,
            ']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
