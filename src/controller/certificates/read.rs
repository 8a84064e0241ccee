//! Certificates of one stack, before the engine runs.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::ResourceExt;

use super::expiry::Lifetime;
use super::state::{ContentDate, ReadFacts, StackCertificates};
use crate::api::LoadBalancerStack;
use crate::certificates::{CertificateProblem, CheckedContent};
use crate::cluster::{
    CertificateChecks, CertificateField, CertificateObject, CertificateObjects, CertificateObstacle, FieldContent,
    certificate_fields, kube_message, read_object,
};
use crate::controller::context::Context;
use crate::model::{Owner, SourcedCertificate, SourcedCertificates, StoredSecret};

/// Objects that are read at the same time.
const CONCURRENT_READS: usize = 8;

/// Interval at which a read that failed is tried again.
const READ_RETRY: Duration = Duration::from_secs(10);

/// Reads and checks the certificates of a stack. A content that cannot be used is unknown, with the reason.
pub(crate) async fn read(
    stack: &LoadBalancerStack,
    owner: &Owner,
    context: &Context,
    state: &mut StackCertificates,
) -> SourcedCertificates {
    let fields = certificate_fields(&stack.spec, &owner.namespace);
    let names: BTreeSet<CertificateObject> = fields.iter().map(|field| field.object.clone()).collect();
    let watched = context.certificates.versions(&names);
    let objects = read_objects(context, &names).await;
    let versions = objects.iter().map(|(name, read)| {
        let object = read.as_ref().ok().and_then(Option::as_ref);
        (name.clone(), object.and_then(|object| object.version.clone()))
    });
    state.begin_read(watched, versions.collect());
    let reading = Reading { owner, now: context.clock.now(), state: &mut *state, facts: ReadFacts::default() };
    let sourced = reading.check_all(&fields, &objects);
    let dates = state.dates().values().map(|date| date.not_after).collect();
    context.expiries.record(&stack.uid().unwrap_or_default(), dates);
    sourced
}

async fn read_objects(context: &Context, names: &BTreeSet<CertificateObject>) -> CertificateObjects {
    let names: Vec<CertificateObject> = names.iter().cloned().collect();
    let reads = stream::iter(names).map(|name| {
        let client = context.client.clone();
        async move {
            let read = read_object(&client, &name).await;
            (name, read.map_err(|error| kube_message(&error)))
        }
    });
    reads.buffer_unordered(CONCURRENT_READS).collect().await
}

/// Contents of a stack that are being checked.
struct Reading<'a> {
    owner: &'a Owner,
    now: Timestamp,
    state: &'a mut StackCertificates,
    facts: ReadFacts,
}

impl Reading<'_> {
    fn check_all(mut self, fields: &[CertificateField<'_>], objects: &CertificateObjects) -> SourcedCertificates {
        let mut checks = CertificateChecks::new(objects, self.now);
        let mut sourced = SourcedCertificates::new();
        for field in fields {
            let checked = checks.check(field);
            self.record_date(field, &checked);
            let certificate = match checked {
                Ok(checked) => self.known(field, checked),
                Err(obstacle) => self.unknown(field, &obstacle),
            };
            sourced.insert(field.path.clone(), certificate);
        }
        self.state.end_read(self.facts, self.now);
        sourced
    }

    /// Records the date of a content. That of an object that could not be read stays.
    fn record_date(&mut self, field: &CertificateField<'_>, checked: &Result<CheckedContent, CertificateObstacle>) {
        let date = match checked {
            Err(CertificateObstacle::NotRead(_)) => self.state.dates().get(&field.path).cloned(),
            checked => date_of(field, checked),
        };
        self.facts.dates.extend(date.map(|date| (field.path.clone(), date)));
    }

    fn known(&mut self, field: &CertificateField<'_>, checked: CheckedContent) -> SourcedCertificate {
        for warning in &checked.warnings {
            let warning = format!("{}: {warning}", field.object);
            if !self.state.warned().contains(&warning) {
                tracing::warn!("{warning}");
            }
            self.facts.warned.insert(warning);
        }
        SourcedCertificate::Known(StoredSecret::new(self.owner, checked.content))
    }

    fn unknown(&mut self, field: &CertificateField<'_>, obstacle: &CertificateObstacle) -> SourcedCertificate {
        schedule(self.state, obstacle, self.now);
        if is_half_done(obstacle) {
            self.facts.half_done.insert(field.path.clone());
            if !self.state.is_overdue(&field.path) {
                return SourcedCertificate::Unknown(None);
            }
        }
        SourcedCertificate::Unknown(obstacle.problem(field, "the controller"))
    }
}

/// Tells whether the second of two updates may be on its way.
fn is_half_done(obstacle: &CertificateObstacle) -> bool {
    matches!(obstacle, CertificateObstacle::Unusable(problem) if problem.may_pass())
}

/// Asks for another read where time alone may solve the problem.
fn schedule(state: &mut StackCertificates, obstacle: &CertificateObstacle, now: Timestamp) {
    match obstacle {
        CertificateObstacle::NotRead(_) => state.wake_in(READ_RETRY),
        CertificateObstacle::Unusable(CertificateProblem::NotYetValid { not_before, .. }) => {
            state.wake_at_time(*not_before, now)
        }
        CertificateObstacle::Unusable(CertificateProblem::ListNotYetValid { last_update, .. }) => {
            state.wake_at_time(*last_update, now);
        }
        CertificateObstacle::Unusable(_) | CertificateObstacle::NoObject | CertificateObstacle::AuthoritiesUnknown => {}
    }
}

fn date_of(field: &CertificateField<'_>, checked: &Result<CheckedContent, CertificateObstacle>) -> Option<ContentDate> {
    let not_after = match checked {
        Ok(checked) => checked.not_after?,
        Err(CertificateObstacle::Unusable(CertificateProblem::Expired { not_after, .. })) => *not_after,
        Err(CertificateObstacle::Unusable(CertificateProblem::ListExpired { next_update, .. })) => *next_update,
        Err(_) => return None,
    };
    let lifetime = match field.content {
        FieldContent::Pair { .. } | FieldContent::Authorities { .. } => Lifetime::Certificate,
        FieldContent::RevocationList { .. } => Lifetime::RevocationList,
    };
    Some(ContentDate { object: field.object.clone(), lifetime, not_after })
}
