//! The validator: it reads the values of a spec, looks up references, and collects all problems.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;

use crate::api::{CloudRef, duration, patterns};
use crate::model::{
    ApiVersion, ClusterContents, Id, PREFIX, Problem, ProblemReason, Reference, ReferenceKind, Resolutions,
    ResolveError, ResolvedReference, collated,
};

use super::api_features::ApiFeature;
use super::haproxy;
use super::ip_family::{FamilyCondition, IpFamilies};
use super::provider::Provider;
use super::selectors::cloud_ref;
use super::text::TextKind;

/// Longest tag that Octavia stores.
const TAG_MAX: usize = 255;

/// Longest timeout of a listener that Octavia takes (`MAX_TIMEOUT`).
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 86_400);

/// Collector of problems, with the facts that validation needs. A method that finds a value invalid records the problem
/// and goes on with a stand-in, so that one validation reports everything.
pub(super) struct Validator<'a> {
    resolutions: &'a Resolutions,
    version: ApiVersion,
    /// Texts that end up in haproxy.cfg have to be spelled for it.
    pub(super) provider: Provider,
    pub(super) problems: Vec<Problem>,
    /// Problems that block a create only; an existing load balancer keeps working with them.
    pub(super) create_problems: Vec<Problem>,
    /// Contents of the cluster.
    pub(super) contents: &'a ClusterContents,
    /// Problems of single member sources and certificates; the rest of the stack is carried out.
    pub(super) source_problems: Vec<Problem>,
}

/// Recording problems.
impl<'a> Validator<'a> {
    pub(super) const fn new(
        resolutions: &'a Resolutions,
        contents: &'a ClusterContents,
        version: ApiVersion,
        provider: Provider,
    ) -> Self {
        Self {
            resolutions,
            contents,
            version,
            provider,
            problems: Vec::new(),
            create_problems: Vec::new(),
            source_problems: Vec::new(),
        }
    }

    pub(super) fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problem(field, ProblemReason::InvalidSpec, message);
    }

    pub(super) fn unsupported(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problem(field, ProblemReason::UnsupportedByCloud, message);
    }

    pub(super) fn unusable(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.problem(field, ProblemReason::ReferenceUnusable, message);
    }

    /// Rejects a setting that the provider of the stack does not carry out. `fact` continues the name of the provider.
    pub(super) fn unsupported_by_provider(&mut self, field: impl Into<String>, fact: &str, remedy: &str) {
        let provider = self.provider;
        self.unsupported(field, format!("provider {provider} {fact}: {remedy}"));
    }

    fn problem(&mut self, field: impl Into<String>, reason: ProblemReason, message: impl Into<String>) {
        self.problems.push(Problem::new(field, reason, message));
    }

    fn create_problem(&mut self, field: impl Into<String>, reason: ProblemReason, message: impl Into<String>) {
        self.create_problems.push(Problem::new(field, reason, message));
    }

    /// Records a problem of one member source, which keeps the members of its pool as they are.
    pub(super) fn source_problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.source_problems.push(Problem::new(field, ProblemReason::ReferenceUnusable, message));
    }

    /// Rejects a field whose condition on the IP versions of the load balancer does not hold. If the versions are
    /// predicted, that blocks a create only.
    pub(super) fn check_family(
        &mut self,
        families: &IpFamilies,
        condition: FamilyCondition,
        field: &str,
        message: impl FnOnce() -> String,
    ) {
        let (present, certain) = match families {
            IpFamilies::Known(present) => (present, true),
            IpFamilies::Predicted(present) => (present, false),
            IpFamilies::Unknown => return,
        };
        if condition.holds(present) {
            return;
        }
        let reason = match condition {
            FamilyCondition::Needs(_) => ProblemReason::InvalidSpec,
            FamilyCondition::Excludes(_) => ProblemReason::UnsupportedByCloud,
        };
        if certain {
            self.problem(field, reason, message());
        } else {
            self.create_problem(field, reason, message());
        }
    }

    /// Rejects a field that is newer than the API of this Octavia.
    pub(super) fn needs_api(&mut self, feature: ApiFeature, field: &str) {
        let ApiFeature { name, since, .. } = feature;
        if self.version < since {
            let present = self.version;
            self.unsupported(
                field,
                format!(
                    "{name} needs Octavia API {since}, and this cloud has {present}: \
                     remove it, or use a newer cloud"
                ),
            );
        }
    }
}

/// Looking up references.
impl<'a> Validator<'a> {
    /// The id of the object that a reference leads to. `None` without a reference, or after recording a problem.
    pub(super) fn id(&mut self, kind: ReferenceKind, reference: Option<&CloudRef>, field: &str) -> Option<Id> {
        self.object(kind, reference, field).and_then(ResolvedReference::id).map(str::to_owned)
    }

    /// The object that a reference leads to, as [`Self::id`].
    pub(super) fn object(
        &mut self,
        kind: ReferenceKind,
        reference: Option<&CloudRef>,
        field: &str,
    ) -> Option<&'a ResolvedReference> {
        let Some(by) = cloud_ref(reference?) else {
            self.invalid(field, "exactly one of id and name is required");
            return None;
        };
        self.look_up(Reference { kind, by }, field)
    }

    pub(super) fn look_up(&mut self, reference: Reference, field: &str) -> Option<&'a ResolvedReference> {
        let noun = reference.kind.noun();
        let by = &reference.by;
        match self.resolutions.0.get(&reference) {
            Some(Ok(found)) => {
                if found.is_disabled() {
                    let message = format!("the {noun} with {by} cannot be used: its operator has disabled it");
                    self.create_problem(field, ProblemReason::ReferenceUnusable, message);
                }
                return Some(found);
            }
            None | Some(Err(ResolveError::Missing)) => self.problem(
                field,
                ProblemReason::ReferenceNotFound,
                format!(
                    "there is no {noun} with {by} that the project sees: \
                     make it, share it with the project, or correct the reference"
                ),
            ),
            Some(Err(ResolveError::Ambiguous(ids))) => self.problem(
                field,
                ProblemReason::ReferenceAmbiguous,
                format!(
                    "the project sees more than one {noun} with {by} ({}): refer to one of them by id",
                    ids.join(", ")
                ),
            ),
            Some(Err(ResolveError::Unusable(why))) => {
                self.unusable(field, format!("the {noun} with {by} cannot be used: {why}"));
            }
        }
        None
    }
}

/// Reading values.
impl Validator<'_> {
    /// True if a text is of its kind; otherwise a problem is recorded.
    pub(super) fn check_text(&mut self, kind: TextKind, text: &str, field: &str) -> bool {
        let checked = kind.check(text);
        let is_of_kind = checked.is_ok();
        if let Err(reason) = checked {
            self.invalid(field, reason);
        }
        is_of_kind
    }

    /// A URL in the spelling to send to Octavia.
    pub(super) fn url(&mut self, text: &str, field: &str) -> String {
        if !self.check_text(TextKind::Url, text, field) || self.provider != Provider::Amphora {
            return text.to_owned();
        }
        haproxy::url(text).unwrap_or_else(|reason| {
            self.invalid(field, reason);
            String::new()
        })
    }

    /// A copy of an optional text of that kind.
    pub(super) fn optional_text(&mut self, kind: TextKind, text: Option<&String>, field: &str) -> Option<String> {
        let text = text?;
        self.check_text(kind, text, field);
        Some(text.clone())
    }

    /// The name that Octavia shows: the one of the spec, else `default`.
    pub(super) fn display_name(&mut self, name: Option<&String>, default: &str, field: &str) -> String {
        match self.optional_text(TextKind::Name, name, field) {
            Some(name) if !name.is_empty() => name,
            _ => default.to_owned(),
        }
    }

    pub(super) fn tags(&mut self, tags: &[String], field: &str) -> BTreeSet<String> {
        static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(patterns::TAG).ok());
        let reserved = collated(PREFIX);
        let mut tags_by_collation = BTreeMap::new();
        for tag in tags {
            let collation = collated(tag);
            if tag.chars().count() > TAG_MAX || !TAG.as_ref().is_some_and(|t| t.is_match(tag)) {
                self.invalid(field, format!("{tag:?} must be 1 to {TAG_MAX} characters without comma and slash"));
            } else if collation.starts_with(&reserved) {
                self.invalid(
                    field,
                    format!(
                        "{tag:?} begins with {PREFIX}, which is reserved for Evenkeel's owner tags: choose another"
                    ),
                );
            } else if let Some(duplicate) = tags_by_collation.insert(collation, tag) {
                // Octavia answers 409 or 500, and a create leaves its VIP port behind.
                self.invalid(
                    field,
                    format!(
                        "{duplicate:?} and {tag:?} are one tag to Octavia's database, which ignores case, accents and \
                         trailing blanks: remove one"
                    ),
                );
            }
        }
        tags.iter().cloned().collect()
    }

    /// The address in canonical spelling, since Octavia compares text.
    pub(super) fn address(&mut self, text: &str, field: &str) -> Option<IpAddr> {
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => {
                self.invalid(field, format!("{text} is an IPv4-mapped IPv6 address: write the IPv4 address"));
                None
            }
            Ok(address) => Some(address),
            Err(_) => {
                self.invalid(field, format!("{text:?} must be an IPv4 or IPv6 address"));
                None
            }
        }
    }

    /// The network in canonical spelling without host bits, as Octavia stores it.
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

    /// A number from `least` to `most`; `least` after recording a problem.
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
        let duration = self.duration(text?, Duration::ZERO, TIMEOUT_MAX, "0s to 576h", field)?;
        u32::try_from(duration.as_millis()).ok()
    }

    /// Whole seconds from `least` to `most`; `range` is the same for people.
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
