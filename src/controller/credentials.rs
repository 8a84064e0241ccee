//! From the Secret that a stack names to a session with its cloud, and our entry on that Secret.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::PartialObjectMetaExt;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;

use super::conflict::{self, TRIES, is_conflict};
use super::sessions::{CredentialsSource, SessionCache};
use super::shares::{ConcurrencyLimits, Permit};
use super::{MaybeStack, finalizer};
use crate::api::LoadBalancerStack;
use crate::failpoint;
use crate::openstack::Cloud;

/// Keeps the Secret until the last stack that needs it is gone: a namespace deletes its Secrets first.
pub const FINALIZER: &str = "evenkeel.dev/credentials-in-use";

#[derive(Debug, thiserror::Error)]
pub enum CredentialsProblem {
    #[error("it is missing: name a Secret with a key clouds.yaml")]
    NoReference,
    #[error("Secret {0} does not exist: make it, with a key clouds.yaml")]
    NoSecret(String),
    #[error("Secret {0} has no key clouds.yaml: put it there")]
    NoKey(String),
    #[error("Secret {secret}: {cause}")]
    Unusable { secret: String, cause: String },
    #[error("Secret {0} is being deleted and no stack used it before: make a new one")]
    Leaving(String),
    #[error("reading the Secret: {0}")]
    Kube(#[from] Box<kube::Error>),
}

/// The Secret that a stack refers to, in its own namespace.
pub fn secret_of(stack: &LoadBalancerStack) -> Option<&str> {
    stack.spec.cloud_credentials_ref.as_ref()?.secret()
}

/// Stacks of a page, where they are listed: each may be as large as an object can be.
const PAGE: u32 = 100;

/// From a stack to its session.
pub struct Clouds {
    client: Client,
    stacks: Store<MaybeStack>,
    sessions: SessionCache,
    shares: ConcurrencyLimits,
}

impl Clouds {
    pub fn new(client: Client, stacks: Store<MaybeStack>, sessions: SessionCache, shares: ConcurrencyLimits) -> Self {
        Self { client, stacks, sessions, shares }
    }

    /// The right to one pass over this stack, to be kept until it is over. `None`: too many with its credentials are under
    /// way. Those of a namespace that name no credentials count as one.
    pub fn try_acquire(&self, stack: &LoadBalancerStack) -> Option<Permit> {
        self.shares.try_acquire(&stack.namespace().unwrap_or_default(), secret_of(stack).unwrap_or_default())
    }

    /// The session of a stack. `hold`: put our entry on the Secret before it is used.
    pub async fn session(&self, stack: &LoadBalancerStack, hold: bool) -> Result<Cloud, CredentialsProblem> {
        let place = source_of(stack)?;
        let api = Api::<Secret>::namespaced(self.client.clone(), &place.namespace);
        let Some(secret) = api.get_opt(&place.secret).await.map_err(Box::new)? else {
            self.sessions.forget(&place.namespace, &place.secret);
            return Err(CredentialsProblem::NoSecret(place.secret));
        };
        let cloud = self.sessions.open(&place, &secret)?;
        // Only now: who may write stacks must not keep a Secret from being deleted that holds no credentials.
        if hold {
            add_finalizer(&api, secret).await?;
        }
        Ok(cloud)
    }

    /// Takes our entry off a Secret that no stack with our finalizer refers to any more, not counting the one that is
    /// `leaving`, which our view of the cluster may still show. False while one does.
    pub async fn release_unused(
        &self,
        namespace: &str,
        name: &str,
        leaving: Option<&str>,
    ) -> Result<bool, Box<kube::Error>> {
        let is_user = |stored: &MaybeStack| {
            let stays = leaving.is_none() || stored.meta().uid.as_deref() != leaving;
            stored.meta().namespace.as_deref() == Some(namespace) && stays && needs(stored, name)
        };
        if self.stacks.find(is_user).is_some() {
            return Ok(false);
        }
        let secrets = Api::<Secret>::namespaced(self.client.clone(), namespace);
        for tries in 1.. {
            let Some(secret) = secrets.get_metadata_opt(name).await.map_err(Box::new)? else { return Ok(true) };
            if !has_finalizer(&secret) {
                return Ok(true);
            }
            if self.is_needed(namespace, name).await? {
                return Ok(false);
            }
            tracing::debug!(namespace, secret = name, "no stack needs these credentials any more");
            let entries: Vec<String> =
                secret.finalizers().iter().filter(|entry| *entry != FINALIZER).cloned().collect();
            match write_finalizers(&secrets, &secret, &entries).await {
                Err(error) if tries < TRIES && is_conflict(&error) => conflict::pause(tries).await,
                ended => return ended.map(|()| true),
            }
        }
        Ok(false)
    }

    /// By the cluster's own word: our view of it may be behind.
    async fn is_needed(&self, namespace: &str, name: &str) -> Result<bool, Box<kube::Error>> {
        let stacks = Api::<MaybeStack>::namespaced(self.client.clone(), namespace);
        let mut how = ListParams::default().limit(PAGE);
        loop {
            let page = stacks.list(&how).await.map_err(Box::new)?;
            if page.items.iter().any(|stored| needs(stored, name)) {
                return Ok(true);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => how = how.continue_token(&token),
                None => return Ok(false),
            }
        }
    }
}

/// A stack of the Secret's namespace needs it. Which one a stack names that cannot be read is unknown: it may be this one.
fn needs(stored: &MaybeStack, secret: &str) -> bool {
    let names_it = stored.0.as_ref().map_or(true, |stack| secret_of(stack) == Some(secret));
    names_it && finalizer::has_finalizer(stored)
}

/// Our entry is on the Secret.
pub fn has_finalizer(secret: &impl ResourceExt) -> bool {
    secret.finalizers().iter().any(|entry| entry == FINALIZER)
}

fn source_of(stack: &LoadBalancerStack) -> Result<CredentialsSource, CredentialsProblem> {
    let Some(reference) = &stack.spec.cloud_credentials_ref else { return Err(CredentialsProblem::NoReference) };
    let Some(secret) = reference.secret() else {
        return Err(CredentialsProblem::Unusable {
            secret: format!("{:?}", reference.secret_name),
            cause: "no Secret can have this name".into(),
        });
    };
    let namespace = stack.namespace().unwrap_or_default();
    Ok(CredentialsSource { namespace, secret: secret.to_owned(), cloud: reference.cloud_name.clone() })
}

/// Puts the finalizer on the Secret. Stacks that share it come at the same moment, when the controller starts: all but one
/// meet a conflict, and find the finalizer there at the next look.
async fn add_finalizer(api: &Api<Secret>, secret: Secret) -> Result<(), CredentialsProblem> {
    let name = secret.name_any();
    let mut seen = secret.metadata.into_response_partial::<Secret>();
    for tries in 1.. {
        if has_finalizer(&seen) {
            return Ok(());
        }
        if seen.metadata.deletion_timestamp.is_some() {
            return Err(CredentialsProblem::Leaving(name));
        }
        let mut entries = seen.finalizers().to_vec();
        entries.push(FINALIZER.to_owned());
        match write_finalizers(api, &seen, &entries).await {
            Err(error) if tries < TRIES && is_conflict(&error) => conflict::pause(tries).await,
            ended => return ended.map_err(Into::into),
        }
        let Some(live) = api.get_metadata_opt(&name).await.map_err(Box::new)? else {
            return Err(CredentialsProblem::NoSecret(name));
        };
        seen = live;
    }
    Ok(())
}

/// Fenced by the resource version, so that nobody else's entry is lost.
async fn write_finalizers(
    api: &Api<Secret>,
    secret: &impl ResourceExt,
    entries: &[String],
) -> Result<(), Box<kube::Error>> {
    let patch = json!({"metadata": {"resourceVersion": secret.resource_version(), "finalizers": entries}});
    let verb = if entries.len() < secret.finalizers().len() { "remove" } else { "add" };
    failpoint::hit(format_args!("before-{verb}-secret-finalizer"));
    api.patch_metadata(&secret.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map_err(Box::new)?;
    failpoint::hit(format_args!("after-{verb}-secret-finalizer"));
    Ok(())
}
