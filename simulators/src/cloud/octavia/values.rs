//! Single values as wsme reads them: conversion, then validation.

use ipnet::IpNet;
use serde_json::Value;

use super::python::{python, python_repr, python_type};
use super::schema::{ReadError, Type};
use super::text_formats::{is_url, is_url_path};

/// wsme's `fromjson`: converts from other JSON types where possible.
pub(super) fn convert(kind: Type, value: &Value) -> Result<Value, ReadError> {
    match (kind, value) {
        (_, Value::Null) => Ok(Value::Null),
        (Type::Int(..) | Type::OneOfInt(_), value) => to_int(value),
        (Type::Float(_), Value::String(text)) => text
            .parse::<f64>()
            .map(Value::from)
            .map_err(|_| ReadError::Conversion(format!("could not convert string to float: '{text}'"))),
        (Type::Bool, Value::Number(number)) => Ok((number.as_f64() != Some(0.0)).into()),
        (Type::Bool, Value::Bool(flag)) => Ok((*flag).into()),
        (Type::Bool, other) => match other.as_str().unwrap_or_default() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true.into()),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false.into()),
            _ => Err(ReadError::Conversion(format!("Value not an unambiguous boolean: {}", python(other)))),
        },
        (Type::List(_), value) if !value.is_array() => {
            Err(ReadError::Conversion(format!("Value not a valid list: {}", python(value))))
        }
        (Type::Texts, value) if !value.is_object() => {
            Err(ReadError::Conversion(format!("Value not a valid dict: {}", python(value))))
        }
        _ => Ok(value.clone()),
    }
}

fn to_int(value: &Value) -> Result<Value, ReadError> {
    let bad = || ReadError::Conversion(format!("invalid literal for int() with base 10: {}", python_repr(value)));
    match value {
        Value::String(text) => text.trim().parse::<i64>().map(Value::from).map_err(|_| bad()),
        Value::Bool(flag) => Ok(i64::from(*flag).into()),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Ok(number.into()),
            // int() of a float truncates.
            None => number.as_f64().map(|float| Value::from(float.trunc() as i64)).ok_or_else(bad),
        },
        _ => Err(ReadError::Crash(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            python_type(value)
        ))),
    }
}

/// wsme's `validate`: the value to be stored, or the end of the message.
pub(super) fn check(kind: Type, value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let text = value.as_str();
    let keep = |good: bool, message: &str| if good { Ok(value.clone()) } else { Err(message.to_owned()) };
    match kind {
        Type::Text(longest) => check_text(value, longest),
        Type::Pattern(longest, rule, pattern) => {
            check_text(value, longest)?;
            keep(text.is_some_and(rule), &format!("Value should match the pattern {pattern}"))
        }
        Type::Int(least, most) => check_range(value, least, most),
        Type::Float(_) | Type::OneOf(_) | Type::OneOfInt(_) => check_choice(kind, value),
        Type::Uuid => text
            .and_then(|text| uuid::Uuid::try_parse(text).ok())
            .map(|id| id.to_string().into())
            .ok_or_else(|| "Value should be UUID format".to_owned()),
        Type::Ip => {
            keep(text.is_some_and(|t| t.parse::<std::net::IpAddr>().is_ok()), "Value should be IPv4 or IPv6 format")
        }
        Type::Cidr => text.and_then(to_cidr).ok_or_else(|| "Value should be IPv4 or IPv6 CIDR format".to_owned()),
        Type::Alpn => keep(
            text.is_some_and(|t| ["h2", "http/1.1", "http/1.0"].contains(&t)),
            "Value should be a valid ALPN protocol ID",
        ),
        Type::Url => keep(text.is_some_and(is_url), "Value must be a valid URL string"),
        Type::UrlPath => keep(text.is_some_and(is_url_path), "Value must be a valid URL Path string"),
        Type::List(item) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().map(|entry| check(*item, entry)).collect::<Result<_, _>>().map(Value::Array)
        }
        Type::Texts => {
            let entries = value.as_object().into_iter().flatten();
            entries
                .map(|(key, entry)| Ok((key.clone(), check_text(entry, 255)?)))
                .collect::<Result<_, String>>()
                .map(Value::Object)
        }
        Type::Bool | Type::Object(_) => Ok(value.clone()),
    }
}

fn check_choice(kind: Type, value: &Value) -> Result<Value, String> {
    let (good, values): (bool, Vec<String>) = match kind {
        Type::Float(values) => (
            value.as_f64().is_some_and(|number| values.contains(&number)),
            values.iter().map(|number| format!("{number:?}")).collect(),
        ),
        Type::OneOf(values) => (
            value.as_str().is_some_and(|text| values.contains(&text)),
            values.iter().map(|text| (*text).to_owned()).collect(),
        ),
        Type::OneOfInt(values) => {
            (value.as_i64().is_some_and(|number| values.contains(&number)), values.iter().map(i64::to_string).collect())
        }
        _ => (true, Vec::new()),
    };
    if good { Ok(value.clone()) } else { Err(format!("Value should be one of: {}", values.join(", "))) }
}

fn check_text(value: &Value, longest: usize) -> Result<Value, String> {
    match value.as_str() {
        None => Err("Value should be string".to_owned()),
        Some(text) if text.chars().count() > longest => {
            Err(format!("Value should have a maximum character requirement of {longest}"))
        }
        Some(_) => Ok(value.clone()),
    }
}

fn check_range(value: &Value, least: i64, most: i64) -> Result<Value, String> {
    match value.as_i64() {
        Some(number) if number < least => Err(format!("Value should be greater or equal to {least}")),
        Some(number) if number > most => Err(format!("Value should be lower or equal to {most}")),
        _ => Ok(value.clone()),
    }
}

/// Clears host bits, and makes a bare address a host route (`ipaddress.ip_network(strict=False)`).
fn to_cidr(text: &str) -> Option<Value> {
    let net = match text.parse::<IpNet>() {
        Ok(net) => net.trunc(),
        Err(_) => IpNet::from(text.parse::<std::net::IpAddr>().ok()?),
    };
    Some(net.to_string().into())
}
