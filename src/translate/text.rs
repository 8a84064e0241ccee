//! Kinds of text: each has a pattern, a longest length, and a description for messages.

use std::sync::LazyLock;

use regex::Regex;

use crate::api::patterns;

/// A kind of text that has a pattern.
#[derive(Debug, Clone, Copy)]
pub(super) enum TextKind {
    /// Identity of a listener, a pool or a policy within its parent.
    Key,
    /// A name for people; empty is the same as absent.
    Name,
    Description,
    Ciphers,
    /// URL of a Barbican secret or certificate container.
    Barbican,
    Url,
    UrlPath,
    Domain,
    /// HTTP status codes that a health monitor expects.
    StatusCodes,
    CookieName,
    RuleKey,
    /// Field of a distinguished name.
    DnField,
    RuleValue,
    Uuid,
    /// Name of a cloud object.
    ObjectName,
    /// Tag by which an object is selected.
    Tag,
    /// Owner of a load balancer, as messages name it.
    Owner,
}

impl TextKind {
    /// Checks that a text is of this kind.
    ///
    /// # Errors
    /// The reason, as a user reads it behind the path of the field.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        let (pattern, longest, description) = self.rule();
        if text.chars().count() > longest {
            return Err(format!("is too long: at most {longest} characters"));
        }
        if pattern.as_ref().is_some_and(|p| p.is_match(text)) {
            return Ok(());
        }
        Err(format!("{text:?} must be {description}"))
    }

    /// Pattern, longest length in characters, and description.
    const fn rule(self) -> (&'static LazyLock<Option<Regex>>, usize, &'static str) {
        macro_rules! pattern {
            ($source:expr) => {{
                static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($source).ok());
                &PATTERN
            }};
        }
        match self {
            Self::Key => (pattern!(patterns::KEY), 63, "a DNS label: lower-case letters, digits and inner hyphens"),
            Self::Name => (pattern!(patterns::LINE_OR_EMPTY), 255, "one line"),
            Self::Description => (pattern!("(?s)^.*$"), 255, "text"),
            Self::Ciphers => (pattern!(patterns::CIPHERS), 2048, "letters, digits and + ! : @ = _ . -"),
            Self::Barbican => (
                pattern!(patterns::BARBICAN),
                255,
                "the URL of a Barbican secret or container, ending in /v1/secrets/<uuid> or /v1/containers/<uuid>",
            ),
            Self::Url => (
                pattern!(patterns::URL),
                255,
                "a URL that begins with http:// or https://, with blanks and double quotes percent-encoded",
            ),
            Self::UrlPath => (
                pattern!(patterns::URL_PATH),
                2048,
                "a path that begins with one /, with blanks, double quotes and # percent-encoded",
            ),
            Self::Domain => (pattern!(patterns::DOMAIN), 253, "a host name"),
            Self::StatusCodes => {
                (pattern!(patterns::CODES), 64, "one code (200), several (200,202) or a range (200-204)")
            }
            Self::CookieName => (pattern!(patterns::TOKEN), 255, "letters, digits and ! $ % * + . ^ _ ` | ~ -"),
            Self::RuleKey => (pattern!(patterns::TOKEN), 120, "letters, digits and ! $ % * + . ^ _ ` | ~ -"),
            Self::DnField => (pattern!(patterns::DN_FIELD), 120, "a field of a distinguished name, such as CN or OU"),
            Self::RuleValue => (pattern!(patterns::PRINTABLE), 255, "printable ASCII"),
            Self::Uuid => (pattern!(patterns::UUID), 36, "a UUID in lower case"),
            Self::ObjectName => (pattern!(patterns::LINE), 255, "one line of at least one character"),
            Self::Tag => (pattern!(patterns::TAG), 255, "at least one character, without comma and slash"),
            Self::Owner => (pattern!(patterns::LINE), 510, "one line of at least one character"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_of_each_kind_is_accepted() {
        use TextKind as K;
        let container = "http://keys.example/v1/containers/00000000-0000-4000-8000-000000000001";
        let samples = [
            (K::Key, "web"),
            (K::Name, ""),
            (K::Description, "two\nlines"),
            (K::Ciphers, "AES"),
            (K::Barbican, container),
            (K::Url, "https://a.example/b?c=d"),
            (K::UrlPath, "/b?c=d"),
            (K::Domain, "a.example."),
            (K::StatusCodes, "200,202"),
            (K::CookieName, "sid"),
            (K::RuleKey, "X-A"),
            (K::DnField, "OU"),
            (K::RuleValue, "a b"),
            (K::Uuid, "00000000-0000-4000-8000-000000000001"),
            (K::ObjectName, "old web"),
            (K::Tag, "team=shop"),
            (K::Owner, "c1/u1"),
        ];
        for (kind, text) in samples {
            assert_eq!(kind.check(text), Ok(()), "{kind:?}");
        }
    }
}
