//! `workspaces`: where missions run.

use std::{pin::pin, time::Duration};

use sandboxed_model::{
    BuildId,
    build::StepState,
    moving::ImportWishes,
    template::{Application, DriftField},
    workspace::{Leftover, Workspace},
};

use super::{ago, builds, git, moving, with_client};
use crate::{
    arguments::{Place, Waiting, Workspaces},
    client::Client,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

/// How long nothing is said while a workspace is made.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn workspaces(place: &Place, command: Workspaces) -> Result<()> {
    with_client(place, async |client| match command {
        Workspaces::List(listing) => {
            let workspaces = client.workspaces().await?;
            if listing.json { output::print_json(&workspaces) } else { list(&workspaces) }
        }
        Workspaces::Create { workspace, waiting, listing } => {
            can_be_left(client, waiting)?;
            let workspace = patient(client.create_workspace((*workspace).into())).await?;
            let build = workspace.build.filter(|_| !waiting.no_wait);
            let ended = wait(client, build, listing.json).await;
            // Told before the end of the build, which may be an error.
            match listing.json {
                true => output::print_json(&client.workspace(&workspace.id.to_string()).await?)?,
                false => {
                    let Workspace { name, backend, .. } = &workspace;
                    output::print(&match workspace.build.filter(|_| waiting.no_wait) {
                        Some(build) => {
                            format!("workspace {name} is being made on the backend {backend} by build {build}")
                        }
                        None => format!("workspace {name} made on the backend {backend}"),
                    })?;
                }
            }
            ended
        }
        Workspaces::Show { workspace, listing } => {
            let workspace = client.workspace(&workspace).await?;
            if listing.json { output::print_json(&workspace) } else { show(&workspace) }
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
        Workspaces::Clone(wanted) => git::clone(client, wanted).await,
        Workspaces::Export { workspace, output, format } => moving::export(client, &workspace, output, format).await,
        Workspaces::Import { file, name, backend, options, waiting, listing } => {
            can_be_left(client, waiting)?;
            let wishes = ImportWishes { name, backend, options };
            let mut imported = patient(moving::import(client, &file, wishes)).await?;
            imported.warnings.iter().for_each(|warning| output::remark(warning));
            let build = imported.workspace.build.filter(|_| !waiting.no_wait);
            let ended = wait(client, build, listing.json).await;
            if build.is_some() {
                imported.workspace = client.workspace(&imported.workspace.id.to_string()).await?;
            }
            let Workspace { name, backend, build, .. } = &imported.workspace;
            match (listing.json, build.filter(|_| waiting.no_wait)) {
                (true, _) => output::print_json(&imported)?,
                (false, Some(build)) => output::print(&format!(
                    "workspace {name} imported on the backend {backend}; build {build} makes what it lacks"
                ))?,
                (false, None) => output::print(&format!("workspace {name} imported on the backend {backend}"))?,
            }
            ended
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
        Workspaces::Build { workspace, from_start, waiting, listing } => {
            can_be_left(client, waiting)?;
            let workspace = client.workspace(&workspace).await?;
            let build = client.build_workspace(workspace.id, from_start).await?;
            let ended = wait(client, Some(build.id).filter(|_| !waiting.no_wait), listing.json).await;
            match (listing.json, waiting.no_wait) {
                (true, _) => output::print_json(&client.build(build.id).await?)?,
                (false, true) => output::print(&format!("build {} begun", build.id))?,
                (false, false) => {}
            }
            ended
        }
        Workspaces::Builds { workspace, listing } => {
            let workspace = client.workspace(&workspace).await?;
            let found = client.builds(workspace.id).await?;
            if listing.json { output::print_json(&found) } else { builds::list(&found) }
        }
        Workspaces::Log { workspace, build, step } => {
            let workspace = client.workspace(&workspace).await?;
            let build = build.or(workspace.build).ok_or_else(|| no_build(&workspace))?;
            builds::follow(client, build, step, builds::Show::Stdout).await.map(drop)
        }
        Workspaces::CancelBuild { workspace, listing } => {
            let workspace = client.workspace(&workspace).await?;
            let build = client.cancel_build(workspace.build.ok_or_else(|| no_build(&workspace))?).await?;
            match listing.json {
                true => output::print_json(&build),
                false => output::print(&format!("build {} is {}", build.id, build.state.as_str())),
            }
        }
        Workspaces::ApplyTemplate { workspace, template_version, dry_run, waiting, listing } => {
            can_be_left(client, waiting)?;
            let workspace = client.workspace(&workspace).await?;
            let application = client.apply_template(workspace.id, template_version, dry_run).await?;
            match listing.json {
                true => output::print_json(&application)?,
                false => output::print(&described(&application, dry_run))?,
            }
            wait(client, application.build.filter(|_| !waiting.no_wait), listing.json).await
        }
    })
    .await
}

/// Refuses to leave a build to a server that ends with this command.
fn can_be_left(client: &Client, waiting: Waiting) -> Result<()> {
    match waiting.no_wait && client.is_embedded() {
        true => Err(Failed::unavailable("there is no running server to which the build could be left")
            .hint("start one with `sandboxed-sh serve`, or leave out --no-wait")),
        false => Ok(()),
    }
}

/// Tells whoever waits for a workspace to be made what it waits for.
async fn patient<T>(made: impl Future<Output = T>) -> T {
    let mut made = pin!(made);
    match tokio::time::timeout(PATIENCE, &mut made).await {
        Ok(made) => made,
        Err(_) => {
            output::remark("the workspace is being made; an image that the engine does not have yet may take minutes");
            made.await
        }
    }
}

/// Follows a build, where there is one to wait for, and fails as it does.
async fn wait(client: &Client, build: Option<BuildId>, quiet: bool) -> Result<()> {
    match build {
        Some(build) => {
            let show = if quiet { builds::Show::Nowhere } else { builds::Show::Stdout };
            builds::outcome(&builds::see_through(client, build, show).await?)
        }
        None => Ok(()),
    }
}

fn no_build(workspace: &Workspace) -> Failed {
    Failed::new(format!("the workspace {} was never built", workspace.name))
        .hint("only a workspace that is a system of its own or has init steps is built")
}

fn described(application: &Application, dry_run: bool) -> String {
    let Application { from, to, changes, steps, .. } = application;
    let mut lines = vec![match (changes.is_empty(), from == to, dry_run) {
        (true, true, _) => format!("the workspace is as version {to} of its template wants it"),
        (_, _, true) => format!("version {from} would become version {to}"),
        (_, _, false) => format!("version {from} became version {to}"),
    }];
    lines.extend(changes.iter().map(change));
    if !changes.is_empty() {
        let runs = |state: StepState| if state.has_ended() { "stays done" } else { "is run" };
        lines.extend(steps.iter().map(|step| format!("  step {}: {}", step.title, runs(step.state))));
    }
    lines.join("\n")
}

fn change(DriftField { field, workspace, template }: &DriftField) -> String {
    format!("  {field}: {workspace} -> {template}")
}

fn list(workspaces: &[Workspace]) -> Result<()> {
    let mut table = Table::new(&["NAME", "BACKEND", "NETWORK", "KEYS", "PHASE", "MADE", "ID"]);
    for workspace in workspaces {
        let direct: Vec<&str> = workspace.recipe.direct_keys.iter().map(|account| account.as_str()).collect();
        table.row([
            workspace.name.to_string(),
            workspace.backend.to_string(),
            workspace.network.mode.to_string(),
            // Nearly always agents have none.
            if direct.is_empty() { "gateway".to_owned() } else { format!("DIRECT: {}", direct.join(", ")) },
            workspace.phase.as_str().to_owned(),
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

fn show(workspace: &Workspace) -> Result<()> {
    list(std::slice::from_ref(workspace))?;
    let mut lines = Vec::new();
    if let Some(problem) = &workspace.problem {
        lines.push(format!("problem: {problem}"));
        lines.extend(problem.hint.iter().map(|hint| format!("hint: {hint}")));
    }
    if let Some(build) = &workspace.build {
        lines.push(format!("last build: {build}"));
    }
    if let Some(used) = &workspace.template {
        lines.push(format!("template: {} in version {}", used.name, used.version));
    }
    match workspace.drift.as_ref().map(|drift| (drift.newest, drift.fields.as_slice())) {
        None => {}
        Some((None, _)) => lines.push("the template is gone".to_owned()),
        Some((Some(newest), [])) => lines.push(format!("no drift from version {newest}")),
        Some((Some(newest), fields)) => {
            lines.push(format!("drift from version {newest}:"));
            lines.extend(fields.iter().map(change));
        }
    }
    if lines.is_empty() { Ok(()) } else { output::print(&output::safe(&lines.join("\n"))) }
}
