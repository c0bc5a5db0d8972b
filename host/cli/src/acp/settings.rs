//! How a session is to work: modes, and options that the client lets its person choose.

use sandboxed_model::{
    ask::{ApprovalMode, WorkMode},
    harness::HarnessAbout,
    mission::{Mission, MissionEdit},
};
use serde_json::{Value, json};

use super::wire::RpcError;
use crate::arguments::asks::Ways;

/// The value of an option that leaves it to the harness, or to the server.
const DEFAULT: &str = "default";

/// What is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) mode: WorkMode,
    pub(super) model: Option<String>,
    pub(super) effort: Option<String>,
    /// Absent: as the server is configured.
    pub(super) approvals: Option<ApprovalMode>,
}

impl Settings {
    /// What the command line says.
    pub(super) fn of_arguments(model: Option<&String>, ways: &Ways) -> Self {
        Self {
            mode: ways.mode.map(Into::into).unwrap_or_default(),
            model: model.cloned(),
            effort: ways.effort.clone(),
            approvals: ways.approvals.map(Into::into),
        }
    }

    /// What holds in a mission.
    pub(super) fn of_mission(mission: &Mission) -> Self {
        Self {
            mode: mission.mode,
            model: mission.model.clone(),
            effort: mission.effort.clone(),
            approvals: Some(mission.approvals),
        }
    }

    /// Chooses a mode.
    pub(super) fn choose_mode(&mut self, about: &HarnessAbout, mode: &str) -> Result<MissionEdit, RpcError> {
        let known = modes(about).into_iter().find(|&known| word(known) == mode);
        let mode = known.ok_or_else(|| RpcError::invalid_params(format!("there is no mode {mode:?}")))?;
        self.mode = mode;
        Ok(MissionEdit { mode: Some(mode), ..MissionEdit::default() })
    }

    /// Gives an option a value.
    pub(super) fn choose(
        &mut self,
        about: &HarnessAbout,
        option: &str,
        value: &Value,
    ) -> Result<MissionEdit, RpcError> {
        let text = value.as_str().unwrap_or_default();
        let known = self.options(about).into_iter().find(|known| known["id"] == option);
        let known = known.ok_or_else(|| RpcError::invalid_params(format!("there is no option {option:?}")))?;
        let choices = known["options"].as_array().map(Vec::as_slice).unwrap_or_default();
        // A model that the harness does not list may be one that an account has: the server knows.
        let may_be_new = option == "model" && !text.is_empty();
        if !may_be_new && !choices.iter().any(|choice| choice["value"] == text) {
            return Err(RpcError::invalid_params(format!("the option {option:?} has no value {value}")));
        }
        let named = (text != DEFAULT).then(|| text.to_owned());
        Ok(match option {
            "mode" => self.choose_mode(about, text)?,
            "model" => {
                self.model.clone_from(&named);
                MissionEdit { model: Some(named), ..MissionEdit::default() }
            }
            "effort" => {
                self.effort.clone_from(&named);
                MissionEdit { effort: Some(named), ..MissionEdit::default() }
            }
            _ => {
                let approvals = match text {
                    "ask" => Some(ApprovalMode::Ask),
                    "bypass" => Some(ApprovalMode::Bypass),
                    _ => None,
                };
                self.approvals = approvals;
                MissionEdit { approvals, ..MissionEdit::default() }
            }
        })
    }

    /// The modes, as clients know them that know no options; none where there is only one.
    pub(super) fn mode_state(&self, about: &HarnessAbout) -> Option<Value> {
        let modes = modes(about);
        (modes.len() > 1).then(|| {
            let available: Vec<Value> = modes
                .into_iter()
                .map(|mode| json!({ "id": word(mode), "name": name(mode), "description": meaning(mode) }))
                .collect();
            json!({ "currentModeId": word(self.mode), "availableModes": available })
        })
    }

    /// All options with what is chosen.
    pub(super) fn options(&self, about: &HarnessAbout) -> Vec<Value> {
        let mut options = Vec::new();
        let modes = modes(about);
        if modes.len() > 1 {
            let choices = modes.into_iter().map(|mode| choice(word(mode), name(mode), Some(meaning(mode)))).collect();
            options.push(select("mode", "Mode", Some("mode"), word(self.mode), choices));
        }
        if about.chooses_model {
            let by_itself = "The harness chooses.";
            let known = with_chosen(&about.models, self.model.as_ref());
            options.push(select("model", "Model", Some("model"), chosen(&self.model), named(known, by_itself)));
        }
        if !about.efforts.is_empty() {
            let by_itself = "The harness decides how hard the model thinks.";
            let known = with_chosen(&about.efforts, self.effort.as_ref());
            let choices = named(known, by_itself);
            options.push(select("effort", "Effort", Some("thought_level"), chosen(&self.effort), choices));
        }
        if about.approvals {
            let (ask, bypass) = ("The agent asks before it does what may do harm.", "The workspace holds the agent.");
            let mut choices = vec![choice("ask", "Ask", Some(ask)), choice("bypass", "Bypass", Some(bypass))];
            let current = match self.approvals {
                Some(ApprovalMode::Ask) => "ask",
                Some(ApprovalMode::Bypass) => "bypass",
                None => {
                    choices.insert(0, choice(DEFAULT, "Default", Some("As the server is configured.")));
                    DEFAULT
                }
            };
            options.push(select("approvals", "Approvals", None, current, choices));
        }
        options
    }
}

fn modes(about: &HarnessAbout) -> Vec<WorkMode> {
    if about.planning { vec![WorkMode::Act, WorkMode::Plan] } else { vec![WorkMode::Act] }
}

/// A mode's id.
pub(super) fn word(mode: WorkMode) -> &'static str {
    match mode {
        WorkMode::Act => "act",
        WorkMode::Plan => "plan",
    }
}

fn name(mode: WorkMode) -> &'static str {
    match mode {
        WorkMode::Act => "Act",
        WorkMode::Plan => "Plan",
    }
}

fn meaning(mode: WorkMode) -> &'static str {
    match mode {
        WorkMode::Act => "The agent does what it is asked.",
        WorkMode::Plan => "The agent says how it would do it, and changes nothing.",
    }
}

fn chosen(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or(DEFAULT)
}

fn with_chosen(known: &[String], chosen: Option<&String>) -> Vec<String> {
    let mut known = known.to_vec();
    known.extend(chosen.filter(|chosen| !known.contains(chosen)).cloned().into_iter().collect::<Vec<_>>());
    known.retain(|name| name != DEFAULT);
    known
}

fn named(names: Vec<String>, by_itself: &str) -> Vec<Value> {
    let mut choices = vec![choice(DEFAULT, "Default", Some(by_itself))];
    choices.extend(names.iter().map(|name| choice(name, name, None)));
    choices
}

fn choice(value: &str, name: &str, description: Option<&str>) -> Value {
    json!({ "value": value, "name": name, "description": description })
}

fn select(id: &str, name: &str, category: Option<&str>, current: &str, options: Vec<Value>) -> Value {
    json!({ "id": id, "name": name, "category": category, "type": "select", "currentValue": current, "options": options })
}
