//! Renders `docs/reference/api.md` from the CustomResourceDefinitions: one section for each object of the schema, with a
//! table of its fields and its CEL rules. The sentences come from the doc comments in `src/api` by way of the schema:
//! to change the page, change them and run `make crds`.

use std::fmt::Write;

use serde_json::Value;

const HEAD: &str = "# API reference

Generated from the CustomResourceDefinitions by `make crds`; do not edit. [fields.md](fields.md) says which providers carry a
field out, [conditions.md](conditions.md) explains conditions, and [examples/](../../examples/) has whole objects. Patterns
and expressions that are too long for a page are in [crds/](../../crds/).
";

/// Bytes of the longest pattern or CEL expression on the page. A longer one is found in `crds/` only.
const LONGEST_EXPRESSION: usize = 200;

/// Renders the whole page. `crds` are the CustomResourceDefinitions as JSON. The paths of all but the first begin with
/// their kind.
pub fn page(crds: &[Value]) -> String {
    let mut page = HEAD.to_owned();
    for (index, crd) in crds.iter().enumerate() {
        let kind = plain(&crd["spec"]["names"]["kind"]);
        kind_section(&mut page, crd, &kind, if index == 0 { "" } else { &kind });
    }
    page
}

/// Renders one kind: its names, its columns and its objects.
fn kind_section(page: &mut String, crd: &Value, kind: &str, path: &str) {
    let spec = &crd["spec"];
    let version = &spec["versions"][0];
    let identity = [("group", &spec["group"]), ("version", &version["name"]), ("scope", &spec["scope"])];
    let kubectl_names =
        [("short name", &spec["names"]["shortNames"][0]), ("category", &spec["names"]["categories"][0])];
    let _ = write!(page, "\n# {kind}\n\n| | |\n|---|---|\n");
    for (label, value) in identity.into_iter().chain(kubectl_names) {
        row(page, &[label, &code(&plain(value))]);
    }
    page.push_str(
        "\nColumns of `kubectl get` (those marked *wide* with `-o wide`):\n\n| column | field |\n|---|---|\n",
    );
    for column in version["additionalPrinterColumns"].as_array().into_iter().flatten() {
        let wide = if column["priority"].as_i64().unwrap_or(0) > 0 { " *(wide)*" } else { "" };
        row(page, &[&format!("{}{wide}", plain(&column["name"])), &code(&plain(&column["jsonPath"]))]);
    }
    section(page, &format!("Fields of {kind}"), path, &version["schema"]["openAPIV3Schema"]);
}

/// Renders an object of the schema, and after it the objects in its fields and in its lists. Any other value of the
/// schema has no section.
fn section(page: &mut String, title: &str, path: &str, object: &Value) {
    let Some(fields) = object["properties"].as_object() else { return };
    let _ = write!(page, "\n## {title}\n\n{}\n\n", plain(&object["description"]));
    page.push_str("| field | type | allowed | default | description |\n|---|---|---|---|---|\n");
    let is_required = |name: &str| object["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    for (name, field) in fields {
        let required = if is_required(name) { " **required**" } else { "" };
        let default = if field["default"].is_null() { String::new() } else { code(&plain(&field["default"])) };
        let cells = [
            &format!("`{name}`{required}"),
            &type_cell(field, &child_path(path, name)),
            &allowed_cell(field),
            &default,
        ];
        let [field_cell, kind, allowed, default] = cells.map(String::as_str);
        row(page, &[field_cell, kind, allowed, default, &plain(&field["description"])]);
    }
    rule_list(page, object, fields);
    for (name, field) in fields {
        let path = child_path(path, name);
        section(page, &path, &path, field);
        section(page, &format!("{path}[]"), &format!("{path}[]"), &field["items"]);
    }
}

/// Lists the CEL rules of an object, and those of its fields and list items that have no section of their own.
fn rule_list(page: &mut String, object: &Value, fields: &serde_json::Map<String, Value>) {
    let mut lines = String::new();
    let mut add = |subject: &str, schema: &Value| {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let _ = writeln!(lines, "* {subject}{}", plain(&rule["message"]));
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

fn child_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The type of a field, with a link to its section if it is an object or a list of objects.
fn type_cell(field: &Value, path: &str) -> String {
    let (value, prefix, path) = match field.get("items") {
        Some(items) => (items, "[]", format!("{path}[]")),
        None => (field, "", path.to_owned()),
    };
    let kind = format!("{prefix}{}", plain(&value["type"]));
    if value["properties"].is_null() {
        return kind;
    }
    // GitHub makes the anchor of a heading so: `## spec.listeners[]` is `#speclisteners`.
    let anchor: String = path.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    format!("[{kind}](#{anchor})")
}

/// The values that a field and its items may have: bounds, enumerations, patterns.
fn allowed_cell(field: &Value) -> String {
    let mut parts = Vec::new();
    let range = |min: &Value, max: &Value, unit: &str| match (min.is_null(), max.is_null()) {
        (true, true) => None,
        (false, true) => Some(format!("at least {}{unit}", plain(min))),
        (true, false) => Some(format!("at most {}{unit}", plain(max))),
        (false, false) => Some(format!("{} to {}{unit}", plain(min), plain(max))),
    };
    parts.extend(range(&field["minItems"], &field["maxItems"], " items"));
    if let Some(keys) = field["x-kubernetes-list-map-keys"].as_array() {
        parts.push(format!("unique by {}", keys.iter().map(|key| code(&plain(key))).collect::<Vec<_>>().join(" and ")));
    }
    for value in [field, &field["items"]] {
        if let Some(words) = value["enum"].as_array() {
            // An optional field lists null too, which a reader writes by leaving it out.
            let words = words.iter().filter(|word| !word.is_null()).map(|word| code(&plain(word)));
            parts.push(words.collect::<Vec<_>>().join(", "));
        }
        parts.extend(range(&value["minimum"], &value["maximum"], ""));
        parts.extend(range(&value["minLength"], &value["maxLength"], " characters"));
        let pattern = plain(&value["pattern"]);
        if !pattern.is_empty() {
            let is_long = pattern.len() > LONGEST_EXPRESSION;
            parts.push(if is_long { "matches a pattern".to_owned() } else { format!("matches {}", code(&pattern)) });
        }
    }
    parts.join("; ")
}

/// A value of the schema as the text of a table cell: a string on one line, anything else as JSON, null as nothing.
/// Bounds are floating-point numbers in the schema: whole ones lose their `.0`.
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

/// Formats code in Markdown: a text with a backtick takes two on either side.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
