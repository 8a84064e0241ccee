//! Laws of the planner over random stacks and edits, on the simulated cloud: Octavia accepts every step of every plan,
//! the result is the desired state, a second plan is empty, and service is never interrupted on the way.
//!
//! `EVENKEEL_PAIRS` is the number of pairs (400), `EVENKEEL_SEED` the seed of the first (0); the others follow it. A
//! failure prints its seed and the smallest stack that fails in the same way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod compare;
mod continuity;
mod drift;
mod export;
mod from_cluster;
mod planner_rig;
mod rotation;

use std::cell::RefCell;
use std::fmt;

use anyhow::{Context, Result, ensure};
use evenkeel::model::{Desired, Plan};
use evenkeel::plan;
use evenkeel_simulators::arbitrary::{World, stack_and_edit};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use continuity::Continuity;
use drift::Drift;
use planner_rig::PlannerRig;

#[derive(Debug, Clone)]
struct Case {
    before: Desired,
    after: Desired,
    drifts: Vec<Drift>,
}

fn case(world: &World) -> impl Strategy<Value = Case> + use<> {
    (stack_and_edit(world), drift::drifts()).prop_map(|((before, after), drifts)| Case { before, after, drifts })
}

/// Statistics of a run: writes of edits, edits without a change, edits that were held back in part, and writes that
/// correct drift.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    lives: usize,
    edits: usize,
    idle: usize,
    held: usize,
    heals: usize,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.lives += other.lives;
        self.edits += other.edits;
        self.idle += other.idle;
        self.held += other.held;
        self.heals += other.heals;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, edits, idle, held, heals } = self;
        write!(
            f,
            "{lives} stacks lived: {edits} writes for edits ({idle} changed nothing, {held} were held back in part), \
             {heals} writes after disturbances"
        )
    }
}

/// The life of one stack: created, edited, allowed its held-back steps, drifted, deleted.
async fn live(case: &Case) -> Result<Counts> {
    let Case { before, after, drifts } = case;
    let mut rig = PlannerRig::new().await;
    rig.create(before).await.context("create")?;
    let plan = rig.converge(before, None).await.context("after the create")?;
    settled(&rig, before, &plan).await.context("after the create")?;

    let continuity = Continuity::new(before, after);
    let plan = rig.converge(after, Some(&continuity)).await.context("edit")?;
    let edits = rig.sim.writes().len();
    settled(&rig, after, &plan).await.context("after the edit")?;
    let held = usize::from(!plan.held_back.is_empty());
    let quiet = plan::update(after, &rig.cached_tree(after).await?);
    ensure!(quiet == plan, "the plan by shared lists differs: {quiet}");
    if !plan.held_back.is_empty() {
        let allowed = Desired { allow_interruption: true, ..after.clone() };
        let plan = rig.converge(&allowed, None).await.context("held-back steps")?;
        settled(&rig, &allowed, &plan).await.context("after the held-back steps")?;
    }

    for drift in drifts {
        drift.apply(&rig).await?;
    }
    let plan = rig.converge(after, None).await.context("drift")?;
    let heals = rig.sim.writes().len();
    settled(&rig, after, &plan).await.context("after the drift")?;
    rig.delete(after).await.context("delete")?;
    Ok(Counts { lives: 1, edits, idle: usize::from(edits == 0), held, heals })
}

/// Checks that no step is left and that the cloud has the desired state.
async fn settled(rig: &PlannerRig, want: &Desired, plan: &Plan) -> Result<()> {
    ensure!(plan.steps.is_empty() && plan.problems.is_empty(), "not settled: {plan}");
    ensure!(
        plan.held_back.is_empty() || !want.allow_interruption,
        "held back although interruptions are allowed: {plan}"
    );
    let writes = rig.sim.writes().len();
    let second = plan::update(want, &rig.tree(want).await?);
    ensure!(second == *plan, "a second plan differs: {second}");
    ensure!(rig.sim.writes().len() == writes, "reading writes");
    if plan.held_back.is_empty() {
        let differences = compare::differences(want, &rig.sim);
        ensure!(differences.is_empty(), "not as desired:\n{}", differences.join("\n"));
    }
    Ok(())
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn check(seeds: std::ops::Range<u64>) {
    let world = planner_rig::paused(PlannerRig::new()).world;
    let strategy = case(&world);
    println!("seeds {} to {}: {} pairs", seeds.start, seeds.end.saturating_sub(1), seeds.end - seeds.start);
    let counts = RefCell::new(Counts::default());
    for seed in seeds {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let tree = strategy.new_tree(&mut runner).expect("a stack");
        let live = |case| {
            let lived = planner_rig::paused(live(&case)).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
            counts.borrow_mut().add(lived);
            Ok(())
        };
        if let Err(failure) = runner.run_one(tree, live) {
            panic!("EVENKEEL_SEED={seed} EVENKEEL_PAIRS=1 shows it again\n{failure}");
        }
    }
    println!("{}", counts.into_inner());
}

fn seeds() -> (u64, u64) {
    (number("EVENKEEL_SEED", 0), number("EVENKEEL_PAIRS", 400))
}

/// The seeds are split in two tests, so that two processors share them.
#[test]
fn random_stacks_converge_and_stay_first_half() {
    let (first, pairs) = seeds();
    check(first..first + pairs.div_ceil(2));
}

#[test]
fn random_stacks_converge_and_stay_second_half() {
    let (first, pairs) = seeds();
    check(first + pairs.div_ceil(2)..first + pairs);
}
