//! Decodes the protobuf bodies of `kubectl create namespace`, `secret` and `configmap` into JSON.
//!
//! A body is an envelope of four magic bytes and a `runtime.Unknown` (type in field 1, object in field 2). Of the
//! objects only the fields that these commands set are decoded, by their numbers in
//! `k8s.io/api/core/v1/generated.proto`.

use serde_json::{Map, Value, json};

use super::built_in::base64;

const MAGIC: &[u8] = b"k8s\0";

/// The length-delimited fields of a message with their numbers. Integer fields, which these objects hardly have, are
/// left out.
type Fields<'a> = Vec<(u64, &'a [u8])>;

/// The object in a body. `None` when it is of another kind or malformed.
pub fn decode(body: &[u8]) -> Option<Value> {
    let envelope = fields(body.strip_prefix(MAGIC)?)?;
    let type_meta = fields(bytes_of(&envelope, 1)?)?;
    let (api_version, kind) = (text_of(&type_meta, 1)?, text_of(&type_meta, 2)?);
    let raw = fields(bytes_of(&envelope, 2)?)?;
    let mut object = match kind.as_str() {
        "Namespace" => json!({}),
        "ConfigMap" => json!({
            "data": map(&raw, 2, text)?, "binaryData": map(&raw, 3, encoded)?,
        }),
        "Secret" => json!({
            "data": map(&raw, 2, encoded)?, "type": text_of(&raw, 3), "stringData": map(&raw, 4, text)?,
        }),
        _ => return None,
    };
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    object["metadata"] = metadata(&fields(bytes_of(&raw, 1)?)?)?;
    Some(without_empty(object))
}

fn metadata(fields: &Fields) -> Option<Value> {
    Some(json!({
        "name": text_of(fields, 1), "generateName": text_of(fields, 2), "namespace": text_of(fields, 3),
        "labels": map(fields, 11, text)?, "annotations": map(fields, 12, text)?,
    }))
}

/// Removes empty values: protobuf writes unset fields as empty.
fn without_empty(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let kept = map.into_iter().map(|(key, value)| (key, without_empty(value)));
    kept.filter(|(key, value)| key == "metadata" || !is_empty(value)).collect()
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value == "" || value.as_object().is_some_and(Map::is_empty)
}

fn text(bytes: &[u8]) -> Option<Value> {
    Some(std::str::from_utf8(bytes).ok()?.into())
}

fn encoded(bytes: &[u8]) -> Option<Value> {
    Some(base64(bytes).into())
}

/// A map field: one message of key and value for each entry.
fn map(fields_of: &Fields, number: u64, read: fn(&[u8]) -> Option<Value>) -> Option<Value> {
    let mut map = Map::new();
    for (_, entry) in fields_of.iter().filter(|(seen, _)| *seen == number) {
        let entry = fields(entry)?;
        map.insert(text_of(&entry, 1)?, read(bytes_of(&entry, 2).unwrap_or_default())?);
    }
    Some(Value::Object(map))
}

fn bytes_of<'a>(fields: &Fields<'a>, number: u64) -> Option<&'a [u8]> {
    fields.iter().find(|(seen, _)| *seen == number).map(|(_, bytes)| *bytes)
}

fn text_of(fields: &Fields, number: u64) -> Option<String> {
    String::from_utf8(bytes_of(fields, number)?.to_vec()).ok()
}

fn fields(mut message: &[u8]) -> Option<Fields<'_>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => {
                varint(&mut message)?;
            }
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let (bytes, rest) = message.split_at_checked(length)?;
                message = rest;
                found.push((tag >> 3, bytes));
            }
            _ => return None,
        }
    }
    Some(found)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    #[test]
    fn protobuf_secret_is_decoded_with_data() {
        let type_meta = [field(1, b"v1"), field(2, b"Secret")].concat();
        let entry = [field(1, b"p"), field(2, b"hunter2")].concat();
        let secret = [field(1, &field(1, b"s")), field(2, &entry), field(3, b"Opaque")].concat();
        let body = [MAGIC.to_vec(), field(1, &type_meta), field(2, &secret)].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "s"},
            "data": {"p": "aHVudGVyMg=="},
        });
        assert_eq!(decode(&body), Some(expected));
    }

    #[test]
    fn truncated_protobuf_decodes_to_none() {
        assert_eq!(decode(b"k8s\0\x0a\x20"), None);
        assert_eq!(decode(b"{}"), None);
    }
}
