//! Lists of secrets: names by SQL's LIKE, and pages by offset.

use serde_json::{Map, Value, json};

use super::secret::Secret;
use crate::cloud::call::Call;

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// True if SQL's LIKE matches: `%` stands for any text, `_` for any character. MySQL ignores case.
pub(super) fn like(name: &str, pattern: &str) -> bool {
    let (name, pattern): (Vec<char>, Vec<char>) = (folded(name), folded(pattern));
    // Lengths of the beginnings of `name` that the beginning of `pattern` matches.
    let mut matched = vec![false; name.len() + 1];
    matched[0] = true;
    for wanted in pattern {
        let mut next = vec![false; name.len() + 1];
        for length in 0..=name.len() {
            next[length] = match wanted {
                '%' => matched[length] || (length > 0 && next[length - 1]),
                '_' => length > 0 && matched[length - 1],
                literal => length > 0 && matched[length - 1] && name[length - 1] == literal,
            };
        }
        matched = next;
    }
    matched.last().copied().unwrap_or_default()
}

fn folded(text: &str) -> Vec<char> {
    text.to_lowercase().chars().collect()
}

/// Sorts by `created` or `name`, with `:desc` the other way round. Other orders are not simulated.
pub(super) fn sort(found: &mut [(&String, &Secret)], order: &str) {
    let (field, direction) = order.split_once(':').unwrap_or((order, "asc"));
    match field {
        "created" => found.sort_by(|a, b| a.1.created.cmp(&b.1.created)),
        "name" => found.sort_by(|a, b| a.1.name.cmp(&b.1.name)),
        _ => {}
    }
    if direction == "desc" {
        found.reverse();
    }
}

/// One page of a list with its links. `root` is the URL of the collection's parent.
pub(super) fn page(call: &Call, root: &str, items: &[Value]) -> Value {
    let number = |name: &str| call.parameter(name).filter(|text| !text.is_empty()).map(str::parse::<i64>);
    let positive = |value: i64| usize::try_from(value).unwrap_or_default();
    let offset = number("offset").and_then(Result::ok).map_or(0, positive);
    let limit = match number("limit") {
        Some(Ok(limit)) => positive(limit).clamp(1, MAX_LIMIT),
        Some(Err(_)) | None => DEFAULT_LIMIT,
    };
    let shown: Vec<&Value> = items.iter().skip(offset).take(limit).collect();
    let mut page = Map::new();
    let link = |offset: usize| json!(format!("{root}/secrets?limit={limit}&offset={offset}{}", filters(call)));
    // A page without items has no links.
    if !shown.is_empty() && offset > 0 {
        page.insert("previous".to_owned(), link(offset.saturating_sub(limit)));
    }
    if !shown.is_empty() && items.len() > offset + limit {
        page.insert("next".to_owned(), link(offset + limit));
    }
    page.insert("secrets".to_owned(), json!(shown));
    page.insert("total".to_owned(), json!(items.len()));
    page.into()
}

/// The other parameters, as they stand in links.
fn filters(call: &Call) -> String {
    let others = call.query.iter().filter(|(key, _)| key != "limit" && key != "offset");
    others.map(|(key, value)| format!("&{key}={}", value.replace('%', "%25").replace(' ', "+"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_wildcards() {
        for (name, pattern) in [("a-1", "a-1"), ("a-1", "a%"), ("a-1", "a_1"), ("A-1", "a-1"), ("", "%"), ("abc", "%c")]
        {
            assert!(like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [("a-1", "a-"), ("a-1", "_a-1"), ("a-1", ""), ("ab", "a_b")] {
            assert!(!like(name, pattern), "{name} {pattern}");
        }
    }
}
