//! Stored objects that this version cannot read: one has a value of a newer version, or its schema was loosened. It is
//! left alone and reported, once for each generation; all others go on. It can be deleted all the same: its cloud
//! resources are then left in place.

use std::convert::Infallible;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::error_boundary::InvalidObject;
use kube::core::{PartialObjectMeta, PartialObjectMetaExt};
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};

use super::context::Context;
use super::events::{self, EventDraft};
use super::finalizer;
use super::remedies;
use super::requeue::FIXED_RETRY;
use crate::api::{DELETION_POLICY_ANNOTATION, LoadBalancerStack};

/// Value of the annotation, for which no spec has to be read.
const ORPHAN: &str = "Orphan";

/// Reports an invalid object, and releases one that is being deleted as an orphan.
pub(super) async fn report(
    problem: &InvalidObject,
    reference: &ObjectReference,
    context: &Context,
) -> Result<Action, Infallible> {
    let mut stack = problem.metadata.clone().into_response_partial::<LoadBalancerStack>();
    let deleting = stack.metadata.deletion_timestamp.is_some();
    if deleting && stack.annotations().get(DELETION_POLICY_ANNOTATION).is_some_and(|policy| policy == ORPHAN) {
        return remove_finalizer(&mut stack, reference, context).await;
    }
    if context.states.is_newly_invalid(&stack.uid().unwrap_or_default(), stack.metadata.generation) {
        tracing::warn!(problem = problem.error, "this stack cannot be read and is left alone");
        let remedy = if deleting { format!("; {}", remedies::ORPHAN) } else { String::new() };
        let note = format!(
            "this version of the controller cannot read the stack, so nothing is done for it: {}; correct the value, or \
             run the version that wrote it{remedy}",
            problem.error,
        );
        publish_event(context, reference, "InvalidObject", note).await;
    }
    Ok(Action::requeue(FIXED_RETRY))
}

async fn remove_finalizer(
    stack: &mut PartialObjectMeta<LoadBalancerStack>,
    reference: &ObjectReference,
    context: &Context,
) -> Result<Action, Infallible> {
    let api = Api::<LoadBalancerStack>::namespaced(context.client.clone(), &stack.namespace().unwrap_or_default());
    if let Err(error) = finalizer::remove(&api, stack).await {
        tracing::warn!(%error, "the finalizer cannot be removed yet");
        return Ok(Action::requeue(FIXED_RETRY));
    }
    let note = "the stack could not be read; whatever it had in the cloud stays as it is".to_owned();
    publish_event(context, reference, "CleanupSkipped", note).await;
    Ok(Action::await_change())
}

async fn publish_event(context: &Context, reference: &ObjectReference, reason: &'static str, note: String) {
    events::publish(&context.client, context.clock.now(), reference, EventDraft { warning: true, reason, note }).await;
}
