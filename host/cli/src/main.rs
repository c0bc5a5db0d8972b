//! The program `sandboxed-sh`: the command line, and the wiring of everything below.
//!
//! This crate decides nothing that would also hold without a command line. Commands speak to a
//! [`client::Client`], which is a server elsewhere or one in this process; only `serve`, `restore` and
//! `user set-password` know the crates below directly.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod acp;
mod arguments;
mod client;
mod command;
mod dashboard;
mod failed;
mod follow;
mod output;
mod server_file;
mod settings;
mod telemetry;
mod unpack;
mod welcome;

use std::process::ExitCode;

use clap::Parser;
use sandboxed_engine::ContainedEnd;

use crate::{
    arguments::{Arguments, Command},
    failed::{Failed, Result},
};

fn main() -> ExitCode {
    // It is started by the server for each run: nothing else comes before it.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "shim") {
        return sandboxed_exec::shim_main();
    }
    // The same for each run in a container.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "contained") {
        return contained(sandboxed_engine::contained_main(std::env::args_os().nth(2).as_deref()));
    }
    // And for each image that becomes the root file system of workspaces.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "unpack") {
        return unpack::unpack(std::env::args_os().nth(2), std::env::args_os().nth(3));
    }
    // And for each image that an engine fetches or makes.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "image") {
        return ExitCode::from(sandboxed_engine::image_main(std::env::args_os().nth(2).as_deref()));
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; whoever asked for them may have gone.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failed::new(format!("no threads can be started: {error}")).report(),
    };
    let result = runtime.block_on(dispatch(arguments));
    // Nothing that is still under way then holds the program up: what must be finished was waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

/// Ends as the program in the container has ended.
fn contained(end: ContainedEnd) -> ExitCode {
    match end {
        ContainedEnd::Code(code) => ExitCode::from(code),
        ContainedEnd::Signal(signal) => {
            sandboxed_exec::die_by(signal);
            // A signal that ends nothing: the status that shells show for it.
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<()> {
    let Arguments { place, command } = arguments;
    match command {
        Command::Serve(serve) => command::serve::serve(&place, serve).await,
        Command::Run(run) => command::run::run(&place, run).await,
        Command::Acp(wanted) => acp::acp(&place, wanted).await,
        Command::Missions(missions) => command::missions::missions(&place, missions).await,
        Command::Secret(secrets) => command::secrets::secrets(&place, secrets).await,
        Command::Provider(providers) => command::providers::providers(&place, providers).await,
        Command::Usage(usage) => command::usage::usage(&place, usage).await,
        Command::Budget(budgets) => command::usage::budgets(&place, budgets).await,
        Command::Snapshots(snapshots) => command::snapshots::snapshots(&place, snapshots).await,
        Command::Workspaces(workspaces) => command::workspaces::workspaces(&place, workspaces).await,
        Command::Replay { mission, listing } => command::replay::replay(&place, mission, listing).await,
        Command::Skills(skills) => command::skills::skills(&place, skills).await,
        Command::Templates(templates) => command::templates::templates(&place, templates).await,
        Command::Exec(exec) => command::processes::exec(&place, exec).await,
        Command::Shell(shell) => command::processes::shell(&place, shell).await,
        Command::Processes(processes) => command::processes::processes(&place, processes).await,
        Command::Files(files) => command::files::files(&place, files).await,
        Command::Ports(ports) => command::ports::ports(&place, ports).await,
        Command::Forward(forward) => command::ports::forward(&place, forward).await,
        Command::Plugin(plugin) => command::plugin::plugin(&place, plugin).await,
        Command::Tools(tools) => command::tools::tools(&place, tools).await,
        Command::Harness(harness) => command::harness::harness(&place, harness).await,
        Command::Doctor(listing) => command::doctor::doctor(&place, listing).await,
        Command::Token(token) => command::access::token(&place, token).await,
        Command::User(arguments::User::SetPassword) => command::access::set_password(&place).await,
        Command::Openapi => command::openapi(),
        Command::Backup(backup) => command::backup::backup(&place, backup).await,
        Command::Restore(restore) => command::backup::restore(&place, restore).await,
        Command::Completions { shell } => command::completions(shell),
        Command::Shim | Command::Contained => {
            Err(Failed::usage("this command is started by the server and must be the first argument"))
        }
    }
}
