//! Comparison of a response with the expectation of a case. Only values that repeat from run to run are compared.

use serde_json::{Value, json};

/// Removes the parts that differ between runs of Python: the order of sets, and the texts of SQL errors.
pub fn normalise(text: &str) -> String {
    if let Some((class, _)) = text.split_once(") (").filter(|_| text.starts_with("(pymysql.err.")) {
        return format!("{class})");
    }
    match text.split_once("Value should be one of: ") {
        Some((head, values)) => {
            let mut values: Vec<_> = values.split(", ").collect();
            values.sort_unstable();
            format!("{head}Value should be one of: {}", values.join(", "))
        }
        None => text.to_owned(),
    }
}

pub fn fits_text(wanted: &str, got: &str) -> bool {
    match wanted.strip_prefix('<').and_then(|rest| rest.strip_suffix("...>")) {
        Some(start_time) => got.starts_with(start_time),
        None => wanted == "<any>" || wanted == got,
    }
}

/// Collects the parts of `wanted` that the response lacks.
pub fn compare(path: &str, wanted: &Value, got: Option<&Value>, texts: &mut Vec<String>) {
    match (wanted, got) {
        (Value::String(text), None) if text == "<absent>" => {}
        (Value::String(text), Some(_)) if text == "<any>" => {}
        (Value::Object(wanted), Some(Value::Object(got))) => {
            for (key, value) in wanted {
                compare(&format!("{path}.{key}"), value, got.get(key), texts);
            }
        }
        (Value::Array(wanted), Some(Value::Array(got))) if wanted.len() == got.len() => {
            for (at, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                compare(&format!("{path}[{at}]"), wanted, Some(got), texts);
            }
        }
        (Value::String(wanted), Some(Value::String(got))) if fits_text(wanted, got) => {}
        (wanted, got) if got == Some(wanted) => {}
        (wanted, got) => texts.push(format!("{path} is {} instead of {wanted}", got.unwrap_or(&json!("<absent>")))),
    }
}
