//! The part of JSONPath that printer columns use: fields, indices, `[*]` and `[?(@.field=="text")]`.

use serde_json::Value;

/// All values in `object` at `path`.
pub fn find<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![object];
    let mut rest = path.trim();
    while let Some((step, after)) = next_step(rest) {
        found = found.into_iter().flat_map(|value| take(value, &step)).filter(|value| !value.is_null()).collect();
        rest = after;
    }
    found
}

enum Step<'a> {
    Field(String),
    Index(usize),
    Every,
    Where { path: &'a str, equals: &'a str },
    Nothing,
}

fn next_step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let (inside, after) = bracket(inner)?;
        return Some((bracketed(inside), after));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() {
        return None;
    }
    let (name, after) = field(path);
    Some((Step::Field(name), after))
}

/// A field name up to the next `.` or `[`, and the rest. A backslash makes the next character part of the name.
fn field(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = path.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '.' | '[' => return (name, &path[index..]),
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => name.push(character),
        }
    }
    (name, "")
}

/// The text before the closing bracket, and the rest. Brackets in quotes do not count.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (None, ']') => return Some((&text[..index], &text[index + 1..])),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

fn bracketed(inside: &str) -> Step<'_> {
    if inside == "*" {
        return Step::Every;
    }
    if let Ok(index) = inside.parse() {
        return Step::Index(index);
    }
    if let Some(condition) = inside.strip_prefix("?(").and_then(|text| text.strip_suffix(')')) {
        let Some((left, right)) = condition.split_once("==") else { return Step::Nothing };
        let path = left.trim().trim_start_matches('@');
        return Step::Where { path, equals: right.trim().trim_matches(['"', '\'']) };
    }
    Step::Field(inside.trim_matches(['"', '\'']).to_owned())
}

fn take<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    let items = || value.as_array().map(Vec::as_slice).unwrap_or_default();
    match step {
        Step::Field(name) => vec![&value[name.as_str()]],
        Step::Index(index) => items().get(*index).into_iter().collect(),
        Step::Every => items().iter().collect(),
        Step::Where { path, equals } => {
            let holds = |item: &&Value| find(item, path).first().is_some_and(|seen| seen.as_str() == Some(equals));
            items().iter().filter(holds).collect()
        }
        Step::Nothing => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn jsonpath_filter_finds_condition_by_type() {
        let object = json!({"status": {"conditions": [
            {"type": "Accepted", "status": "False"}, {"type": "Ready", "status": "True"},
        ]}});
        assert_eq!(find(&object, r#".status.conditions[?(@.type=="Ready")].status"#), [&json!("True")]);
        assert_eq!(find(&object, r#".status.conditions[?(@.type=="None")].status"#), Vec::<&Value>::new());
        assert_eq!(find(&object, ".status.conditions[0].type"), [&json!("Accepted")]);
        assert_eq!(find(&object, ".status.conditions[*].status").len(), 2);
    }

    #[test]
    fn jsonpath_escaped_dot_belongs_to_field_name() {
        let object = json!({"metadata": {"annotations": {"a.b/c": "x"}}});
        assert_eq!(find(&object, r".metadata.annotations.a\.b/c"), [&json!("x")]);
    }
}
