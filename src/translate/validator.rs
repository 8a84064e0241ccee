//! What every part of intake needs: the answers, the server's version, and a place for problems.

use crate::api::{CertificateSpec, CloudRef};
use crate::model::{
    ApiVersion, Id, Problem, ProblemReason, Reference, ReferenceKind, Resolutions, ResolveError, ResolvedReference,
    Selector,
};

use super::provider::Provider;
use super::references::{certificate, cloud_ref};
use super::{Families, Family};

pub(super) struct Validator<'a> {
    answers: &'a Resolutions,
    version: ApiVersion,
    /// Texts that end up in haproxy.cfg have to be written for it.
    pub(super) provider: Provider,
    pub(super) problems: Vec<Problem>,
    /// What a load balancer that is there may live with.
    pub(super) create_problems: Vec<Problem>,
}

impl<'a> Validator<'a> {
    pub(super) const fn new(answers: &'a Resolutions, version: ApiVersion, provider: Provider) -> Self {
        Self { answers, version, provider, problems: Vec::new(), create_problems: Vec::new() }
    }

    pub(super) fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.refuse(field, ProblemReason::InvalidSpec, message);
    }

    pub(super) fn unsupported(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.refuse(field, ProblemReason::UnsupportedByCloud, message);
    }

    pub(super) fn unusable(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.refuse(field, ProblemReason::ReferenceUnusable, message);
    }

    fn refuse(&mut self, field: impl Into<String>, reason: ProblemReason, message: impl Into<String>) {
        self.problems.push(Problem::new(field, reason, message));
    }

    fn refuse_create(&mut self, field: impl Into<String>, reason: ProblemReason, message: impl Into<String>) {
        self.create_problems.push(Problem::new(field, reason, message));
    }

    /// Refuses what goes by an address of this IP version where the load balancer has none.
    pub(super) fn needs_family(
        &mut self,
        families: &Families,
        family: Family,
        field: &str,
        message: impl FnOnce() -> String,
    ) {
        match families {
            Families::Known(known) if !known.contains(&family) => self.invalid(field, message()),
            Families::Foreseen(foreseen) if !foreseen.contains(&family) => {
                self.refuse_create(field, ProblemReason::InvalidSpec, message());
            }
            _ => {}
        }
    }

    /// Refuses what does harm where the load balancer has an address of this IP version.
    pub(super) fn excludes_family(
        &mut self,
        families: &Families,
        family: Family,
        field: &str,
        message: impl FnOnce() -> String,
    ) {
        match families {
            Families::Known(known) if known.contains(&family) => self.unsupported(field, message()),
            Families::Foreseen(foreseen) if foreseen.contains(&family) => {
                self.refuse_create(field, ProblemReason::UnsupportedByCloud, message());
            }
            _ => {}
        }
    }

    /// `feature` reads as the beginning of a sentence.
    pub(super) fn needs(&mut self, minor: u16, field: &str, feature: &str) {
        let needed = ApiVersion { minor };
        if self.version < needed {
            let present = self.version;
            self.unsupported(
                field,
                format!(
                    "{feature} needs Octavia API {needed}, and this cloud has {present}: \
                     remove it, or use a newer cloud"
                ),
            );
        }
    }

    /// The id of the object that a reference leads to. `None` if it leads nowhere (a problem then), or if there is no
    /// reference.
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
        let reference = reference?;
        let Some(by) = cloud_ref(reference) else {
            self.invalid(field, "exactly one of id and name is required");
            return None;
        };
        self.look_up(Reference { kind, by }, field)
    }

    /// The URL of a certificate that has been found readable.
    pub(super) fn certificate(&mut self, reference: Option<&CertificateSpec>, field: &str) -> Option<String> {
        let reference = reference?;
        let Some(url) = certificate(reference) else {
            self.invalid(field, "barbicanRef is required");
            return None;
        };
        self.text_of(super::text::Text::Barbican, url, &format!("{field}.barbicanRef"));
        let by = Selector::Id(url.to_owned());
        self.look_up(Reference { kind: ReferenceKind::Certificate, by }, field)?;
        Some(url.to_owned())
    }

    pub(super) fn look_up(&mut self, reference: Reference, field: &str) -> Option<&'a ResolvedReference> {
        let noun = reference.kind.noun();
        let by = &reference.by;
        match self.answers.0.get(&reference) {
            Some(Ok(found)) => {
                if found.is_disabled() {
                    let message = format!("the {noun} with {by} cannot be used: its operator has disabled it");
                    self.refuse_create(field, ProblemReason::ReferenceUnusable, message);
                }
                return Some(found);
            }
            None | Some(Err(ResolveError::Missing)) => self.refuse(
                field,
                ProblemReason::ReferenceNotFound,
                format!(
                    "there is no {noun} with {by} that the project sees: \
                     make it, share it with the project, or correct the reference"
                ),
            ),
            Some(Err(ResolveError::Ambiguous(ids))) => self.refuse(
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
