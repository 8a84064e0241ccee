//! The `Status` bodies of errors of the API server.

use http::StatusCode;
use serde_json::{Value, json};

use super::kinds::Kind;

/// The error of one request, which becomes a `Status` body.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusError {
    pub code: u16,
    /// Empty when the API server gives none.
    pub reason: &'static str,
    pub message: String,
    pub details: Value,
}

/// One problem of one field, in the words of apimachinery's `field.Error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    pub field: String,
    pub reason: &'static str,
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, reason: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), reason, message: message.into() }
    }

    /// `Invalid value: <value>: <why>`.
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self::new(field, "FieldValueInvalid", format!("Invalid value: {value}: {why}"))
    }

    pub fn required(field: impl Into<String>) -> Self {
        Self::new(field, "FieldValueRequired", "Required value")
    }

    pub fn forbidden(field: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::new(field, "FieldValueForbidden", format!("Forbidden: {why}"))
    }
}

impl StatusError {
    pub fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.as_u16(), reason, message: message.into(), details: Value::Null }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self { details: about(kind, name), ..Self::new(StatusCode::NOT_FOUND, "NotFound", message) }
    }

    /// The error for a path that is not served.
    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self { details: about(kind, name), ..Self::new(StatusCode::CONFLICT, "AlreadyExists", message) }
    }

    pub fn modified(kind: &Kind, name: &str) -> Self {
        Self::conflict(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self { details: about(kind, name), ..Self::new(StatusCode::CONFLICT, "Conflict", message) }
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// The error of a create in a namespace that is being deleted.
    pub fn terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let resource = kind.resource();
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut details = about(kind, name);
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        let message = format!("{resource} \"{name}\" is forbidden: {why}");
        Self { details, ..Self::new(StatusCode::FORBIDDEN, "Forbidden", message) }
    }

    /// A 422 that lists every problem. `subject` is `Kind.group`.
    pub fn invalid(subject: (&str, &str), name: &str, problems: &[FieldProblem]) -> Self {
        let (kind, group) = subject;
        let texts: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
        let all = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let subject = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut details = json!({"kind": kind});
        if !name.is_empty() {
            details["name"] = name.into();
        }
        if !group.is_empty() {
            details["group"] = group.into();
        }
        details["causes"] =
            problems.iter().map(|p| json!({"reason": p.reason, "message": p.message, "field": p.field})).collect();
        let message = format!("{subject} \"{name}\" is invalid: {all}");
        Self { details, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message) }
    }

    pub fn unsupported_patch(accepted: &[&str]) -> Self {
        let accepted = accepted.join(", ");
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// The error of a watch or a list whose revision is no longer in the history.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            body["details"] = self.details.clone();
        }
        body
    }
}

fn about(kind: &Kind, name: &str) -> Value {
    let mut details = json!({"name": name, "kind": kind.plural});
    if !kind.group.is_empty() {
        details["group"] = kind.group.clone().into();
    }
    details
}

/// The body of a DELETE that removed its object at once.
pub fn deleted(kind: &Kind, object: &Value) -> Value {
    let mut details = about(kind, super::object::name(object));
    details["uid"] = object["metadata"]["uid"].clone();
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
