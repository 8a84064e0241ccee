//! Adopts a load balancer that another client made. Each reason not to has its own words, and nothing is created instead.

use crate::model::{
    Adoption, AdoptionSelector, Desired, Kind, ObservedFloatingIp, ObservedLoadBalancer, ObservedTree, Owner, Plan,
    Problem, ProblemReason, Provisioning, owners,
};
use crate::openstack::{CloudError, ErrorClass};
use crate::plan;

use super::execute::AT_ONCE;
use super::memory::Memory;
use super::messages::delayed;
use super::outcome::{Observed, Outcome, StallReason, State};
use super::reconciliation::Reconciliation;
use super::stop::Stop;

/// The field that messages name.
const FIELD: &str = "spec.adopt";

/// The status of a request for an object of another project.
const FORBIDDEN: u16 = 403;

impl Reconciliation<'_> {
    /// Writes the next step of the adoption: floating IPs of the former owner, or the owner tags. The next reconciles find
    /// the load balancer by its tags and bring it into the desired state.
    pub(super) async fn adopt(
        &self,
        desired: &Desired,
        adoption: &Adoption,
        memory: &mut Memory,
    ) -> Result<Outcome, Stop> {
        // One that was asked for earlier may still appear, and would be a second load balancer.
        self.check_pending_create(memory)?;
        check_limit(desired)?;
        let (tree, plan) = self.adoption_plan(desired, adoption, memory).await?;
        let Some(step) = plan.steps.first().cloned() else { return Ok(Outcome::new(State::Progressing, AT_ONCE)) };
        // No later step runs before the stack is the owner.
        if let Some(delay) = memory.backoff.delay(&step) {
            return Ok(delayed(plan, delay, &memory.history));
        }
        let outcome = self.execute(step, plan, Observed::Nothing, memory).await;
        let claimed = outcome.executed.as_ref().is_some_and(|step| step.kind == Kind::LoadBalancer);
        // A status with the id of a load balancer that is not the stack's would tie the spec to it.
        Ok(if claimed { outcome.with_tree(tree) } else { outcome })
    }

    /// The tree of the load balancer to adopt, and the plan that makes it the stack's.
    pub(super) async fn adoption_plan(
        &self,
        desired: &Desired,
        adoption: &Adoption,
        memory: &mut Memory,
    ) -> Result<(ObservedTree, Plan), Stop> {
        let load_balancer = self.candidate(&adoption.selector).await?;
        let alone = ObservedTree { load_balancer: load_balancer.clone(), ..ObservedTree::default() };
        self.check_owners(&alone, adoption)?;
        let tree = self.adoptable_tree(desired, load_balancer, memory).await?;
        self.check_owners(&tree, adoption)?;
        let problems = plan::adoption_problems(desired, &tree);
        if !problems.is_empty() {
            return Err(not_adopted(&tree, &problems).into());
        }
        let former = adoption.from_owner.as_deref().and_then(Owner::named);
        let floating_ips = match &former {
            Some(former) => self.floating_ips_of_both(desired, former, &tree).await?,
            None => tree.floating_ips.clone(),
        };
        let tree = ObservedTree { floating_ips, ..tree };
        let plan = plan::adopt(desired, &tree, former.as_ref());
        Ok((tree, plan))
    }

    /// The load balancer that the stack names.
    async fn candidate(&self, selector: &AdoptionSelector) -> Result<ObservedLoadBalancer, Stop> {
        let mut found = match self.cloud.candidates(selector).await {
            Err(error) if is_of_another_project(&error, selector) => {
                let message = format!(
                    "{FIELD}: the project may not read the load balancer with {selector}: it belongs to another project. \
                     Use credentials of that project, or name a load balancer of this one"
                );
                return Err(Outcome::stalled(StallReason::ReferenceUnusable, message).into());
            }
            found => found?,
        };
        let project = self.cloud.project().await?.id;
        let ids: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
        let (reason, message) = match found.as_slice() {
            [] => (
                StallReason::ReferenceNotFound,
                format!(
                    "{FIELD}: the project has no load balancer with {selector}. Nothing is created in its place: correct \
                     the selector, or remove {FIELD} to create a load balancer"
                ),
            ),
            [one] if !one.project_id.is_empty() && one.project_id != project => (
                StallReason::ReferenceUnusable,
                format!(
                    "{FIELD}: load balancer {} belongs to project {}, and the credentials lead to project {project}. Use \
                     credentials of that project, or name a load balancer of this one",
                    one.id, one.project_id
                ),
            ),
            [_] => return Ok(found.remove(0)),
            _ => (
                StallReason::ReferenceAmbiguous,
                format!(
                    "{FIELD}: several load balancers have {selector}: {}. Name one of them by id",
                    ids.get(..5).unwrap_or(&ids).join(", ")
                ),
            ),
        };
        Err(Outcome::stalled(reason, message).into())
    }

    /// The tree of a load balancer that Octavia lets change.
    async fn adoptable_tree(
        &self,
        desired: &Desired,
        load_balancer: ObservedLoadBalancer,
        memory: &mut Memory,
    ) -> Result<ObservedTree, Stop> {
        let id = load_balancer.id.clone();
        if load_balancer.provisioning_status == Provisioning::Error {
            let message = format!(
                "{FIELD}: load balancer {id} is in ERROR, so Octavia takes no owner tags. Ask the operator of the cloud for \
                 a failover (openstack loadbalancer failover {id}), or name another load balancer"
            );
            return Err(Outcome::stalled(StallReason::LoadBalancerError, message).into());
        }
        match self.observe_tree(load_balancer, desired.tree_query(), memory).await {
            // Nothing of a load balancer of another owner goes into the status.
            Err(Stop::Outcome(outcome)) => {
                let mut outcome = Outcome { observed: Observed::Nothing, ..*outcome };
                outcome.add_to_message("; the stack adopts it after that");
                Err(outcome.into())
            }
            tree => tree,
        }
    }

    /// Checks that no other owner has the load balancer, except for the one that the stack takes it from.
    fn check_owners(&self, tree: &ObservedTree, adoption: &Adoption) -> Result<(), Stop> {
        let (id, owners) = (&tree.load_balancer.id, owners(tree));
        let from = adoption.from_owner.as_ref();
        let Some(owner) = owners.first().filter(|owner| owners.len() > 1 || from != Some(*owner)) else {
            return Ok(());
        };
        let is_named = self.cloud.names_other_owners();
        let owner = if is_named { owner.as_str() } else { "another owner" };
        let message = match from {
            _ if owners.len() > 1 => {
                let names: Vec<&str> = owners.iter().map(String::as_str).collect();
                let names = if is_named { format!(": {}", names.join(", ")) } else { String::new() };
                format!(
                    "several owners share load balancer {id}{names}. Move all but one of them to other load balancers first"
                )
            }
            None => format!(
                "load balancer {id} belongs to {owner}: let that owner give it up, or name that owner in {FIELD}.fromOwner \
                 after it has stopped managing the load balancer"
            ),
            Some(from) => format!(
                "load balancer {id} belongs to {owner}, not to {from}: correct {FIELD}.fromOwner, or name another load balancer"
            ),
        };
        Err(Outcome::stalled(StallReason::OwnershipConflict, format!("{FIELD}: {message}")).into())
    }

    /// Floating IPs that either owner has on this load balancer.
    async fn floating_ips_of_both(
        &self,
        desired: &Desired,
        former: &Owner,
        tree: &ObservedTree,
    ) -> Result<Vec<ObservedFloatingIp>, CloudError> {
        let vip_port = tree.load_balancer.vip_port_id.as_deref();
        let mut all = self.cloud.floating_ips(former, vip_port).await?;
        let own = self.cloud.floating_ips(desired.tree_query(), vip_port).await?;
        all.retain(|one| own.iter().all(|other| other.id != one.id));
        all.extend(own);
        Ok(all)
    }
}

/// An administrator reads load balancers of every project; anybody else gets a 403 for one of another project.
fn is_of_another_project(error: &CloudError, selector: &AdoptionSelector) -> bool {
    let is_forbidden = error.class == ErrorClass::Credentials && error.status == Some(FORBIDDEN);
    is_forbidden && matches!(selector, AdoptionSelector::Id(_))
}

/// Checks that the namespace of the stack may have one more load balancer. The other preconditions of a create are about
/// objects that an adoption does not make.
fn check_limit(desired: &Desired) -> Result<(), Stop> {
    let is_limit = |problem: &&Problem| problem.reason == ProblemReason::ForbiddenByCloud;
    match desired.create_problems.iter().find(is_limit) {
        Some(problem) => Err(Outcome::problem(problem).into()),
        None => Ok(()),
    }
}

fn not_adopted(tree: &ObservedTree, problems: &[Problem]) -> Outcome {
    let message = format!("load balancer {} is not adopted: {}", tree.load_balancer.id, Problem::joined(problems));
    let reason = problems.first().map_or(StallReason::ImmutableField, |problem| problem.reason.into());
    Outcome::stalled(reason, message)
}
