//! The finalizer of credentials, on a Secret or a ClusterOpenStackCloud: they stay until the last stack that needs them is
//! gone. A namespace that is deleted would otherwise delete its Secrets first.

use std::fmt::Debug;

use kube::api::{ListParams, Patch};
use kube::core::PartialObjectMetaExt;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::error::CredentialsProblem;
use crate::controller::conflict::Tries;
use crate::controller::names::patched_by_evenkeel;
use crate::controller::watch::MaybeStack;
use crate::failpoint;

pub(super) const FINALIZER: &str = "evenkeel.dev/credentials-in-use";

/// Stacks of a page, where they are listed: each may be as large as an object can be.
const PAGE: u32 = 100;

/// Stacks that may need an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum StackScope<'a> {
    Namespace(&'a str),
    All,
}

pub(crate) fn has_finalizer(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Adds the finalizer to the object. Stacks that share it come at the same moment, when the controller starts: all but
/// one meet a conflict, and find the finalizer there at the next read.
pub(crate) async fn add<K>(api: &Api<K>, object: impl ResourceExt) -> Result<(), CredentialsProblem>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let name = object.name_any();
    let mut seen = object.meta().clone().into_response_partial::<K>();
    let mut tries = Tries::default();
    while !has_finalizer(&seen) {
        if seen.metadata.deletion_timestamp.is_some() {
            return Err(CredentialsProblem::BeingDeleted(name));
        }
        let mut finalizers = seen.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        match write(api, &seen, &finalizers).await {
            Err(error) if tries.again(&error).await => {}
            ended => return ended.map_err(Into::into),
        }
        let Some(live) = api.get_metadata_opt(&name).await.map_err(Box::new)? else {
            return Err(CredentialsProblem::NoSecret(name));
        };
        seen = live;
    }
    Ok(())
}

/// Removes the finalizer, unless a stack of the cluster itself (this view of it may be behind) needs the object: then
/// false.
pub(super) async fn remove_unless_needed<K>(
    client: &Client,
    api: &Api<K>,
    name: &str,
    scope: StackScope<'_>,
    needs: impl Fn(&MaybeStack) -> bool,
) -> Result<bool, Box<kube::Error>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let stacks = match scope {
        StackScope::Namespace(namespace) => Api::<MaybeStack>::namespaced(client.clone(), namespace),
        StackScope::All => Api::all(client.clone()),
    };
    let mut tries = Tries::default();
    loop {
        let Some(live) = api.get_metadata_opt(name).await.map_err(Box::new)? else { return Ok(true) };
        if !has_finalizer(&live) {
            return Ok(true);
        }
        if is_needed(&stacks, &needs).await? {
            return Ok(false);
        }
        tracing::debug!(?scope, name, kind = %K::kind(&()), "no stack needs these credentials any more");
        let finalizers: Vec<String> =
            live.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        match write(api, &live, &finalizers).await {
            Err(error) if tries.again(&error).await => {}
            ended => return ended.map(|()| true),
        }
    }
}

async fn is_needed(stacks: &Api<MaybeStack>, needs: &impl Fn(&MaybeStack) -> bool) -> Result<bool, Box<kube::Error>> {
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = stacks.list(&parameters).await.map_err(Box::new)?;
        if page.items.iter().any(needs) {
            return Ok(true);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(false),
        }
    }
}

/// Fenced by the resource version, so that no finalizer of another client is lost.
async fn write<K>(api: &Api<K>, object: &impl ResourceExt, finalizers: &[String]) -> Result<(), Box<kube::Error>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let verb = if finalizers.len() < object.finalizers().len() { "remove" } else { "add" };
    let kind = K::kind(&()).to_lowercase();
    failpoint::hit(format_args!("before-{verb}-{kind}-finalizer"));
    api.patch_metadata(&object.name_any(), &patched_by_evenkeel(), &Patch::Merge(patch)).await.map_err(Box::new)?;
    failpoint::hit(format_args!("after-{verb}-{kind}-finalizer"));
    Ok(())
}
