//! The demo: a simulated cloud, a simulated cluster and the controller in one process.
//!
//! It applies the examples, shows how they become Ready, causes drift and shows its correction. All output goes to one
//! writer: a terminal gets lines that change in place, anything else plain lines.

mod drift;
mod screen;
mod stage;
mod tree;

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

pub use stage::Wiring;

use screen::Screen;
use stage::Stage;

/// Limit for all stacks to become Ready, and for the correction of the drift.
const PATIENCE: Duration = Duration::from_secs(90);
/// Interval between two looks at the stacks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
    let mut stage = Stage::start(options.wiring).await?;
    let stacks = stage.apply_examples().await?;
    screen.say(&format!(
        "Applied crds/, the namespace {}, credentials and {} examples.\n",
        stage::NAMESPACE,
        stacks
    ))?;
    until(screen, &mut stage, "every stack is Ready and serves", |stage| stage.all_ready() && stage.all_serve())
        .await?;
    screen.finish_progress()?;
    for line in stage.trees() {
        screen.say(&line)?;
    }

    screen.say("\nSomebody changes the load balancer of the stack \"reference\" behind the controller's back:")?;
    for line in drift::break_it(&stage.cloud).await? {
        screen.say(&format!("  {line}"))?;
    }
    screen.say(&format!(
        "The controller looks for drift every {} here (every 10m unless the stack says otherwise).\n",
        stage::RESYNC_PERIOD
    ))?;
    let broken_at = Instant::now();
    let healed = |stage: &Stage| drift::is_healed(&stage.cloud) && stage.all_ready() && stage.all_serve();
    until(screen, &mut stage, "the drift is healed", healed).await?;
    screen.finish_progress()?;
    screen.say(&format!("Healed after {:.1} s:", broken_at.elapsed().as_secs_f64()))?;
    for line in stage.news("reference") {
        screen.say(&format!("  {line}"))?;
    }
    for line in stage.trees_of("reference") {
        screen.say(&line)?;
    }
    if options.once {
        return stage.stop().await;
    }
    screen.say(&stage.invitation())?;
    stage.wait().await
}

/// Waits until `holds`, and shows the stacks meanwhile.
async fn until(
    screen: &mut Screen,
    stage: &mut Stage,
    what: &str,
    holds: impl Fn(&Stage) -> bool,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds(stage) {
        screen.progress(begun.elapsed(), &stage.lines())?;
        stage.check_controller().await?;
        if begun.elapsed() > PATIENCE {
            let lines: Vec<String> =
                stage.lines().into_iter().map(|(name, state)| format!("{name}: {state}")).collect();
            bail!("not within {} s: {what}\n{}", PATIENCE.as_secs(), lines.join("\n"));
        }
        sleep(LOOK_EVERY).await;
    }
    screen.progress(begun.elapsed(), &stage.lines())
}
