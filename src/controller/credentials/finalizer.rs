//! The finalizer of a Secret with credentials: it stays until the last stack that needs it is gone. A namespace that is
//! deleted would otherwise delete its Secrets first.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::PartialObjectMetaExt;
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use super::error::CredentialsProblem;
use super::source::secret_of;
use crate::controller::conflict::Tries;
use crate::controller::finalizer;
use crate::controller::names::NamespacedName;
use crate::controller::watch::MaybeStack;
use crate::failpoint;

pub(super) const FINALIZER: &str = "evenkeel.dev/credentials-in-use";

/// Stacks of a page, where they are listed: each may be as large as an object can be.
const PAGE: u32 = 100;

pub(crate) fn has_finalizer(secret: &impl ResourceExt) -> bool {
    secret.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Tells whether a stack of the Secret's namespace needs it. An invalid stack may refer to any Secret.
pub(super) fn needs(stored: &MaybeStack, secret: &str) -> bool {
    let refers = stored.0.as_ref().map_or(true, |stack| secret_of(stack) == Some(secret));
    refers && finalizer::has_finalizer(stored)
}

/// Adds the finalizer to the Secret. Stacks that share it come at the same moment, when the controller starts: all but
/// one meet a conflict, and find the finalizer there at the next read.
pub(super) async fn add(api: &Api<Secret>, secret: Secret) -> Result<(), CredentialsProblem> {
    let name = secret.name_any();
    let mut seen = secret.metadata.into_response_partial::<Secret>();
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

/// Removes the finalizer, unless a stack of the cluster itself (this view of it may be behind) needs the Secret: then
/// false.
pub(super) async fn remove_unless_needed(client: &Client, secret: &NamespacedName) -> Result<bool, Box<kube::Error>> {
    let NamespacedName { namespace, name } = secret;
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let mut tries = Tries::default();
    loop {
        let Some(live) = api.get_metadata_opt(name).await.map_err(Box::new)? else { return Ok(true) };
        if !has_finalizer(&live) {
            return Ok(true);
        }
        if is_needed(client, secret).await? {
            return Ok(false);
        }
        tracing::debug!(namespace, secret = name, "no stack needs these credentials any more");
        let finalizers: Vec<String> =
            live.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        match write(&api, &live, &finalizers).await {
            Err(error) if tries.again(&error).await => {}
            ended => return ended.map(|()| true),
        }
    }
}

async fn is_needed(client: &Client, secret: &NamespacedName) -> Result<bool, Box<kube::Error>> {
    let stacks = Api::<MaybeStack>::namespaced(client.clone(), &secret.namespace);
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = stacks.list(&parameters).await.map_err(Box::new)?;
        if page.items.iter().any(|stored| needs(stored, &secret.name)) {
            return Ok(true);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(false),
        }
    }
}

/// Fenced by the resource version, so that no finalizer of another client is lost.
async fn write(api: &Api<Secret>, secret: &impl ResourceExt, finalizers: &[String]) -> Result<(), Box<kube::Error>> {
    let patch = json!({"metadata": {"resourceVersion": secret.resource_version(), "finalizers": finalizers}});
    let verb = if finalizers.len() < secret.finalizers().len() { "remove" } else { "add" };
    failpoint::hit(format_args!("before-{verb}-secret-finalizer"));
    api.patch_metadata(&secret.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map_err(Box::new)?;
    failpoint::hit(format_args!("after-{verb}-secret-finalizer"));
    Ok(())
}
