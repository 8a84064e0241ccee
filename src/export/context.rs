//! Facts and notes of one export.

use crate::model::ObservedLoadBalancer;

/// Characters that a stack for provider amphora spells as they are, and Octavia as `\xHH`: haproxy would not get them
/// otherwise (`translate::haproxy`).
const SPELLED: [char; 6] = ['&', '<', '>', '"', '\'', '#'];

/// One export in progress.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub notes: Vec<String>,
    /// The provider's data plane is haproxy on amphorae.
    is_amphora: bool,
}

impl Context {
    pub(super) fn new(load_balancer: &ObservedLoadBalancer) -> Self {
        let is_amphora = matches!(load_balancer.provider.as_str(), "" | "amphora" | "amphorav2" | "octavia");
        Self { notes: Vec::new(), is_amphora }
    }

    /// Notes something about an object that the stack cannot express.
    pub(super) fn add(&mut self, object: &str, note: impl std::fmt::Display) {
        self.notes.push(format!("{object}: {note}"));
    }

    /// A URL, path or regular expression as the stack spells it. The value of a rule that is no regular expression is not
    /// one: Octavia doubles its backslashes, so `\x26` reaches haproxy as these four characters.
    pub(super) fn unspelled(&self, text: &str) -> String {
        let mut unspelled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let escape = self.is_amphora.then(|| Escape::at_start_of(rest)).flatten();
            let escape = escape.unwrap_or(Escape { length: first.len_utf8(), meaning: None });
            let (spelled, after) = rest.split_at(escape.length);
            match escape.meaning {
                Some(meaning) => unspelled.push(meaning),
                None => unspelled.push_str(spelled),
            }
            rest = after;
        }
        unspelled
    }
}

/// Characters that begin a text, as haproxy reads them.
struct Escape {
    length: usize,
    /// The character that a stack has in their place.
    meaning: Option<char>,
}

impl Escape {
    fn at_start_of(text: &str) -> Option<Self> {
        let escaped = text.strip_prefix('\\')?;
        let is_spelled = |c: &&char| {
            escaped.strip_prefix('x').is_some_and(|hex| hex.starts_with(&format!("{:02x}", u32::from(**c))))
        };
        if let Some(meaning) = SPELLED.iter().find(is_spelled) {
            return Some(Self { length: 4, meaning: Some(*meaning) });
        }
        // The second of two backslashes begins no escape.
        escaped.starts_with('\\').then_some(Self { length: 2, meaning: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_unspelled_for_amphorae_only() {
        let of = |provider: &str| {
            Context::new(&ObservedLoadBalancer { provider: provider.into(), ..ObservedLoadBalancer::default() })
        };
        assert_eq!(of("amphora").unspelled(r"/a\x26b\x3Fc"), r"/a&b\x3Fc");
        assert_eq!(of("amphora").unspelled(r"/a\\x26b\\\x27c\"), r"/a\\x26b\\'c\", "two backslashes are one character");
        assert_eq!(of("other").unspelled(r"/a\x26b"), r"/a\x26b");
    }
}
