//! Our entry on the stack: as long as it is there, the object cannot go before its load balancer.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::conflict::{self, TRIES, is_conflict};
use crate::api::LoadBalancerStack;
use crate::failpoint;

pub const FINALIZER: &str = "evenkeel.dev/loadbalancer";

pub fn has_finalizer(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|entry| entry == FINALIZER)
}

/// Puts the finalizer on the stack, and its new resource version into our copy.
pub async fn add(api: &Api<LoadBalancerStack>, stack: &mut LoadBalancerStack) -> Result<(), kube::Error> {
    for tries in 1..TRIES {
        match try_add(api, stack).await {
            Err(error) if is_conflict(&error) => {
                conflict::pause(tries).await;
                if read_again(api, stack).await? != Live::Same {
                    return Err(error);
                }
            }
            ended => return ended,
        }
    }
    try_add(api, stack).await
}

/// Takes the finalizer off. A stack that is gone already is as good. (Of one that cannot be read, there is only metadata.)
/// What others write to it meanwhile holds up nothing, unless the stack is another one by that.
pub async fn remove(api: &Api<LoadBalancerStack>, stack: &mut impl ResourceExt) -> Result<(), kube::Error> {
    for tries in 1..TRIES {
        match try_remove(api, stack).await {
            Err(error) if is_conflict(&error) => {
                conflict::pause(tries).await;
                match read_again(api, stack).await? {
                    Live::Same => {}
                    Live::Changed => return Err(error),
                    Live::Gone => return Ok(()),
                }
            }
            ended => return ended,
        }
    }
    try_remove(api, stack).await
}

/// The stack after a conflict.
#[derive(PartialEq, Eq)]
enum Live {
    /// Only its metadata may be others.
    Same,
    /// Another one, or with another spec.
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

async fn try_add(api: &Api<LoadBalancerStack>, stack: &mut LoadBalancerStack) -> Result<(), kube::Error> {
    if has_finalizer(stack) {
        return Ok(());
    }
    let mut entries = stack.finalizers().to_vec();
    entries.push(FINALIZER.to_owned());
    stack.metadata = write(api, stack, entries).await?;
    Ok(())
}

async fn try_remove(api: &Api<LoadBalancerStack>, stack: &mut impl ResourceExt) -> Result<(), kube::Error> {
    if !has_finalizer(stack) {
        return Ok(());
    }
    let entries = stack.finalizers().iter().filter(|entry| *entry != FINALIZER).cloned().collect();
    match write(api, stack, entries).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) => {
            *stack.meta_mut() = metadata;
            Ok(())
        }
    }
}

/// Fenced by the resource version, so that nobody else's entry is lost.
async fn write(
    api: &Api<LoadBalancerStack>,
    stack: &impl ResourceExt,
    entries: Vec<String>,
) -> Result<ObjectMeta, kube::Error> {
    let patch = json!({"metadata": {
        "uid": stack.uid(),
        "resourceVersion": stack.resource_version(),
        "finalizers": entries,
    }});
    let verb = if has_finalizer(stack) { "remove" } else { "add" };
    failpoint::hit(format_args!("before-{verb}-stack-finalizer"));
    let written = api.patch_metadata(&stack.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
    failpoint::hit(format_args!("after-{verb}-stack-finalizer"));
    Ok(written.metadata)
}
