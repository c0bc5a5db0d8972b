//! `scripted-models`: model providers that say what a scenario tells them to.

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use sandboxed_scripted_models::{Certificate, Error, Options, Scenario, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Plays the model providers for tests: Anthropic Messages, OpenAI Chat Completions and Responses (also over a
/// WebSocket), and Gemini, with what a scenario file says, faults included.
///
/// The first line on standard output tells where it listens. Any prefix before the provider's own path is fine, so that
/// one server can stand for many providers: http://ADDRESS/anthropic/v1/messages.
///
/// Under /_/ are `ledger`, `totals`, `scenario` (GET, PUT), `reset` (POST) and `health`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen on; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// An address for the control surface alone; without, it is under /_/ of the other
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// The scenario, in TOML or JSON; without, every request is echoed
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// A certificate with its chain in PEM, for TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the certificate in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Bytes of each request's body that the ledger keeps
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    keep_bodies: usize,
    /// Records that the ledger keeps
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    most_records: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("scripted-models: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    let scenario = arguments.scenario.as_deref().map(Scenario::load).transpose()?.unwrap_or_default();
    let certificate = match (&arguments.tls_certificate, &arguments.tls_key) {
        (Some(chain), Some(key)) => Some(Certificate { chain: read(chain)?, key: read(key)? }),
        _ => None,
    };
    let server = Server::start(Options {
        listen: arguments.listen,
        control: arguments.control,
        scenario,
        certificate,
        keep_bodies: arguments.keep_bodies,
        most_records: arguments.most_records,
    })
    .await?;
    // Whoever reads the address may ask for the end at once.
    let mut terminate = signal(SignalKind::terminate()).ok();
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut out = std::io::stdout();
    // Nobody may be reading, which is no reason to end.
    let _ = writeln!(out, "listening on {}\ncontrol on {}/_/", server.url(), server.control_url())
        .and_then(|()| out.flush());
    tokio::select! {
        () = next(&mut terminate) => {}
        () = next(&mut interrupt) => {}
    }
    server.stop().await;
    Ok(())
}

/// Waits for a signal; for ever where it cannot be had.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

fn read(path: &PathBuf) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File { path: path.clone(), source })
}
