//! Renders `docs/reference/api.md` from the CustomResourceDefinition: one section for each object of the schema, with
//! a table of its fields and its CEL rules. Markdown is text here: the schema alone decides what the page says.

use std::fmt::Write;

use serde_json::Value;

const HEAD: &str = "# API reference

Generated from the CustomResourceDefinition by `make crds`; do not edit. [fields.md](fields.md) says which providers carry a
field out, [conditions.md](conditions.md) explains conditions, and [examples/](../../examples/) has whole objects. Patterns
and expressions that are too long for a page are in [crds/](../../crds/).
";

/// Characters of a pattern or of a CEL expression that people still read.
const LONGEST_EXPRESSION: usize = 200;

/// The whole page.
pub fn page(crd: &Value) -> String {
    let spec = &crd["spec"];
    let version = &spec["versions"][0];
    let mut page = HEAD.to_owned();
    let names = [("group", &spec["group"]), ("version", &version["name"]), ("scope", &spec["scope"])];
    let short = [("short name", &spec["names"]["shortNames"][0]), ("category", &spec["names"]["categories"][0])];
    page.push_str("\n| | |\n|---|---|\n");
    for (what, value) in names.into_iter().chain(short) {
        row(&mut page, &[what, &code(&plain(value))]);
    }
    page.push_str(
        "\nColumns of `kubectl get` (those marked *wide* with `-o wide`):\n\n| column | field |\n|---|---|\n",
    );
    for column in version["additionalPrinterColumns"].as_array().into_iter().flatten() {
        let wide = if column["priority"].as_i64().unwrap_or(0) > 0 { " *(wide)*" } else { "" };
        row(&mut page, &[&format!("{}{wide}", plain(&column["name"])), &code(&plain(&column["jsonPath"]))]);
    }
    let kind = plain(&spec["names"]["kind"]);
    section(&mut page, &kind, "", &version["schema"]["openAPIV3Schema"]);
    page
}

/// An object of the schema, and after it the objects in its fields.
fn section(page: &mut String, title: &str, path: &str, object: &Value) {
    let Some(fields) = object["properties"].as_object() else { return };
    let _ = write!(page, "\n## {title}\n\n{}\n\n", plain(&object["description"]));
    page.push_str("| field | type | allowed | default | description |\n|---|---|---|---|---|\n");
    let is_required = |name: &str| object["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    for (name, field) in fields {
        let required = if is_required(name) { " **required**" } else { "" };
        let default = if field["default"].is_null() { String::new() } else { code(&plain(&field["default"])) };
        let cells = [&format!("`{name}`{required}"), &kind_of(field, &below(path, name)), &allowed(field), &default];
        let [field_cell, kind, allowed, default] = cells.map(String::as_str);
        row(page, &[field_cell, kind, allowed, default, &plain(&field["description"])]);
    }
    rules(page, object, fields);
    for (name, field) in fields {
        let path = below(path, name);
        section(page, &path, &path, field);
        section(page, &format!("{path}[]"), &format!("{path}[]"), &field["items"]);
    }
}

/// The rules of an object itself, and those of its fields that have no section of their own.
fn rules(page: &mut String, object: &Value, fields: &serde_json::Map<String, Value>) {
    let mut lines = String::new();
    let mut add = |about: &str, schema: &Value| {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let _ = writeln!(lines, "* {about}{}", plain(&rule["message"]));
            let expression = plain(&rule["rule"]);
            if expression.len() <= LONGEST_EXPRESSION {
                let _ = writeln!(lines, "  <br>{}", code(&expression));
            }
        }
    };
    add("", object);
    for (name, field) in fields {
        if field["properties"].is_null() {
            add(&format!("`{name}`: "), field);
        }
        if field["items"]["properties"].is_null() {
            add(&format!("each of `{name}`: "), &field["items"]);
        }
    }
    if !lines.is_empty() {
        let _ = write!(page, "\nRules, each with the message that the API server answers:\n\n{lines}");
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The type, with a link to the section of an object.
fn kind_of(field: &Value, path: &str) -> String {
    let (value, prefix, path) = match field.get("items") {
        Some(items) => (items, "[]", format!("{path}[]")),
        None => (field, "", path.to_owned()),
    };
    let kind = format!("{prefix}{}", plain(&value["type"]));
    if value["properties"].is_null() {
        return kind;
    }
    let anchor: String = path.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    format!("[{kind}](#{anchor})")
}

/// Bounds and enumerations of a field and of its items.
fn allowed(field: &Value) -> String {
    let mut all = Vec::new();
    let range = |min: &Value, max: &Value, unit: &str| match (min.is_null(), max.is_null()) {
        (true, true) => None,
        (false, true) => Some(format!("at least {}{unit}", plain(min))),
        (true, false) => Some(format!("at most {}{unit}", plain(max))),
        (false, false) => Some(format!("{} to {}{unit}", plain(min), plain(max))),
    };
    all.extend(range(&field["minItems"], &field["maxItems"], " items"));
    if let Some(keys) = field["x-kubernetes-list-map-keys"].as_array() {
        all.push(format!("unique by {}", keys.iter().map(|key| code(&plain(key))).collect::<Vec<_>>().join(" and ")));
    }
    for value in [field, &field["items"]] {
        if let Some(words) = value["enum"].as_array() {
            let words = words.iter().filter(|word| !word.is_null()).map(|word| code(&plain(word)));
            all.push(words.collect::<Vec<_>>().join(", "));
        }
        all.extend(range(&value["minimum"], &value["maximum"], ""));
        all.extend(range(&value["minLength"], &value["maxLength"], " characters"));
        let pattern = plain(&value["pattern"]);
        if !pattern.is_empty() {
            let is_long = pattern.len() > LONGEST_EXPRESSION;
            all.push(if is_long { "matches a pattern".to_owned() } else { format!("matches {}", code(&pattern)) });
        }
    }
    all.join("; ")
}

/// A string as it is, anything else as JSON; nothing for null.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', " "),
        Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
            format!("{:.0}", number.as_f64().unwrap_or_default())
        }
        other => other.to_string(),
    }
}

fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
