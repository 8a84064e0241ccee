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

    /// A URL, path or value as the stack spells it.
    pub(super) fn unspelled(&self, text: &str) -> String {
        if !self.is_amphora {
            return text.to_owned();
        }
        let unspell = |text: String, c: &char| text.replace(&format!("\\x{:02x}", u32::from(*c)), &c.to_string());
        SPELLED.iter().fold(text.to_owned(), unspell)
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
        assert_eq!(of("other").unspelled(r"/a\x26b"), r"/a\x26b");
    }
}
