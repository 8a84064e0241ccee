//! Responses, and the four shapes in which OpenStack reports errors.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

/// One response, before it gets its request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// The result of a handler. An error is a response too: handlers leave early with it.
pub(crate) type HandlerResult = Result<Reply, Reply>;

impl Reply {
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![("content-type", "application/json".into())], body: Bytes::from(body.to_string()) }
    }

    pub fn html(status: u16, text: &str) -> Self {
        let title = format!("{status} {}", reason(status));
        let head = format!("<html>\n <head>\n  <title>{title}</title>\n </head>\n");
        let body = format!("{head} <body>\n  <h1>{title}</h1>\n  {text}<br /><br />\n\n\n\n </body>\n</html>\n");
        Self { status, headers: vec![("content-type", "text/html; charset=UTF-8".into())], body: Bytes::from(body) }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("Unknown")
}

/// An error of Octavia's controllers. `faultcode` is Client below 500.
pub(crate) fn fault(status: u16, text: impl Into<String>) -> Reply {
    let side = if status < 500 { "Client" } else { "Server" };
    Reply::json(status, &json!({"faultcode": side, "faultstring": text.into(), "debuginfo": null}))
}

/// 400 with the prefix of Octavia's ValidationException.
pub(crate) fn invalid(text: impl AsRef<str>) -> Reply {
    fault(400, format!("Validation failure: {}", text.as_ref()))
}

pub(crate) fn not_found(what: &str, id: &str) -> Reply {
    fault(404, format!("{what} {id} not found."))
}

/// An error of Octavia's routing. Barbican uses the same shape.
pub(crate) fn routing_error(status: u16, title: &str, description: impl Into<Value>) -> Reply {
    Reply::json(status, &json!({"code": status, "title": title, "description": description.into()}))
}

/// An error of Keystone and its middleware.
pub(crate) fn identity_error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": status, "title": reason(status), "message": message}}))
}

/// 401 of the middleware in front of every service.
pub(crate) fn unauthorized(auth_uri: &str) -> Reply {
    identity_error(401, "The request you have made requires authentication.")
        .with("www-authenticate", format!("Keystone uri=\"{auth_uri}\""))
}

pub(crate) fn neutron_error(status: u16, kind: &str, message: impl Into<String>) -> Reply {
    Reply::json(status, &json!({"NeutronError": {"type": kind, "message": message.into(), "detail": ""}}))
}

pub(crate) fn policy_forbidden() -> Reply {
    fault(403, "Policy does not allow this request to be performed.")
}
