//! Facts and notes of one export.

use crate::model::ObservedLoadBalancer;
use crate::translate;

/// One export in progress.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub notes: Vec<String>,
    /// Empty where Octavia does not tell it.
    provider: String,
}

impl Context {
    pub(super) fn new(load_balancer: &ObservedLoadBalancer) -> Self {
        Self { notes: Vec::new(), provider: load_balancer.provider.clone() }
    }

    /// Notes something about an object that the stack cannot express.
    pub(super) fn add(&mut self, object: &str, note: impl std::fmt::Display) {
        self.notes.push(format!("{object}: {note}"));
    }

    /// A URL, path or regular expression as the stack spells it.
    pub(super) fn unspelled(&self, text: &str) -> String {
        translate::unspelled(Some(self.provider.as_str()).filter(|name| !name.is_empty()), text)
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
