//! What backends keep and what the store knows, held against each other: a container of a workspace that is not there
//! any more belongs to nobody.

use std::sync::Weak;

use sandboxed_model::{
    Blame, Failure, PluginId, Timestamp, UserId, WorkspaceId,
    backend::{Leader, WorkspacePhase},
    doctor::{Check, CheckStatus},
    plugin::{PluginHealth, PluginKind},
    recipe::Recipe,
    workspace::{Leftover, NetworkMode, NetworkPolicy, Workspace, WorkspaceLayers, WorkspaceLimits},
};

use crate::{Error, Orchestrator, Result, services::Services};

impl Orchestrator {
    /// What backends keep of workspaces that are not there. A backend that cannot tell is passed over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut leftovers = Vec::new();
        for backend in self.services.backends() {
            let kept = self.services.kept(&backend).await.unwrap_or_default();
            let missing = self.services.store.missing_workspaces(kept).await?;
            leftovers.extend(missing.into_iter().map(|workspace| Leftover { backend: backend.clone(), workspace }));
        }
        Ok(leftovers)
    }

    /// Removes what a backend keeps of a workspace that is not there.
    ///
    /// # Errors
    /// When the workspace is there, the backend keeps nothing of it, or it cannot be removed.
    pub async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        let Leftover { backend, workspace } = leftover;
        if self.services.store.missing_workspaces(vec![*workspace]).await?.is_empty() {
            return Err(Error::Conflict {
                code: "leftover.in_use",
                message: format!("the workspace {workspace} is there: delete it instead"),
            });
        }
        if !self.services.kept(backend).await?.contains(workspace) {
            return Err(Error::NotFound { what: "leftover", id: workspace.to_string() });
        }
        let spec = self.services.isolation.spec(&gone(backend, *workspace), &self.services.paths);
        Ok(self.services.plugins.backend(backend)?.destroy(&spec).await?)
    }

    pub(crate) async fn check_leftovers(&self) -> Option<Check> {
        let found = self.leftovers().await.ok().filter(|found| !found.is_empty())?;
        let names: Vec<String> = found.iter().map(|it| format!("{} of {}", it.workspace, it.backend)).collect();
        let detail = format!("backends keep something of workspaces that are not there: {}", names.join(", "));
        let failure = Failure::new(Blame::Unavailable, "workspace.leftovers", detail.clone())
            .with_hint("sandboxed-sh workspaces leftovers --remove");
        let name = "leftovers".to_owned();
        Some(Check { name, status: CheckStatus::Warning, detail, failure: Some(failure) })
    }
}

impl Services {
    /// The backends that can be asked.
    fn backends(&self) -> Vec<PluginId> {
        let usable = |health| matches!(health, PluginHealth::Ready | PluginHealth::Degraded);
        let plugins = self.plugins.list().into_iter();
        plugins.filter(|it| it.kind == PluginKind::Backend && usable(it.health)).map(|it| it.id).collect()
    }

    /// Workspaces of which a backend keeps anything. What is no id of a workspace is none of ours.
    async fn kept(&self, backend: &PluginId) -> std::result::Result<Vec<WorkspaceId>, Failure> {
        let kept = self.plugins.backend(backend)?.list_owned().await?;
        Ok(kept.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Takes up what backends keep for workspaces that are there, and tells of the rest.
    async fn take_stock(&self) -> Result<()> {
        for backend in self.backends() {
            let kept = match self.kept(&backend).await {
                Ok(kept) => kept,
                // Its engine is not there, say: whoever uses the backend will hear of it.
                Err(failure) => {
                    tracing::debug!(%backend, %failure, "a backend cannot tell what it keeps");
                    continue;
                }
            };
            let missing = self.store.missing_workspaces(kept.clone()).await?;
            for workspace in kept {
                if missing.contains(&workspace) {
                    tracing::warn!(%backend, %workspace, "a backend keeps something of a workspace that is not there; `sandboxed-sh workspaces leftovers --remove` removes it");
                } else if let Ok(known) = self.store.workspace(workspace).await
                    && let Some(engine) = self.engine_name(&known).await
                {
                    self.recover_contained(workspace, &engine).await;
                }
            }
        }
        Ok(())
    }

    /// The engine of a workspace's container, if it has one.
    async fn engine_name(&self, workspace: &Workspace) -> Option<String> {
        let spec = self.isolation.spec(workspace, &self.paths);
        let backend = self.plugins.backend(&workspace.backend).ok()?;
        let observed = backend.observe(&spec).await.ok()?;
        match backend.lead(&spec, &observed).await.ok()? {
            Leader::Container(engine) => Some(engine),
            Leader::Server | Leader::Program(_) => None,
        }
    }
}

/// Once, in the background: an engine that does not answer must not hold the start up.
pub(crate) async fn at_start(services: Weak<Services>) {
    let Some(services) = services.upgrade() else { return };
    // A server that stops closes the store under it.
    if let Err(error) = services.take_stock().await
        && !*services.stop.borrow()
    {
        tracing::warn!(%error, "what backends keep could not be held against the store");
    }
}

/// A workspace of which only the id matters.
fn gone(backend: &PluginId, id: WorkspaceId) -> Workspace {
    Workspace {
        id,
        name: "gone".parse().expect("a literal that is a name of a workspace"),
        backend: backend.clone(),
        options: serde_json::json!({}),
        network: NetworkPolicy { mode: NetworkMode::None, allow: Vec::new(), via: None },
        limits: WorkspaceLimits::default(),
        user: None,
        root: None,
        layers: WorkspaceLayers::default(),
        ports: Vec::new(),
        phase: WorkspacePhase::Absent,
        problem: None,
        build: None,
        recipe: Recipe::default(),
        template: None,
        drift: None,
        owner: UserId::new(),
        created_at: Timestamp::now(),
    }
}
