//! The command line: `evenkeel run` is the controller.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use evenkeel::cli;
use evenkeel::clock::SystemClock;
use evenkeel::controller::{self, ControllerOptions, LeaderElection, LeaderElectionOptions};
use evenkeel::engine::Settings;
use evenkeel::http_server::{self, Readiness};
use evenkeel::metrics::Metrics;
use evenkeel::openstack::{CloudSettings, ReqwestConnector};
use futures::FutureExt;
use tracing_subscriber::EnvFilter;

/// Longest time-out of a create. A reconcile is given up after 300 s, and before a create it reads and waits for its turn.
const LONGEST_CREATE: Duration = Duration::from_secs(240);

/// Keeps OpenStack Octavia load balancers on an even keel.
#[derive(Parser)]
#[command(name = "evenkeel", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the controller: in a cluster, or outside with KUBECONFIG.
    Run(Box<RunArgs>),
    /// Print a script that completes commands and flags in a shell.
    Completion { shell: Shell },
    #[command(flatten)]
    Terminal(cli::Command),
}

#[derive(Args)]
struct RunArgs {
    /// Address and port that serve /healthz, /readyz and /metrics.
    #[arg(long, env = "EVENKEEL_BIND_ADDRESS", default_value = "0.0.0.0:8080")]
    bind_address: SocketAddr,
    /// Format of the log on standard error.
    #[arg(long, env = "EVENKEEL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Plain)]
    log_format: LogFormat,
    /// Log level, for example `debug`, or levels by module in the syntax of tracing-subscriber's EnvFilter.
    #[arg(long, env = "EVENKEEL_LOG_LEVEL", default_value = "info,kube_runtime=warn,kube_client=warn")]
    log_level: String,
    /// Written on every load balancer, to tell clusters that share a project apart: 1 to 63 letters, digits, dots,
    /// underscores and hyphens. Default: the UID of the namespace kube-system. Keep it when a cluster is restored from
    /// a backup.
    #[arg(long, env = "EVENKEEL_CLUSTER_ID", value_parser = cli::cluster_id)]
    cluster_id: Option<String>,
    /// Stacks that are reconciled at the same time.
    #[arg(
        long,
        env = "EVENKEEL_MAX_CONCURRENT_RECONCILES",
        default_value_t = 32,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    max_concurrent_reconciles: u16,
    /// Time for which a create whose response was lost may still appear. Longer than --create-timeout.
    #[arg(long, env = "EVENKEEL_QUIET_PERIOD", default_value = "150s", value_parser = duration)]
    quiet_period: Duration,
    /// Time-out of the request that creates a load balancer: 1s to 240s, since a reconcile is given up after 300s.
    #[arg(long, env = "EVENKEEL_CREATE_TIMEOUT", default_value = "120s", value_parser = create_timeout)]
    create_timeout: Duration,
    /// Time after which a locked load balancer is reported as stuck.
    #[arg(long, env = "EVENKEEL_STUCK_AFTER", default_value = "15m", value_parser = duration)]
    stuck_after: Duration,
    /// Reconcile only while holding a Lease, so that several replicas may run.
    #[arg(
        long,
        env = "EVENKEEL_LEADER_ELECT",
        default_value_t = true,
        num_args = 0..=1,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    leader_elect: bool,
    /// Namespace of the Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "evenkeel-system")]
    leader_election_namespace: String,
    /// Namespace of the Secrets that ClusterOpenStackClouds name. Default: that of the Lease, which is the controller's own.
    #[arg(long, env = "EVENKEEL_CLUSTER_RESOURCE_NAMESPACE")]
    cluster_resource_namespace: Option<String>,
}

/// Reads the value of a flag: a duration with its unit.
fn duration(text: &str) -> Result<Duration, &'static str> {
    evenkeel::api::duration::parse(text)
        .ok_or("must be a duration of whole numbers with the units h, m, s and ms, for example 150s or 2m30s")
}

/// Reads the value of `--create-timeout`.
fn create_timeout(text: &str) -> Result<Duration, &'static str> {
    let timeout = duration(text)?;
    if (Duration::from_secs(1)..=LONGEST_CREATE).contains(&timeout) {
        Ok(timeout)
    } else {
        Err("must be at least 1s and at most 240s")
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Plain,
    Json,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Two users of rustls, one provider: without this the first TLS connection panics.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap's own exit code of a wrong flag is 2, which `plan` uses for changes.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let (mut out, mut errors) = (std::io::stdout(), std::io::stderr());
    let colours = shows_colours(&out);
    let mut terminal = cli::Terminal { out: &mut out, errors: &mut errors, colours };
    let status = match cli.command {
        Command::Run(args) => terminal.finish(run(*args).await.map(|()| cli::ExitStatus::Success)),
        Command::Terminal(command) => cli::execute(&command, &world(), &mut terminal).await,
        Command::Completion { shell } => {
            let printed = terminal.print(&completion(shell));
            terminal.finish(printed.map(|()| cli::ExitStatus::Success).map_err(Into::into))
        }
    };
    status.into()
}

/// Tells whether a stream shows colours: a terminal does, unless its user wants none (no-color.org).
fn shows_colours(stream: &impl IsTerminal) -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !no_colour && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The surroundings of this process.
fn world() -> cli::World<'static> {
    cli::World {
        connector: &ReqwestConnector,
        kube: &cli::KubeconfigConnector,
        clock: Arc::new(SystemClock),
        // A variable that is not text cannot be one of OpenStack's.
        variables: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        home: std::env::home_dir(),
        folder: std::path::PathBuf::new(),
        input: &cli::standard_input,
    }
}

fn completion(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "evenkeel", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

async fn run(args: RunArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.quiet_period > args.create_timeout,
        "--quiet-period ({:?}) must be longer than --create-timeout ({:?}), or a create whose answer was lost is made twice",
        args.quiet_period,
        args.create_timeout
    );
    start_logging(&args)?;
    let (metrics, readiness) = (Metrics::new(), Arc::new(Readiness::default()));
    let (address, server) = http_server::bind(args.bind_address, readiness.clone(), metrics.clone()).await?;
    tracing::info!(%address, "serving /healthz, /readyz and /metrics");
    tokio::spawn(server);
    let client = controller::connect().await?;
    let stop = stop_signal().shared();
    let election = LeaderElection::new(client.clone(), lease_options(&args), Arc::new(SystemClock));
    if args.leader_elect {
        readiness.set_ready();
        tokio::select! {
            () = election.acquire() => tracing::info!("leading"),
            () = stop.clone() => return Ok(()),
        }
    }
    let options = ControllerOptions {
        client,
        connector: Arc::new(ReqwestConnector),
        clock: Arc::new(SystemClock),
        readiness,
        cluster_id: args.cluster_id,
        cluster_resource_namespace: args.cluster_resource_namespace.unwrap_or(args.leader_election_namespace),
        max_concurrent_reconciles: args.max_concurrent_reconciles,
        settings: Settings { quiet_period: args.quiet_period, stuck_after: args.stuck_after, ..Settings::default() },
        cloud_settings: CloudSettings {
            create_timeout: args.create_timeout,
            observer: metrics.clone(),
            ..CloudSettings::default()
        },
        metrics,
        order: None,
    };
    if !args.leader_elect {
        return Ok(controller::run(options, stop).await?);
    }
    tokio::select! {
        result = controller::run(options, stop) => {
            election.release().await;
            Ok(result?)
        }
        lost = election.renew_until_lost() => Err(lost.into()),
    }
}

fn lease_options(args: &RunArgs) -> LeaderElectionOptions {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "evenkeel".to_owned());
    LeaderElectionOptions {
        namespace: args.leader_election_namespace.clone(),
        name: "evenkeel".to_owned(),
        identity: format!("{host}_{}", uuid::Uuid::new_v4()),
    }
}

fn start_logging(args: &RunArgs) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&args.log_level)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Plain => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

/// SIGTERM of a rollout, Ctrl-C of a person.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return futures::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping: finishing what is under way");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_id_must_fit_into_a_tag() {
        let parsed = |id: &str| Cli::try_parse_from(["evenkeel", "run", "--cluster-id", id]);
        for id in ["a", "prod.eu-1_B", "9c7d0c5e-3a35-4c1f-8a43-0d2f5b6f3c11", &"x".repeat(63)] {
            assert!(parsed(id).is_ok(), "{id}");
        }
        for id in ["", " ", "a,b", "a/b", "a b", "a:b", "ä", "a\n", &"x".repeat(64)] {
            let message = parsed(id).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains("--cluster-id") && message.contains("1 to 63 letters"), "{id:?}: {message}");
        }
    }

    fn error_of(flag: &str, value: &str) -> Option<String> {
        Cli::try_parse_from(["evenkeel", "run", flag, value]).err().map(|error| error.to_string())
    }

    #[test]
    fn create_timeout_ends_before_the_reconcile_does() {
        for timeout in ["1s", "120s", "2m30s", "240s", "4m"] {
            assert_eq!(error_of("--create-timeout", timeout), None, "{timeout}");
        }
        for timeout in ["0s", "999ms", "241s", "5m", "24h"] {
            let message = error_of("--create-timeout", timeout).unwrap_or_default();
            assert!(message.contains("--create-timeout") && message.contains("at most 240s"), "{timeout}: {message}");
        }
    }

    #[test]
    fn duration_flag_without_unit_is_rejected() {
        for flag in ["--quiet-period", "--create-timeout", "--stuck-after"] {
            for value in ["150", "", "15 m", "1.5m"] {
                let message = error_of(flag, value).unwrap_or_default();
                assert!(message.contains(flag) && message.contains("for example 150s or 2m30s"), "{value}: {message}");
            }
        }
    }

    #[test]
    fn leader_elect_may_stand_alone() {
        for (args, expected) in [
            (&["--leader-elect"][..], true),
            (&["--leader-elect", "false"], false),
            (&["--leader-elect=false"], false),
            (&[], true),
        ] {
            let Command::Run(parsed) = Cli::parse_from(["evenkeel", "run"].iter().chain(args)).command else {
                panic!()
            };
            assert_eq!(parsed.leader_elect, expected, "{args:?}");
        }
    }
}
