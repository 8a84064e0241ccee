//! A stored object that this version cannot read: it has a value of a newer version, or somebody loosened the schema.
//! It is left alone and told of, once for each generation; all others go on. Deleting it is possible all the same: what
//! stays behind then is its owner's business.

use std::convert::Infallible;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::error_boundary::InvalidObject;
use kube::core::{PartialObjectMeta, PartialObjectMetaExt};
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};

use super::events::{self, EventDraft};
use super::finalizer;
use super::reconcile::Context;
use super::stack_state::FIXED_RETRY;
use crate::api::{DELETION_POLICY_ANNOTATION, LoadBalancerStack};

/// The annotation's value, which no spec has to be read for.
const ORPHAN: &str = "Orphan";

pub async fn report(
    problem: &InvalidObject,
    reference: &ObjectReference,
    context: &Context,
) -> Result<Action, Infallible> {
    let mut stack = problem.metadata.clone().into_response_partial::<LoadBalancerStack>();
    let deleting = stack.metadata.deletion_timestamp.is_some();
    if deleting && stack.annotations().get(DELETION_POLICY_ANNOTATION).is_some_and(|policy| policy == ORPHAN) {
        return remove_finalizer(&mut stack, reference, context).await;
    }
    if context.states.is_news(&stack.uid().unwrap_or_default(), stack.metadata.generation) {
        tracing::warn!(problem = problem.error, "this stack cannot be read and is left alone");
        let way_out = "; to delete it and leave its load balancer in the cloud, annotate it with \
                       evenkeel.dev/deletion-policy=Orphan";
        let note = format!(
            "this version of the controller cannot read the stack, so nothing is done for it: {}; correct the value, or \
             run the version that wrote it{}",
            problem.error,
            if deleting { way_out } else { "" }
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
        tracing::warn!(%error, "the stack cannot be let go yet");
        return Ok(Action::requeue(FIXED_RETRY));
    }
    let note = "the stack could not be read; whatever it had in the cloud stays as it is".to_owned();
    publish_event(context, reference, "CleanupSkipped", note).await;
    Ok(Action::await_change())
}

async fn publish_event(context: &Context, reference: &ObjectReference, reason: &'static str, note: String) {
    events::publish(&context.client, context.clock.now(), reference, EventDraft { warning: true, reason, note }).await;
}
