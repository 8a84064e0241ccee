//! Limits of what a rule can match: characters that never occur in the part of a request that haproxy compares.

use crate::model::L7RuleType;

pub(super) const NO_SLASH: &str = "a path begins with /";

pub(super) const fn is_path(kind: L7RuleType) -> bool {
    matches!(kind, L7RuleType::Path | L7RuleType::FileType)
}

/// Reason for which haproxy never compares a text with this character. In double quotes, commas and semicolons do occur.
pub(super) const fn absence(kind: L7RuleType, c: char) -> Option<&'static str> {
    match (kind, c) {
        (L7RuleType::Path | L7RuleType::FileType, ' ') => Some("a path has no blanks: write %20"),
        (L7RuleType::Path | L7RuleType::FileType, '#') => Some("a path has no #: write %23"),
        (L7RuleType::Path | L7RuleType::FileType, '?') => {
            Some("a path ends before the ?, and the query is not compared")
        }
        (L7RuleType::Header | L7RuleType::HostName, ',') => {
            Some("haproxy splits a header at each comma and compares the parts: compare with one of them")
        }
        (L7RuleType::Cookie, ',') => Some("the value of a cookie ends before a comma"),
        (L7RuleType::Cookie, ';') => Some("the value of a cookie ends before a semicolon"),
        _ => None,
    }
}
