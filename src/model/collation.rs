//! Equality of tags in Octavia's database.
//!
//! The key of its table is (resource, tag), in the collation of the database: `general_ci` of MySQL and MariaDB, under
//! `utf8mb3` as under `utf8mb4`, in nearly every OpenStack. It compares character by character without case and
//! accents, pads with blanks, and holds all characters beyond U+FFFF for one. Two equal tags of one object are a 409 or
//! 500, and so is one that takes the place of its equal: SQLAlchemy inserts before it deletes (`TagMixin` in
//! octavia/db/base_models.py).
//!
//! Newer collations (`0900_ai_ci`, `uca1400_ai_ci`) hold a little more for equal, `ß` and `ss` for instance. That
//! cannot be known from here, and is rejected by the database.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Lines of characters of equal weight; the first character of a line stands for all. Characters of a weight of their
/// own are left out.
///
/// From `WEIGHT_STRING` of every character from U+0020 to U+FFFF; the end-to-end scenario `58_others.py` compares it
/// with the database of the genuine Octavia.
const GROUPS: &str = include_str!("collation.txt");

static WEIGHTS: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let group = |line: &'static str| {
        let first = line.chars().next();
        line.chars().filter_map(move |c| Some((c, first?)))
    };
    GROUPS.lines().flat_map(group).collect()
});

/// Canonical form of a text: equal for two texts if and only if the database holds them for equal.
pub fn collated(text: &str) -> String {
    let weight = |c: char| match c {
        '\u{10000}'.. => char::REPLACEMENT_CHARACTER,
        c => WEIGHTS.get(&c).copied().unwrap_or(c),
    };
    text.trim_end_matches(' ').chars().map(weight).collect()
}

/// The observed tags without those that are in the way of an equal desired one; `None` if none is. They have to be
/// written first: Octavia takes no write that puts a tag in the place of its equal.
pub fn without_twins(observed: &BTreeSet<String>, desired: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let coming: BTreeSet<String> = desired.difference(observed).map(|tag| collated(tag)).collect();
    if coming.is_empty() {
        return None;
    }
    let (twins, rest): (BTreeSet<String>, BTreeSet<String>) =
        observed.iter().cloned().partition(|tag| !desired.contains(tag) && coming.contains(&collated(tag)));
    (!twins.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[&str]) -> BTreeSet<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    /// From MariaDB 10.11, with `=` under utf8mb4_general_ci.
    #[test]
    fn texts_are_equal_where_database_says_so() {
        let equal = [
            ("Web", "web"),
            ("caf\u{e9}", "CAFE"),
            ("web  ", "web"),
            ("\u{df}", "s"),
            ("\u{3a9}", "\u{3c9}"),
            ("\u{416}", "\u{436}"),
            ("\u{ff21}", "\u{ff41}"),
            ("\u{1f600}", "\u{1f680}"),
            (" ", ""),
        ];
        for (one, other) in equal {
            assert_eq!(collated(one), collated(other), "{one:?} {other:?}");
        }
        let different = [
            (" web", "web"),
            ("web\u{a0}", "web"),
            ("\u{df}", "ss"),
            ("\u{d8}", "O"),
            ("\u{142}", "l"),
            ("\u{e6}", "ae"),
            ("e\u{301}", "e"),
            ("\u{ff21}", "A"),
            ("web", "web\u{ad}"),
        ];
        for (one, other) in different {
            assert_ne!(collated(one), collated(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn no_character_has_two_weights() {
        let all: Vec<char> = GROUPS.lines().flat_map(str::chars).collect();
        assert_eq!((GROUPS.lines().count(), all.len(), WEIGHTS.len()), (321, 1429, 1429));
    }

    #[test]
    fn only_twin_of_new_tag_goes_first() {
        let seen = tags(&["evenkeel:key=web", "Web", "caf\u{e9}", "old"]);
        let want = tags(&["evenkeel:key=web", "web", "caf\u{e9}", "new"]);
        assert_eq!(without_twins(&seen, &want), Some(tags(&["evenkeel:key=web", "caf\u{e9}", "old"])));
        assert_eq!(without_twins(&seen, &tags(&["Web", "new"])), None);
        assert_eq!(without_twins(&tags(&[]), &want), None);
    }
}
