//! The plan of one stack.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::cli::manifests::StackManifest;
use crate::cli::references::ReferenceReader;
use crate::engine::{
    self, Goal, Memory, Outcome, PendingCreateStore, PendingCreateStoreError, PendingCreates, Reconciliation, Record,
    Remedy, Settings, State,
};
use crate::model::{ObservedLoadBalancer, Owner, Problem, Source};
use crate::openstack::Cloud;
use crate::translate;

use super::report::{Failure, StackReport};

/// UID of a stack that has no load balancer yet and is in no cluster.
const PLACEHOLDER_UID: &str = "00000000-0000-0000-0000-000000000000";

/// Plans stacks against one project of one cloud.
pub(super) struct StackPlanner<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) cluster: &'a str,
    /// Load balancers of the cluster.
    pub(super) existing: &'a [ObservedLoadBalancer],
    pub(super) references: &'a ReferenceReader<'a>,
    pub(super) now: Timestamp,
}

impl StackPlanner<'_> {
    pub(super) async fn plan(&self, manifest: &StackManifest) -> StackReport {
        let place = self.owner(manifest);
        let load_balancer = self.load_balancer_of(&place);
        let owner = load_balancer.map_or_else(|| place.clone(), |existing| place.predecessor(&existing.tags));
        let known = self.references.read(manifest, &owner).await;
        let permissions = known.permissions();
        let problems: Arc<Mutex<Vec<Problem>>> = Arc::default();
        let spec = &manifest.stack.spec;
        let source = Source {
            references: translate::permitted_references(spec, permissions.as_ref()),
            validate: &|resolutions, version| {
                translate::permitted(spec, permissions.as_ref(), owner.clone(), resolutions, &known.contents, version)
                    .inspect(|desired| problems.lock().extend(desired.source_problems.clone()))
                    .inspect_err(|found| problems.lock().extend(found.clone()))
            },
        };
        let record =
            Record { load_balancer_id: load_balancer.map(|existing| existing.id.clone()), ..Record::default() };
        let reconciliation = Reconciliation {
            cloud: self.cloud,
            source: &source,
            owner: &owner,
            generation: manifest.stack.metadata.generation.unwrap_or_default(),
            record: &record,
            pending_create_store: &ReadOnly,
            settings: &Settings::default(),
            now: self.now,
        };
        let outcome = engine::reconcile(reconciliation, Goal::Observe, &mut Memory::default()).await;
        let problems = std::mem::take(&mut *problems.lock());
        let failure = failure(&outcome, &problems);
        let existing = outcome.load_balancer().or(load_balancer);
        StackReport::new(manifest, existing, &outcome.plan, known.unknown)
            .with_problems(problems.iter().map(|problem| manifest.problem(problem)).collect())
            .with_failure(failure)
    }

    fn owner(&self, manifest: &StackManifest) -> Owner {
        Owner {
            uid: PLACEHOLDER_UID.to_owned(),
            cluster: self.cluster.to_owned(),
            namespace: manifest.name.namespace.clone(),
            name: manifest.name.name.clone(),
        }
    }

    /// The oldest load balancer of the stack, by the tags of cluster, namespace and name.
    fn load_balancer_of(&self, owner: &Owner) -> Option<&ObservedLoadBalancer> {
        let of_stack = self.existing.iter().filter(|existing| owner.can_take_over(&existing.tags));
        of_stack.min_by_key(|existing| (&existing.created_at, &existing.id))
    }
}

/// The reason for which there is no plan, or none for all of the stack. Its message is empty where the problems say it.
fn failure(outcome: &Outcome, problems: &[Problem]) -> Option<Failure> {
    let failure = match &outcome.state {
        State::Observed { .. } if problems.is_empty() => return None,
        State::Observed { .. } => Failure::new("UnresolvedReferences", ""),
        State::Stalled { reason, message } => Failure::new(reason.as_str(), message),
        State::Waiting { reason, message } => Failure::new(reason.as_str(), message),
        state => Failure::new("Unexpected", &format!("no plan could be made: {state:?}")),
    };
    let advice = match outcome.remedies.first() {
        Some(Remedy::CheckCredentials) => "; check the credentials, and the roles of their user",
        _ => "",
    };
    let message = match failure.message == Problem::joined(problems) {
        true => String::new(),
        false => format!("{}{advice}", failure.message),
    };
    Some(Failure { message, ..failure })
}

/// Store of a reconcile that writes nothing.
struct ReadOnly;

impl PendingCreateStore for ReadOnly {
    fn write(&self, _: PendingCreates) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        async { Err(PendingCreateStoreError("only a plan was asked for".to_owned())) }.boxed()
    }

    fn check_unchanged(&self) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        async { Ok(()) }.boxed()
    }
}
