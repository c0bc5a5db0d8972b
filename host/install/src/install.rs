//! Making an installation.

use std::{path::Path, sync::Arc};

use sandboxed_model::{
    Failure, PluginId, Timestamp,
    install::{DownloadState, InstallActivity, InstallCheck, InstallProgress, InstalledVersion},
};
use tokio::sync::watch;

use crate::{
    background::blocking,
    downloads::{Wanted, missing},
    failure,
    installations::{Installations, Installed, make_directory},
    plan::{Fetch, Plan, Step},
    report::Report,
    staging::Staging,
};

/// Characters of what a failed check printed that a person is told.
const MOST_TOLD: usize = 500;

/// Runs the programs of an installation to see whether they work. Whoever implements it says as whom and with what they
/// run.
pub trait Check: Sync {
    /// Runs the check's program in a directory of programs, with the check's arguments.
    ///
    /// # Errors
    /// Where the program could not be run at all.
    fn run(&self, programs: &Path, check: &InstallCheck) -> impl Future<Output = Result<Checked, Failure>> + Send;
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How, for a person: `status 1`, `no end within 60 s`. Nothing where it ended with status 0.
    pub trouble: Option<String>,
    /// What it printed, or the beginning of that. May hold anything.
    pub output: String,
}

impl Installations {
    /// Installs what a plan says, unless it is there. Nothing is seen of it before its check has passed. Dropped or
    /// failed it leaves downloads as far as they came, and nothing else; several installations that need the same
    /// download share it.
    ///
    /// # Errors
    /// `install.unreachable`, `install.not_found`, `install.checksum`, `install.no_room`, `install.archive`,
    /// `install.check_failed`, `install.offline`, `install.unsupported`, `install.failed`, each with a hint.
    pub async fn install(
        &self,
        plugin: &PluginId,
        plan: &Plan,
        check: &impl Check,
        progress: watch::Sender<InstallProgress>,
    ) -> Result<Installed, Failure> {
        if let Some(installed) = self.find(plugin, plan)? {
            return Ok(installed);
        }
        self.demand_what_offline_operation_lacks(plan)?;
        let report = Report::new(progress, plan.steps.len() + 1);
        let wanted: Vec<Wanted> = plan.fetches().map(|fetch| self.downloads.want(fetch)).collect();
        let directory = self.directory(plugin);
        make_directory(&directory)?;
        let staging = Arc::new(Staging::begin(&directory)?);
        let mut waiting = wanted.iter();
        for (step, number) in plan.steps.iter().zip(1..) {
            match step {
                Step::Fetch(fetch) => {
                    if let Some(wanted) = waiting.next() {
                        self.put(&staging, fetch, wanted, number, &report).await?;
                    }
                }
                Step::Expand { path, target } => {
                    report.begin(number, InstallActivity::Unpacking, &target.to_string());
                    let (staging, path, target) = (Arc::clone(&staging), path.clone(), target.clone());
                    blocking(move |stop| staging.expand(&path, &target, stop)).await?;
                }
                Step::Executable(path) => staging.executable(path)?,
            }
        }
        let settled = Arc::clone(&staging);
        let bytes = blocking(move |stop| settled.settle(stop)).await?;
        report.begin(plan.steps.len() + 1, InstallActivity::Checking, &plan.check.program);
        prove(check, staging.directory(), &plan.check).await?;
        let version = InstalledVersion {
            version: plan.version.clone(),
            digest: plan.digest.clone(),
            bytes,
            installed_at: Timestamp::now(),
        };
        let target = directory.join(plan.directory());
        let (record, place) = (version.clone(), target.clone());
        blocking(move |_| staging.publish(&record, &place)).await?;
        for wanted in wanted {
            self.downloads.release(wanted)?;
        }
        tracing::info!(%plugin, version = plan.version, bytes, "an agent's program was installed");
        Ok(Installed { version, directory: target })
    }

    async fn put(
        &self,
        staging: &Arc<Staging>,
        fetch: &Fetch,
        wanted: &Wanted,
        step: usize,
        report: &Report,
    ) -> Result<(), Failure> {
        let file = self.downloads.obtain(fetch, wanted, step, report).await?;
        let name = self.downloads.name(fetch);
        report.begin(step, InstallActivity::Unpacking, &name);
        let (staging, form, into) = (Arc::clone(staging), fetch.form.clone(), fetch.into.clone());
        blocking(move |stop| staging.place(file, &name, &form, &into, stop)).await
    }

    /// All of it at once, so that a person brings it in one go.
    fn demand_what_offline_operation_lacks(&self, plan: &Plan) -> Result<(), Failure> {
        let mut lacking = Vec::new();
        for fetch in plan.fetches() {
            let outlined = self.downloads.outline(fetch)?;
            if outlined.state == DownloadState::Missing {
                lacking.push(missing(&outlined.names));
            }
        }
        if lacking.is_empty() { Ok(()) } else { Err(failure::offline(&lacking)) }
    }
}

async fn prove(runner: &impl Check, programs: &Path, check: &InstallCheck) -> Result<(), Failure> {
    let command = [&check.program].into_iter().chain(&check.args).map(String::as_str).collect::<Vec<_>>().join(" ");
    let checked = runner.run(programs, check).await?;
    let why = match checked.trouble {
        Some(trouble) => trouble,
        None if checked.output.contains(&check.expects) => return Ok(()),
        None => format!("it does not print {:?}", check.expects),
    };
    let printed = checked.output.trim();
    match printed.is_empty() {
        true => Err(failure::check(&command, &why)),
        false => {
            let told: String =
                printed.chars().take(MOST_TOLD).map(|one| if one.is_control() { ' ' } else { one }).collect();
            Err(failure::check(&command, &format!("{why}; it printed: {told}")))
        }
    }
}
