//! What a build does: its steps, and the keys by which equal results are known.
//!
//! A further kind of step is a further [`Work`]: it says what its result depends on ([`Work::material`]), and the executor how
//! it is started. Keys are chained, so a step that comes in front changes the keys of all after it.

use std::time::Duration;

use sandboxed_model::{
    build::{Build, BuildStep, StepState},
    recipe::{EnvValue, InitStep},
    workspace::Workspace,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Result, images::MissingImage, roots::System, services::Services};

/// How long an image may take.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// What the key of the step that makes an image begins with, and no other.
const IMAGE_KEY: &str = "image-";

/// What a step does. Whatever it is, it is one run of the supervisor, which has a log and outlives the server.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// The root file system that the workspace begins with. The workspace is there only after it.
    System(System),
    /// A script in the workspace, as the workspace's user. The workspace has to be there before.
    Script(InitStep),
    /// The image that the workspace's container is made from. Nothing of the workspace has to be there, nor is changed.
    Image(MissingImage),
}

impl Work {
    /// Everything that its result depends on, besides the workspace and the steps before it.
    fn material(&self, workspace: &Workspace) -> serde_json::Value {
        match self {
            Self::System(system) => json!({ "system": system.key }),
            Self::Script(InitStep { script, secrets, .. }) => {
                let named =
                    secrets.iter().map(|name| (name, workspace.recipe.env.get(name).and_then(EnvValue::secret)));
                json!({ "script": script, "secrets": named.collect::<Vec<_>>() })
            }
            Self::Image(missing) => json!({ "image": missing.image.name.to_string() }),
        }
    }

    /// Whether its result, and that of the steps after it, may be taken from another workspace or kept for one.
    fn may_be_shared(&self) -> bool {
        match self {
            // Steps after it may change it, and what is kept of a step is not all of a system.
            Self::System(_) => false,
            // What it learnt may be in any file.
            Self::Script(step) => step.secrets.is_empty() && step.cache != Some(false),
            Self::Image(_) => false,
        }
    }

    /// Whether its result is kept. Absent: that depends on what it costs.
    fn is_kept(&self) -> Option<bool> {
        match self {
            Self::System(_) => None,
            Self::Script(step) => step.cache,
            Self::Image(_) => Some(false),
        }
    }
}

/// A step that is to be done.
#[derive(Debug, Clone)]
pub(super) struct PlannedStep {
    pub(super) title: String,
    pub(super) key: String,
    pub(super) timeout: Duration,
    pub(super) work: Work,
    /// Whether the workspace as it is after this step may be taken from another one and kept for one.
    pub(super) shared: bool,
    /// Whether it is kept. Absent: that depends on what it costs.
    pub(super) kept: Option<bool>,
}

impl PlannedStep {
    /// The step as it stands before its turn.
    pub(super) fn queued(&self) -> BuildStep {
        BuildStep {
            title: self.title.clone(),
            key: self.key.clone(),
            state: StepState::Queued,
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            waits_for: None,
            run: None,
            started_at: None,
            ended_at: None,
            exit: None,
            output_bytes: None,
        }
    }
}

impl PlannedStep {
    fn is_image(&self) -> bool {
        matches!(self.work, Work::Image(_))
    }

    /// Whether it comes before the workspace is there.
    pub(super) fn comes_first(&self) -> bool {
        matches!(self.work, Work::System(_) | Work::Image(_))
    }
}

impl Services {
    /// The steps that make a workspace, with the one that makes its image, where it has one.
    pub(super) async fn plan(&self, workspace: &Workspace, image: Option<MissingImage>) -> Result<Vec<PlannedStep>> {
        let image = image.map(|missing| {
            let title = missing.image.title();
            let work = Work::Image(missing);
            // No part of the others: what depends on it names it in the options.
            let key = format!("{IMAGE_KEY}{}", hash(&work.material(workspace)));
            PlannedStep { title, key, timeout: IMAGE_TIMEOUT, work, shared: false, kept: Some(false) }
        });
        let others = self.plan_others(workspace).await?;
        Ok(image.into_iter().chain(others).collect())
    }

    /// The steps of a build that is stored already.
    pub(super) async fn plan_of(&self, workspace: &Workspace, build: &Build) -> Result<Vec<PlannedStep>> {
        let image = match build.steps.first() {
            // By now the engine may have it; the step is one all the same.
            Some(step) if makes_image(step) => self.missing_image(workspace, true).await?,
            _ => None,
        };
        self.plan(workspace, image).await
    }

    async fn plan_others(&self, workspace: &Workspace) -> Result<Vec<PlannedStep>> {
        let system = self.plan_system(workspace).await?.map(Work::System);
        let works: Vec<Work> =
            system.into_iter().chain(workspace.recipe.init.iter().cloned().map(Work::Script)).collect();
        if works.is_empty() {
            return Ok(Vec::new());
        }
        let backend = self.plugins.backend(&workspace.backend)?;
        let observed = backend.observe(&self.isolation.spec(workspace, &self.paths)).await?;
        let version = self.plugins.inspect(&workspace.backend).and_then(|info| info.version);
        // A variable with a secret is not a part of it: a step gets only those that it names.
        let env = workspace.recipe.env.iter().filter(|(_, value)| value.secret().is_none());
        let base = json!({
            "backend": workspace.backend,
            "version": version,
            "options": workspace.options,
            "env": env.collect::<Vec<_>>(),
            "mounts": workspace.recipe.mounts,
            // Programs write down where they are.
            "tree": observed.tree,
            "home": observed.home,
        });
        // Where each workspace is somewhere else, no result can be another's.
        let own = workspace.id.to_string();
        let mut shared = !observed.tree.contains(&own) && !observed.home.contains(&own);
        let mut key = hash(&base);
        let mut plan = Vec::with_capacity(works.len());
        for work in works {
            key = hash(&json!({ "after": key, "work": work.material(workspace) }));
            shared &= work.may_be_shared();
            let config = &self.config.workspaces;
            let (title, timeout) = match &work {
                Work::System(system) => (format!("system: {}", system.title), config.system_timeout.0),
                Work::Script(step) => {
                    let own = step.timeout_secs.map(|secs| Duration::from_secs(secs.into()));
                    (step.name.clone(), own.unwrap_or(config.step_timeout.0))
                }
                Work::Image(missing) => (missing.image.title(), IMAGE_TIMEOUT),
            };
            plan.push(PlannedStep { title, key: key.clone(), timeout, kept: work.is_kept(), work, shared });
        }
        Ok(plan)
    }
}

/// The steps of a build whose workspace went through `before`: those at its beginning that were done then stay done.
pub(super) fn carry_over(plan: &[PlannedStep], before: &[BuildStep]) -> Vec<BuildStep> {
    // An image is on its engine or not, whatever was done before.
    let (scripts, before) =
        (plan.iter().filter(|step| !step.is_image()), before.iter().filter(|step| !makes_image(step)));
    let made = scripts.zip(before).take_while(|(step, before)| before.state.is_made() && before.key == step.key);
    let made = made.count() + plan.iter().filter(|step| step.is_image()).count();
    let steps = plan.iter().enumerate().map(|(place, step)| {
        let state = if place < made && !step.is_image() { StepState::Cached } else { StepState::Queued };
        BuildStep { state, ..step.queued() }
    });
    steps.collect()
}

/// Whether a step makes an image.
pub(super) fn makes_image(step: &BuildStep) -> bool {
    step.key.starts_with(IMAGE_KEY)
}

fn hash(value: &serde_json::Value) -> String {
    Sha256::digest(value.to_string().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(key: &str) -> PlannedStep {
        let work = InitStep {
            name: key.to_owned(),
            script: "true".to_owned(),
            timeout_secs: None,
            cache: None,
            secrets: Vec::new(),
        };
        PlannedStep {
            title: key.to_owned(),
            key: key.to_owned(),
            timeout: Duration::from_secs(1),
            work: Work::Script(work),
            shared: true,
            kept: None,
        }
    }

    #[test]
    fn steps_that_were_done_stay_done_up_to_the_first_that_differs() {
        let done = |key: &str, state| BuildStep { state, ..step(key).queued() };
        let before = [done("a", StepState::Cached), done("b", StepState::Done), done("c", StepState::Failed)];
        let states = |plan: &[PlannedStep]| carry_over(plan, &before).iter().map(|step| step.state).collect::<Vec<_>>();
        use StepState::{Cached, Queued};

        assert_eq!(states(&[step("a"), step("b"), step("c")]), [Cached, Cached, Queued]);
        assert_eq!(states(&[step("a"), step("x"), step("c")]), [Cached, Queued, Queued]);
        assert_eq!(states(&[step("b"), step("a")]), [Queued, Queued]);
    }
}
