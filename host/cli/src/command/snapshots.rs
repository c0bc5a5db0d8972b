//! `snapshots`: how workspaces stood.

use sandboxed_model::snapshot::Snapshot;

use super::{ago, with_client};
use crate::{
    arguments::{Place, Snapshots},
    failed::Result,
    output::{self, Table, Terminal},
};

pub(crate) async fn snapshots(place: &Place, command: Snapshots) -> Result<()> {
    with_client(place, async |client| match command {
        Snapshots::List { workspace, listing } => {
            let workspace = match workspace {
                Some(workspace) => Some(client.workspace(&workspace).await?.id),
                None => None,
            };
            let snapshots = client.snapshots(workspace).await?;
            if listing.json { output::print_json(&snapshots) } else { list(&snapshots) }
        }
        Snapshots::Take { workspace, label, listing } => {
            let workspace = client.workspace(&workspace).await?;
            let snapshot = client.take_snapshot(workspace.id, label).await?;
            match listing.json {
                true => output::print_json(&snapshot),
                false => output::print(&format!("snapshot {} of the workspace {}", snapshot.id, workspace.name)),
            }
        }
        Snapshots::Show { snapshot, listing } => {
            let snapshot = client.snapshot(snapshot).await?;
            if listing.json { output::print_json(&snapshot) } else { list(&[snapshot]) }
        }
        Snapshots::Delete { snapshot } => {
            client.delete_snapshot(snapshot).await?;
            output::print(&format!("snapshot {snapshot} deleted"))
        }
        Snapshots::Fork { snapshot, name, listing } => {
            let workspace = client.fork_snapshot(snapshot, name).await?;
            match listing.json {
                true => output::print_json(&workspace),
                false => output::print(&format!("workspace {} made from the snapshot {snapshot}", workspace.name)),
            }
        }
    })
    .await
}

fn list(snapshots: &[Snapshot]) -> Result<()> {
    let mut table = Table::new(&["ID", "WORKSPACE", "BACKEND", "TAKEN", "LABEL"]);
    for snapshot in snapshots {
        table.row([
            snapshot.id.to_string(),
            snapshot.workspace.name.to_string(),
            snapshot.workspace.backend.to_string(),
            ago(snapshot.created_at),
            snapshot.label.clone().unwrap_or_default(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no snapshots"))
}
