//! Trying a harness out: a mission with one small question, from the installation to the answer of a model.

use sandboxed_model::{
    PluginId,
    access::Principal,
    ask::WorkMode,
    install::HarnessTest,
    mission::{Mission, NewMission},
    state::MissionState,
    workspace::{NewWorkspace, WorkspaceName},
};
use serde_json::json;

use crate::{Error, Orchestrator, Result, services::Services};

/// Both a question to a model and a script of the harness `shell`: each answers with the same word.
const PROMPT: &str = "echo ready # Answer with the word \"ready\" and nothing else. Use no tools.";

/// Where harnesses are tried out. Whoever made it chose its backend.
const WORKSPACE: &str = "harness-tests";

impl Orchestrator {
    /// Begins a mission that tries a harness out, with a model or the harness's default. The mission of the test before is
    /// removed.
    ///
    /// # Errors
    /// When there is none of this id or it has no such model, and while a test of it is under way.
    pub async fn test_harness(&self, by: &Principal, id: &PluginId, model: Option<String>) -> Result<Mission> {
        self.services.known_harness(id)?;
        let before = self.services.store.harness_test(id.clone()).await?;
        if let Some(mission) = before.as_ref().filter(|mission| !mission.state.has_ended()) {
            return Err(Error::Conflict {
                code: "harness.test_under_way",
                message: format!("{id} is being tried out by the mission {}, which is {}", mission.id, mission.state),
            });
        }
        let name: WorkspaceName = WORKSPACE.parse().map_err(|error| Error::Invalid {
            code: "workspace.name_invalid",
            message: format!("{WORKSPACE}: {error}"),
        })?;
        let workspace = match self.services.store.workspace_by_name(&name).await.map_err(Error::from) {
            Ok(found) => found.id,
            Err(Error::NotFound { .. }) => {
                let new = NewWorkspace { name: Some(name), ..NewWorkspace::default() };
                self.create_workspace(by, new).await?.id
            }
            Err(error) => return Err(error),
        };
        let new = NewMission {
            id: None,
            prompt: PROMPT.to_owned(),
            attachments: Vec::new(),
            title: Some(format!("Test of {id}")),
            harness: Some(id.clone()),
            workspace: Some(workspace),
            model,
            effort: None,
            approvals: None,
            mode: WorkMode::default(),
            settings: json!({}),
            one_shot: true,
            worktree: false,
        };
        let mission = self.create_mission(by, new).await?;
        self.services.store.note_harness_test(id.clone(), mission.id).await?;
        if let Some(before) = before
            && let Err(error) = self.delete_mission(before.id).await
        {
            tracing::warn!(%error, mission = %before.id, "the mission of a former test could not be removed");
        }
        Ok(mission)
    }
}

impl Services {
    /// How a harness was last tried out.
    pub(super) async fn harness_test(&self, id: &PluginId) -> Result<Option<HarnessTest>> {
        let tested = self.store.harness_test(id.clone()).await?;
        Ok(tested.map(|Mission { id, state, problem, updated_at, .. }| HarnessTest {
            mission: id,
            state,
            problem: problem.filter(|_| state != MissionState::Done),
            at: updated_at,
        }))
    }
}
