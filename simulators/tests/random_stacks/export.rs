//! Export of random load balancers: the stack that describes one adopts it by writing tags, and nothing else.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use evenkeel::api::CloudCredentialsRef;
use evenkeel::export::{self, ExportOptions};
use evenkeel::model::{
    ApiVersion, Change, ClusterContents, Desired, Kind as StepKind, ObservedTree, Plan, Reference, ReferenceKind,
    ResolvedReference, Selector, Step,
};
use evenkeel::{plan, translate};
use evenkeel_simulators::arbitrary::{World, stack_and_edit};
use evenkeel_simulators::cloud::Kind;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use super::planner_rig::{self, PlannerRig};

/// A provider of which nothing is known: the fields of random stacks need not have an effect.
const UNKNOWN_PROVIDER: &str = "another";
const NEWEST_API: ApiVersion = ApiVersion { minor: 30 };

/// Removes the marks of the stack that made the load balancer, as if another client had.
fn forget_owner(rig: &PlannerRig) {
    for kind in [Kind::LoadBalancer, Kind::Listener, Kind::Pool, Kind::L7Policy] {
        for object in rig.sim.objects(kind) {
            rig.sim.edit(kind, object["id"].as_str().unwrap(), |fields| {
                let tags: Vec<_> = fields["tags"].as_array().unwrap().clone();
                let is_of_user = |tag: &serde_json::Value| !tag.as_str().unwrap().starts_with("evenkeel:");
                fields.insert("tags".to_owned(), tags.into_iter().filter(is_of_user).collect());
            });
        }
    }
}

/// The desired state of the exported stack; `None` where validation rejects it for this provider.
async fn exported(rig: &PlannerRig, tree: &ObservedTree, provider: Option<&str>) -> Result<Option<Desired>> {
    let mut shown = tree.clone();
    if let Some(provider) = provider {
        shown.load_balancer.provider = provider.to_owned();
    }
    let credentials = CloudCredentialsRef { cluster_cloud: Some("prod".to_owned()), ..CloudCredentialsRef::default() };
    let export = export::stack(&shown, &ExportOptions { credentials, namespace: Some("shop".to_owned()) });
    ensure!(export.notes.is_empty(), "something is lost: {:?}", export.notes);
    // As it is read from a file.
    let spec = serde_json::from_value(serde_json::to_value(&export.stack)?["spec"].clone())?;
    let mut resolutions = rig.resolve(&translate::references(&spec)).await?;
    if let Some(provider) = provider {
        let by = Selector::Name(provider.to_owned());
        let reference = Reference { kind: ReferenceKind::Provider, by };
        resolutions.0.insert(reference, Ok(ResolvedReference::Provider));
    }
    let contents = ClusterContents::default();
    match translate::desired(&spec, rig.world.owner.clone(), &resolutions, &contents, NEWEST_API) {
        Ok(mut desired) => {
            if provider.is_some() {
                desired.load_balancer.provider = None;
            }
            Ok(Some(desired))
        }
        Err(_) => Ok(None),
    }
}

/// Octavia's objects without a name get one: a stack has no empty names.
fn is_tag_or_first_name(step: &Step) -> bool {
    let of_owner = |change: &Change| {
        let is_tag = change.field == "tags" || change.field.ends_with(" tags");
        is_tag || change.field == "name" && change.was == json!("")
    };
    !step.changes.is_empty() && step.changes.iter().all(of_owner) && step.call.verb() == "update"
}

/// Providers for which validation accepts the exported stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Acceptance {
    amphora: bool,
    unknown: bool,
}

async fn export_and_adopt(before: &Desired) -> Result<Acceptance> {
    let before = Desired { floating_ip: None, ..before.clone() };
    let mut rig = PlannerRig::new().await;
    rig.create(&before).await.context("create")?;
    rig.converge(&before, None).await.context("after the create")?;
    forget_owner(&rig);
    let tree = rig.tree(&before).await?;
    let amphora = exported(&rig, &tree, None).await?;
    let unknown = exported(&rig, &tree, Some(UNKNOWN_PROVIDER)).await?;
    let acceptance = Acceptance { amphora: amphora.is_some(), unknown: unknown.is_some() };
    let mut adoption = None;
    for desired in unknown.into_iter().chain(amphora) {
        let plan = plan_of_tags(&desired, &tree).with_context(|| format!("{acceptance:?}"))?;
        adoption = Some((desired, plan));
    }
    if let Some((desired, plan)) = adoption {
        rig.execute_first(&plan).await?;
        let rest = rig.converge(&desired, None).await.context("adoption")?;
        ensure!(rest.is_empty(), "{rest}");
    }
    Ok(acceptance)
}

/// The plan that adopts an exported load balancer, after a check that it changes nothing but tags.
fn plan_of_tags(desired: &Desired, tree: &ObservedTree) -> Result<Plan> {
    let plan = plan::adopt(desired, tree, None);
    ensure!(plan.problems.is_empty() && plan.held_back.is_empty(), "{plan}");
    for step in plan.steps.iter().filter(|step| step.kind != StepKind::FloatingIp) {
        ensure!(is_tag_or_first_name(step), "not a tag: {step}\nof\n{plan}");
    }
    Ok(plan)
}

#[test]
fn exported_random_stacks_are_adopted_by_tags() {
    let (first, pairs) = super::seeds();
    let world: World = planner_rig::paused(PlannerRig::new()).world;
    let strategy = stack_and_edit(&world);
    let mut counts: BTreeMap<Acceptance, u64> = BTreeMap::new();
    for seed in first..first + pairs.div_ceil(3) {
        let mut bytes = [1; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let tree = strategy.new_tree(&mut runner).expect("a stack");
        let accepted = std::cell::Cell::new(Acceptance::default());
        let live = |(before, _): (Desired, Desired)| {
            let done = planner_rig::paused(export_and_adopt(&before));
            accepted.set(done.map_err(|error| TestCaseError::fail(format!("{error:#}")))?);
            Ok(())
        };
        if let Err(failure) = runner.run_one(tree, live) {
            panic!("EVENKEEL_SEED={seed} EVENKEEL_PAIRS=1 shows it again\n{failure}");
        }
        *counts.entry(accepted.get()).or_default() += 1;
    }
    println!("exported stacks, by acceptance: {counts:?}");
    let share = |accepts: fn(&Acceptance) -> bool| {
        let accepted: u64 = counts.iter().filter(|(acceptance, _)| accepts(acceptance)).map(|(_, count)| count).sum();
        accepted * 100 / counts.values().sum::<u64>()
    };
    // One of EVENKEEL_SEED may well be rejected.
    if pairs > 1 {
        assert!(share(|one| one.unknown) >= 50 && share(|one| one.amphora) >= 10, "{counts:?}");
    }
}
