//! Shortening of foreign texts for messages, which end in a status.

use crate::model::shortened;

/// The names that a message lists.
const MAX_LISTED: usize = 10;
/// The longest name or value in a message, in characters.
pub(super) const MAX_NAME: usize = 64;

/// The text without control characters, shortened: for a value that a user chose.
pub(super) fn printable(text: &str, limit: usize) -> String {
    let visible: String = text.chars().filter(|c| !c.is_control()).take(limit + 1).collect();
    shortened(&visible, limit)
}

/// Joins names: a limited number, each of limited length.
pub(super) fn list(names: &[String]) -> String {
    let listed: Vec<String> = names.iter().take(MAX_LISTED).map(|name| shortened(name, MAX_NAME)).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > MAX_LISTED => format!("{} and {} more", listed.join(", "), count - MAX_LISTED),
        _ => listed.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_text_has_no_control_characters() {
        assert_eq!(printable("v3\u{1b}[2J\nx", MAX_NAME), "v3[2Jx");
        assert_eq!(printable(&"ä".repeat(200), 3), "äää…");
        assert_eq!(printable(&"\u{7f}".repeat(200), 3), "");
    }
}
