//! Checks and normalisation of an object before it is stored.

use http::StatusCode;
use serde_json::Value;

use super::built_in;
use super::fields::undeclared;
use super::kinds::Kind;
use super::object::{self, content, finalizers, is_deleting, set_field, set_meta};
use super::schema::prune_metadata;
use super::status::{FieldProblem, StatusError};
use super::write_options::{UnknownFields, WriteOptions};

/// Metadata that no client can change.
const FIXED: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
];

pub fn check_type(kind: &Kind, object: &Value) -> Result<(), StatusError> {
    let expected = kind.api_version();
    for (key, expected, name) in [("apiVersion", expected.as_str(), "API version"), ("kind", &kind.kind, "kind")] {
        let given = object[key].as_str().unwrap_or_default();
        if !given.is_empty() && given != expected {
            return Err(StatusError::bad_request(format!(
                "the {name} in the data ({given}) does not match the expected {name} ({expected})"
            )));
        }
    }
    if kind.is_custom() && (object["apiVersion"].is_null() || object["kind"].is_null()) {
        return Err(StatusError::bad_request("Object 'Kind' is missing in the body"));
    }
    Ok(())
}

/// Removes unknown fields and fills in defaults.
pub fn decode(kind: &Kind, object: &mut Value, options: &WriteOptions) -> Result<Vec<String>, StatusError> {
    let warnings = unknown_fields(kind, object, options)?;
    set_field(object, "apiVersion", kind.api_version().into());
    set_field(object, "kind", kind.kind.clone().into());
    if let Some(schema) = &kind.schema {
        schema.fill_defaults(object);
    }
    Ok(warnings)
}

fn unknown_fields(kind: &Kind, object: &mut Value, options: &WriteOptions) -> Result<Vec<String>, StatusError> {
    let mut unknown = prune_metadata(object);
    if let Some(schema) = &kind.schema {
        unknown.extend(schema.prune(object));
    }
    unknown.sort();
    let texts: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match options.unknown_fields {
        UnknownFields::Ignore => Ok(Vec::new()),
        UnknownFields::Warn => Ok(texts),
        UnknownFields::Reject if texts.is_empty() => Ok(texts),
        UnknownFields::Reject => {
            let (kind, version) = (&kind.kind, &kind.version);
            let texts = texts.join(", ");
            Err(StatusError::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {texts}"
            )))
        }
    }
}

/// Rejects an apply with fields that the schema does not declare. The API server responds to such a request with an
/// internal error.
pub fn reject_undeclared(kind: &Kind, configuration: &Value) -> Result<(), StatusError> {
    let Some(schema) = &kind.schema else { return Ok(()) };
    let Some(path) = undeclared(configuration, &schema.merging) else { return Ok(()) };
    let (namespace, name) = (object::namespace(configuration), object::name(configuration));
    let kind = format!("{}, Kind={}", kind.api_version(), kind.kind);
    let message = format!(
        "failed to create typed patch object ({namespace}/{name}; {kind}): {path}: field not declared in schema"
    );
    Err(StatusError::new(StatusCode::INTERNAL_SERVER_ERROR, "", message))
}

/// Restricts an apply to the part that its endpoint writes: the status through `/status`, everything else otherwise.
pub fn restrict_to_endpoint(kind: &Kind, configuration: &mut Value, options: &WriteOptions) {
    let Some(map) = configuration.as_object_mut() else { return };
    if options.status {
        map.retain(|key, _| matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        object::metadata_mut(configuration).retain(|key, _| matches!(key.as_str(), "name" | "uid" | "resourceVersion"));
    } else if kind.has_status {
        map.remove("status");
    }
}

pub fn check_version(kind: &Kind, live: &Value, new: &Value) -> Result<(), StatusError> {
    let given = object::meta_text(new, "resourceVersion");
    if !given.is_empty() && given != object::meta_text(live, "resourceVersion") {
        return Err(StatusError::modified(kind, object::name(live)));
    }
    let (given, seen) = (object::meta_text(new, "uid"), object::meta_text(live, "uid"));
    if !given.is_empty() && given != seen {
        let problem = FieldProblem::invalid("metadata.uid", &given.into(), "field is immutable");
        return Err(StatusError::invalid((&kind.kind, &kind.group), object::name(live), &[problem]));
    }
    Ok(())
}

/// Restricts a write to the part that its endpoint writes: the status through `/status`, everything else otherwise.
pub fn keep_fixed_parts(kind: &Kind, live: &Value, new: &mut Value, options: &WriteOptions) {
    if options.status {
        let status = new["status"].take();
        *new = live.clone();
        set_field(new, "status", status);
    } else if kind.has_status {
        set_field(new, "status", live["status"].clone());
    }
    for key in FIXED {
        set_meta(new, key, live["metadata"][*key].clone());
    }
}

pub fn count_generation(kind: &Kind, live: &Value, new: &mut Value) {
    let before = object::generation(live);
    let with_status = !kind.has_status;
    if before > 0 && content(live, with_status) != content(new, with_status) {
        set_meta(new, "generation", (before + 1).into());
    }
}

pub fn new_finalizers(live: &Value, new: &Value) -> Vec<FieldProblem> {
    let held = finalizers(live);
    let added: Vec<String> = finalizers(new).iter().filter(|f| !held.contains(f)).map(|f| format!("{f:?}")).collect();
    if !is_deleting(live) || added.is_empty() {
        return Vec::new();
    }
    let added = added.join(", ");
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{added}}}"
    );
    vec![FieldProblem::forbidden("metadata.finalizers", why)]
}

fn no_subdomain(field: &str, text: &str) -> FieldProblem {
    let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
               and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
               '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    FieldProblem::invalid(field, &text.into(), why)
}

pub fn problems_of(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if old.is_none() {
        // A prefix may end in a dash, because a suffix follows.
        let prefix = object::meta_text(object, "generateName");
        let is_prefix = prefix.is_empty() || object::is_subdomain(prefix.strip_suffix('-').unwrap_or(prefix));
        problems.extend((!is_prefix).then(|| no_subdomain("metadata.generateName", prefix)));
        let name = object::name(object);
        problems.extend((!object::is_subdomain(name)).then(|| no_subdomain("metadata.name", name)));
    }
    problems.extend(built_in::problems(kind, object));
    if let Some(schema) = &kind.schema {
        problems.extend(schema.validate(object, old));
    }
    problems
}

pub fn reject_problems(kind: &Kind, object: &Value, problems: Vec<FieldProblem>) -> Result<(), StatusError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(StatusError::invalid((&kind.kind, &kind.group), object::name(object), &problems))
}
