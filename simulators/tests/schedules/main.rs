//! Deterministic simulation: the whole controller between a simulated cloud and a simulated cluster, in paused time. A
//! seed alone determines the schedule of edits, faults, lost responses, crashes and restarts.
//!
//! `EVENKEEL_SCHEDULES` is the number of schedules (60), `EVENKEEL_SEED` the seed of the first (0); the others follow
//! it. A failure prints its seed and the schedule, step by step.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod cluster_laws;
mod compare;
mod final_checks;
mod grants;
mod laws;
mod schedule;
mod simulation;
mod step;

use std::io::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use schedule::Schedule;
use simulation::Simulation;

/// The requests of a run, for comparison with another run of the same seed.
#[derive(PartialEq)]
struct Trace {
    cloud: Vec<String>,
    cluster: Vec<String>,
}

async fn live(schedule: &Schedule) -> Trace {
    let mut simulation = Simulation::new(schedule).await;
    for (pause, step) in &schedule.steps {
        simulation.advance(*pause).await;
        simulation.perform(step).await;
        simulation.check_laws();
        simulation.check_calls();
        simulation.check_foreign();
        simulation.check_outputs();
    }
    final_checks::run(&mut simulation, schedule).await;
    simulation.trace()
}

/// Far longer than a schedule takes, which is a fraction of a second.
const SLOW_RUN: Duration = Duration::from_secs(60);

/// Runs `work`, and prints `what` meanwhile if it takes too long.
#[expect(clippy::explicit_write, reason = "the output of eprintln is shown only when a test ends")]
fn watched<T>(what: &str, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (done, end) = channel::<()>();
        scope.spawn(move || {
            if end.recv_timeout(SLOW_RUN) == Err(RecvTimeoutError::Timeout) {
                writeln!(std::io::stderr(), "still at work after {} s: {what}", SLOW_RUN.as_secs()).unwrap();
            }
        });
        let worked = work();
        drop(done);
        worked
    })
}

/// Runs a schedule in paused time. Every source of randomness is seeded.
fn run(seed: u64) -> Trace {
    fastrand::seed(seed);
    let schedule = Schedule::draw(seed);
    let again = format!("EVENKEEL_SEED={seed} EVENKEEL_SCHEDULES=1 shows it again\n{schedule}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let lived = watched(&again, || catch_unwind(AssertUnwindSafe(|| runtime.block_on(live(&schedule)))));
    lived.unwrap_or_else(|failure| {
        eprintln!("{again}");
        resume_unwind(failure)
    })
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn seeds() -> (u64, u64) {
    (number("EVENKEEL_SEED", 0), number("EVENKEEL_SCHEDULES", 60))
}

fn run_all(seeds: Range<u64>) {
    let (from, schedules) = (seeds.start, seeds.end - seeds.start);
    let (mut cloud, mut cluster) = (0, 0);
    for trace in seeds.map(run) {
        cloud += trace.cloud.len();
        cluster += trace.cluster.len();
    }
    println!("{schedules} schedules from seed {from}: {cloud} calls to the cloud, {cluster} to the API server");
}

/// The seeds are split in two tests, so that two processors share them.
#[test]
fn random_schedules_obey_laws_and_converge_first_half() {
    let (first, schedules) = seeds();
    run_all(first..first + schedules.div_ceil(2));
}

#[test]
fn random_schedules_obey_laws_and_converge_second_half() {
    let (first, schedules) = seeds();
    run_all(first + schedules.div_ceil(2)..first + schedules);
}

#[test]
fn same_seed_repeats_its_run() {
    let (first, _) = seeds();
    for seed in first..first + 3 {
        let (one, two) = (run(seed), run(seed));
        for (one, two) in [(&one.cloud, &two.cloud), (&one.cluster, &two.cluster)] {
            let differs = std::iter::zip(one, two).position(|(one, two)| one != two);
            let around = |all: &[String], at: usize| all[at.saturating_sub(5)..(at + 3).min(all.len())].join("\n");
            assert_eq!(
                differs,
                None,
                "seed {seed}\n{}\nor\n{}",
                around(one, differs.unwrap()),
                around(two, differs.unwrap())
            );
            assert_eq!(one.len(), two.len(), "seed {seed}");
        }
    }
}
