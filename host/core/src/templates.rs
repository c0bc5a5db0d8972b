//! What a person can do with templates, and how workspaces follow theirs.

use sandboxed_model::{
    WorkspaceId,
    access::Principal,
    backend::WorkspacePhase,
    page::{Page, PageRequest},
    template::{Application, Drift, DriftField, NewTemplate, Template, TemplateChoice, TemplateName, TemplateUse},
    workspace::Workspace,
};
use sandboxed_store::WorkspaceUpdate;
use serde::Serialize;

use crate::{Error, Orchestrator, Result, blueprint::Resolved, builds::new_build, services::Services};

impl Orchestrator {
    /// Makes a template.
    ///
    /// # Errors
    /// When the name is taken, or something in it can never work.
    pub async fn create_template(&self, new: NewTemplate) -> Result<Template> {
        self.services.check_template(&new)?;
        Ok(self.services.store.insert_template(new).await?)
    }

    /// A template in this version, or the newest.
    ///
    /// # Errors
    /// When there is no such template or version.
    pub async fn template(&self, name: &TemplateName, version: Option<u32>) -> Result<Template> {
        Ok(self.services.marked(self.services.store.template(name, version).await?))
    }

    /// All templates in their newest versions, the newest template first.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn templates(&self, page: &PageRequest) -> Result<Page<Template>> {
        Ok(self.services.marked_page(self.services.store.templates(page).await?))
    }

    /// All versions of a template, the newest first.
    ///
    /// # Errors
    /// When there is no such template, or the cursor is none of this list.
    pub async fn template_versions(&self, name: &TemplateName, page: &PageRequest) -> Result<Page<Template>> {
        Ok(self.services.marked_page(self.services.store.template_versions(name, page).await?))
    }

    /// Makes the next version of a template. One that says the same as the newest is not made.
    ///
    /// # Errors
    /// When there is no such template, the configuration declares it, or something in it can never work.
    pub async fn update_template(&self, new: NewTemplate) -> Result<Template> {
        self.services.check_template(&new)?;
        Ok(self.services.store.update_template(new).await?)
    }

    /// Removes a template with all its versions. Workspaces that were made from it stay as they are.
    ///
    /// # Errors
    /// When there is no such template, or the configuration declares it.
    pub async fn delete_template(&self, name: &TemplateName) -> Result<()> {
        self.services.check_not_declared(name)?;
        Ok(self.services.store.delete_template(name).await?)
    }

    /// Brings a workspace to a version of its template, the newest where none is named: what differs is changed, and init
    /// steps that were not run in it so far are run. With `dry_run` nothing is done, and the answer says what would be.
    ///
    /// # Errors
    /// When the workspace was made from no template, the template wants another backend, or the workspace is in use.
    pub async fn apply_template(
        &self,
        by: &Principal,
        id: WorkspaceId,
        version: Option<u32>,
        dry_run: bool,
    ) -> Result<Application> {
        let services = &self.services;
        let workspace = services.workspace(id).await?;
        let Some(used) = workspace.template.clone() else {
            let message = format!("the workspace {} was made from no template", workspace.name);
            return Err(Error::Conflict { code: "workspace.no_template", message });
        };
        let choice = TemplateChoice { name: used.name.clone(), version };
        let (blueprint, template) = services.with_template(Some(choice), used.beside.clone()).await?;
        let wanted = services.resolve(blueprint).await?;
        if wanted.backend != workspace.backend {
            let message = format!(
                "the template wants the backend {} and the workspace has {}: make a new workspace from it",
                wanted.backend, workspace.backend
            );
            return Err(Error::Conflict { code: "template.backend_changed", message });
        }
        let engine = services.engine_for(&wanted.backend, &wanted.options.to_string()).await?;
        if engine != services.distant_engine(&workspace).await? {
            let message = "the template wants another engine, and the workspace's files stay where they are: make a new \
                           workspace from it";
            return Err(Error::Conflict { code: "template.engine_changed", message: message.to_owned() });
        }
        let changes = differences(&Resolved::of(&workspace), &wanted);
        let Resolved { options, network, limits, ports, recipe, .. } = wanted;
        let to = template.as_ref().map_or(used.version, |template| template.version);
        let changed = Workspace {
            options: options.clone(),
            network: network.clone(),
            limits,
            ports: ports.clone(),
            recipe: recipe.clone(),
            template: template.clone(),
            ..workspace.clone()
        };
        let before = match workspace.build {
            Some(build) => services.store.build(build).await?.steps,
            None => Vec::new(),
        };
        let steps = services.steps_towards(&changed, &before).await?;
        let mut application = Application { from: used.version, to, changes, steps: steps.clone(), build: None };
        if dry_run || (application.changes.is_empty() && to == used.version) {
            return Ok(application);
        }
        let update = WorkspaceUpdate { options, network, limits, ports, recipe, template };
        let takes_steps = steps.iter().any(|step| !step.state.has_ended());
        let build = takes_steps.then(|| new_build(&changed, by.user, steps, true));
        services.store.change_workspace(id, update, build.clone()).await?;
        let leader = services.store.workspace_leader(id).await?;
        services.end_leader(id, leader).await?;
        match build {
            Some(build) => {
                application.build = Some(build.id);
                services.execute_changed(changed, build).await?;
            }
            None => match services.make_workspace(&changed).await {
                Ok(()) => services.store.set_workspace_phase(id, WorkspacePhase::Ready).await?,
                Err(error) => {
                    services.store.set_workspace_problem(id, WorkspacePhase::Failed, error.failure()).await?;
                    return Err(error);
                }
            },
        }
        Ok(application)
    }
}

impl Services {
    /// Keeps the templates that the configuration declares.
    pub(crate) async fn declare_templates(&self) -> Result<()> {
        if self.config.template.is_empty() {
            return Ok(());
        }
        Ok(self.store.declare_templates(self.config.template.clone()).await?)
    }

    /// How a workspace differs from its template; nothing where it was made from none.
    pub(crate) async fn drift(&self, workspace: &Workspace) -> Result<Option<Drift>> {
        let Some(TemplateUse { name, beside, .. }) = &workspace.template else { return Ok(None) };
        let template = match self.store.template(name, None).await.map_err(Error::from) {
            Ok(template) => template,
            Err(Error::NotFound { .. }) => return Ok(Some(Drift { newest: None, fields: Vec::new() })),
            Err(error) => return Err(error),
        };
        // A template that asks for what is not to be had here is told when it is applied.
        let fields = match self.fill(template.workspace.with(beside.clone())).await {
            Ok(wanted) => differences(&Resolved::of(workspace), &wanted),
            Err(_) => Vec::new(),
        };
        Ok(Some(Drift { newest: Some(template.version), fields }))
    }

    fn is_declared(&self, name: &TemplateName) -> bool {
        self.config.template.iter().any(|template| template.name == *name)
    }

    fn marked(&self, template: Template) -> Template {
        Template { declared: self.is_declared(&template.name), ..template }
    }

    fn marked_page(&self, page: Page<Template>) -> Page<Template> {
        let items = page.items.into_iter().map(|template| self.marked(template)).collect();
        Page { items, next_cursor: page.next_cursor }
    }

    fn check_not_declared(&self, name: &TemplateName) -> Result<()> {
        if !self.is_declared(name) {
            return Ok(());
        }
        let message = format!("the template {name} is declared in sandboxed.toml and changed there");
        Err(Error::Conflict { code: "template.declared", message })
    }

    fn check_template(&self, new: &NewTemplate) -> Result<()> {
        self.check_not_declared(&new.name)?;
        let too_long = new.description.len() > Template::MAX_DESCRIPTION;
        let problem = too_long.then(|| format!("a description has at most {} bytes", Template::MAX_DESCRIPTION));
        match problem.or_else(|| new.workspace.problem()) {
            Some(message) => Err(Error::Invalid { code: "template.invalid", message }),
            None => Ok(()),
        }
    }
}

/// What differs between how a workspace is and how it is wanted.
fn differences(is: &Resolved, wanted: &Resolved) -> Vec<DriftField> {
    fn field<T: Serialize + PartialEq>(name: &str, is: &T, wanted: &T) -> Option<DriftField> {
        // Nothing here has a key that is no text, so it can be written.
        let json = |value: &T| serde_json::to_value(value).unwrap_or_default();
        (is != wanted).then(|| DriftField { field: name.to_owned(), workspace: json(is), template: json(wanted) })
    }
    let fields = [
        field("backend", &is.backend, &wanted.backend),
        field("options", &is.options, &wanted.options),
        field("network", &is.network, &wanted.network),
        field("limits", &is.limits, &wanted.limits),
        field("ports", &is.ports, &wanted.ports),
        field("env", &is.recipe.env, &wanted.recipe.env),
        field("mounts", &is.recipe.mounts, &wanted.recipe.mounts),
        field("init", &is.recipe.init, &wanted.recipe.init),
        field("direct_keys", &is.recipe.direct_keys, &wanted.recipe.direct_keys),
        field("instructions", &is.recipe.instructions, &wanted.recipe.instructions),
        field("skills", &is.recipe.skills, &wanted.recipe.skills),
        field("mcp_servers", &is.recipe.mcp_servers, &wanted.recipe.mcp_servers),
    ];
    fields.into_iter().flatten().collect()
}
