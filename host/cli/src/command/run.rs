//! `run`: one mission from its prompt to its end.

use sandboxed_model::{
    MissionId, WorkspaceId,
    backend::WorkspacePhase,
    mission::{Mission, NewMission},
    state::MissionState,
    workspace::{NewWorkspace, WorkspaceName},
};
use serde_json::{Value, json};

use super::{attachments, builds, text_or_stdin, with_client};
use crate::{
    arguments::{Place, Run},
    client::Client,
    failed::{Failed, Result, Status, status_of},
    follow::{self, OnInterrupt, Seen, Show, Until},
    output,
};

pub(crate) async fn run(place: &Place, run: Run) -> Result<()> {
    let prompt = text_or_stdin(run.prompt.clone()).await?;
    with_client(place, async |client| {
        if run.detach && client.is_embedded() {
            return Err(Failed::unavailable("there is no running server to which the mission could be left")
                .hint("start one with `sandboxed-sh serve`, or leave out --detach"));
        }
        let attachments = attachments::bring(client, &run.attach).await?;
        let new = NewWorkspace {
            name: run.workspace.clone(),
            backend: run.backend.clone(),
            template: run.template.clone(),
            ..NewWorkspace::default()
        };
        let workspace = match (&run.workspace, &run.backend, &run.template) {
            (Some(name), ..) => Some(workspace(client, name, new).await?),
            (None, None, None) => None,
            (None, ..) => Some(client.create_workspace(new).await?.id),
        };
        let mission = client
            .create_mission(NewMission {
                id: None,
                prompt,
                attachments,
                title: run.title.clone(),
                harness: run.harness.clone(),
                workspace,
                model: run.model.clone(),
                effort: run.ways.effort.clone(),
                approvals: run.ways.approvals.map(Into::into),
                mode: run.ways.mode.map(Into::into).unwrap_or_default(),
                settings: run.settings.clone().map_or_else(|| json!({}), Value::Object),
                one_shot: true,
                worktree: run.worktree,
            })
            .await?;
        if run.detach {
            return output::print(&mission.id.to_string());
        }
        see_workspace(client, &mission, run.json).await?;
        see_through(client, mission.id, run.json).await
    })
    .await
}

/// The workspace of this name, which is made where there is none.
pub(crate) async fn workspace(client: &Client, name: &WorkspaceName, new: NewWorkspace) -> Result<WorkspaceId> {
    match (client.workspace_by_name(name).await?, &new.backend, &new.template) {
        (Some(found), Some(backend), _) if found.backend != *backend => {
            Err(Failed::new(format!("the workspace {name} is of the backend {} and not {backend}", found.backend))
                .hint("leave out --backend, or take another name"))
        }
        (Some(found), _, Some(wanted)) if found.template.as_ref().is_none_or(|used| used.name != wanted.name) => {
            Err(Failed::new(format!("the workspace {name} was not made from the template {}", wanted.name))
                .hint("leave out --template, or take another name"))
        }
        (Some(found), ..) => Ok(found.id),
        (None, ..) => Ok(client.create_workspace(new).await?.id),
    }
}

/// Shows how a mission's workspace is made, as long as that takes. An interrupt cancels the mission.
async fn see_workspace(client: &Client, mission: &Mission, json: bool) -> Result<()> {
    let workspace = client.workspace(&mission.workspace.to_string()).await?;
    let Some(build) = workspace.build.filter(|_| workspace.phase == WorkspacePhase::Building) else { return Ok(()) };
    let show = if json { builds::Show::Nowhere } else { builds::Show::Stderr };
    let mut interrupt = builds::interrupts()?;
    tokio::select! {
        followed = builds::follow(client, build, None, show) => followed.map(drop),
        _ = interrupt.recv() => {
            client.cancel_mission(mission.id).await?;
            // Otherwise the workspace is there for whoever comes next.
            if client.is_embedded() {
                client.cancel_build(build).await?;
            }
            Ok(())
        }
    }
}

/// Shows the mission until it is settled, and ends as it did.
pub(super) async fn see_through(client: &Client, mission: MissionId, json: bool) -> Result<()> {
    let mut show = Show::run(json);
    let mut seen = Seen::default();
    follow::follow(client, mission, Until::Settled, OnInterrupt::CancelMission, &mut show, &mut seen).await?;
    let ended = client.mission(mission).await?;
    output::remark(&seen.closing_line(mission, ended.state));
    if ended.state == MissionState::Interrupted {
        output::hint(&format!("`sandboxed-sh missions resume {mission}` takes it up again"));
    }
    outcome(&ended)
}

/// The exit status that a mission's end gives.
fn outcome(mission: &Mission) -> Result<()> {
    match (mission.state, &mission.problem) {
        (MissionState::Done | MissionState::AwaitingUser, _) => Ok(()),
        (_, Some(problem)) => Err(Failed::Silent(status_of(problem.blame))),
        _ => Err(Failed::Silent(Status::Failed)),
    }
}
