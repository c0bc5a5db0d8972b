//! `workspaces`: where missions run.

use sandboxed_model::workspace::{Leftover, Workspace};

use super::{ago, with_client};
use crate::{
    arguments::{Place, Workspaces},
    failed::Result,
    output::{self, Table, Terminal},
};

pub(crate) async fn workspaces(place: &Place, command: Workspaces) -> Result<()> {
    with_client(place, async |client| match command {
        Workspaces::List(listing) => {
            let workspaces = client.workspaces().await?;
            if listing.json { output::print_json(&workspaces) } else { list(&workspaces) }
        }
        Workspaces::Create { workspace, listing } => {
            let workspace = client.create_workspace(workspace.into()).await?;
            match listing.json {
                true => output::print_json(&workspace),
                false => {
                    output::print(&format!("workspace {} made on the backend {}", workspace.name, workspace.backend))
                }
            }
        }
        Workspaces::Show { workspace, listing } => {
            let workspace = client.workspace(&workspace).await?;
            if listing.json { output::print_json(&workspace) } else { list(&[workspace]) }
        }
        Workspaces::Fork { workspace, name, listing } => {
            let from = client.workspace(&workspace).await?;
            let forked = client.fork_workspace(from.id, name).await?;
            match listing.json {
                true => output::print_json(&forked),
                false => output::print(&format!("workspace {} made from {}", forked.name, from.name)),
            }
        }
        Workspaces::Restore { workspace, snapshot } => {
            let workspace = client.workspace(&workspace).await?;
            client.restore_workspace(workspace.id, snapshot).await?;
            output::print(&format!("workspace {} stands as in the snapshot {snapshot}", workspace.name))
        }
        Workspaces::Delete { workspace } => {
            let workspace = client.workspace(&workspace).await?;
            client.delete_workspace(workspace.id).await?;
            output::print(&format!("workspace {} deleted", workspace.name))
        }
        Workspaces::Leftovers { remove, listing } => {
            let leftovers = client.leftovers().await?;
            if remove {
                for leftover in &leftovers {
                    client.remove_leftover(leftover).await?;
                }
            }
            if listing.json { output::print_json(&leftovers) } else { list_leftovers(&leftovers, remove) }
        }
    })
    .await
}

fn list(workspaces: &[Workspace]) -> Result<()> {
    let mut table = Table::new(&["NAME", "BACKEND", "NETWORK", "PHASE", "MADE", "ID"]);
    for workspace in workspaces {
        let phase = format!("{:?}", workspace.phase).to_lowercase();
        table.row([
            workspace.name.to_string(),
            workspace.backend.to_string(),
            workspace.network.mode.to_string(),
            phase,
            ago(workspace.created_at),
            workspace.id.to_string(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no workspaces"))
}

fn list_leftovers(leftovers: &[Leftover], removed: bool) -> Result<()> {
    let mut table = Table::new(&["BACKEND", "WORKSPACE", "STATE"]);
    for Leftover { backend, workspace } in leftovers {
        let state = if removed { "removed" } else { "kept" };
        table.row([backend.to_string(), workspace.to_string(), state.to_owned()]);
    }
    output::print(&table.render(Terminal::of_stdout(), "nothing is kept of workspaces that are not there"))
}
