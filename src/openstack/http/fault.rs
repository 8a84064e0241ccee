//! The forms of OpenStack's error bodies.
//!
//! OpenStack has no common form. Octavia alone has three (handlers, routing, authentication middleware), Neutron a fourth,
//! and proxies have their own.

use serde_json::Value;

/// The longest error body that is read. Octavia echoes a rejected request of at most 112 KiB.
pub(super) const MAX_ERROR_BODY: usize = 256 << 10;

/// The content of an error body.
pub(super) struct Fault {
    pub(super) text: String,
    /// Neutron's name of the exception.
    pub(super) kind: Option<String>,
    pub(super) form: Form,
}

/// The form of an error body, which tells whose words they are.
pub(super) enum Form {
    /// A form that only Octavia and Neutron have: the service itself responded.
    OpenStack,
    /// A form that gateways have as well, with the status as the body repeats it.
    Common { code: Option<u64> },
}

impl Fault {
    fn openstack(text: String, kind: Option<String>) -> Self {
        Self { text, kind, form: Form::OpenStack }
    }

    fn common(text: String, code: Option<&Value>) -> Self {
        Self { text, kind: None, form: Form::Common { code: code.and_then(Value::as_u64) } }
    }

    /// True when the service itself responded, and no gateway in front of it.
    pub(super) const fn is_of_service(&self) -> bool {
        matches!(self.form, Form::OpenStack)
    }

    /// Parses every known form; `None` for any other body.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_ERROR_BODY {
            return None;
        }
        let json: Value = serde_json::from_slice(body).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(fault) = json.get("faultstring").and_then(text) {
            return Some(Self::openstack(fault, None));
        }
        if let Some(neutron) = json.get("NeutronError") {
            let kind = neutron.get("type").and_then(text);
            let message = neutron.get("message").and_then(text).or_else(|| text(neutron));
            return Some(Self::openstack(message.unwrap_or_default(), kind));
        }
        if let Some(error) = json.get("error") {
            return error.get("message").and_then(text).map(|text| Self::common(text, error.get("code")));
        }
        if let Some(first) = json.get("errors").and_then(|errors| errors.get(0)) {
            let detail = first.get("detail").or_else(|| first.get("title")).and_then(text);
            return detail.map(|text| Self::common(text, first.get("status")));
        }
        let title = json.get("title").and_then(text)?;
        let description = json.get("description").or_else(|| json.get("message")).and_then(text);
        Some(Self::common(description.filter(|d| !d.is_empty()).unwrap_or(title), json.get("code")))
    }
}
