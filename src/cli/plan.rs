//! `evenkeel plan`: prints what would change in the cloud.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use futures::future::BoxFuture;
use kube::ResourceExt;
use serde_json::Value;

use super::plan_args::{PlanArgs, PlanResult};
use crate::api::LoadBalancerStack;
use crate::clock::{Clock, SystemClock};
use crate::engine::{
    self, Goal, Memory, PendingCreateStore, PendingCreateStoreError, PendingCreates, Reconciliation, Record, Remedy,
    Settings, State,
};
use crate::model::{ClusterContents, Owner, Source};
use crate::openstack::{Cloud, CloudSettings, Connector};
use crate::translate;

/// UID of a stack that is in no cluster.
const PLACEHOLDER_UID: &str = "00000000-0000-0000-0000-000000000000";

fn owner_of(stack: &LoadBalancerStack, args: &PlanArgs) -> Owner {
    let namespace = args.namespace.clone().or_else(|| stack.namespace()).unwrap_or_else(|| "default".to_owned());
    Owner { uid: PLACEHOLDER_UID.to_owned(), cluster: args.cluster_id.clone(), namespace, name: stack.name_any() }
}

/// The owner with the UID that its load balancer carries, if there is one.
async fn existing_owner(cloud: &Cloud, owner: Owner) -> anyhow::Result<Owner> {
    let oldest = cloud.find(&owner).await?.into_iter().min_by(|a, b| a.created_at.cmp(&b.created_at));
    Ok(oldest.map_or_else(|| owner.clone(), |load_balancer| owner.predecessor(&load_balancer.tags)))
}

/// Plans the stack in a file against its cloud, and prints the plan. Writes nothing to the cloud.
///
/// # Errors
/// The file or the credentials cannot be used, the stack has problems, or the cloud cannot be read now.
pub async fn plan(args: &PlanArgs, connector: &dyn Connector, out: &mut dyn Write) -> anyhow::Result<PlanResult> {
    let stack = read(&args.filename).with_context(|| args.filename.display().to_string())?;
    let clock = std::sync::Arc::new(SystemClock);
    let cloud = Cloud::new(args.cloud.credentials()?, connector, clock, CloudSettings::default())?;
    let owner = existing_owner(&cloud, owner_of(&stack, args)).await?;
    let spec = &stack.spec;
    let source = Source {
        references: translate::references(spec),
        validate: &|resolutions, version| {
            // Services and Secrets are in a cluster: they are unknown here, and the cloud keeps the members and
            // certificates that it has.
            translate::desired(spec, owner.clone(), resolutions, &ClusterContents::default(), version)
        },
    };
    let reconciliation = Reconciliation {
        cloud: &cloud,
        source: &source,
        owner: &owner,
        generation: stack.metadata.generation.unwrap_or_default(),
        record: &Record::default(),
        pending_create_store: &ReadOnly,
        settings: &Settings::default(),
        now: SystemClock.now(),
    };
    let outcome = engine::reconcile(reconciliation, Goal::Observe, &mut Memory::default()).await;
    match outcome.state {
        State::Observed { differs } => {
            write!(out, "{}", outcome.plan)?;
            ensure!(outcome.plan.problems.is_empty(), "the stack cannot be carried out as it is");
            Ok(if differs { PlanResult::Changes } else { PlanResult::NoChange })
        }
        State::Stalled { message, .. } | State::Waiting { message, .. } => match outcome.remedies.first() {
            Some(Remedy::CheckCredentials) => bail!("{message}; check the entry of clouds.yaml, and its user's roles"),
            _ => bail!("{message}"),
        },
        state => bail!("no plan could be made: {state:?}"),
    }
}

fn read(path: &Path) -> anyhow::Result<LoadBalancerStack> {
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin())?,
        _ => std::fs::read_to_string(path)?,
    };
    let object: Value = serde_saphyr::from_str(&text)?;
    ensure!(object["kind"] == "LoadBalancerStack", "it is of kind {}, not LoadBalancerStack", object["kind"]);
    Ok(serde_json::from_value(object)?)
}

/// Store of a reconcile that writes nothing.
struct ReadOnly;

impl PendingCreateStore for ReadOnly {
    fn write(&self, _: PendingCreates) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        Box::pin(async { Err(PendingCreateStoreError("only a plan was asked for".to_owned())) })
    }

    fn check_unchanged(&self) -> BoxFuture<'_, Result<(), PendingCreateStoreError>> {
        Box::pin(async { Ok(()) })
    }
}
