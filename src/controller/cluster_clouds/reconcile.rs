//! One look at one cloud: its finalizer, its credentials, its status.

use std::time::Duration;

use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};

use super::cache::MaybeCloud;
use super::status::{self, CloudFindings};
use crate::api::ClusterOpenStackCloud;
use crate::controller::context::Context;
use crate::controller::credentials::{self, CredentialsSource};
use crate::controller::status::apply;
use crate::engine::{Outcome, State};

/// Interval between two looks at a cloud whose credentials work: a person may have changed its project's users.
const PERIOD: Duration = Duration::from_secs(600);

/// Interval after a failure.
const RETRY: Duration = Duration::from_secs(30);

/// Interval after a failed request to the Kubernetes API.
const KUBE_RETRY: Duration = Duration::from_secs(5);

/// Brings finalizer and status of a cloud up to date.
pub(super) async fn reconcile(stored: &MaybeCloud, context: &Context) -> Action {
    let cloud = match &stored.0 {
        Ok(cloud) => cloud,
        Err(problem) => {
            tracing::warn!(problem = problem.error, "this ClusterOpenStackCloud cannot be read and is left alone");
            return Action::await_change();
        }
    };
    match look(cloud, context).await {
        Ok(period) => Action::requeue(period),
        Err(error) => {
            tracing::warn!(%error, "the Kubernetes API rejected a request");
            Action::requeue(KUBE_RETRY)
        }
    }
}

async fn look(cloud: &ClusterOpenStackCloud, context: &Context) -> Result<Duration, kube::Error> {
    let users = context.cluster_clouds.users(&cloud.name_any());
    if sync_finalizer(cloud, users, context).await? == Existence::MayBeGone {
        return Ok(PERIOD);
    }
    let findings = CloudFindings { users, ..findings(cloud, context).await };
    let period = if findings.problem.is_none() { PERIOD } else { RETRY };
    let api = Api::<ClusterOpenStackCloud>::all(context.client.clone());
    let status = status::build(cloud, &findings, context.clock.now());
    if cloud.status.as_ref() != Some(&status) {
        apply(&api, cloud, &status).await?;
    }
    Ok(period)
}

#[derive(PartialEq, Eq)]
enum Existence {
    Stays,
    /// It is being deleted, and nothing of Evenkeel keeps it.
    MayBeGone,
}

/// Keeps the object as long as stacks need it.
async fn sync_finalizer(
    cloud: &ClusterOpenStackCloud,
    users: usize,
    context: &Context,
) -> Result<Existence, kube::Error> {
    let api = Api::<ClusterOpenStackCloud>::all(context.client.clone());
    let is_deleting = cloud.meta().deletion_timestamp.is_some();
    let has_finalizer = credentials::has_finalizer(cloud);
    if users > 0 && !has_finalizer && !is_deleting {
        // A cloud that is deleted in this moment is found so at its next event.
        let _ = credentials::add_finalizer(&api, cloud.clone()).await;
    }
    let is_released = has_finalizer && users == 0 && context.clouds.release_cluster_cloud(&cloud.name_any()).await?;
    let is_kept = has_finalizer && !is_released;
    Ok(if is_deleting && !is_kept { Existence::MayBeGone } else { Existence::Stays })
}

/// Project and region of the credentials, or the reason for which they do not work.
async fn findings(cloud: &ClusterOpenStackCloud, context: &Context) -> CloudFindings {
    let source = CredentialsSource::of_cluster_cloud(&cloud.name_any(), &cloud.spec, &context.cluster_clouds);
    let session = match source {
        Ok(source) => context.clouds.open(&source).await,
        Err(problem) => Err(problem),
    };
    let failed = |outcome: Outcome| CloudFindings { problem: problem_of(outcome), ..CloudFindings::default() };
    match session {
        Err(problem) => failed(problem.at("spec.secretRef")),
        Ok(session) => match session.project().await {
            Ok(project) => CloudFindings { project: Some(project), ..CloudFindings::default() },
            Err(error) => failed(Outcome::failed(error)),
        },
    }
}

fn problem_of(outcome: Outcome) -> Option<status::CloudProblem> {
    match outcome.state {
        State::Stalled { reason, message } => {
            Some(status::CloudProblem { reason: reason.as_str(), message, is_stalled: true })
        }
        State::Waiting { reason, message } => {
            Some(status::CloudProblem { reason: reason.as_str(), message, is_stalled: false })
        }
        _ => None,
    }
}
