//! The only writer of the status of clouds that namespaces share. The status of stacks is written elsewhere.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::api::{ClusterOpenStackCloud, ClusterOpenStackCloudStatus, Condition, ConditionStatus};
use crate::controller::conflict::Tries;
use crate::controller::names::MANAGER;
use crate::controller::text::shortened;
use crate::openstack::Project;

const READY: &str = "Ready";
const MAX_MESSAGE: usize = 1024;

/// Result of one look at a cloud.
#[derive(Debug, Default)]
pub(super) struct CloudFindings {
    pub users: usize,
    /// Project of the credentials, if they work.
    pub project: Option<Project>,
    pub problem: Option<CloudProblem>,
}

/// Reason for which the credentials do not work.
#[derive(Debug)]
pub(super) struct CloudProblem {
    pub reason: &'static str,
    pub message: String,
}

/// Status after a look. Project and region stay the same while the credentials do not work.
pub(super) fn build(
    cloud: &ClusterOpenStackCloud,
    findings: &CloudFindings,
    now: Timestamp,
) -> ClusterOpenStackCloudStatus {
    let previous = cloud.status.clone().unwrap_or_default();
    let (project_id, region) = match &findings.project {
        Some(project) => (Some(project.id.clone()), Some(project.region.clone())),
        None => (previous.project_id, previous.region),
    };
    ClusterOpenStackCloudStatus {
        observed_generation: cloud.metadata.generation,
        project_id,
        region,
        users: i64::try_from(findings.users).ok(),
        conditions: vec![ready(cloud, &previous.conditions, findings, now)],
    }
}

fn ready(cloud: &ClusterOpenStackCloud, previous: &[Condition], findings: &CloudFindings, now: Timestamp) -> Condition {
    let is_deleting = cloud.meta().deletion_timestamp.is_some();
    let (status, reason, message) = match (&findings.problem, is_deleting) {
        (_, true) => (ConditionStatus::False, "Deleting", deleting_message(findings.users)),
        (Some(problem), false) => (ConditionStatus::False, problem.reason, problem.message.clone()),
        (None, false) => (ConditionStatus::True, "CredentialsAccepted", String::new()),
    };
    let before = previous.iter().find(|condition| condition.kind == READY && condition.status == status);
    let in_seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Condition {
        kind: READY.to_owned(),
        status,
        observed_generation: cloud.metadata.generation,
        last_transition_time: before.map_or(in_seconds, |condition| condition.last_transition_time),
        reason: reason.to_owned(),
        message: shortened(&message, MAX_MESSAGE, |_| 1),
    }
}

fn deleting_message(users: usize) -> String {
    format!("the object is kept while stacks need it, now {users}: delete those stacks, or give them other credentials")
}

/// Server-side apply under the name of the controller. An unchanged status is not written.
pub(super) async fn write(
    api: &Api<ClusterOpenStackCloud>,
    cloud: &ClusterOpenStackCloud,
    status: ClusterOpenStackCloudStatus,
) -> Result<(), kube::Error> {
    if cloud.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let patch = Patch::Apply(json!({
        "apiVersion": ClusterOpenStackCloud::api_version(&()),
        "kind": ClusterOpenStackCloud::kind(&()),
        "metadata": {"uid": cloud.uid()},
        "status": status,
    }));
    let parameters = PatchParams::apply(MANAGER).force();
    let mut tries = Tries::default();
    loop {
        match api.patch_status(&cloud.name_any(), &parameters, &patch).await {
            Ok(_) => return Ok(()),
            // The object was deleted in the meantime.
            Err(kube::Error::Api(answer)) if answer.code == 404 => return Ok(()),
            Err(error) if tries.again(&error).await => {}
            Err(error) => return Err(error),
        }
    }
}
