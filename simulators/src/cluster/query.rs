//! Query parameters of a request.

use std::collections::BTreeMap;

use super::status::StatusError;

#[derive(Debug, Default)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (unescape(key), unescape(value))
                })
                .collect(),
        )
    }

    /// The value of `key`. Empty when it is not given.
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).map(String::as_str).unwrap_or_default()
    }

    pub fn is_true(&self, key: &str) -> bool {
        matches!(self.text(key), "true" | "1")
    }

    pub fn number(&self, key: &str) -> Result<Option<u64>, StatusError> {
        let text = self.text(key);
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = text.parse().map_err(|_| StatusError::bad_request(format!("{key}: Invalid value: {text:?}")))?;
        Ok(Some(parsed))
    }
}

/// Decodes percent-encoding, and `+` for a space.
pub fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit().unwrap_or_default(), digit().unwrap_or_default());
                (high * 16 + low) as u8
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
