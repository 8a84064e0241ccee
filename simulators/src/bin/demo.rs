//! `cargo demo`: shows Evenkeel at work, with no requirement but Rust.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use evenkeel_simulators::demo::{Options, Wiring, run};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Starts a simulated OpenStack, a simulated Kubernetes and the controller. Applies examples/, causes drift, shows the
/// correction, and stays until Ctrl-C.
#[derive(Parser)]
#[command(name = "demo")]
struct Cli {
    /// End when all has been shown. The exit code tells success or failure.
    #[arg(long)]
    once: bool,
    /// Print the controller's log, filtered in the syntax of tracing-subscriber's EnvFilter, for example `info`.
    #[arg(long, env = "EVENKEEL_LOG_LEVEL", default_value = "off")]
    log_level: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match EnvFilter::try_new(&cli.log_level) {
        Ok(filter) => tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init(),
        Err(error) => eprintln!("demo: --log-level: {error}"),
    }
    let terminal = std::io::stderr().is_terminal();
    let options = Options { once: cli.once, terminal, wiring: Wiring::Sockets };
    match run(options, Box::new(std::io::stderr()), stop_signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for SIGINT (Ctrl-C) or SIGTERM.
async fn stop_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
