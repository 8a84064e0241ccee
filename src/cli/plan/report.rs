//! All plans as a value. Its serialised form is an interface: fields are added, never renamed.

use serde::Serialize;

use crate::cli::manifests::{ManifestProblem, Place, StackManifest};
use crate::cli::references::Unknown;
use crate::model::{Call, Change, Impact, Kind, ObservedLoadBalancer, Plan, Problem, ProblemReason, Step, StepReason};

use super::created::{CreatedObject, created_objects, detail};

/// Plans of all stacks, in the order of the manifests.
#[derive(Debug, Serialize)]
pub(super) struct PlanReport {
    pub(super) stacks: Vec<StackReport>,
    pub(super) summary: Summary,
}

/// Numbers of all stacks together.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) stacks: usize,
    /// Stacks whose cloud differs.
    pub(super) changed: usize,
    /// Stacks without a complete plan.
    pub(super) failed: usize,
    /// All others.
    pub(super) in_sync: usize,
    pub(super) create: usize,
    pub(super) update: usize,
    pub(super) replace: usize,
    pub(super) delete: usize,
    /// Steps that will not run while the stack forbids interruptions.
    pub(super) held_back: usize,
    /// Requests that write to the cloud.
    pub(super) calls: usize,
    /// Steps that interrupt traffic.
    pub(super) interrupts: usize,
}

/// Plan of one stack.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StackReport {
    /// `namespace/name`.
    pub(super) stack: String,
    #[serde(flatten)]
    pub(super) place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load_balancer: Option<LoadBalancerReport>,
    /// Steps in the order in which they run.
    pub(super) steps: Vec<StepReport>,
    /// Set where a floating IP comes after the create of the load balancer, whose port it needs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) floating_ip_follows: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) held_back: Vec<StepReport>,
    /// Differences that no request can resolve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unresolvable: Vec<ManifestProblem>,
    /// Fields that cannot be carried out as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) problems: Vec<ManifestProblem>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unknown: Vec<Unknown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

/// Load balancer of a stack as the cloud has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoadBalancerReport {
    pub(super) id: String,
    pub(super) vip_address: Option<String>,
}

/// One request of a plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepReport {
    pub(super) action: Action,
    /// Kind of its request: `create`, `update` or `delete`.
    pub(super) request: &'static str,
    pub(super) kind: Kind,
    /// Object for people: `members of pool web`.
    pub(super) object: String,
    /// The most important values of an object that is created: `HTTP 80`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<Change>,
    /// Objects that a create makes along with its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) creates: Vec<CreatedObject>,
    pub(super) traffic: Traffic,
}

/// Kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    Create,
    Update,
    /// Part of a replacement: the object cannot be changed in place.
    Replace,
    Delete,
    /// The same values are sent again, since the object is in ERROR.
    Heal,
    /// The stack becomes the owner of a load balancer of another client.
    Adopt,
}

/// Effect on traffic, from harmless to harmful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Traffic {
    None,
    /// The data plane reloads: idle connections close.
    Reload,
    /// Some new connections go elsewhere.
    NewConnections,
    Interrupts,
}

/// Reason for which a stack has no complete plan.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Failure {
    /// A reason of the conditions of a stack.
    pub(super) reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(reason: &str, message: &str) -> Self {
        Self { reason: reason.to_owned(), message: message.to_owned() }
    }
}

impl PlanReport {
    pub(super) fn new(stacks: Vec<StackReport>) -> Self {
        let mut summary = Summary { stacks: stacks.len(), ..Summary::default() };
        for stack in &stacks {
            summary.changed += usize::from(stack.is_changed());
            summary.failed += usize::from(stack.failure.is_some());
            summary.in_sync += usize::from(stack.is_in_sync());
            summary.held_back += stack.held_back.len();
            summary.calls += stack.steps.len();
            summary.interrupts += stack.interrupts();
            stack.steps.iter().for_each(|step| summary.count(step));
        }
        Self { stacks, summary }
    }
}

impl Summary {
    /// Counts the object of a step. A replacement takes several steps, and creates one object.
    fn count(&mut self, step: &StepReport) {
        match step.action {
            Action::Create => self.create += 1,
            Action::Update | Action::Heal | Action::Adopt => self.update += 1,
            Action::Replace => self.replace += usize::from(step.request == "create"),
            Action::Delete => self.delete += 1,
        }
    }
}

impl StackReport {
    pub(super) fn new(
        manifest: &StackManifest,
        existing: Option<&ObservedLoadBalancer>,
        plan: &Plan,
        unknown: Vec<Unknown>,
    ) -> Self {
        let load_balancer = existing
            .map(|existing| LoadBalancerReport { id: existing.id.clone(), vip_address: existing.vip_address.clone() })
            .or_else(|| adopted(plan));
        let creates = plan.steps.iter().any(|step| matches!(step.call, Call::CreateLoadBalancer { .. }));
        let is_failed = !plan.problems.iter().all(|problem| waits_for_unknown(problem, &unknown));
        let failure = is_failed.then(|| Failure::new("Unresolvable", ""));
        Self {
            stack: manifest.name.to_string(),
            place: manifest.place.clone(),
            load_balancer,
            steps: plan.steps.iter().map(|step| StepReport::new(step, creates)).collect(),
            floating_ip_follows: creates && manifest.stack.spec.load_balancer.floating_ip.is_some(),
            held_back: plan.held_back.iter().map(|step| StepReport::new(step, creates)).collect(),
            unresolvable: plan.problems.iter().map(|problem| manifest.problem(problem)).collect(),
            problems: Vec::new(),
            unknown,
            failure,
        }
    }

    pub(super) fn with_problems(self, problems: Vec<ManifestProblem>) -> Self {
        Self { problems, ..self }
    }

    pub(super) fn with_failure(self, failure: Option<Failure>) -> Self {
        Self { failure: failure.or(self.failure), ..self }
    }

    pub(super) fn title(&self) -> &str {
        &self.stack
    }

    pub(super) fn is_changed(&self) -> bool {
        !self.steps.is_empty() || !self.held_back.is_empty()
    }

    /// Tells whether there is nothing to say but that the stack is in sync.
    pub(super) fn is_in_sync(&self) -> bool {
        !self.is_changed() && self.failure.is_none()
    }

    /// Tells whether a report for people shows the stack: others are counted only.
    pub(super) fn is_shown(&self) -> bool {
        !self.is_in_sync() || !self.unknown.is_empty()
    }

    /// Number of steps that interrupt traffic.
    pub(super) fn interrupts(&self) -> usize {
        self.steps.iter().filter(|step| step.traffic == Traffic::Interrupts).count()
    }
}

/// The load balancer that the stack takes from another client.
fn adopted(plan: &Plan) -> Option<LoadBalancerReport> {
    plan.steps.iter().find_map(|step| match (&step.call, step.reason) {
        (Call::UpdateLoadBalancer { id, .. }, StepReason::Adopt) => {
            Some(LoadBalancerReport { id: id.clone(), vip_address: None })
        }
        _ => None,
    })
}

/// Tells whether a difference stays only because a content was not asked for: the controller knows it.
fn waits_for_unknown(problem: &Problem, unknown: &[Unknown]) -> bool {
    let waits = matches!(problem.reason, ProblemReason::ReferenceUnusable | ProblemReason::MembersUnknown);
    waits && unknown.iter().any(Unknown::keeps_cloud)
}

impl StepReport {
    /// `serves_nothing`: there is no load balancer yet, so no step has an effect on traffic.
    fn new(step: &Step, serves_nothing: bool) -> Self {
        Self {
            action: Action::of(step),
            request: step.call.verb(),
            kind: step.kind,
            object: step.object(),
            detail: detail(step),
            changes: step.changes.clone(),
            creates: created_objects(&step.call),
            traffic: if serves_nothing { Traffic::None } else { Traffic::of(step) },
        }
    }

    /// The step in a line: `listener http: HTTP 80`. Steps of a replacement differ by their requests.
    pub(super) fn headline(&self) -> String {
        let request = if self.action == Action::Replace { format!("{} ", self.request) } else { String::new() };
        let separator = if self.detail.is_empty() { "" } else { ": " };
        let note = match self.action {
            Action::Heal => " (heal)",
            Action::Adopt => " (adopt)",
            _ => "",
        };
        format!("{request}{}{separator}{}{note}", self.object, self.detail)
    }
}

impl Action {
    fn of(step: &Step) -> Self {
        match (step.reason, step.call.verb()) {
            (StepReason::Replace, _) => Self::Replace,
            (StepReason::Heal, _) => Self::Heal,
            (StepReason::Adopt, _) => Self::Adopt,
            (StepReason::Wanted, "create") => Self::Create,
            (StepReason::Wanted, "delete") => Self::Delete,
            (StepReason::Wanted, _) => Self::Update,
        }
    }

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update | Self::Heal | Self::Adopt => "~",
            Self::Replace => "±",
            Self::Delete => "-",
        }
    }
}

impl Traffic {
    fn of(step: &Step) -> Self {
        match step.impact {
            Impact::Interrupts => Self::Interrupts,
            Impact::NewConnections => Self::NewConnections,
            Impact::None if step.call.is_octavia() && !matches!(step.call, Call::CreateLoadBalancer { .. }) => {
                Self::Reload
            }
            Impact::None => Self::None,
        }
    }

    /// The effect in words; none for one that is none.
    pub(super) const fn words(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Reload => Some("reload"),
            Self::NewConnections => Some("new connections"),
            Self::Interrupts => Some("interrupts"),
        }
    }
}
