//! `serve`: the server from its start to its end.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sandboxed_api::ServeOptions;
use sandboxed_core::Orchestrator;
use sandboxed_model::plugin::{PluginHealth, PluginInfo};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    arguments::{Place, Serve},
    client::{Client, Embedded},
    dashboard,
    failed::{Failed, Result, Status},
    output::{self, Style, Terminal},
    server_file::ServerFile,
    settings::Settings,
    telemetry::{self, Telemetry},
    welcome,
};

/// How long the welcome mission may take to notice that the server stops.
const WELCOME_GRACE: Duration = Duration::from_secs(1);

pub(crate) async fn serve(place: &Place, command: Serve) -> Result<()> {
    let settings = Settings::load(place, command.listen.as_deref())?;
    for warning in &settings.warnings {
        output::warn(warning);
    }
    let password = password(&settings)?;
    if command.check {
        return check(&settings);
    }
    let telemetry = Telemetry::start(&settings.config.telemetry, &settings.redaction)?;
    let metrics = telemetry::metrics()?;
    raise_file_limit();
    // The address comes first: where it is taken, nothing is made or changed.
    let listener = listen(&settings.config.server.listen).await?;
    let address = listener.local_addr().map_err(|error| Failed::new(format!("the address is not known: {error}")))?;
    let data_dir = settings.config.server.data_dir.clone();
    let first_start = !data_dir.join(sandboxed_store::Store::FILE_NAME).exists();
    let orchestrator = Orchestrator::start(settings.setup()?).await?;
    orchestrator.listens_at(address);
    let made_password = match orchestrator.ensure_admin(password).await {
        Ok(made) => made,
        Err(error) => {
            orchestrator.shutdown().await;
            return Err(error.into());
        }
    };
    let shutdown = CancellationToken::new();
    on_signals(shutdown.clone())?;
    let server = ServerFile {
        url: format!("http://{}", reachable(address)),
        pid: std::process::id(),
        token: orchestrator.local_token().to_owned(),
    };
    server.write(&data_dir).map_err(|error| {
        Failed::new(format!("{} cannot be written: {error}", data_dir.join("server.json").display()))
    })?;
    let serving = tokio::spawn(sandboxed_api::serve(
        orchestrator.clone(),
        listener,
        ServeOptions { metrics, dashboard: dashboard::FILES, shutdown: shutdown.clone() },
    ));
    let said = say_hello(&settings, &server.url, &orchestrator.plugins(), made_password.as_deref());
    // A server whose output nobody reads goes on all the same.
    if let Err(error) = said {
        tracing::debug!(%error, "the greeting was not written");
    }
    let welcome = (first_start && !command.no_welcome)
        .then(|| tokio::spawn(show_welcome(orchestrator.clone(), shutdown.clone())));
    let served = serving.await;
    if let Err(error) = server.remove(&data_dir) {
        tracing::warn!(%error, "server.json could not be removed");
    }
    orchestrator.shutdown().await;
    if let Some(welcome) = welcome {
        // It follows the server's events, which have ended now.
        let _ = tokio::time::timeout(WELCOME_GRACE, welcome).await;
    }
    // Sending what is left of traces blocks.
    let _ = tokio::task::spawn_blocking(move || telemetry.end()).await;
    match served {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failed::new(format!("the API cannot be served: {error}"))),
        Err(error) => Err(Failed::new(format!("the API ended: {error}"))),
    }
}

/// The password that the operator chose for the user `admin`, if any.
fn password(settings: &Settings) -> Result<Option<String>> {
    if let Some(password) = &settings.admin_password {
        return Ok(Some(password.clone()));
    }
    let Some(path) = &settings.config.auth.admin_password_file else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failed::usage(format!("the password file {} cannot be read: {error}", path.display()))
            .hint("make it readable for the user that runs the server, or mend auth.admin_password_file")
    })?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(Failed::usage(format!("the password file {} is empty", path.display())));
    }
    Ok(Some(password.to_owned()))
}

/// `--check`: what was read, and what of it is not there.
fn check(settings: &Settings) -> Result<()> {
    for plugin in &settings.config.plugin {
        if settings.component(&plugin.component).is_none() {
            let places: Vec<_> = settings.plugin_dirs.iter().map(|place| place.display().to_string()).collect();
            output::warn(&format!(
                "plugin {}: {} is not found in {}",
                plugin.id,
                plugin.component.display(),
                places.join(", ")
            ));
        }
    }
    let source = settings.file.as_deref().map_or("the embedded configuration".into(), Path::to_string_lossy);
    let count = settings.config.plugin.len();
    output::print(&format!("{source} is valid: {count} plugins, listening on {}", settings.config.server.listen))
}

async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let failed = Failed::unavailable(format!("the server cannot listen on {address}: {}", reason(&error)));
        match error.kind() {
            ErrorKind::AddrInUse => failed.hint("stop the other program, or take another port with --listen"),
            ErrorKind::PermissionDenied => failed
                .hint("ports below 1024 belong to root: take a higher one with --listen, or set CAP_NET_BIND_SERVICE"),
            ErrorKind::AddrNotAvailable => {
                failed.hint("this machine does not have the address; take another with --listen")
            }
            _ => failed.hint("take another address with --listen or server.listen"),
        }
    })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "another program does already".to_owned(),
        ErrorKind::PermissionDenied => "this user may not".to_owned(),
        _ => error.to_string(),
    }
}

/// An address under which this machine reaches the server.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        });
    }
    address
}

/// Lets the server have as many files open as it may: each viewer and each run needs some.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(soft, hard)| if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// The first signal stops the server in good order, the second at once. Runs go on either way.
fn on_signals(shutdown: CancellationToken) -> Result<()> {
    let failed = |error: io::Error| Failed::new(format!("signals cannot be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if shutdown.is_cancelled() {
                tracing::warn!("stopping at once");
                std::process::exit(Status::Failed as i32);
            }
            tracing::info!("stopping; once more stops at once");
            shutdown.cancel();
        }
    });
    Ok(())
}

/// What a person needs to know who started the server.
fn say_hello(settings: &Settings, url: &str, plugins: &[PluginInfo], password: Option<&str>) -> Result<()> {
    let terminal = Terminal::of_stdout();
    let dim = |name: &str| terminal.paint(Style::Dim, name).into_owned();
    let config = settings.file.as_deref().map_or("embedded".into(), Path::to_string_lossy);
    output::print(&format!(
        "sandboxed.sh {version} on {url}\n  {}     {}\n  {}   {config}\n  {}  {}",
        dim("data"),
        settings.config.server.data_dir.display(),
        dim("config"),
        dim("plugins"),
        plugin_summary(plugins),
        version = env!("CARGO_PKG_VERSION"),
        url = terminal.paint(Style::Bold, url),
    ))?;
    for plugin in plugins.iter().filter(|plugin| plugin.health != PluginHealth::Ready) {
        let reason = plugin.reason.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
        output::warn(&format!("plugin {} is {:?}{reason}", plugin.id, plugin.health).to_lowercase());
        if let Some(hint) = plugin.reason.as_ref().and_then(|failure| failure.hint.as_deref()) {
            output::hint(hint);
        }
    }
    if let Some(password) = password {
        // To the terminal of whoever started the server, and to no log.
        output::remark(&format!(
            "\n  The password of the user admin is  {password}\n  It is shown this once. `sandboxed-sh user set-password` sets another."
        ));
    }
    output::print(&format!(
        "\nIn another terminal:\n  sandboxed-sh run 'echo hello; date > stamp.txt'\n  sandboxed-sh missions list\n{}",
        dim("Ctrl-C stops the server; missions that are under way go on and are taken up again.")
    ))
}

fn plugin_summary(plugins: &[PluginInfo]) -> String {
    if plugins.is_empty() {
        return "none; see [[plugin]] in config/sandboxed.toml".to_owned();
    }
    let names: Vec<String> = plugins.iter().map(|plugin| format!("{} ({})", plugin.id, plugin.kind)).collect();
    names.join(", ")
}

async fn show_welcome(orchestrator: Orchestrator, shutdown: CancellationToken) {
    let shown = async { welcome::run(&Client::Embedded(Embedded::of(orchestrator).await?)).await };
    // A server that stops takes it along.
    if let Err(failed) = shown.await
        && !shutdown.is_cancelled()
    {
        tracing::warn!(reason = %failed, "the welcome mission could not be shown");
    }
}
