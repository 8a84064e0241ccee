//! The status of clouds that namespaces share. Pure.

use jiff::Timestamp;
use kube::Resource;

use crate::api::{ClusterOpenStackCloud, ClusterOpenStackCloudStatus, Condition};
use crate::controller::conditions::{ConditionInputs, READY, RECONCILING, STALLED, condition};
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
    /// Set when nothing but an action helps. Otherwise the controller retries.
    pub is_stalled: bool,
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
        conditions: conditions(cloud, &previous.conditions, findings, now),
    }
}

/// Ready, and with it the condition by which kstatus tells a failure from progress.
fn conditions(
    cloud: &ClusterOpenStackCloud,
    previous: &[Condition],
    findings: &CloudFindings,
    now: Timestamp,
) -> Vec<Condition> {
    let deleting = cloud.meta().deletion_timestamp.is_some();
    let generation = cloud.metadata.generation.unwrap_or_default();
    let inputs = ConditionInputs { previous, generation, deleting, held_back: &[], now };
    let not_ready = |cause: &str, reason: &str, message: &str| {
        vec![condition(inputs, READY, false, reason, message), condition(inputs, cause, true, reason, message)]
    };
    match (&findings.problem, deleting) {
        (_, true) => not_ready(RECONCILING, "Deleting", &deleting_message(findings.users)),
        (Some(problem), false) => {
            let cause = if problem.is_stalled { STALLED } else { RECONCILING };
            not_ready(cause, problem.reason, &problem.message)
        }
        (None, false) => vec![condition(inputs, READY, true, "CredentialsAccepted", "")],
    }
}

fn deleting_message(users: usize) -> String {
    format!("the object is kept while stacks need it, now {users}: delete those stacks, or give them other credentials")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(problem: Option<CloudProblem>, deleting: bool) -> Vec<String> {
        let mut object = json!({
            "metadata": {"name": "prod", "generation": 1},
            "spec": {"secretRef": {"name": "prod"}, "cloudName": "openstack"},
        });
        if deleting {
            object["metadata"]["deletionTimestamp"] = "2026-11-30T10:00:00Z".into();
        }
        let cloud = serde_json::from_value(object).unwrap();
        let findings = CloudFindings { problem, ..CloudFindings::default() };
        let status = build(&cloud, &findings, "2026-11-30T10:00:00Z".parse().unwrap());
        status.conditions.iter().map(|c| format!("{}={:?} {}", c.kind, c.status, c.reason)).collect()
    }

    #[test]
    fn unusable_credentials_stall_and_a_silent_cloud_does_not() {
        let problem = |reason, is_stalled| Some(CloudProblem { reason, message: "why".to_owned(), is_stalled });
        assert_eq!(shown(None, false), ["Ready=True CredentialsAccepted"]);
        let stalled = ["Ready=False CredentialsMissing", "Stalled=True CredentialsMissing"];
        assert_eq!(shown(problem("CredentialsMissing", true), false), stalled);
        let waits = ["Ready=False CloudUnreachable", "Reconciling=True CloudUnreachable"];
        assert_eq!(shown(problem("CloudUnreachable", false), false), waits);
        assert_eq!(shown(None, true), ["Ready=False Deleting", "Reconciling=True Deleting"]);
    }
}
