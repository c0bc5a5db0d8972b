//! What a new server does to show itself: one mission of three turns in a small repository, with nothing but bash and
//! git.

use sandboxed_model::{
    PluginId,
    ask::WorkMode,
    mission::NewMission,
    queue::NewMessage,
    workspace::{NewWorkspace, WorkspaceName},
};
use serde_json::json;

use crate::{
    client::Client,
    failed::Result,
    follow::{self, OnInterrupt, Seen, Show, Until},
    output,
};

/// The turns. The first makes a project whose check fails, the second looks, the third mends it.
const TURNS: [&str; 3] =
    [include_str!("welcome/1-project.sh"), include_str!("welcome/2-look.sh"), include_str!("welcome/3-mend.sh")];

/// Runs the welcome mission and shows it.
pub(crate) async fn run(client: &Client) -> Result<()> {
    let harness: PluginId = "shell".parse().expect("a literal that is a plugin id");
    let name: WorkspaceName = "welcome".parse().expect("a literal that is a workspace name");
    let workspace = client.create_workspace(NewWorkspace { name: Some(name), ..NewWorkspace::default() }).await?;
    output::print("\nThe welcome mission: an agent mends a bug in three turns. Here the agent is a shell.\n")?;
    let mission = client
        .create_mission(NewMission {
            id: None,
            prompt: TURNS[0].to_owned(),
            attachments: Vec::new(),
            title: Some("Welcome: mend a small bug".to_owned()),
            harness: Some(harness),
            workspace: Some(workspace.id),
            model: None,
            effort: None,
            approvals: None,
            mode: WorkMode::Act,
            settings: json!({}),
            one_shot: false,
            worktree: false,
        })
        .await?
        .id;
    let mut show = Show::whole(false);
    let mut seen = Seen::default();
    for (turn, script) in (1..).zip(TURNS) {
        if turn > 1 {
            client.send_message(mission, NewMessage { text: script.to_owned(), ..NewMessage::default() }).await?;
        }
        let until = Until::TurnEnded(turn);
        follow::follow(client, mission, until, OnInterrupt::Leave, &mut show, &mut seen).await?;
        if !seen.enough(until) {
            return Ok(());
        }
        output::print("")?;
    }
    let ended = client.finish_mission(mission).await?;
    output::print(&seen.closing_line(mission, ended.state))?;
    output::print(&format!("`sandboxed-sh missions events {mission}` shows it again"))
}
