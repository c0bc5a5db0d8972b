//! From a message to a running process.

use std::{io::Write, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, Permissions, PermissionsExt},
};
use sandboxed_exec::{Run, RunSpec, StdinMode};
use sandboxed_model::{
    Blame, Failure, RunId, Timestamp,
    attachment::Prompt,
    command::Exit,
    context::SkillName,
    event::{EventBody, Notice, NoticeLevel},
    harness::{LaunchFile, LaunchPlace, LaunchPlan, Start},
    mission::Mission,
    workspace::Workspace,
};
use sandboxed_plugins::Harness;
use sandboxed_store::{MissionChange, RunChange, RunRecord};
use tokio::{sync::watch, time::Instant};

use super::{
    belongings::{self, Sent, SentFile},
    home,
    journal::Beginning,
    saved::SavedTurn,
};
use crate::{
    Result, changes, context,
    distant::Distant,
    paths::Paths,
    sandbox::{Sandbox, Speaker},
    services::Services,
};

/// How often a mission tells how far an installation is that it waits for.
const PROGRESS: Duration = Duration::from_secs(5);

/// A turn that is ready to be followed.
pub(super) struct Launched {
    pub(super) sandbox: Sandbox,
    pub(super) run: Run,
    pub(super) record: RunRecord,
    pub(super) start: Start,
    /// What the driver saved in the turn before.
    pub(super) saved: Option<Vec<u8>>,
}

impl Services {
    /// Makes the workspace ready, asks the harness how the agent is started, and starts it. The run is stored
    /// before it is started, so that no process can exist of which the store knows nothing.
    pub(super) async fn launch(
        self: &Arc<Self>,
        mission: &Mission,
        harness: &Harness,
        run: RunId,
        prompt: &Prompt,
    ) -> Result<Launched> {
        // A build may have begun since the turn was admitted.
        let workspace = self.built(mission.workspace).await?;
        self.check_usable(&workspace)?;
        self.check_not_building(&workspace)?;
        self.check_disk(&workspace).await?;
        let sandbox = self.sandbox(&workspace, Some(mission.id)).await?;
        let programs = self.programs_for(mission, &workspace, &sandbox).await?;
        let place = self.place(mission, &workspace, &sandbox).await?;
        let state = self.store.live_state(mission.id).await?;
        let saved = SavedTurn::read(self.vault.open_state(mission.id, state.session_state)).driver();
        let (mcp_servers, tokens) = context::mcp_servers(&workspace);
        let entered = sandbox.clone().for_one_process().with_tokens(tokens);
        let inbox = format!("{}/{run}", sandbox.observed().inbox);
        let home = home::inside(&sandbox.observed().home, mission.id);
        let sent = Sent::of(prompt, harness.describe().await?.images, &inbox);
        let start = Start {
            mission: mission.id,
            turn: mission.turns,
            tree: place.inside.clone(),
            inbox: inbox.clone(),
            home: home.clone(),
            programs,
            prompt: sent.prompt,
            attachments: sent.attachments,
            instructions: self.instructions(&workspace).await?,
            mcp_servers,
            model: mission.model.clone(),
            effort: mission.effort.clone(),
            approvals: mission.approvals,
            mode: mission.mode,
            endpoints: entered.endpoints(),
            resume: state.native_session,
            settings: mission.settings.to_string(),
        };
        let LaunchPlan { mut command, mut files, stdout, stderr, start_within_ms, skills } =
            harness.plan_launch(&start).await?;
        files.extend(self.skills_of(mission, &workspace, skills.as_deref()).await?);
        // What has no settings in its home and no program of its own is no agent, and at home in the workspace's.
        if start.programs.is_some() || files.iter().any(|file| file.place == LaunchPlace::Home) {
            command = home::begin(command, &home, &inbox);
        }
        let files = files.into_iter().map(home::place).collect();
        match self.distant(workspace.id).await? {
            Some(distant) => leave_files(&self.paths, &distant, run, files, sent.files).await?,
            None => {
                write_files(&self.paths, &sandbox, run, files).await?;
                belongings::copy(&self.paths, workspace.id, run, sent.files).await?;
            }
        }
        self.remember_baseline(mission, &sandbox, &place, run).await;
        let grants = self.plugins.inspect(&mission.harness).map(|info| info.grants).unwrap_or_default();
        let speaker = Speaker { plugin: Some(&mission.harness), secrets: &grants.secrets };
        let process = entered.process(command, speaker, &run.to_string()).await?;
        let mut record = RunRecord {
            id: run,
            mission: mission.id,
            turn: mission.turns,
            pid: None,
            started_at: Timestamp::now(),
            ended_at: None,
            exit: None,
            stdout_offset: 0,
            stderr_offset: 0,
            stdout_framing: stdout,
            stderr_framing: stderr,
            speaks_by: start_within_ms.map(|within| Timestamp::now().after(Duration::from_millis(within.into()))),
        };
        let beginning = Beginning { start, saved: saved.as_ref().map(|saved| BASE64_STANDARD.encode(saved)) };
        let kept = self.vault.seal_state(mission.id, &serde_json::to_vec(&beginning).map_err(unwritable)?);
        let started = RunChange::Started { record: record.clone(), start: kept };
        self.append(mission.id, MissionChange { run: Some(started), ..MissionChange::default() }).await?;
        let run = self
            .supervisor
            .start(RunSpec {
                id: run,
                program: process.program,
                args: process.args,
                env: process.env,
                cwd: process.cwd,
                tty: process.tty,
                stdin: StdinMode::Pipe,
                guard: process.guard,
            })
            .await
            .map_err(|error| error.failure())?;
        record.pid = Some(run.pid());
        Ok(Launched { sandbox, run, record, start: beginning.start, saved })
    }

    /// Where the programs of the mission's harness are. If they are being installed, the mission tells how far that is.
    async fn programs_for(
        &self,
        mission: &Mission,
        workspace: &Workspace,
        sandbox: &Sandbox,
    ) -> Result<Option<String>> {
        let (tell, mut told) = watch::channel(String::new());
        let tell = move |text| {
            tell.send_replace(text);
        };
        let mut programs = std::pin::pin!(self.programs_inside(&mission.harness, workspace, sandbox, tell));
        let mut last: Option<Instant> = None;
        loop {
            tokio::select! {
                programs = &mut programs => return Ok(programs?),
                Ok(()) = told.changed() => {
                    let text = told.borrow_and_update().clone();
                    if last.is_none_or(|at| at.elapsed() >= PROGRESS) {
                        last = Some(Instant::now());
                        let code = "install.progress".to_owned();
                        let notice = EventBody::Notice(Notice { level: NoticeLevel::Info, code, text });
                        let change = MissionChange { events: vec![notice], ..MissionChange::default() };
                        self.append(mission.id, change).await?;
                    }
                }
            }
        }
    }

    /// The workspace's skills for an agent that looks for them in this directory. The mission tells of those that it cannot
    /// have.
    async fn skills_of(
        &self,
        mission: &Mission,
        workspace: &Workspace,
        directory: Option<&str>,
    ) -> Result<Vec<LaunchFile>> {
        let wanted = &workspace.recipe.skills;
        let (files, text) = match directory {
            _ if wanted.is_empty() => return Ok(Vec::new()),
            None => {
                (Vec::new(), format!("{} knows no skills: it goes without those of the workspace", mission.harness))
            }
            Some(directory) => {
                let (files, gone) = self.skill_files(workspace, directory).await?;
                if gone.is_empty() {
                    return Ok(files);
                }
                let gone: Vec<_> = gone.iter().map(SkillName::as_str).collect();
                (files, format!("the library has these skills of the workspace no longer: {}", gone.join(", ")))
            }
        };
        let notice = Notice { level: NoticeLevel::Warning, code: "skills.missing".to_owned(), text };
        let change = MissionChange { events: vec![EventBody::Notice(notice)], ..MissionChange::default() };
        self.append(mission.id, change).await?;
        Ok(files)
    }

    async fn remember_baseline(&self, mission: &Mission, sandbox: &Sandbox, place: &changes::Place, run: RunId) {
        let baseline = changes::baseline(sandbox, place).await;
        let path = self.paths.baseline(mission.id, run);
        let first = self.paths.first_baseline(mission.id);
        let written = async {
            if let Some(directory) = path.parent() {
                tokio::fs::create_dir_all(directory).await?;
            }
            let text = serde_json::to_vec(&baseline)?;
            if !tokio::fs::try_exists(&first).await? {
                tokio::fs::write(&first, &text).await?;
            }
            tokio::fs::write(&path, text).await
        };
        if let Err(error) = written.await {
            // The turn goes on; its changed files will be told as unknown.
            tracing::warn!(%error, "the state of the files before the turn could not be kept");
        }
    }

    /// How the files stood before a run.
    pub(super) async fn baseline(&self, mission: &Mission, run: RunId) -> changes::Baseline {
        let path = self.paths.baseline(mission.id, run);
        let read = async { std::io::Result::Ok(serde_json::from_slice(&tokio::fs::read(&path).await?)?) };
        read.await.unwrap_or_else(|error| changes::Baseline::Unknown { reason: error.to_string() })
    }

    /// Removes what was left for a run that has ended.
    pub(super) async fn clear_inbox(self: &Arc<Self>, mission: &Mission, run: RunId) {
        match self.distant(mission.workspace).await {
            Ok(Some(distant)) => {
                if let Err(failure) = distant.clear_files(&run.to_string()).await {
                    tracing::debug!(%failure, %run, "what was left for a run could not be removed");
                }
            }
            Ok(None) => self.clear_local_inbox(mission, run).await,
            Err(error) => tracing::debug!(%error, %run, "what was left for a run could not be removed"),
        }
        let _ = tokio::fs::remove_file(self.paths.baseline(mission.id, run)).await;
    }

    /// The same without asking another machine, for a run that may never have been.
    pub(super) async fn clear_local_inbox(&self, mission: &Mission, run: RunId) {
        let inbox = self.paths.inbox(mission.workspace);
        let _ = tokio::fs::remove_dir_all(inbox.join(run.to_string())).await;
    }
}

/// Writes what the harness wants the agent to find, confined to the run's own directory in the inbox.
async fn write_files(
    paths: &Paths,
    sandbox: &Sandbox,
    run: RunId,
    files: Vec<LaunchFile>,
) -> std::result::Result<(), Failure> {
    let inbox = paths.inbox(sandbox.workspace());
    let work = move || -> std::io::Result<()> {
        let inbox = Dir::open_ambient_dir(&inbox, ambient_authority())?;
        let name = run.to_string();
        make_readable(&inbox, &name)?;
        let directory = inbox.open_dir(&name)?;
        for file in files {
            for (end, _) in file.path.match_indices('/') {
                make_readable(&directory, &file.path[..end])?;
            }
            let mode = if file.executable { 0o755 } else { 0o644 };
            let mut written = directory.open_with(&file.path, OpenOptions::new().write(true).create_new(true))?;
            written.set_permissions(Permissions::from_mode(mode))?;
            written.write_all(&file.bytes)?;
        }
        Ok(())
    };
    let written = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other).and_then(|result| result);
    written.map_err(|error| {
        Failure::new(Blame::Host, "run.files", format!("the files of the run could not be written: {error}"))
    })
}

/// The same on another machine.
async fn leave_files(
    paths: &Paths,
    distant: &Distant,
    run: RunId,
    files: Vec<LaunchFile>,
    sent: Vec<SentFile>,
) -> std::result::Result<(), Failure> {
    let mut files: Vec<_> = files.into_iter().map(|file| (file.path, file.bytes, file.executable)).collect();
    files.extend(belongings::read(paths, sent).await?);
    distant.leave_files(&run.to_string(), &files).await
}

/// Makes a directory that the workspace's user can read, whatever the server's umask is.
pub(super) fn make_readable(parent: &Dir, path: &str) -> std::io::Result<()> {
    match parent.create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| parent.set_permissions(path, Permissions::from_mode(0o755))),
    }
}

fn unwritable(error: serde_json::Error) -> Failure {
    Failure::new(Blame::Host, "run.start", format!("what the turn begins with could not be written down: {error}"))
}

/// The end of a run of which only its record is known.
pub(super) fn lost(why: &str) -> Exit {
    Exit::Lost(why.to_owned())
}
