//! Label and field selectors.

use serde_json::Value;

use super::kinds::Kind;
use super::object;
use super::status::StatusError;

/// The restriction of a list or a watch.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(wanted) => value.is_some_and(|v| wanted.iter().any(|w| w == v)),
            Self::NotIn(unwanted) => value.is_none_or(|v| unwanted.iter().all(|w| w != v)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

impl Selector {
    /// Parses the two query parameters of a request for objects of `kind`.
    pub fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, StatusError> {
        let labels = split_outside_parentheses(labels).map(label_requirement).collect::<Result<_, _>>()?;
        let fields = fields
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| field_requirement(kind, part))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    pub fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|r| r.test.holds(labels[r.key.as_str()].as_str()))
            && self.fields.iter().all(|r| r.test.holds(Some(&field_text(object, &r.key))))
    }
}

fn field_text(object: &Value, path: &str) -> String {
    match path {
        "metadata.name" => object::name(object).to_owned(),
        "metadata.namespace" => object::namespace(object).to_owned(),
        // The core Event's field `source` is a struct, and its selector compares the first field.
        "source" => object["source"]["component"].as_str().unwrap_or_default().to_owned(),
        _ => match path.split('.').fold(object, |value, step| &value[step]) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    }
}

fn field_requirement(kind: &Kind, part: &str) -> Result<Requirement, StatusError> {
    let (key, test) = if let Some((key, value)) = part.split_once("!=") {
        (key, Test::NotIn(vec![value.to_owned()]))
    } else if let Some((key, value)) = part.split_once('=') {
        (key, Test::In(vec![value.trim_start_matches('=').to_owned()]))
    } else {
        return Err(StatusError::bad_request(format!("invalid selector: '{part}'; can't understand '{part}'")));
    };
    let known = key == "metadata.name"
        || (key == "metadata.namespace" && kind.namespaced)
        || kind.selectable.iter().any(|path| path == key);
    if !known {
        let quoted = if kind.is_custom() { key.to_owned() } else { format!("\"{key}\" is not a known field selector") };
        let message = if kind.is_custom() { format!("field label not supported: {quoted}") } else { quoted };
        return Err(StatusError::bad_request(message));
    }
    Ok(Requirement { key: key.to_owned(), test })
}

fn split_outside_parentheses(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

fn label_requirement(part: &str) -> Result<Requirement, StatusError> {
    let set = |values: &str| -> Vec<String> {
        values.trim().trim_matches(['(', ')']).split(',').map(|v| v.trim().to_owned()).collect()
    };
    let (key, test) = if let Some((key, values)) = part.split_once(" notin ") {
        (key, Test::NotIn(set(values)))
    } else if let Some((key, values)) = part.split_once(" in ") {
        (key, Test::In(set(values)))
    } else if let Some((key, value)) = part.split_once("!=") {
        (key, Test::NotIn(vec![value.trim().to_owned()]))
    } else if let Some((key, value)) = part.split_once('=') {
        (key, Test::In(vec![value.trim_start_matches('=').trim().to_owned()]))
    } else if let Some(key) = part.strip_prefix('!') {
        (key, Test::Absent)
    } else {
        (part, Test::Exists)
    };
    let key = key.trim();
    if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c == '(') {
        return Err(StatusError::bad_request(format!("unable to parse requirement: {part}")));
    }
    Ok(Requirement { key: key.to_owned(), test })
}
