//! Takes over the load balancer of a deleted stack of the same cluster, namespace and name.

use crate::model::{ObservedLoadBalancer, Plan, Provisioning};
use crate::openstack::CloudError;
use crate::plan;

use super::execute::AT_ONCE;
use super::memory::Memory;
use super::outcome::{Observed, Outcome, State};
use super::reconciliation::Reconciliation;
use super::stop::Stop;

impl Reconciliation<'_> {
    /// Makes the stack the owner of an orphaned load balancer, one tag at a time.
    pub(super) async fn take_over(
        &self,
        load_balancer: ObservedLoadBalancer,
        memory: &mut Memory,
    ) -> Result<Outcome, Stop> {
        match load_balancer.provisioning_status {
            Provisioning::Active => {}
            Provisioning::Error => return Ok(self.failed_load_balancer(load_balancer, memory).await?),
            _ => return Ok(self.locked(load_balancer, memory)),
        }
        let plan = self.takeover_plan(&load_balancer).await?;
        let observed = Observed::LoadBalancer(Box::new(load_balancer));
        Ok(match plan.steps.first().cloned() {
            Some(step) => self.execute(step, plan, observed, memory).await,
            None => Outcome::new(State::Progressing, AT_ONCE),
        })
    }

    pub(super) async fn takeover_plan(&self, load_balancer: &ObservedLoadBalancer) -> Result<Plan, CloudError> {
        let predecessor = self.owner.predecessor(&load_balancer.tags);
        let floating_ips = self.cloud.floating_ips(&predecessor, load_balancer.vip_port_id.as_deref()).await?;
        Ok(plan::take_over(self.owner, load_balancer, &floating_ips))
    }
}
