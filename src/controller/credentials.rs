//! From the Secret that a stack names to a session with its cloud, and our entry on that Secret.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::api::LoadBalancerStack;
use crate::clock::Clock;
use crate::kill;
use crate::openstack::{Cloud, CloudSettings, Connector, Credentials};

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
    stack.spec.cloud_credentials_ref.as_ref().map(|reference| reference.secret_name.as_str())
}

/// Which Secret, and which entry of its clouds.yaml.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    namespace: String,
    secret: String,
    cloud: String,
}

/// Sessions by credentials, kept as long as the Secret does not change.
pub struct Clouds {
    client: Client,
    connector: Arc<dyn Connector>,
    clock: Arc<dyn Clock>,
    settings: CloudSettings,
    sessions: Mutex<HashMap<Place, (String, Cloud)>>,
}

impl Clouds {
    pub fn new(client: Client, connector: Arc<dyn Connector>, clock: Arc<dyn Clock>, settings: CloudSettings) -> Self {
        Self { client, connector, clock, settings, sessions: Mutex::default() }
    }

    /// The session of a stack. `hold`: put our entry on the Secret first.
    pub async fn session(&self, stack: &LoadBalancerStack, hold: bool) -> Result<Cloud, CredentialsProblem> {
        let Some(reference) = &stack.spec.cloud_credentials_ref else { return Err(CredentialsProblem::NoReference) };
        let place = Place {
            namespace: stack.namespace().unwrap_or_default(),
            secret: reference.secret_name.clone(),
            cloud: reference.cloud_name.clone(),
        };
        let api = Api::<Secret>::namespaced(self.client.clone(), &place.namespace);
        let Some(secret) = api.get_opt(&place.secret).await.map_err(Box::new)? else {
            return Err(CredentialsProblem::NoSecret(place.secret));
        };
        if hold {
            hold_secret(&api, &secret).await?;
        }
        self.open(place, &secret)
    }

    fn open(&self, place: Place, secret: &Secret) -> Result<Cloud, CredentialsProblem> {
        let version = digest(secret);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, cloud)) = sessions.get(&place)
            && *known == version
        {
            return Ok(cloud.clone());
        }
        let data = secret.data.as_ref();
        let key = |name: &str| data.and_then(|data| data.get(name)).map(|bytes| bytes.0.as_slice());
        let clouds_yaml = key("clouds.yaml").ok_or_else(|| CredentialsProblem::NoKey(place.secret.clone()))?;
        let unusable = |cause: String| CredentialsProblem::Unusable { secret: place.secret.clone(), cause };
        let credentials = Credentials::parse(clouds_yaml, key("cacert"), &place.cloud)
            .map_err(|error| unusable(error.to_string()))?;
        let cloud = Cloud::new(credentials, self.connector.as_ref(), self.clock.clone(), self.settings.clone())
            .map_err(|error| unusable(error.to_string()))?;
        sessions.insert(place, (version, cloud.clone()));
        Ok(cloud)
    }
}

/// Changes when the content does; our own entry on the Secret does not start a new session.
fn digest(secret: &Secret) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for (name, value) in secret.data.iter().flatten() {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(&value.0);
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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
