//! The course of the demo, from the start of the simulators to the corrected drift.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use super::environment::{DemoEnvironment, Wiring};
use super::screen::Screen;
use super::{drift, environment};

/// Limit for all stacks to become Ready, and for the correction of the drift.
const TIME_LIMIT: Duration = Duration::from_secs(90);
/// Interval between two reads of the stacks.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// End when all has been shown, instead of staying until `stop`.
    pub once: bool,
    /// The writer is a terminal.
    pub terminal: bool,
    pub wiring: Wiring,
}

/// Runs the demo. `stop` ends it early.
///
/// # Errors
/// A part did not start, a stack did not become Ready, or the drift was not corrected in time.
pub async fn run(options: Options, out: Box<dyn Write + Send>, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut screen = Screen::new(out, options.terminal);
    tokio::select! {
        result = show(options, &mut screen) => result,
        () = stop => {
            screen.say("\nstopped; nothing is left behind")
        }
    }
}

async fn show(options: Options, screen: &mut Screen) -> anyhow::Result<()> {
    screen.say("Starting a simulated OpenStack, a simulated Kubernetes and the controller in this process.")?;
    let mut environment = DemoEnvironment::start(options.wiring).await?;
    let stacks = environment.apply_examples().await?;
    screen.say(&format!(
        "Applied crds/, the namespace {}, credentials and {} examples.\n",
        environment::NAMESPACE,
        stacks
    ))?;
    until(screen, &mut environment, "every stack is Ready and serves", |environment| {
        environment.all_ready() && environment.all_serve()
    })
    .await?;
    screen.finish_progress()?;
    for line in environment.trees() {
        screen.say(&line)?;
    }

    screen
        .say("\nAnother client changes the load balancer of the stack \"reference\" behind the controller's back:")?;
    for line in drift::cause_drift(&environment.cloud).await? {
        screen.say(&format!("  {line}"))?;
    }
    screen.say(&format!(
        "The controller checks for drift every {} here (every 10m unless the stack says otherwise).\n",
        environment::RESYNC_PERIOD
    ))?;
    let broken_at = Instant::now();
    let corrected = |environment: &DemoEnvironment| {
        drift::is_corrected(&environment.cloud) && environment.all_ready() && environment.all_serve()
    };
    until(screen, &mut environment, "the drift is corrected", corrected).await?;
    screen.finish_progress()?;
    screen.say(&format!("Healed after {:.1} s:", broken_at.elapsed().as_secs_f64()))?;
    for line in environment.events("reference") {
        screen.say(&format!("  {line}"))?;
    }
    for line in environment.trees_of("reference") {
        screen.say(&line)?;
    }
    if options.once {
        return environment.stop().await;
    }
    screen.say(&environment.next_steps())?;
    environment.wait().await
}

/// Waits until `holds`, and shows the stacks meanwhile.
async fn until(
    screen: &mut Screen,
    environment: &mut DemoEnvironment,
    what: &str,
    holds: impl Fn(&DemoEnvironment) -> bool,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds(environment) {
        screen.progress(begun.elapsed(), &environment.lines())?;
        environment.check_controller().await?;
        if begun.elapsed() > TIME_LIMIT {
            let lines: Vec<String> =
                environment.lines().into_iter().map(|(name, state)| format!("{name}: {state}")).collect();
            bail!("not within {} s: {what}\n{}", TIME_LIMIT.as_secs(), lines.join("\n"));
        }
        sleep(CHECK_INTERVAL).await;
    }
    screen.progress(begun.elapsed(), &environment.lines())
}
