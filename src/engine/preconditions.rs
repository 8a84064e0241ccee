//! Checks before anything is read or written, and checks before a create.
//!
//! A load balancer that exists is kept whatever the create-only checks say: none of them changes what it has.

use crate::model::{Desired, Kind, ObservedFloatingIp, Problem};
use crate::openstack::{CloudError, ErrorClass, QuotaUse};
use crate::plan;

use super::memory::Memory;
use super::outcome::{Outcome, Retry, StallReason, WaitReason};
use super::reconciliation::Reconciliation;
use super::settings::{OLDEST_API, QUOTA_RETRY};
use super::stop::Stop;

/// Reason to make no load balancer.
pub(super) struct CreateBlocker {
    pub outcome: Outcome,
    /// Floating IP of another client, with what was read of it, if that is the reason.
    pub in_use: Option<(Problem, Vec<ObservedFloatingIp>)>,
}

impl Reconciliation<'_> {
    /// Checks that the credentials lead to the recorded project and region (another cloud is not an empty cloud), and
    /// that Octavia is new enough. Nothing else is looked up before.
    pub(super) async fn check_preconditions(&self) -> Result<(), Stop> {
        self.check_project().await?;
        let version = self.cloud.api_version().await?;
        if version < OLDEST_API {
            return Err(Outcome::stalled(
                StallReason::OctaviaTooOld,
                format!("this Octavia speaks API version {version}; {OLDEST_API} is the oldest that is supported"),
            )
            .into());
        }
        Ok(())
    }

    async fn check_project(&self) -> Result<(), Stop> {
        let project = self.cloud.project().await?;
        let differs =
            |recorded: &Option<String>, now: &str| recorded.as_deref().is_some_and(|recorded| recorded != now);
        if !differs(&self.record.project_id, &project.id) && !differs(&self.record.region, &project.region) {
            return Ok(());
        }
        let place = |id: Option<&str>, region: Option<&str>| {
            format!("project {} of region {}", id.unwrap_or("?"), region.unwrap_or("?"))
        };
        let message = format!(
            "the credentials lead to {} now, but load balancer {} was made in {}; nothing is written: point the \
             credentials back",
            place(Some(&project.id), Some(&project.region)),
            self.record.load_balancer_id.as_deref().unwrap_or("of this stack"),
            place(self.record.project_id.as_deref(), self.record.region.as_deref()),
        );
        Err(Outcome::stalled(StallReason::ProjectMismatch, message).into())
    }

    /// Stops before a create that the stack or a floating IP of another client forbids.
    pub(super) async fn check_create_preconditions(&self, desired: &Desired, memory: &mut Memory) -> Result<(), Stop> {
        match self.create_blocker(desired).await? {
            None => Ok(()),
            Some(CreateBlocker { outcome, in_use }) => Err(memory.contend(desired, in_use, outcome).into()),
        }
    }

    /// Reason to make no load balancer, found without writing. The floating IP is read again: its port may change at any
    /// time.
    pub(super) async fn create_blocker(&self, desired: &Desired) -> Result<Option<CreateBlocker>, CloudError> {
        if !desired.create_problems.is_empty() {
            return Ok(Some(CreateBlocker { outcome: Outcome::problems(&desired.create_problems), in_use: None }));
        }
        let query = desired.tree_query();
        if query.floating_ip.is_none() {
            return Ok(None);
        }
        let floating_ips = self.cloud.floating_ips(query, None).await?;
        Ok(plan::floating_ip_in_use(desired, &floating_ips).map(|problem| {
            let outcome = Outcome::stalled(StallReason::ReferenceUnusable, problem.to_string());
            CreateBlocker { outcome, in_use: Some((problem, floating_ips)) }
        }))
    }

    /// Stops a create on a port that is the VIP of another load balancer: Octavia would accept it, and make both
    /// ACTIVE.
    pub(super) async fn check_vip_port(&self, desired: &Desired) -> Result<(), Stop> {
        let Some(port) = &desired.load_balancer.vip.port_id else { return Ok(()) };
        let Some(other) = self.cloud.on_port(port).await?.into_iter().next() else { return Ok(()) };
        let other = match self.cloud.names_other_owners() {
            true => format!("{} ({})", other.name, other.id),
            false => other.id,
        };
        let message = format!(
            "spec.loadBalancer.vip.port: port {port} is the VIP of load balancer {other} already: name another port"
        );
        Err(Outcome::stalled(StallReason::ReferenceUnusable, message).into())
    }

    /// Stops a create for which the quota has no room, with numbers. Octavia leaks a VIP port, with its address, each
    /// time that it rejects the children of a create.
    pub(super) async fn check_quota(&self, desired: &Desired) -> Result<(), Stop> {
        let uses = match self.cloud.quota_uses().await {
            Ok(uses) => uses,
            // The policy of this cloud hides quotas: the create will tell.
            Err(error)
                if matches!(error.class, ErrorClass::Credentials | ErrorClass::Rejected | ErrorClass::NotFound) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let missing: Vec<String> = uses
            .into_iter()
            .map(|QuotaUse { kind, used, limit }| (kind, used, limit, needed(desired, kind)))
            .filter(|(_, used, limit, needs)| used + needs > *limit)
            .map(|(kind, used, limit, needs)| format!("{} {used} of {limit} used, {needs} more needed", kind.noun()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the quota of the project has no room: {}; delete something or ask the operator of the cloud to raise it",
            missing.join("; ")
        );
        Err(Outcome::waiting(WaitReason::QuotaExceeded, message, Retry::After(QUOTA_RETRY)).into())
    }
}

/// Number of objects of a kind in the stack.
fn needed(desired: &Desired, kind: Kind) -> i64 {
    let pools = desired.pools.values();
    let count = match kind {
        Kind::LoadBalancer => 1,
        Kind::Listener => desired.listeners.len(),
        Kind::Pool => desired.pools.len(),
        Kind::Member => pools.filter_map(|pool| pool.members.known()).map(|members| members.len()).sum(),
        Kind::HealthMonitor => pools.filter(|pool| pool.monitor.is_some()).count(),
        Kind::L7Policy | Kind::L7Rule | Kind::FloatingIp | Kind::Secret => 0,
    };
    count as i64
}
