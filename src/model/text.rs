//! Helpers for texts of any origin.

use serde::{Deserialize, Deserializer};

/// The first `limit` characters, with an ellipsis where more follow.
pub fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads `null` like an absent key: as the default.
///
/// # Errors
/// As those of the type itself.
pub fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}
