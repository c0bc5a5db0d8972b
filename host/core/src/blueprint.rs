//! What a workspace becomes by what was said of it: defaults filled in, and everything held against what the operator lets
//! workspaces have.

use sandboxed_model::{
    Failure, PluginId,
    context::McpServer,
    plugin::PluginKind,
    port::DeclaredPort,
    recipe::{Blueprint, EnvValue, Recipe},
    template::{TemplateChoice, TemplateUse},
    workspace::{NetworkPolicy, Workspace, WorkspaceLimits},
};

use crate::{
    Error, Result, egress,
    services::Services,
    tailscale,
    workspace_ports::{check_ports, has_own_network},
};

/// A workspace as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) backend: PluginId,
    pub(crate) options: serde_json::Value,
    pub(crate) network: NetworkPolicy,
    pub(crate) limits: WorkspaceLimits,
    pub(crate) ports: Vec<DeclaredPort>,
    pub(crate) recipe: Recipe,
}

impl Resolved {
    /// A workspace as it is.
    pub(crate) fn of(workspace: &Workspace) -> Self {
        Self {
            backend: workspace.backend.clone(),
            options: workspace.options.clone(),
            network: workspace.network.clone(),
            limits: workspace.limits,
            ports: workspace.ports.clone(),
            recipe: workspace.recipe.clone(),
        }
    }
}

impl Services {
    /// What was said beside a template, with the template's part; all of it where there is no template.
    ///
    /// # Errors
    /// When there is no such template or version.
    pub(crate) async fn with_template(
        &self,
        choice: Option<TemplateChoice>,
        beside: Blueprint,
    ) -> Result<(Blueprint, Option<TemplateUse>)> {
        let Some(TemplateChoice { name, version }) = choice else { return Ok((beside, None)) };
        let template = self.store.template(&name, version).await?;
        let used = TemplateUse { name: template.name, version: template.version, beside: beside.clone() };
        Ok((template.workspace.with(beside), Some(used)))
    }

    /// What a workspace becomes that is made with `blueprint`.
    ///
    /// # Errors
    /// When the backend does not exist, something in it can never work or cannot be had here, or the operator does not
    /// let workspaces have it.
    pub(crate) async fn resolve(&self, blueprint: Blueprint) -> Result<Resolved> {
        let resolved = self.fill(blueprint).await?;
        egress::policy(&resolved.network)?;
        if let Some(via) = resolved.network.via {
            tailscale::check(&self.config.tailscale, via).await?;
        }
        if !resolved.ports.is_empty() {
            has_own_network(&resolved.network)?;
        }
        self.check_secrets(&resolved.recipe)?;
        self.check_skills(&resolved.recipe).await?;
        self.direct_keys(&resolved.recipe.direct_keys)?;
        self.find_mounts(resolved.recipe.mounts.clone(), self.isolation.users().is_some()).await?;
        Ok(resolved)
    }

    /// The same without asking whether the operator lets workspaces have it.
    pub(crate) async fn fill(&self, blueprint: Blueprint) -> Result<Resolved> {
        let backend = blueprint.backend.clone().unwrap_or_else(|| self.config.missions.default_backend.clone());
        let info = self.plugins.inspect(&backend);
        let info = info.ok_or_else(|| Error::NotFound { what: "plugin", id: backend.to_string() })?;
        if info.kind != PluginKind::Backend {
            return Err(Error::Invalid {
                code: "workspace.not_a_backend",
                message: format!("the plugin {backend} is a {} and no backend", info.kind),
            });
        }
        if let Some(problem) = blueprint.limits.problem() {
            return Err(Error::Invalid { code: "workspace.limits_invalid", message: problem.to_owned() });
        }
        check_ports(&blueprint.ports)?;
        let recipe = blueprint.recipe();
        if let Some(message) = recipe.problem() {
            return Err(Error::Invalid { code: "workspace.recipe_invalid", message });
        }
        let defaults = &self.config.workspaces.limits;
        // One that cannot be asked could not remove again what it began, either.
        let limits = match self.plugins.backend(&backend)?.describe().await?.engine_limits {
            true => {
                let limits = defaults.fill(blueprint.limits);
                let options: serde_json::Value = blueprint.options.clone().into();
                match self.engine_for(&backend, &options.to_string()).await? {
                    Some(_) => Self::limits_there(blueprint.limits, limits)?,
                    None => limits,
                }
            }
            false => self.isolation.limits(blueprint.limits, defaults)?,
        };
        Ok(Resolved {
            backend,
            options: blueprint.options.into(),
            network: blueprint.network.unwrap_or_else(|| self.config.workspaces.network.clone()),
            limits,
            ports: blueprint.ports,
            recipe,
        })
    }

    /// Whether workspaces may name the secrets that are named here.
    ///
    /// # Errors
    /// With the line that is missing in the configuration.
    pub(crate) fn check_secrets(&self, recipe: &Recipe) -> Result<(), Failure> {
        let tokens = recipe.mcp_servers.values().filter_map(McpServer::secret);
        for secret in recipe.env.values().filter_map(EnvValue::secret).chain(tokens) {
            let listed = self.config.workspaces.secrets.iter().any(|listed| listed == secret);
            self.vault.check_for_workspaces(secret, listed)?;
        }
        Ok(())
    }
}
