//! The status of clouds that namespaces share. Pure.

use jiff::Timestamp;
use kube::Resource;

use crate::api::{ClusterOpenStackCloud, ClusterOpenStackCloudStatus, Condition};
use crate::controller::conditions::{ConditionInputs, READY, condition};
use crate::openstack::Project;

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
    let deleting = cloud.meta().deletion_timestamp.is_some();
    let generation = cloud.metadata.generation.unwrap_or_default();
    let inputs = ConditionInputs { previous, generation, deleting, held_back: &[], now };
    match (&findings.problem, deleting) {
        (_, true) => condition(inputs, READY, false, "Deleting", &deleting_message(findings.users)),
        (Some(problem), false) => condition(inputs, READY, false, problem.reason, &problem.message),
        (None, false) => condition(inputs, READY, true, "CredentialsAccepted", ""),
    }
}

fn deleting_message(users: usize) -> String {
    format!("the object is kept while stacks need it, now {users}: delete those stacks, or give them other credentials")
}
