//! The public interface to one project of one cloud.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::Method;
use tokio::sync::OnceCell;

use super::cache::{Freshness, SecretCache, SharedPoll, TreeCache};
use super::clouds_yaml::{Credentials, CredentialsError};
use super::collections::OCTAVIA_API;
use super::create_slots::CreateSlot;
use super::execute::Done;
use super::http::{ApiRequest, CloudError, Connector, ErrorClass, Service};
use super::inventory::Inventory;
use super::keystone::Project;
use super::pagination::Budget;
use super::quota::QuotaUse;
use super::references::Resolver;
use super::secrets::known_or_cause;
use super::session::Session;
use super::settings::CloudSettings;
use crate::clock::Clock;
use crate::model::{
    AdoptionSelector, ApiVersion, ObservedFloatingIp, ObservedLoadBalancer, ObservedSecret, ObservedSecrets,
    ObservedTree, Owner, Reference, Resolutions, Step, TreeQuery,
};

/// A session of one project. Clones share its token, its lists and its caches.
#[derive(Clone)]
pub struct Cloud {
    shared: Arc<Shared>,
}

struct Shared {
    credentials_fingerprint: u64,
    session: Arc<Session>,
    api_version: OnceCell<ApiVersion>,
    shared_poll: SharedPoll,
    tree_cache: TreeCache,
    secret_cache: SecretCache,
    resolver: Resolver,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("session", &self.shared.session).finish_non_exhaustive()
    }
}

impl Cloud {
    /// Sends nothing; the first call logs in.
    ///
    /// # Errors
    /// When the connector cannot use the TLS settings of the credentials.
    pub fn new(
        mut credentials: Credentials,
        connector: &dyn Connector,
        clock: Arc<dyn Clock>,
        settings: CloudSettings,
    ) -> Result<Self, CredentialsError> {
        let credentials_fingerprint = fingerprint(&credentials);
        // The transport keeps what it needs of the certificates, whose text may be a megabyte.
        let tls = std::mem::take(&mut credentials.tls);
        let failed = |cause| CredentialsError::Connection { cloud: credentials.cloud.clone(), cause };
        let transport = connector.connect(&tls).map_err(failed)?;
        let shared = Shared {
            credentials_fingerprint,
            session: Arc::new(Session::new(credentials, transport, clock, settings)),
            api_version: OnceCell::new(),
            shared_poll: SharedPoll::new(),
            tree_cache: TreeCache::new(),
            secret_cache: SecretCache::new(),
            resolver: Resolver::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// True while other clones exist.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    /// A number that differs between credentials, and stays the same when a session of the same credentials is opened again.
    pub fn credentials_fingerprint(&self) -> u64 {
        self.shared.credentials_fingerprint
    }

    /// The project of the credentials; logs in.
    pub async fn project(&self) -> Result<Project, CloudError> {
        Ok(self.shared.session.login(None).await?.project.clone())
    }

    /// The offer of the cloud to the project, read now.
    pub async fn inventory(&self) -> Result<Inventory, CloudError> {
        self.shared.session.inventory().await
    }

    /// The newest API version of Octavia, read once.
    pub async fn api_version(&self) -> Result<ApiVersion, CloudError> {
        self.shared.api_version.get_or_try_init(|| self.shared.session.api_version()).await.copied()
    }

    /// Resolves references. Resolved ones are remembered for ten minutes, others looked up again each time.
    pub async fn resolve(&self, references: &BTreeSet<Reference>) -> Result<Resolutions, CloudError> {
        self.shared.resolver.resolve(&self.shared.session, references).await
    }

    /// Drops all resolved references, after the object of one has turned out to be missing.
    pub fn forget_references(&self) {
        self.shared.resolver.forget();
    }

    /// True when Neutron has lost this VIP port; false when these credentials may not read ports.
    pub async fn is_port_gone(&self, port: &str) -> Result<bool, CloudError> {
        self.shared.session.is_port_gone(port, &Budget::default()).await
    }

    /// The load balancers of the owner, and of deleted stacks with its name, by tags: one list.
    pub async fn find(&self, owner: &Owner) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        self.shared.session.find(owner).await
    }

    /// The load balancers that a stack names for adoption, read now: one call.
    pub async fn candidates(&self, selector: &AdoptionSelector) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        self.shared.session.candidates(selector).await
    }

    /// The load balancers of all stacks in the project, or of those of one cluster: one list.
    pub async fn of_stacks(&self, cluster: Option<&str>) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        self.shared.session.of_stacks(cluster).await
    }

    /// One load balancer in a state no older than this call; `None` when it was deleted. Many simultaneous calls share one
    /// list.
    pub async fn load_balancer(&self, id: &str) -> Result<Option<ObservedLoadBalancer>, CloudError> {
        self.shared.shared_poll.poll(&self.shared.session, id).await
    }

    /// The whole tree, read now.
    ///
    /// # Errors
    /// `Locked` when it changes while it is read, `NotFound` when it was deleted.
    pub async fn tree<'a>(
        &self,
        load_balancer: ObservedLoadBalancer,
        query: impl Into<TreeQuery<'a>>,
    ) -> Result<ObservedTree, CloudError> {
        let (session, query) = (&self.shared.session, query.into());
        Ok(session.with_secrets(session.tree(load_balancer, query).await?, query).await)
    }

    /// The whole tree, from lists that all stacks of the session share; `None` when it was deleted, or the lists are older
    /// than the last own write. Good enough to detect drift. Before a write, only [`tree`](Self::tree) is.
    pub async fn cached_tree<'a>(
        &self,
        id: &str,
        query: impl Into<TreeQuery<'a>>,
        freshness: impl Into<Freshness>,
    ) -> Result<Option<ObservedTree>, CloudError> {
        let Shared { session, tree_cache, secret_cache, .. } = &*self.shared;
        let (query, freshness) = (query.into(), freshness.into());
        Ok(match tree_cache.tree(session, id, query, freshness).await? {
            Some(tree) => Some(secret_cache.with_secrets(session, tree, query, freshness).await),
            None => None,
        })
    }

    /// A tree that was just created, with its current states.
    pub async fn confirm<'a>(
        &self,
        created: ObservedTree,
        query: impl Into<TreeQuery<'a>>,
    ) -> Result<ObservedTree, CloudError> {
        let (session, query) = (&self.shared.session, query.into());
        Ok(session.with_secrets(session.confirm(created, query).await?, query).await)
    }

    /// The secrets of a stack without a load balancer, for its create. Nothing is read for a stack that stores none.
    pub async fn secrets<'a>(&self, query: impl Into<TreeQuery<'a>>) -> ObservedSecrets {
        let query = query.into();
        if !query.stores_secrets {
            return ObservedSecrets::default();
        }
        known_or_cause(self.leftover_secrets(query.owner).await)
    }

    /// The secrets of a stack that has no load balancer.
    pub async fn leftover_secrets(&self, owner: &Owner) -> Result<Vec<ObservedSecret>, CloudError> {
        self.shared.session.secrets_of(owner, &ObservedTree::default()).await
    }

    /// The floating IPs on the port, those that carry the owner's description or tags, and the one that the query names.
    pub async fn floating_ips<'a>(
        &self,
        query: impl Into<TreeQuery<'a>>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        self.shared.session.floating_ips(query.into(), vip_port_id).await
    }

    /// One floating IP of the project by its id, without its holder: one list.
    pub async fn floating_ip(&self, id: &str) -> Result<Option<ObservedFloatingIp>, CloudError> {
        self.shared.session.floating_ip(id).await
    }

    /// False for a cloud without floating IPs. A positive answer is remembered, a negative one is not.
    pub async fn has_l3_extension(&self) -> Result<bool, CloudError> {
        self.shared.session.has_l3_extension().await
    }

    /// The load balancers with this port as their VIP. Octavia allows two (API 2.27, measured).
    pub async fn on_port(&self, port: &str) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        self.shared.session.on_port(port).await
    }

    /// False for a project whose stacks must not know each other: messages have the ids of others, and no names.
    pub fn names_other_owners(&self) -> bool {
        self.shared.session.settings().names_other_owners
    }

    /// The limits and the use of the project's quota: a read, and a list for each limited kind.
    pub async fn quota_uses(&self) -> Result<Vec<QuotaUse>, CloudError> {
        self.shared.session.quota_uses().await
    }

    /// Waits for the right to one quota-taking call.
    ///
    /// # Errors
    /// `Locked` when too many calls of the project are in flight or waiting.
    pub async fn create_slot(&self) -> Result<CreateSlot, CloudError> {
        let session = &self.shared.session;
        let slot = session.settings().create_slots.acquire(session.slot_key().await?).await;
        slot.ok_or_else(slots_exhausted)
    }

    /// Executes one step: exactly one call, never repeated.
    ///
    /// # Errors
    /// As the cloud responds, and as [`create_slot`](Self::create_slot), with nothing sent.
    pub async fn execute(&self, step: &Step) -> Result<Done, CloudError> {
        if step.call.takes_quota() {
            let slot = self.create_slot().await?;
            return self.execute_in_slot(step, slot).await;
        }
        self.shared.session.execute(step).await
    }

    /// Executes a quota-taking step in a slot that is already held.
    pub async fn execute_in_slot(&self, step: &Step, _slot: CreateSlot) -> Result<Done, CloudError> {
        self.shared.session.execute(step).await
    }
}

fn fingerprint(credentials: &Credentials) -> u64 {
    let mut hasher = DefaultHasher::new();
    credentials.hash(&mut hasher);
    hasher.finish()
}

fn slots_exhausted() -> CloudError {
    let request = ApiRequest::new(Service::LoadBalancer, Method::POST, OCTAVIA_API);
    let message = "other writes that take quota of this project are in flight; nothing was sent";
    request.failed(ErrorClass::Locked, message)
}
