//! The one door to a cloud: a session of one project.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::clouds_yaml::{Credentials, CredentialsError};
use super::execute::Done;
use super::keystone::Project;
use super::pagination::Budget;
use super::quota::{CreateSlot, CreateSlots, QuotaUse};
use super::resolve::Resolver;
use super::session::{ApiRequest, Service, Session};
use super::shared_poll::SharedPoll;
use super::tree_cache::TreeCache;
use super::{CloudError, Connector, ErrorClass};
use crate::clock::Clock;
use crate::model::{
    ApiVersion, ObservedFloatingIp, ObservedLoadBalancer, ObservedTree, Owner, Reference, Resolutions, Step, TreeQuery,
};

/// Hears of every exchange with a cloud, for metrics.
pub trait CallObserver: Send + Sync {
    /// `code`: the HTTP status, or `transport` when no answer came.
    fn called(&self, service: &'static str, verb: &'static str, code: &str, seconds: f64);
}

/// Listens to nothing.
struct NoopObserver;

impl CallObserver for NoopObserver {
    fn called(&self, _: &'static str, _: &'static str, _: &str, _: f64) {}
}

/// How patient a session is, and who watches it.
#[derive(Clone)]
pub struct CloudSettings {
    /// For every read, and a log-in.
    pub read_timeout: Duration,
    /// For a write that takes no quota: it may wait for a row lock of the database, 50 s by default.
    pub write_timeout: Duration,
    /// For a write that takes quota: those of a project queue.
    pub create_timeout: Duration,
    pub observer: Arc<dyn CallObserver>,
    /// Shared by all sessions, since several may lead to one project.
    pub turns: CreateSlots,
}

impl Default for CloudSettings {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            create_timeout: Duration::from_secs(120),
            observer: Arc::new(NoopObserver),
            turns: CreateSlots::default(),
        }
    }
}

/// A session of one project of one cloud. Clones share it: its token, its lists, its answers.
#[derive(Clone)]
pub struct Cloud {
    shared: Arc<Shared>,
}

struct Shared {
    number: u64,
    session: Session,
    version: OnceCell<ApiVersion>,
    turns: CreateSlots,
    polls: SharedPoll,
    quiet: TreeCache,
    resolver: Resolver,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("session", &self.shared.session).finish_non_exhaustive()
    }
}

impl Cloud {
    /// # Errors
    /// When the connector cannot use the trust that the credentials ask for.
    pub fn new(
        mut credentials: Credentials,
        connector: &dyn Connector,
        clock: Arc<dyn Clock>,
        settings: CloudSettings,
    ) -> Result<Self, CredentialsError> {
        let number = fingerprint(&credentials);
        // What it trusts is in the transport from now on; the text of a CA may be a megabyte.
        let tls = std::mem::take(&mut credentials.tls);
        let connection = |cause| CredentialsError::Connection { cloud: credentials.cloud.clone(), cause };
        let transport = connector.connect(&tls).map_err(connection)?;
        let shared = Shared {
            number,
            turns: settings.turns.clone(),
            session: Session::new(credentials, transport, clock, settings),
            version: OnceCell::new(),
            polls: SharedPoll::new(),
            quiet: TreeCache::new(),
            resolver: Resolver::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Somebody else works in it too.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    /// Tells credentials apart: other ones, another number. A session of theirs that was dropped and is opened again has the
    /// same.
    pub fn credentials_fingerprint(&self) -> u64 {
        self.shared.number
    }

    /// The project that the credentials are good for; logs in.
    pub async fn project(&self) -> Result<Project, CloudError> {
        Ok(self.shared.session.login(None).await?.project.clone())
    }

    /// The newest API version of Octavia, asked for once.
    pub async fn api_version(&self) -> Result<ApiVersion, CloudError> {
        self.shared.version.get_or_try_init(|| self.shared.session.api_version()).await.copied()
    }

    /// What references lead to. Good answers are remembered for ten minutes, others asked for again each time.
    pub async fn resolve(&self, references: &BTreeSet<Reference>) -> Result<Resolutions, CloudError> {
        self.shared.resolver.resolve(&self.shared.session, references).await
    }

    /// Something that a reference led to is there no more: all are looked up anew.
    pub fn forget_references(&self) {
        self.shared.resolver.forget();
    }

    /// Whether Neutron has lost this VIP port; not where these credentials may not look at ports.
    pub async fn is_port_gone(&self, port: &str) -> Result<bool, CloudError> {
        self.shared.session.is_port_gone(port, &Budget::default()).await
    }

    /// The load balancers that are the owner's or a dead predecessor's, by tag: one list.
    pub async fn find(&self, owner: &Owner) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        self.shared.session.find(owner).await
    }

    /// A look at one load balancer, no older than this call; `None` when it is gone. Many looks at the same time share
    /// one list.
    pub async fn load_balancer(&self, id: &str) -> Result<Option<ObservedLoadBalancer>, CloudError> {
        self.shared.polls.look(&self.shared.session, id).await
    }

    /// The whole tree, read now.
    ///
    /// # Errors
    /// `Locked` when it changes while it is read, `Gone` when it goes.
    pub async fn tree<'a>(
        &self,
        load_balancer: ObservedLoadBalancer,
        interest: impl Into<TreeQuery<'a>>,
    ) -> Result<ObservedTree, CloudError> {
        self.shared.session.tree(load_balancer, interest.into()).await
    }

    /// The whole tree, at most `max_age` old, from lists that all stacks of the session share; `None` when it is gone.
    /// Good for finding drift; before anything is written, [`tree`](Self::tree) has the last word.
    pub async fn cached_tree<'a>(
        &self,
        id: &str,
        interest: impl Into<TreeQuery<'a>>,
        max_age: Duration,
    ) -> Result<Option<ObservedTree>, CloudError> {
        self.shared.quiet.tree(&self.shared.session, id, interest.into(), max_age).await
    }

    /// A tree just made, with its states of now.
    pub async fn confirm<'a>(
        &self,
        made: ObservedTree,
        interest: impl Into<TreeQuery<'a>>,
    ) -> Result<ObservedTree, CloudError> {
        self.shared.session.confirm(made, interest.into()).await
    }

    /// The floating IPs on the port, and those that carry the owner's mark wherever they are.
    pub async fn floating_ips<'a>(
        &self,
        interest: impl Into<TreeQuery<'a>>,
        vip_port_id: Option<&str>,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        self.shared.session.floating_ips(interest.into(), vip_port_id).await
    }

    /// One of the project's by its id, without its holder: one list.
    pub async fn floating_ip(&self, id: &str) -> Result<Option<ObservedFloatingIp>, CloudError> {
        self.shared.session.floating_ip(id).await
    }

    /// Whether the cloud has floating IPs at all. That it has is asked for once, that it has none each time.
    pub async fn has_floating_ips(&self) -> Result<bool, CloudError> {
        self.shared.session.has_floating_ips().await
    }

    /// The load balancers that use this port as their VIP. Octavia lets two of them have it (API 2.27, measured).
    pub async fn on_port(&self, port: &str) -> Result<Vec<ObservedLoadBalancer>, CloudError> {
        self.shared.session.on_port(port).await
    }

    /// What the project may have and has: a read, and a list for each kind that is limited.
    pub async fn quota_uses(&self) -> Result<Vec<QuotaUse>, CloudError> {
        self.shared.session.quota_uses().await
    }

    /// Waits for the right to one quota-taking call.
    ///
    /// # Errors
    /// `Locked` when too many of the project's are in flight or waiting.
    pub async fn create_slot(&self) -> Result<CreateSlot, CloudError> {
        let queue = self.shared.session.queue().await?;
        self.shared.turns.take(queue).await.ok_or_else(|| self.shared.session.crowded())
    }

    /// Executes one step: exactly one call, never repeated.
    ///
    /// # Errors
    /// As the cloud answered; as [`turn`](Self::turn), with nothing sent.
    pub async fn execute(&self, step: &Step) -> Result<Done, CloudError> {
        if step.call.takes_quota() {
            let turn = self.create_slot().await?;
            return self.execute_in_slot(step, turn).await;
        }
        self.shared.session.execute(step).await
    }

    /// Executes a step that takes quota, whose turn it is; likewise.
    pub async fn execute_in_slot(&self, step: &Step, _turn: CreateSlot) -> Result<Done, CloudError> {
        self.shared.session.execute(step).await
    }
}

fn fingerprint(credentials: &Credentials) -> u64 {
    let mut hasher = DefaultHasher::new();
    credentials.hash(&mut hasher);
    hasher.finish()
}

/// `v2.27`: what else an answer holds is not told.
fn is_version(id: &&str) -> bool {
    id.len() <= 10 && id.strip_prefix('v').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

impl Session {
    async fn api_version(&self) -> Result<ApiVersion, CloudError> {
        #[derive(Deserialize)]
        struct Versions {
            versions: Vec<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            id: String,
        }
        let ask = ApiRequest::get(Service::LoadBalancer, "/");
        let versions = self.send(&ask).await?.json::<Versions>()?.versions;
        let minors = versions.iter().filter_map(|version| version.id.strip_prefix("v2.")?.parse().ok());
        let minor = minors.max().ok_or_else(|| {
            let ids: Vec<&str> = versions.iter().map(|version| version.id.as_str()).filter(is_version).collect();
            ask.failed(ErrorClass::Rejected, format!("Octavia offers no version v2 of its API, but {}", ids.join(", ")))
        })?;
        Ok(ApiVersion { minor })
    }

    fn crowded(&self) -> CloudError {
        let ask = ApiRequest::new(Service::LoadBalancer, http::Method::POST, "/v2/lbaas");
        let message = "other writes that take quota of this project are in flight; nothing was sent";
        ask.failed(ErrorClass::Locked, message.into())
    }
}
