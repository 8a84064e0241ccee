//! Reading of bodies as wsme does it: types, ranges, defaults, and its messages.

use serde_json::{Map, Value};

use super::super::reply::{Reply, fault};
use super::python::{python, python_type};
use super::text_formats::{is_domain_name, is_expected_codes};
use super::values::{check, convert};

/// Type of an attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Text(usize),
    /// Text with a format: the longest length, the check, and the pattern that the message shows.
    Pattern(usize, fn(&str) -> bool, &'static str),
    Bool,
    Int(i64, i64),
    Float(&'static [f64]),
    Uuid,
    Ip,
    Cidr,
    Alpn,
    Url,
    UrlPath,
    OneOf(&'static [&'static str]),
    OneOfInt(&'static [i64]),
    List(&'static Type),
    /// A map of texts.
    Texts,
    Object(&'static Schema),
}

/// Value of an attribute that a POST leaves out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fill {
    Nothing,
    True,
    False,
    Int(i64),
    Text(&'static str),
    EmptyList,
}

impl Fill {
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::True => Some(true.into()),
            Self::False => Some(false.into()),
            Self::Int(number) => Some(number.into()),
            Self::Text(text) => Some(text.into()),
            Self::EmptyList => Some(Value::Array(Vec::new())),
        }
    }
}

/// The requests in whose bodies an attribute may stand, as bits.
pub(crate) mod request_kind {
    pub const POST: u8 = 1;
    pub const PUT: u8 = 2;
    /// Inside POST /loadbalancers.
    pub const NESTED: u8 = 4;
    pub const CREATE: u8 = POST | NESTED;
    pub const ANY: u8 = POST | PUT | NESTED;
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub name: &'static str,
    pub kind: Type,
    pub request_kinds: u8,
    pub required: u8,
    pub fill: Fill,
    /// Minor version of the API that introduced it. Older servers say "unknown attribute".
    pub since: u32,
}

impl Field {
    pub const fn new(name: &'static str, kind: Type, request_kinds: u8) -> Self {
        Self { name, kind, request_kinds, required: 0, fill: Fill::Nothing, since: 0 }
    }

    pub const fn required(mut self, request_kinds: u8) -> Self {
        self.required = request_kinds;
        self
    }

    pub const fn fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }

    pub const fn since(mut self, minor: u32) -> Self {
        self.since = minor;
        self
    }
}

/// The attributes of one kind of object.
#[derive(Debug)]
pub(crate) struct Schema {
    pub fields: &'static [Field],
}

impl Schema {
    /// Reads one object. The result has the given attributes, in the types of the API.
    pub fn read(&self, body: &Value, request_kind: u8, minor: u32) -> Result<Map<String, Value>, ReadError> {
        let Some(given) = body.as_object() else { return Err(ReadError::no_keys(body)) };
        let known = |name: &str| self.known(request_kind, minor).any(|field| field.name == name);
        let unknown: Vec<_> = given.keys().filter(|name| !known(name)).cloned().collect();
        if !unknown.is_empty() {
            return Err(ReadError::Unknown { path: Vec::new(), names: unknown });
        }
        let mut read = Map::new();
        for field in self.known(request_kind, minor) {
            match given.get(field.name) {
                Some(value) => {
                    let value = field.read(value, request_kind, minor).map_err(|error| error.inside(field.name))?;
                    read.insert(field.name.to_owned(), value);
                }
                None if field.required & request_kind != 0 => {
                    return Err(ReadError::input(field.name, &Value::Null, "Mandatory field missing."));
                }
                None => {}
            }
        }
        Ok(read)
    }

    fn known(&self, request_kind: u8, minor: u32) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.request_kinds & request_kind != 0 && field.since <= minor)
    }

    /// Fills the attributes that a create leaves out.
    pub fn fill(&self, read: &mut Map<String, Value>) {
        for field in self.fields {
            if let Some(value) = field.fill.value() {
                read.entry(field.name).or_insert(value);
            }
        }
    }
}

impl Field {
    fn read(&self, value: &Value, request_kind: u8, minor: u32) -> Result<Value, ReadError> {
        let rejected = |text: String| ReadError::input(self.name, value, text);
        match self.kind {
            Type::Object(_) | Type::List(&Type::Object(_)) => read_nested(self.kind, value, request_kind, minor),
            kind => {
                let converted = convert(kind, value)?;
                let known =
                    converted.as_str().is_none_or(|text| !matches!(kind, Type::OneOf(_)) || since(text) <= minor);
                if !known {
                    return Err(rejected("Value should be one of: what this version knows".into()));
                }
                check(kind, &converted).map_err(rejected)
            }
        }
    }
}

/// Minor version that introduced a value of an enumeration.
fn since(value: &str) -> u32 {
    match value {
        "UDP" | "UDP-CONNECT" => 2,
        "SSL_CONN_HAS_CERT" | "SSL_VERIFY_RESULT" | "SSL_DN_FIELD" => 8,
        "REDIRECT_PREFIX" => 10,
        "SOURCE_IP_PORT" => 13,
        "PROXYV2" => 22,
        "SCTP" => 23,
        "PROMETHEUS" => 25,
        _ => 0,
    }
}

fn read_nested(kind: Type, value: &Value, request_kind: u8, minor: u32) -> Result<Value, ReadError> {
    // Objects nested in a POST /loadbalancers follow the rules of the single call at any depth.
    let request_kind = if request_kind == request_kind::POST { request_kind::NESTED } else { request_kind };
    match (kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Type::Object(schema), value) => Ok(Value::Object(schema.read(value, request_kind, minor)?)),
        (Type::List(Type::Object(schema)), Value::Array(items)) => items
            .iter()
            .map(|item| schema.read(item, request_kind, minor).map(Value::Object))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        (_, other) => Err(ReadError::Conversion(format!("Value not a valid list: {}", python(other)))),
    }
}

pub(crate) const DOMAIN_NAME: Type =
    Type::Pattern(255, is_domain_name, r"^(?=.{1,253}\.?$)(?:(?!-|[^.]+_)[A-Za-z0-9-_]{1,63}(?<!-)(?:\.|$))+$");
pub(crate) const EXPECTED_CODES: Type =
    Type::Pattern(usize::MAX, is_expected_codes, r"^(\d{3}(\s*,\s*\d{3})*)$|^(\d{3}-\d{3})$");
pub(crate) const ONE_LINE: Type = Type::Pattern(255, |text| !text.contains(['\r', '\n']), r"^[^\r\n]*$");
pub(crate) const COOKIE_NAME: Type = Type::Pattern(
    255,
    |text| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || ",;\\".contains(c)),
    r"^[^\s,;\\]+$",
);

/// The error for a body that cannot be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Unknown {
        path: Vec<String>,
        names: Vec<String>,
    },
    Input {
        field: String,
        value: String,
        text: String,
    },
    /// A conversion failed: wsme names the whole argument.
    Conversion(String),
    /// wsme does not foresee it: 500 with the text of a Python exception.
    Crash(String),
}

impl ReadError {
    fn input(field: &str, value: &Value, text: impl Into<String>) -> Self {
        Self::Input { field: field.to_owned(), value: python(value), text: text.into() }
    }

    fn no_keys(value: &Value) -> Self {
        Self::Crash(format!("'{}' object has no attribute 'keys'", python_type(value)))
    }

    pub fn inside(mut self, name: &str) -> Self {
        if let Self::Unknown { path, .. } = &mut self {
            path.insert(0, name.to_owned());
        }
        self
    }

    pub fn reply(self, argument: &str, body: &Value) -> Reply {
        match self {
            Self::Unknown { path, names } => {
                let plural = if names.len() > 1 { "s" } else { "" };
                let path: Vec<_> = std::iter::once(argument.to_owned()).chain(path).collect();
                fault(400, format!("Unknown attribute{plural} for argument {}: {}", path.join("."), names.join(", ")))
            }
            Self::Input { field, value, text } => {
                fault(400, format!("Invalid input for field/attribute {field}. Value: '{value}'. {text}"))
            }
            Self::Conversion(text) => {
                fault(400, format!("Invalid input for field/attribute {argument}. Value: '{}'. {text}", python(body)))
            }
            Self::Crash(text) => fault(500, text),
        }
    }
}
