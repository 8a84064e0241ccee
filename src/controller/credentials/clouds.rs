//! From a stack to its session with a cloud.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource};

use super::concurrency::{ConcurrencyLimits, Permit, Share};
use super::data::CredentialsData;
use super::error::CredentialsProblem;
use super::finalizer::{self, StackScope};
use super::session_cache::SessionCache;
use super::source::{CredentialsSource, secret_of};
use crate::api::{ClusterOpenStackCloud, LoadBalancerStack};
use crate::cluster::NamespacedName;
use crate::controller::cluster_clouds::{CloudAccess, ClusterClouds, cluster_cloud_of};
use crate::controller::finalizer::has_finalizer;
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
    cluster_clouds: Arc<ClusterClouds>,
    sessions: SessionCache,
    limits: ConcurrencyLimits,
}

impl Clouds {
    pub(crate) fn new(
        client: Client,
        stacks: Store<MaybeStack>,
        cluster_clouds: Arc<ClusterClouds>,
        sessions: SessionCache,
        limits: ConcurrencyLimits,
    ) -> Self {
        Self { client, stacks, cluster_clouds, sessions, limits }
    }

    /// Permit for one reconcile of this stack, valid until it is dropped. `None`: too many with its credentials are in
    /// progress. The stacks of a namespace that name no credentials count as one Secret.
    pub(crate) fn try_acquire(&self, stack: &LoadBalancerStack) -> Option<Permit> {
        let NamespacedName { namespace, .. } = NamespacedName::of(stack);
        self.limits.try_acquire(match cluster_cloud_of(stack) {
            Some(cloud) => Share::of_cluster_cloud(namespace, cloud),
            None => Share::of_secret(namespace, secret_of(stack).unwrap_or_default()),
        })
    }

    /// Source of the credentials of a stack.
    pub(crate) fn source(&self, stack: &LoadBalancerStack) -> Result<CredentialsSource, CredentialsProblem> {
        CredentialsSource::of(stack, &self.cluster_clouds)
    }

    /// Session of a stack with its cloud.
    pub(crate) async fn session(
        &self,
        source: &CredentialsSource,
        finalizer: SecretFinalizer,
    ) -> Result<Cloud, CredentialsProblem> {
        self.open_for(source, finalizer).await.map_err(|problem| problem.for_stack(source.cluster_cloud()))
    }

    /// Session with these credentials, for no stack.
    pub(crate) async fn open(&self, source: &CredentialsSource) -> Result<Cloud, CredentialsProblem> {
        self.open_for(source, SecretFinalizer::Leave).await
    }

    async fn open_for(
        &self,
        source: &CredentialsSource,
        finalizer: SecretFinalizer,
    ) -> Result<Cloud, CredentialsProblem> {
        let NamespacedName { namespace, name } = source.secret();
        let api = Api::<Secret>::namespaced(self.client.clone(), namespace);
        let Some(secret) = api.get_opt(name).await.map_err(Box::new)? else {
            self.sessions.forget(source.secret());
            return Err(CredentialsProblem::NoSecret(name.clone()));
        };
        let cloud = self.sessions.open(source, &CredentialsData::from(&secret))?;
        // Only now: an author of stacks must not keep a Secret from being deleted that holds no credentials.
        if finalizer == SecretFinalizer::Add {
            if let Some(cluster_cloud) = source.cluster_cloud() {
                self.keep_cluster_cloud(cluster_cloud).await?;
            }
            finalizer::add(&api, secret).await?;
        }
        Ok(cloud)
    }

    /// Adds the finalizer to a cloud that namespaces share. One that is being deleted has it, or is gone soon.
    async fn keep_cluster_cloud(&self, name: &str) -> Result<(), CredentialsProblem> {
        let api = Api::<ClusterOpenStackCloud>::all(self.client.clone());
        match api.get_metadata_opt(name).await.map_err(Box::new)? {
            Some(live) => finalizer::add(&api, live).await,
            None => Err(CredentialsProblem::NoCloud(name.to_owned())),
        }
    }

    /// Tells whether a stack may have a load balancer in a cloud that namespaces share.
    pub(crate) fn has_room(&self, stack: &LoadBalancerStack, access: &CloudAccess) -> bool {
        let is_limited = access.spec.allow.max_load_balancers_per_namespace.is_some();
        !is_limited || self.cluster_clouds.admit(stack, access, &self.stacks.state())
    }

    /// Removes the finalizer from a Secret that no stack with a finalizer needs any more, not counting the one that is
    /// `leaving`, which this view of the cluster may still show. False while one does.
    pub(crate) async fn release_unused(
        &self,
        secret: &NamespacedName,
        leaving: Option<&str>,
    ) -> Result<bool, Box<kube::Error>> {
        let needs = |stored: &MaybeStack| self.needs_secret(stored, secret);
        let stays = |stored: &MaybeStack| leaving.is_none() || stored.meta().uid.as_deref() != leaving;
        if self.stacks.find(|stored| stays(stored) && needs(stored)).is_some() {
            return Ok(false);
        }
        let api = Api::<Secret>::namespaced(self.client.clone(), &secret.namespace);
        let scope = match self.cluster_clouds.has_secret(secret) {
            true => StackScope::All,
            false => StackScope::Namespace(&secret.namespace),
        };
        finalizer::remove_unless_needed(&self.client, &api, &secret.name, scope, needs).await
    }

    /// Removes the finalizer from a cloud that namespaces share, once no stack needs it. False while one does.
    pub(crate) async fn release_cluster_cloud(&self, name: &str) -> Result<bool, kube::Error> {
        let api = Api::<ClusterOpenStackCloud>::all(self.client.clone());
        let needs = |stored: &MaybeStack| self.cluster_clouds.is_needed_by(name, stored);
        let released = finalizer::remove_unless_needed(&self.client, &api, name, StackScope::All, needs).await;
        released.map_err(|error| *error)
    }

    /// Tells whether a stack needs the Secret. An invalid stack may refer to any of its namespace.
    fn needs_secret(&self, stored: &MaybeStack, secret: &NamespacedName) -> bool {
        let in_namespace = stored.meta().namespace.as_ref() == Some(&secret.namespace);
        let refers = || stored.0.as_ref().map_or(true, |stack| secret_of(stack) == Some(secret.name.as_str()));
        in_namespace && refers() && has_finalizer(stored) || self.cluster_clouds.is_secret_needed_by(secret, stored)
    }
}
