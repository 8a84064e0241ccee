//! What texts, numbers and durations must look like.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

use crate::api::{duration, patterns};
use crate::model::{PREFIX, collated};

use super::haproxy;
use super::provider::Provider;
use super::validator::Validator;

/// A kind of text that has a pattern.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    Key,
    /// A name for people; may be empty, which is the same as absent.
    Name,
    Description,
    Ciphers,
    Barbican,
    Url,
    UrlPath,
    Domain,
    Codes,
    Cookie,
    RuleKey,
    DnField,
    RuleValue,
}

impl Text {
    /// Pattern, longest length, and what is allowed, in words.
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
            Self::Codes => (pattern!(patterns::CODES), 64, "one code (200), several (200,202) or a range (200-204)"),
            Self::Cookie => (pattern!(patterns::TOKEN), 255, "letters, digits and ! $ % * + . ^ _ ` | ~ -"),
            Self::RuleKey => (pattern!(patterns::TOKEN), 120, "letters, digits and ! $ % * + . ^ _ ` | ~ -"),
            Self::DnField => (pattern!(patterns::DN_FIELD), 120, "a field of a distinguished name, such as CN or OU"),
            Self::RuleValue => (pattern!(patterns::PRINTABLE), 255, "printable ASCII"),
        }
    }
}

impl Validator<'_> {
    /// Refuses a text that is not of its kind; false then.
    pub(super) fn text_of(&mut self, kind: Text, text: &str, field: &str) -> bool {
        let (pattern, longest, allowed) = kind.rule();
        if text.chars().count() > longest {
            self.invalid(field, format!("is too long: at most {longest} characters"));
            return false;
        }
        let is_of_kind = pattern.as_ref().is_some_and(|p| p.is_match(text));
        if !is_of_kind {
            self.invalid(field, format!("{text:?} must be {allowed}"));
        }
        is_of_kind
    }

    /// A URL as Octavia has to be sent it.
    pub(super) fn url(&mut self, text: &str, field: &str) -> String {
        if !self.text_of(Text::Url, text, field) || self.provider != Provider::Amphora {
            return text.to_owned();
        }
        haproxy::url(text).unwrap_or_else(|why| {
            self.invalid(field, why);
            String::new()
        })
    }

    /// A copy of an optional text of that kind.
    pub(super) fn optional_text(&mut self, kind: Text, text: Option<&String>, field: &str) -> Option<String> {
        let text = text?;
        self.text_of(kind, text, field);
        Some(text.clone())
    }

    /// The name that Octavia shows: what the stack says, or else `otherwise`.
    pub(super) fn display_name(&mut self, name: Option<&String>, otherwise: &str, field: &str) -> String {
        match self.optional_text(Text::Name, name, field) {
            Some(name) if !name.is_empty() => name,
            _ => otherwise.to_owned(),
        }
    }

    pub(super) fn tags(&mut self, tags: &[String], field: &str) -> BTreeSet<String> {
        static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(patterns::TAG).ok());
        let (ours, mut seen) = (collated(PREFIX), BTreeMap::new());
        for tag in tags {
            let folded = collated(tag);
            if tag.chars().count() > 255 || !TAG.as_ref().is_some_and(|t| t.is_match(tag)) {
                self.invalid(field, format!("{tag:?} must be 1 to 255 characters without comma and slash"));
            } else if folded.starts_with(&ours) {
                self.invalid(
                    field,
                    format!("{tag:?} begins with {PREFIX}, which is for Evenkeel's own tags: choose another"),
                );
            } else if let Some(twin) = seen.insert(folded, tag) {
                // A 409 or 500, and a create leaves its VIP port behind.
                let one =
                    "one tag to Octavia's database, which ignores case, accents and blanks at the end: remove one";
                self.invalid(field, format!("{twin:?} and {tag:?} are {one}"));
            }
        }
        tags.iter().cloned().collect()
    }

    /// The address in one spelling; Octavia compares text.
    pub(super) fn address(&mut self, text: &str, field: &str) -> Option<IpAddr> {
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => {
                self.invalid(field, format!("{text} is IPv4 in the clothes of IPv6: write it as IPv4"));
                None
            }
            Ok(address) => Some(address),
            Err(_) => {
                self.invalid(field, format!("{text:?} must be an IPv4 or IPv6 address"));
                None
            }
        }
    }

    /// The network in one spelling, without host bits, as Octavia stores it.
    pub(super) fn network(&mut self, text: &str, field: &str) -> Option<IpNet> {
        let Ok(network) = text.parse::<IpNet>() else {
            self.invalid(field, format!("{text:?} must be a network such as 192.0.2.0/24 or 2001:db8::/32"));
            return None;
        };
        Some(network.trunc())
    }

    pub(super) fn port(&mut self, port: i32, field: &str) -> u16 {
        match u16::try_from(port) {
            Ok(port) if port > 0 => port,
            _ => {
                self.invalid(field, format!("{port} must be from 1 to 65535"));
                0
            }
        }
    }

    /// A number from `least` to `most`; `least` if it is not.
    pub(super) fn number<T>(&mut self, number: i32, least: T, most: T, field: &str) -> T
    where
        T: TryFrom<i32> + PartialOrd + std::fmt::Display,
    {
        match T::try_from(number) {
            Ok(fitting) if fitting >= least && fitting <= most => fitting,
            _ => {
                self.invalid(field, format!("{number} must be from {least} to {most}"));
                least
            }
        }
    }

    pub(super) fn milliseconds(&mut self, text: Option<&String>, field: &str) -> Option<u32> {
        /// Octavia: MAX_TIMEOUT.
        const MOST: Duration = Duration::from_secs(24 * 86_400);
        let duration = self.duration(text?, Duration::ZERO, MOST, "0s to 576h", field)?;
        u32::try_from(duration.as_millis()).ok()
    }

    /// Whole seconds from `least` to `most`, which `range` says for people.
    pub(super) fn seconds(&mut self, text: &str, least: u64, most: u64, range: &str, field: &str) -> Option<u32> {
        let duration = self.duration(text, Duration::from_secs(least), Duration::from_secs(most), range, field)?;
        if duration.subsec_nanos() != 0 {
            self.invalid(field, format!("{text:?} must be whole seconds"));
            return None;
        }
        u32::try_from(duration.as_secs()).ok()
    }

    fn duration(&mut self, text: &str, least: Duration, most: Duration, range: &str, field: &str) -> Option<Duration> {
        match duration::parse(text) {
            Some(duration) if duration >= least && duration <= most => Some(duration),
            _ => {
                self.invalid(field, format!("{text:?} must be a duration from {range}, such as 30s or 1m30s"));
                None
            }
        }
    }
}
