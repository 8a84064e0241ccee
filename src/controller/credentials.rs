//! From the Secret that a stack names to a session with its cloud, and our entry on that Secret.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use super::sessions::{Place, Sessions};
use super::shares::{Admission, Shares};
use crate::api::LoadBalancerStack;
use crate::kill;
use crate::openstack::Cloud;

/// Keeps the Secret until the last stack that needs it is gone: a namespace deletes its Secrets first.
pub const IN_USE: &str = "evenkeel.dev/credentials-in-use";

#[derive(Debug, thiserror::Error)]
pub enum CredentialsProblem {
    #[error("it is missing: name a Secret with a key clouds.yaml")]
    NoReference,
    #[error("Secret {0} does not exist: make it, with a key clouds.yaml")]
    NoSecret(String),
    #[error("Secret {0} has no key clouds.yaml")]
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

/// From a stack to its session.
pub struct Clouds {
    client: Client,
    sessions: Sessions,
    shares: Shares,
}

impl Clouds {
    pub fn new(client: Client, sessions: Sessions, shares: Shares) -> Self {
        Self { client, sessions, shares }
    }

    /// The right to one pass over this stack, to be kept until it is over. `None`: too many with its credentials are under
    /// way. Those of a namespace that name no credentials count as one.
    pub fn admit(&self, stack: &LoadBalancerStack) -> Option<Admission> {
        self.shares.admit(&stack.namespace().unwrap_or_default(), secret_of(stack).unwrap_or_default())
    }

    /// The session of a stack. `hold`: put our entry on the Secret before it is used.
    pub async fn session(&self, stack: &LoadBalancerStack, hold: bool) -> Result<Cloud, CredentialsProblem> {
        let place = place_of(stack)?;
        let api = Api::<Secret>::namespaced(self.client.clone(), &place.namespace);
        let Some(secret) = api.get_opt(&place.secret).await.map_err(Box::new)? else {
            self.sessions.forget(&place.namespace, &place.secret);
            return Err(CredentialsProblem::NoSecret(place.secret));
        };
        let cloud = self.sessions.open(&place, &secret)?;
        // Only now: who may write stacks must not keep a Secret from being deleted that holds no credentials.
        if hold {
            hold_secret(&api, &secret).await?;
        }
        Ok(cloud)
    }
}

fn place_of(stack: &LoadBalancerStack) -> Result<Place, CredentialsProblem> {
    let Some(reference) = &stack.spec.cloud_credentials_ref else { return Err(CredentialsProblem::NoReference) };
    let Some(secret) = reference.secret() else {
        return Err(CredentialsProblem::Unusable {
            secret: format!("{:?}", reference.secret_name),
            cause: "no Secret can have this name".into(),
        });
    };
    let namespace = stack.namespace().unwrap_or_default();
    Ok(Place { namespace, secret: secret.to_owned(), cloud: reference.cloud_name.clone() })
}

async fn hold_secret(api: &Api<Secret>, secret: &Secret) -> Result<(), CredentialsProblem> {
    if secret.finalizers().iter().any(|entry| entry == IN_USE) {
        return Ok(());
    }
    if secret.metadata.deletion_timestamp.is_some() {
        return Err(CredentialsProblem::Leaving(secret.name_any()));
    }
    let mut entries = secret.finalizers().to_vec();
    entries.push(IN_USE.to_owned());
    write_entries(api, secret, &entries).await?;
    Ok(())
}

/// Fenced by the resource version, so that nobody else's entry is lost.
async fn write_entries(api: &Api<Secret>, secret: &Secret, entries: &[String]) -> Result<(), Box<kube::Error>> {
    let patch = json!({"metadata": {"resourceVersion": secret.resource_version(), "finalizers": entries}});
    let deed = if entries.len() < secret.finalizers().len() { "release" } else { "hold" };
    kill::point(format_args!("before-{deed}-secret"));
    api.patch_metadata(&secret.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map_err(Box::new)?;
    kill::point(format_args!("after-{deed}-secret"));
    Ok(())
}

/// Takes our entry off a Secret that no stack with our finalizer refers to any more. False while one does.
pub async fn release_unused(client: &Client, namespace: &str, name: &str) -> Result<bool, Box<kube::Error>> {
    let stacks = Api::<super::Stored>::namespaced(client.clone(), namespace);
    let in_use = stacks.list(&kube::api::ListParams::default()).await.map_err(Box::new)?.items.iter().any(|stored| {
        // Which Secret a stack names that cannot be read is unknown: it may be this one.
        let names_it = stored.0.as_ref().map_or(true, |stack| secret_of(stack) == Some(name));
        names_it && stored.finalizers().iter().any(|entry| entry == super::FINALIZER)
    });
    if in_use {
        return Ok(false);
    }
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let Some(secret) = secrets.get_opt(name).await.map_err(Box::new)? else { return Ok(true) };
    let entries: Vec<String> = secret.finalizers().iter().filter(|entry| *entry != IN_USE).cloned().collect();
    if entries.len() == secret.finalizers().len() {
        return Ok(true);
    }
    tracing::debug!(namespace, secret = name, "no stack needs these credentials any more");
    write_entries(&secrets, &secret, &entries).await?;
    Ok(true)
}
