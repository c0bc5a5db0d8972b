//! `ports` and `forward`: what listens in workspaces.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use sandboxed_model::{
    WorkspaceId,
    port::{PortNumber, PortProtocol, WorkspacePort},
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};

use super::with_client;
use crate::{
    arguments::{Forward, Place, Ports},
    client::Client,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

/// `ports`.
pub(crate) async fn ports(place: &Place, command: Ports) -> Result<()> {
    let Ports { workspace, declare, declare_none, open, listing } = command;
    with_client(place, async |client| {
        let workspace = client.workspace(&workspace).await?.id;
        if let Some(port) = open {
            return output::print(&client.open_port(workspace, port).await?);
        }
        let ports = match declare_none || !declare.is_empty() {
            true => client.set_ports(workspace, declare).await?,
            false => client.ports(workspace).await?,
        };
        if listing.json { output::print_json(&ports) } else { list(&ports) }
    })
    .await
}

fn list(ports: &[WorkspacePort]) -> Result<()> {
    let mut table = Table::new(&["PORT", "NAME", "STATE", "PROTOCOL", "PROCESS", "LABEL"]);
    for WorkspacePort { port, name, protocol, label, listening, process } in ports {
        table.row([
            port.to_string(),
            name.as_ref().map(ToString::to_string).unwrap_or_default(),
            if *listening { "listening" } else { "-" }.to_owned(),
            match protocol {
                PortProtocol::Http => "http".to_owned(),
                PortProtocol::Https => "https".to_owned(),
            },
            process.clone().unwrap_or_default(),
            label.clone().unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no ports"))
}

/// `forward`: takes connections on this machine and passes them on, until it is ended.
pub(crate) async fn forward(place: &Place, command: Forward) -> Result<()> {
    let Forward { workspace, port, listen } = command;
    with_client(place, async |client| {
        let workspace = client.workspace(&workspace).await?;
        let known = client.ports(workspace.id).await?;
        let address = listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port.get())));
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failed::unavailable(format!("connections cannot be taken at {address}: {error}"))
                .hint("take another address with --listen; 127.0.0.1:0 takes a free port")
        })?;
        let bound = listener.local_addr().map_err(|error| Failed::new(format!("the address is not known: {error}")))?;
        output::print(&format!("{bound} leads to port {port} of the workspace {}", workspace.name))?;
        if !known.iter().any(|known| known.port == port && known.listening) {
            output::hint(&format!("nothing listens on port {port} yet"));
        }
        let failed = |error: std::io::Error| Failed::new(format!("signals cannot be received: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut carried = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((local, _)) => carried.push(carry(client, workspace.id, port, local)),
                    Err(error) => return Err(Failed::new(format!("no more connections can be taken: {error}"))),
                },
                Some(()) = carried.next() => {}
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
            }
        }
    })
    .await
}

/// A connection that cannot be passed on is closed, and why is told.
async fn carry(client: &Client, workspace: WorkspaceId, port: PortNumber, local: TcpStream) {
    match client.connect_port(workspace, port).await {
        Ok(tunnel) => tunnel.carry(local).await,
        Err(Failed::Said { message, hint, .. }) => {
            output::warn(&message);
            if let Some(hint) = hint {
                output::hint(&hint);
            }
        }
        Err(other) => output::warn(&other.to_string()),
    }
}
