//! The finalizer of a stack: the object stays until its load balancer is gone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Patch;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::conflict::Tries;
use super::names::patched_by_evenkeel;
use crate::api::LoadBalancerStack;
use crate::failpoint;

pub const FINALIZER: &str = "evenkeel.dev/loadbalancer";

pub(super) fn has_finalizer(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Adds the finalizer to the stack, and takes its new resource version into this copy.
pub(super) async fn add(api: &Api<LoadBalancerStack>, stack: &mut LoadBalancerStack) -> Result<(), kube::Error> {
    let mut tries = Tries::default();
    while !has_finalizer(stack) {
        let mut finalizers = stack.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        match write(api, stack, finalizers).await {
            Ok(metadata) => {
                stack.metadata = metadata;
                break;
            }
            Err(error) => {
                if !tries.again(&error).await || read_again(api, stack).await? != Live::Same {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// Removes the finalizer. Success also for a stack that is gone. (An invalid one has only metadata.) Retries on
/// conflict, unless UID or generation changed.
pub(super) async fn remove(api: &Api<LoadBalancerStack>, stack: &mut impl ResourceExt) -> Result<(), kube::Error> {
    let mut tries = Tries::default();
    while has_finalizer(stack) {
        let finalizers = stack.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        match write(api, stack, finalizers).await {
            Ok(metadata) => {
                *stack.meta_mut() = metadata;
                break;
            }
            // The object is gone, and its finalizer with it.
            Err(kube::Error::Api(status)) if status.code == 404 => stack.meta_mut().finalizers = None,
            Err(error) => {
                if !tries.again(&error).await {
                    return Err(error);
                }
                match read_again(api, stack).await? {
                    Live::Same => {}
                    Live::Changed => return Err(error),
                    Live::Gone => stack.meta_mut().finalizers = None,
                }
            }
        }
    }
    Ok(())
}

/// The stack after a conflict.
#[derive(PartialEq, Eq)]
enum Live {
    /// The same stack with the same spec: only its metadata may differ.
    Same,
    /// Another UID or another generation.
    Changed,
    Gone,
}

/// Takes over the metadata of now, if the spec is the same.
async fn read_again(api: &Api<LoadBalancerStack>, stack: &mut impl ResourceExt) -> Result<Live, kube::Error> {
    let Some(live) = api.get_metadata_opt(&stack.name_any()).await? else { return Ok(Live::Gone) };
    if (live.uid(), live.metadata.generation) != (stack.uid(), stack.meta().generation) {
        return Ok(Live::Changed);
    }
    *stack.meta_mut() = live.metadata;
    Ok(Live::Same)
}

/// Fenced by the resource version, so that no finalizer of another client is lost.
async fn write(
    api: &Api<LoadBalancerStack>,
    stack: &impl ResourceExt,
    finalizers: Vec<String>,
) -> Result<ObjectMeta, kube::Error> {
    let patch = json!({"metadata": {
        "uid": stack.uid(),
        "resourceVersion": stack.resource_version(),
        "finalizers": finalizers,
    }});
    let verb = if has_finalizer(stack) { "remove" } else { "add" };
    failpoint::hit(format_args!("before-{verb}-stack-finalizer"));
    let written = api.patch_metadata(&stack.name_any(), &patched_by_evenkeel(), &Patch::Merge(patch)).await?;
    failpoint::hit(format_args!("after-{verb}-stack-finalizer"));
    Ok(written.metadata)
}
