//! The checks of a secret to store, in the order of `NewSecretValidator` (barbican/common/validators.py).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::secret::Payload;
use crate::cloud::call::Call;
use crate::cloud::clock::Moment;
use crate::cloud::reply::{Reply, routing_error};

/// Octavia reads no larger payload either. Counted in the form in which it is sent, so base64 holds 15,000 bytes.
const MAX_PAYLOAD: usize = 20_000;
/// The rest of a larger request is not read, and half a document is no JSON.
const MAX_REQUEST: usize = 25_000;

const KINDS: [&str; 6] = ["symmetric", "passphrase", "private", "public", "certificate", "opaque"];
const CONTENT_TYPES: [&str; 5] = [
    "text/plain",
    "text/plain;charset=utf-8",
    "text/plain; charset=utf-8",
    "application/octet-stream",
    "application/pkcs8",
];
const MAX_NAME: usize = 255;

/// A secret that passed all checks.
#[derive(Debug)]
pub(super) struct NewSecret {
    pub name: Option<String>,
    pub kind: String,
    pub payload: Option<Payload>,
    pub expires: Option<Timestamp>,
}

/// The JSON object of a POST, with every text trimmed.
pub(super) fn body_of(call: &Call) -> Result<Value, Reply> {
    let malformed = || routing_error(400, "Bad Request", "Malformed JSON");
    let read = call.body.get(..MAX_REQUEST).unwrap_or(&call.body);
    let mut body: Value = serde_json::from_slice(read).map_err(|_| malformed())?;
    trim(&mut body);
    Ok(body)
}

fn trim(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.trim().to_owned(),
        Value::Array(items) => items.iter_mut().for_each(trim),
        Value::Object(fields) => fields.values_mut().for_each(trim),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl NewSecret {
    pub(super) fn parse(body: &Value, now: &Moment) -> Result<Self, Reply> {
        let empty = Map::new();
        let fields = body.as_object().unwrap_or(&empty);
        check_schema(fields)?;
        let text = |field: &str| fields.get(field).and_then(Value::as_str);
        let expires = expiration(text("expiration").unwrap_or_default(), now)?;
        let payload = match fields.get("payload") {
            Some(_) => Some(payload(text("payload").unwrap_or_default(), text("payload_content_type"), fields)?),
            None if fields.contains_key("payload_content_type") => {
                return Err(wrong("payload", "payload must be provided when payload_content_type is specified"));
            }
            None => None,
        };
        let kind = text("secret_type").unwrap_or("opaque").to_owned();
        Ok(Self { name: text("name").map(str::to_owned), kind, payload, expires })
    }
}

/// The checks of the JSON schema. Its texts repeat the value, so a payload of a wrong type comes back in the error.
fn check_schema(fields: &Map<String, Value>) -> Result<(), Reply> {
    for field in ["payload", "expiration", "secret_type", "payload_content_encoding"] {
        if let Some(value) = fields.get(field).filter(|value| !value.is_string()) {
            return Err(wrong(field, &format!("{value} is not of type 'string'")));
        }
    }
    for field in ["name", "payload_content_type"] {
        if let Some(value) = fields.get(field).filter(|value| !value.is_string() && !value.is_null()) {
            return Err(wrong(field, &format!("{value} is not of type 'string', 'null'")));
        }
    }
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    if let Some(name) = text("name").filter(|name| name.chars().count() > MAX_NAME) {
        return Err(wrong("name", &format!("'{name}' is too long")));
    }
    if let Some(kind) = text("secret_type").filter(|kind| !KINDS.contains(kind)) {
        return Err(wrong("secret_type", &format!("'{kind}' is not one of {}", python_list(&KINDS))));
    }
    if let Some(encoding) = text("payload_content_encoding").filter(|encoding| *encoding != "base64") {
        return Err(wrong("payload_content_encoding", &format!("'{encoding}' is not one of ['base64']")));
    }
    Ok(())
}

fn payload(text: &str, content_type: Option<&str>, fields: &Map<String, Value>) -> Result<Payload, Reply> {
    let Some(content_type) = content_type else {
        let reason = "If 'payload' is supplied, 'payload_content_type' must also be supplied.";
        return Err(wrong("payload_content_type", reason));
    };
    if !CONTENT_TYPES.contains(&content_type) {
        let reason = format!("payload_content_type is not one of {}", python_list(&CONTENT_TYPES));
        return Err(wrong("payload_content_type", &reason));
    }
    let is_text = content_type.starts_with("text/plain");
    if is_text == fields.contains_key("payload_content_encoding") {
        let encodings = if is_text { "None" } else { "['base64', 'binary']" };
        let reason = format!("payload_content_encoding is not one of {encodings}");
        return Err(wrong("payload_content_encoding", &reason));
    }
    if text.len() > MAX_PAYLOAD {
        let description = "Provided information too large to process";
        return Err(routing_error(413, "Request Entity Too Large", description));
    }
    if text.is_empty() {
        return Err(wrong("payload", "If 'payload' specified, must be non empty"));
    }
    let bytes = if is_text { Some(text.as_bytes().to_vec()) } else { decoded(text) };
    let bytes = bytes.ok_or_else(|| wrong("payload", "Invalid payload for payload_content_encoding"))?;
    let content_type = if is_text { "text/plain" } else { content_type };
    Ok(Payload { content_type: content_type.to_owned(), bytes })
}

/// Python's `b64decode` skips characters that are not of the alphabet.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true);
    let known: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c)).collect();
    GeneralPurpose::new(&STANDARD, config).decode(known).ok()
}

fn expiration(text: &str, now: &Moment) -> Result<Option<Timestamp>, Reply> {
    if text.is_empty() {
        return Ok(None);
    }
    let zoned = text.parse::<Timestamp>().ok();
    let local = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    match zoned.or_else(local) {
        None => Err(wrong("expiration", "Invalid date for 'expiration'")),
        Some(time) if time <= now.time_of_day => Err(wrong("expiration", "'expiration' is before current time")),
        Some(time) => Ok(Some(time)),
    }
}

fn wrong(property: &str, reason: &str) -> Reply {
    let text = format!("Provided object does not match schema 'Secret': {reason}. Invalid property: '{property}'");
    routing_error(400, "Bad Request", text)
}

fn python_list(items: &[&str]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    format!("[{}]", quoted.join(", "))
}
