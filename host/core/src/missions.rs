//! What a person can do with missions.

use sandboxed_model::{
    MessageId, MissionId, Seq, Timestamp,
    access::Principal,
    ask::{ApprovalMode, WorkMode},
    attachment::Prompt,
    event::{Event, EventBody},
    harness::HarnessAbout,
    mission::{Mission, MissionEdit, MissionFilter, NewMission},
    page::{Page, PageRequest},
    plugin::PluginKind,
    queue::{NewMessage, QueuedMessage},
    state::MissionState,
    workspace::NewWorkspace,
};
use sandboxed_store::{MissionChange, NewMissionRow, QueueChange};

use crate::{Error, Orchestrator, Result, runner::state};

/// Events that one call returns at most.
const MAX_EVENTS: u32 = 1000;

impl Orchestrator {
    /// Makes a mission and queues its first message. Without a workspace it gets one of its own.
    ///
    /// # Errors
    /// When the message is empty or too long, the harness or the workspace does not exist, the settings do not fit the
    /// harness, or there is a mission of the wanted id already.
    pub async fn create_mission(&self, by: &Principal, new: NewMission) -> Result<Mission> {
        self.check_message(&new.prompt)?;
        let attachments = self.services.attached(by, None, &new.attachments).await?;
        let defaults = &self.services.config.missions;
        let harness = new.harness.unwrap_or_else(|| defaults.default_harness.clone());
        let info = self.plugin(&harness)?;
        if info.kind != PluginKind::Harness {
            return Err(Error::Invalid {
                code: "mission.not_a_harness",
                message: format!("the plugin {harness} is a {} and no harness", info.kind),
            });
        }
        let about = self.harness(&harness).await?;
        check_settings(&about, &new.settings)?;
        let approvals = new.approvals.unwrap_or(self.services.config.missions.approvals);
        check_model(&about, new.model.as_deref())?;
        check_effort(&about, new.effort.as_deref())?;
        check_modes(&about, new.approvals, new.mode)?;
        let title = match new.title {
            Some(title) => checked_title(title)?,
            None => Mission::title_from(&new.prompt),
        };
        let id = new.id.unwrap_or_else(MissionId::new);
        let workspace = match new.workspace {
            Some(workspace) => {
                let workspace = self.services.workspace(workspace).await?;
                self.services.check_usable(&workspace)?;
                workspace.id
            }
            None => self.create_workspace(by, NewWorkspace::default()).await?.id,
        };
        let title = self.services.vault.redaction().text(&title).into_owned();
        let row = NewMissionRow {
            id,
            title,
            harness,
            workspace,
            model: new.model,
            effort: new.effort,
            // What cannot ask does not, unless it was told to by name.
            approvals: if about.approvals { approvals } else { ApprovalMode::Bypass },
            mode: new.mode,
            settings: new.settings,
            one_shot: new.one_shot,
            worktree: new.worktree,
            owner: by.user,
            cause: "created".to_owned(),
        };
        let mission =
            self.services.store.insert_mission(row, queued(Prompt { text: new.prompt, attachments })).await?.mission;
        self.services.live.publish_revision(mission.revision);
        self.services.wake(id);
        Ok(mission)
    }

    /// A mission as it stands.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn mission(&self, id: MissionId) -> Result<Mission> {
        self.services.mission(id).await
    }

    /// Missions, newest first.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn missions(&self, filter: &MissionFilter, page: &PageRequest) -> Result<Page<Mission>> {
        Ok(self.services.store.missions(filter, page).await?)
    }

    /// Changes a mission: its title at once, all else from its next turn on.
    ///
    /// # Errors
    /// When the title is empty or too long, or the harness cannot do what is asked for.
    pub async fn edit_mission(&self, id: MissionId, mut edit: MissionEdit) -> Result<Mission> {
        edit.title = edit.title.map(checked_title).transpose()?;
        if edit.model.is_some() || edit.effort.is_some() || edit.approvals.is_some() || edit.mode.is_some() {
            let about = self.harness(&self.mission(id).await?.harness).await?;
            check_model(&about, edit.model.iter().flatten().map(String::as_str).next())?;
            check_effort(&about, edit.effort.iter().flatten().map(String::as_str).next())?;
            check_modes(&about, edit.approvals, edit.mode.unwrap_or_default())?;
        }
        self.change(id, |_| Ok(MissionChange { edit, ..MissionChange::default() })).await
    }

    /// Adds a message to the end of a mission's queue. A mission that had ended or waited is taken up again. With `steer` it
    /// is for the turn that is under way, if there is one and its agent can be told something in the middle of one.
    ///
    /// # Errors
    /// When the message is empty or too long, the queue is full, an attachment cannot come along, or any is to be told in the
    /// middle of a turn.
    pub async fn send_message(&self, by: &Principal, id: MissionId, new: NewMessage) -> Result<QueuedMessage> {
        let NewMessage { text, attachments, steer } = new;
        self.check_message(&text)?;
        if steer && !attachments.is_empty() {
            return Err(Error::Invalid {
                code: "mission.steer_with_attachments",
                message:
                    "files cannot come with a message that is told in the middle of a turn: send it without `steer`"
                        .to_owned(),
            });
        }
        let attachments = self.services.attached(by, Some(id), &attachments).await?;
        let message = QueuedMessage { steer, ..queued(Prompt { text, attachments }) };
        self.change(id, |mission| {
            Ok(MissionChange {
                queue: vec![QueueChange::Add(message.clone())],
                events: requeue(mission, "a message came"),
                ..MissionChange::default()
            })
        })
        .await?;
        self.services.wake(id);
        Ok(message)
    }

    /// The messages that wait, in the order of sending.
    ///
    /// # Errors
    /// When there is no such mission.
    pub async fn queue(&self, id: MissionId) -> Result<Vec<QueuedMessage>> {
        self.mission(id).await?;
        Ok(self.services.store.queue(id).await?)
    }

    /// Replaces the text of a message that waits.
    ///
    /// # Errors
    /// When the message was sent by now, or the text is empty or too long.
    pub async fn edit_queued(&self, id: MissionId, message: MessageId, text: String) -> Result<QueuedMessage> {
        self.check_message(&text)?;
        self.change_queue(id, QueueChange::Edit { id: message, text }).await?;
        let queue = self.services.store.queue(id).await?;
        let edited = queue.into_iter().find(|queued| queued.id == message);
        edited.ok_or_else(|| Error::NotFound { what: "message", id: message.to_string() })
    }

    /// Takes a message out of the queue.
    ///
    /// # Errors
    /// When the message was sent by now.
    pub async fn remove_queued(&self, id: MissionId, message: MessageId) -> Result<()> {
        self.change_queue(id, QueueChange::Remove(message)).await
    }

    /// Gives the queue another order; `order` names each waiting message once.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reorder_queue(&self, id: MissionId, order: Vec<MessageId>) -> Result<Vec<QueuedMessage>> {
        self.change_queue(id, QueueChange::Order(order)).await?;
        self.queue(id).await
    }

    /// Puts a message first and interrupts the turn that is under way, so that it is sent next.
    ///
    /// # Errors
    /// When the message was sent by now.
    pub async fn send_now(&self, id: MissionId, message: MessageId) -> Result<()> {
        let mut order: Vec<MessageId> = self.queue(id).await?.iter().map(|queued| queued.id).collect();
        let Some(place) = order.iter().position(|&queued| queued == message) else {
            return Err(Error::NotFound { what: "message", id: message.to_string() });
        };
        order[..=place].rotate_right(1);
        let mission = self
            .change(id, |mission| {
                Ok(MissionChange {
                    queue: vec![QueueChange::Order(order)],
                    events: requeue(mission, "a message was sent now"),
                    ..MissionChange::default()
                })
            })
            .await?;
        if mission.state.is_active() {
            self.services.interrupt(id).await;
        }
        self.services.wake(id);
        Ok(())
    }

    /// Asks the turn that is under way to end; after the configured grace its processes are killed. The mission
    /// goes on with its next message.
    ///
    /// # Errors
    /// When no turn is under way.
    pub async fn interrupt_mission(&self, id: MissionId) -> Result<Mission> {
        let mission = self.mission(id).await?;
        if !mission.state.is_active() || !self.services.interrupt(id).await {
            return Err(illegal(&mission, "interrupted: no turn is under way"));
        }
        self.mission(id).await
    }

    /// Ends a mission: kills its processes and returns when none is left. A mission that has ended stays as it is.
    ///
    /// # Errors
    /// When there is no such mission.
    pub async fn cancel_mission(&self, id: MissionId) -> Result<Mission> {
        self.services.cancel(id).await;
        let mission = self.mission(id).await?;
        if mission.state.has_ended() {
            return Ok(mission);
        }
        self.change(id, |mission| {
            let events = match mission.state.has_ended() {
                true => Vec::new(),
                false => vec![state(mission.state, MissionState::Cancelled, "cancelled")],
            };
            Ok(MissionChange { events, ..MissionChange::default() })
        })
        .await
    }

    /// Takes up a mission whose run was lost, that failed or was cancelled, by sending its last message again.
    ///
    /// # Errors
    /// When the mission is under way, waits for a person, or was never sent a message.
    pub async fn resume_mission(&self, id: MissionId) -> Result<Mission> {
        self.mission(id).await?;
        let prompt = self.services.store.live_state(id).await?.last_prompt;
        let mission = self
            .change(id, |mission| {
                let resumable = matches!(
                    mission.state,
                    MissionState::Interrupted | MissionState::Failed | MissionState::Cancelled | MissionState::Parked
                );
                if !resumable {
                    return Err(illegal(mission, "resumed"));
                }
                // A message that was never sent is still the first in the queue, and so is that of a parked turn.
                let queue = match (&prompt, mission.turns) {
                    (Some(prompt), 1..) if mission.state != MissionState::Parked => {
                        vec![QueueChange::AddFirst(queued(prompt.clone()))]
                    }
                    _ => Vec::new(),
                };
                Ok(MissionChange { queue, events: requeue(mission, "resumed"), ..MissionChange::default() })
            })
            .await?;
        self.services.wake(id);
        Ok(mission)
    }

    /// Closes a mission that waits for a person: it is done.
    ///
    /// # Errors
    /// When it does not wait for a person.
    pub async fn finish_mission(&self, id: MissionId) -> Result<Mission> {
        self.change(id, |mission| {
            if !mission.state.may_become(MissionState::Done) || mission.state.is_active() {
                return Err(illegal(mission, "finished"));
            }
            let events = vec![state(mission.state, MissionState::Done, "finished")];
            Ok(MissionChange { events, ..MissionChange::default() })
        })
        .await
    }

    /// Removes a mission that has ended, with all its events and spools. Its workspace stays.
    ///
    /// # Errors
    /// When it has not ended.
    pub async fn delete_mission(&self, id: MissionId) -> Result<()> {
        let mission = self.mission(id).await?;
        if !mission.state.has_ended() {
            return Err(illegal(&mission, "deleted: cancel or finish it first"));
        }
        for run in self.services.store.runs(id).await? {
            if let Err(error) = self.services.supervisor.remove(run.id).await {
                tracing::warn!(%error, run = %run.id, "the spool of a run could not be removed");
            }
        }
        let attachments = self.services.store.delete_mission(id).await?;
        self.services.forget_attachments(attachments).await;
        self.services.forget_home(mission.workspace, id).await;
        self.services.live.forget(id);
        if let Err(error) = tokio::fs::remove_dir_all(self.services.paths.mission(id)).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, mission = %id, "the directory of a mission could not be removed");
        }
        Ok(())
    }

    /// Events after `after` in order, of these kinds (all where none is named); at most `limit` (1 to 1,000).
    ///
    /// # Errors
    /// When there is no such mission.
    pub async fn events(&self, id: MissionId, after: Seq, limit: u32, kinds: &[String]) -> Result<Vec<Event>> {
        self.mission(id).await?;
        Ok(self.services.store.events(id, after, limit.clamp(1, MAX_EVENTS), kinds).await?)
    }

    async fn change(
        &self,
        id: MissionId,
        decide: impl FnOnce(&Mission) -> Result<MissionChange> + Send,
    ) -> Result<Mission> {
        Ok(self.services.update(id, decide).await?.mission)
    }

    async fn change_queue(&self, id: MissionId, change: QueueChange) -> Result<()> {
        self.change(id, |_| Ok(MissionChange { queue: vec![change], ..MissionChange::default() })).await?;
        Ok(())
    }

    fn check_message(&self, text: &str) -> Result<()> {
        if text.trim().is_empty() {
            return Err(Error::Invalid {
                code: "mission.message_empty",
                message: "a message needs some text".to_owned(),
            });
        }
        let limit = self.services.config.missions.message_limit;
        if text.len() as u64 > limit.0 {
            return Err(Error::Invalid {
                code: "mission.message_too_long",
                message: format!(
                    "the message has {} bytes and the limit is {limit}: put long input into a file of the workspace, \
                     or raise missions.message_limit",
                    text.len()
                ),
            });
        }
        if text.contains('\0') {
            return Err(Error::Invalid {
                code: "mission.message_nul",
                message: "a message cannot hold a NUL character".to_owned(),
            });
        }
        Ok(())
    }
}

/// The state events by which a mission that has a message again gets in line; none where it is in line already.
fn requeue(mission: &Mission, cause: &str) -> Vec<EventBody> {
    match mission.state.may_become(MissionState::Queued) {
        true => vec![state(mission.state, MissionState::Queued, cause)],
        false => Vec::new(),
    }
}

pub(crate) fn queued(Prompt { text, attachments }: Prompt) -> QueuedMessage {
    QueuedMessage { id: MessageId::new(), text, attachments, steer: false, created_at: Timestamp::now() }
}

fn illegal(mission: &Mission, what: &str) -> Error {
    Error::Conflict {
        code: "mission.illegal_state",
        message: format!("the mission is {} and cannot be {what}", mission.state),
    }
}

fn checked_title(title: String) -> Result<String> {
    let title = title.trim();
    let valid =
        !title.is_empty() && title.chars().count() <= Mission::MAX_TITLE_CHARS && !title.chars().any(char::is_control);
    if valid {
        return Ok(title.to_owned());
    }
    Err(Error::Invalid {
        code: "mission.title_invalid",
        message: format!(
            "a title has 1 to {} characters on one line, none of them a control character",
            Mission::MAX_TITLE_CHARS
        ),
    })
}

fn check_settings(about: &HarnessAbout, settings: &serde_json::Value) -> Result<()> {
    let invalid = |message: String| Error::Invalid { code: "mission.settings_invalid", message };
    let schema: serde_json::Value = serde_json::from_str(&about.settings_schema)
        .map_err(|error| invalid(format!("the harness gives no valid schema of its settings: {error}")))?;
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| invalid(format!("the harness gives no valid schema of its settings: {error}")))?;
    if let Some(error) = validator.iter_errors(settings).next() {
        return Err(invalid(format!("settings{}: {error}", error.instance_path())));
    }
    Ok(())
}

fn check_effort(about: &HarnessAbout, effort: Option<&str>) -> Result<()> {
    match effort {
        Some(effort) if !about.efforts.iter().any(|known| known == effort) => {
            let known = match about.efforts.is_empty() {
                true => "this harness does not let it be chosen".to_owned(),
                false => format!("it is one of {}", about.efforts.join(", ")),
            };
            Err(Error::Invalid {
                code: "mission.effort_unknown",
                message: format!("there is no effort {effort:?}: {known}"),
            })
        }
        _ => Ok(()),
    }
}

fn check_modes(about: &HarnessAbout, approvals: Option<ApprovalMode>, mode: WorkMode) -> Result<()> {
    if approvals == Some(ApprovalMode::Ask) && !about.approvals {
        return Err(Error::Invalid {
            code: "mission.no_approvals",
            message: "agents of this harness cannot be told to ask before they do something".to_owned(),
        });
    }
    if mode == WorkMode::Plan && !about.planning {
        return Err(Error::Invalid {
            code: "mission.no_planning",
            message: "agents of this harness cannot be kept to planning".to_owned(),
        });
    }
    Ok(())
}

fn check_model(about: &HarnessAbout, model: Option<&str>) -> Result<()> {
    match model {
        Some(_) if !about.chooses_model => Err(Error::Invalid {
            code: "mission.model_not_chosen",
            message: "this harness does not let a model be chosen".to_owned(),
        }),
        Some(model) if model.is_empty() || model.len() > 200 || model.chars().any(char::is_control) => {
            Err(Error::Invalid {
                code: "mission.model_invalid",
                message: "a model has a name of 1 to 200 bytes without control characters".to_owned(),
            })
        }
        _ => Ok(()),
    }
}
