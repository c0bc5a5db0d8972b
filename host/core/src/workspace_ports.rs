//! What a person can do with the ports of workspaces: see them, declare them, and reach what listens there.

use std::collections::{BTreeMap, HashMap, HashSet};

use sandboxed_exec::{Listening, ProcessHandle, owners};
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    port::{DeclaredPort, PortNumber, PortProtocol, WorkspacePort, problem_of},
    workspace::{NetworkMode, NetworkPolicy, Workspace},
};

use crate::{Error, Orchestrator, Result, leaders::Leader, port_connection::PortConnection, services::Services};

/// Ports that a message names at most.
const NAMED: usize = 20;
/// Why a workspace on another machine has none.
pub(crate) const PORTS_THERE: &str = "what listens in it cannot be reached";

impl Orchestrator {
    /// The ports of a workspace in the order of their numbers: those that were declared, and those on which something
    /// listens now.
    ///
    /// # Errors
    /// When there is no such workspace, or it has no network of its own.
    pub async fn workspace_ports(&self, id: WorkspaceId) -> Result<Vec<WorkspacePort>> {
        let workspace = self.services.workspace(id).await?;
        has_own_network(&workspace.network)?;
        self.services.check_here(&workspace, PORTS_THERE).await?;
        let mut ports: BTreeMap<PortNumber, WorkspacePort> = BTreeMap::new();
        for (port, process) in self.services.listening_ports(id).await? {
            let found = WorkspacePort {
                port,
                name: None,
                protocol: PortProtocol::default(),
                label: None,
                listening: true,
                process,
            };
            ports.insert(port, found);
        }
        for DeclaredPort { name, port, protocol, label } in workspace.ports {
            let found = ports.remove(&port);
            let listening = found.is_some();
            let process = found.and_then(|found| found.process);
            ports.insert(port, WorkspacePort { port, name: Some(name), protocol, label, listening, process });
        }
        Ok(ports.into_values().collect())
    }

    /// Replaces the declared ports of a workspace.
    ///
    /// # Errors
    /// When there is no such workspace, it has no network of its own, or the list contradicts itself.
    pub async fn set_workspace_ports(&self, id: WorkspaceId, ports: Vec<DeclaredPort>) -> Result<Vec<WorkspacePort>> {
        let workspace = self.services.workspace(id).await?;
        has_own_network(&workspace.network)?;
        self.services.check_here(&workspace, PORTS_THERE).await?;
        check_ports(&ports)?;
        self.services.store.set_workspace_ports(id, ports).await?;
        self.workspace_ports(id).await
    }

    /// Opens a connection to what listens on a port of a workspace.
    ///
    /// # Errors
    /// When there is no such workspace, it has no network of its own, nothing listens there, or too many connections are
    /// open.
    pub async fn connect_port(&self, id: WorkspaceId, port: PortNumber) -> Result<PortConnection> {
        let services = &self.services;
        let workspace = services.workspace(id).await?;
        has_own_network(&workspace.network)?;
        let place = services.port_places.take(id)?;
        let Some(leader) = services.present_leader(id).await? else {
            services.check_way_in(&workspace).await?;
            return Err(nothing_listens(&workspace, port, &[]));
        };
        let found = listeners(&leader).await?;
        let at_port: Vec<_> = found.iter().filter(|found| found.address.port() == port.get()).collect();
        if at_port.is_empty() {
            return Err(nothing_listens(&workspace, port, &found));
        }
        let mut refused = None;
        for listening in at_port {
            match leader.doorway().connect(listening.address).await {
                Ok(stream) => {
                    let declared = workspace.ports.iter().find(|declared| declared.port == port);
                    let protocol = declared.map(|declared| declared.protocol).unwrap_or_default();
                    return Ok(PortConnection::new(stream, protocol, leader, place));
                }
                Err(error) => refused = Some(error),
            }
        }
        let why = refused.map(|error| format!(": {error}")).unwrap_or_default();
        let message =
            format!("what listens on port {port} of the workspace {} takes no connection{why}", workspace.name);
        Err(Failure::new(Blame::Unavailable, "ports.not_taken", message).into())
    }
}

impl Services {
    /// The ports on which something listens in a workspace, with the names of the programs where they can be told.
    async fn listening_ports(&self, id: WorkspaceId) -> Result<Vec<(PortNumber, Option<String>)>> {
        let Some(leader) = self.present_leader(id).await? else { return Ok(Vec::new()) };
        let found = listeners(&leader).await?;
        name_ports(leader.process(), found).await
    }
}

/// What listens in a network. One that has just gone has no listeners.
pub(crate) async fn listeners(leader: &Leader) -> Result<Vec<Listening>> {
    match leader.doorway().listening().await {
        Ok(found) => Ok(found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let message = format!("what listens in the workspace cannot be told: {error}");
            Err(Failure::new(Blame::Host, "ports.unknown", message).into())
        }
    }
}

/// The ports of listeners, each once, with the names of the programs where they can be told.
pub(crate) async fn name_ports(
    process: ProcessHandle,
    found: Vec<Listening>,
) -> Result<Vec<(PortNumber, Option<String>)>> {
    let inodes: HashSet<u64> = found.iter().map(|found| found.inode).collect();
    let names = match inodes.is_empty() {
        true => HashMap::new(),
        false => tokio::task::spawn_blocking(move || owners(process, &inodes)).await.unwrap_or_default(),
    };
    let mut ports = BTreeMap::new();
    for listening in found {
        let Ok(port) = PortNumber::try_from(listening.address.port()) else { continue };
        let name = ports.entry(port).or_insert(None);
        *name = name.take().or_else(|| names.get(&listening.inode).cloned());
    }
    Ok(ports.into_iter().collect())
}

/// Whether a list of declared ports can be meant.
pub(crate) fn check_ports(ports: &[DeclaredPort]) -> Result<()> {
    match problem_of(ports) {
        Some(message) => Err(Error::Invalid { code: "ports.invalid", message }),
        None => Ok(()),
    }
}

/// The ports of a workspace that shares the machine's network are the machine's own: whatever listened there could be
/// reached through it.
pub(crate) fn has_own_network(network: &NetworkPolicy) -> Result<()> {
    if network.mode != NetworkMode::Shared {
        return Ok(());
    }
    let message = "a workspace that shares the machine's network has no ports of its own";
    Err(Failure::new(Blame::Config, "ports.shared_network", message)
        .with_hint("reach its services at the machine's own address, or make the workspace with another network mode")
        .into())
}

fn nothing_listens(workspace: &Workspace, port: PortNumber, found: &[Listening]) -> Error {
    let mut others: Vec<u16> = found.iter().map(|found| found.address.port()).collect();
    others.dedup();
    let more = if others.len() > NAMED { " and more" } else { "" };
    let others: Vec<String> = others.iter().take(NAMED).map(u16::to_string).collect();
    let hint = match others.is_empty() {
        true => "nothing listens in the workspace now; a service in it has to be started first".to_owned(),
        false => format!("something listens on {}{more}", others.join(", ")),
    };
    let message = format!("nothing listens on port {port} of the workspace {}", workspace.name);
    Failure::new(Blame::Unavailable, "ports.nothing_listens", message).with_hint(hint).into()
}
