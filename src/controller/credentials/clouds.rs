//! From a stack to its session with a cloud.

use k8s_openapi::api::core::v1::Secret;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt};

use super::concurrency::{ConcurrencyLimits, Permit};
use super::data::CredentialsData;
use super::error::CredentialsProblem;
use super::finalizer;
use super::session_cache::SessionCache;
use super::source::{CredentialsSource, secret_of};
use crate::api::LoadBalancerStack;
use crate::controller::names::NamespacedName;
use crate::controller::watch::MaybeStack;
use crate::openstack::Cloud;

/// Treatment of the Secret when a session is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretFinalizer {
    /// The Secret gets the finalizer before it is used.
    Add,
    /// The Secret stays as it is.
    Leave,
}

/// Sessions of all stacks.
pub(crate) struct Clouds {
    client: Client,
    stacks: Store<MaybeStack>,
    sessions: SessionCache,
    limits: ConcurrencyLimits,
}

impl Clouds {
    pub(crate) fn new(
        client: Client,
        stacks: Store<MaybeStack>,
        sessions: SessionCache,
        limits: ConcurrencyLimits,
    ) -> Self {
        Self { client, stacks, sessions, limits }
    }

    /// Permit for one reconcile of this stack, valid until it is dropped. `None`: too many with its credentials are in
    /// progress. The stacks of a namespace that name no credentials count as one Secret.
    pub(crate) fn try_acquire(&self, stack: &LoadBalancerStack) -> Option<Permit> {
        let namespace = stack.namespace().unwrap_or_default();
        self.limits.try_acquire(&NamespacedName::new(namespace, secret_of(stack).unwrap_or_default()))
    }

    /// Session of a stack with its cloud.
    pub(crate) async fn session(
        &self,
        stack: &LoadBalancerStack,
        finalizer: SecretFinalizer,
    ) -> Result<Cloud, CredentialsProblem> {
        let source = CredentialsSource::of(stack)?;
        let NamespacedName { namespace, name } = source.secret();
        let api = Api::<Secret>::namespaced(self.client.clone(), namespace);
        let Some(secret) = api.get_opt(name).await.map_err(Box::new)? else {
            self.sessions.forget(source.secret());
            return Err(CredentialsProblem::NoSecret(name.clone()));
        };
        let cloud = self.sessions.open(&source, &CredentialsData::from(&secret))?;
        // Only now: an author of stacks must not keep a Secret from being deleted that holds no credentials.
        if finalizer == SecretFinalizer::Add {
            finalizer::add(&api, secret).await?;
        }
        Ok(cloud)
    }

    /// Removes the finalizer from a Secret that no stack with a finalizer refers to any more, not counting the one that
    /// is `leaving`, which this view of the cluster may still show. False while one does.
    pub(crate) async fn release_unused(
        &self,
        secret: &NamespacedName,
        leaving: Option<&str>,
    ) -> Result<bool, Box<kube::Error>> {
        let is_user = |stored: &MaybeStack| {
            let stays = leaving.is_none() || stored.meta().uid.as_deref() != leaving;
            let in_namespace = stored.meta().namespace.as_ref() == Some(&secret.namespace);
            in_namespace && stays && finalizer::needs(stored, &secret.name)
        };
        if self.stacks.find(is_user).is_some() {
            return Ok(false);
        }
        finalizer::remove_unless_needed(&self.client, secret).await
    }
}
