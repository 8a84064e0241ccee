//! A stored object that this version cannot read: it has a value of a newer version, or somebody loosened the schema.
//! It is left alone and told of, once for each generation; all others go on.

use std::convert::Infallible;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;

use super::events::{self, Notice};
use super::reconcile::{Context, SLOWLY};

pub async fn report(
    problem: &InvalidObject,
    reference: &ObjectReference,
    context: &Context,
) -> Result<Action, Infallible> {
    let generation = problem.metadata.generation;
    if context.is_news(problem.metadata.uid.as_deref().unwrap_or_default(), generation) {
        tracing::warn!(problem = problem.error, "this stack cannot be read and is left alone");
        let note = format!(
            "this version of the controller cannot read the stack, so nothing is done for it: {}; correct the value, or \
             run the version that wrote it",
            problem.error
        );
        events::publish(&context.recorder, reference, Notice { warning: true, reason: "Unreadable", note }).await;
    }
    Ok(Action::requeue(SLOWLY))
}
