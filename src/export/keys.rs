//! Keys: the names of objects in a stack, made from those in Octavia.

use std::collections::BTreeSet;

/// Longest DNS label.
const LONGEST: usize = 63;

/// The keys of one list.
#[derive(Default)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    /// A key that no other object of the list has: the one that a stack gave the object, else one like its name.
    pub(super) fn take(&mut self, known: Option<&str>, name: &str, fallback: &str) -> String {
        let known = known.filter(|key| label(key) == **key).map(str::to_owned);
        let named = Some(label(name)).filter(|name| !name.is_empty());
        let wanted = known.or(named).unwrap_or_else(|| fallback.to_owned());
        let numbered = |number: usize| {
            let suffix = format!("-{number}");
            let kept: String = wanted.chars().take(LONGEST - suffix.len()).collect();
            format!("{}{suffix}", kept.trim_end_matches('-'))
        };
        let mut candidates = std::iter::once(wanted.clone()).chain((2..).map(numbered));
        let key = candidates.find(|key| !self.0.contains(key)).unwrap_or_else(|| wanted.clone());
        self.0.insert(key.clone());
        key
    }
}

/// The text as a DNS label; empty if nothing is left of it.
pub(super) fn label(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => label.push(c),
            _ if label.is_empty() || label.ends_with('-') => {}
            _ => label.push('-'),
        }
    }
    label.truncate(LONGEST);
    label.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_labels_and_differ() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(None, "Shop front (https)", "listener"), "shop-front-https");
        assert_eq!(keys.take(None, "shop_front HTTPS!", "listener"), "shop-front-https-2");
        assert_eq!(keys.take(Some("web"), "other", "listener"), "web");
        assert_eq!(keys.take(Some("No Label"), "", "listener"), "listener");
        assert_eq!(keys.take(None, "öö", "listener"), "listener-2");
        let long = "a".repeat(80);
        assert_eq!(keys.take(None, &long, "x"), "a".repeat(63));
        assert_eq!(keys.take(None, &long, "x"), format!("{}-2", "a".repeat(61)));
    }
}
