//! From the first message to the prompt: the version, who asks, the session, its mode and its model.

use sandboxed_protocol::{rpc::RpcError, title, trouble::Trouble};
use sandboxed_sdk::{
    Failure,
    harness::{Action, Event, Notice, NoticeLevel, Wake},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    errors,
    mcp::{self, Takes},
    session::{AcpSession, SETTLED, Stage, Steps},
    table::{Lost, ResumeBy},
};

/// Longest id of a session, in bytes.
const LONGEST_ID: usize = 256;

/// What an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asked {
    Initialize,
    Authenticate,
    New,
    /// An earlier session goes on.
    Resume,
    Setup,
    Prompt,
}

/// One thing that a session is told before the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Setup {
    Mode(String),
    /// Id of the option, and its value.
    Option(String, String),
}

impl AcpSession {
    /// The first message. Version 2 calls the same things by other names, and an agent that does not know it answers by
    /// version 1: so both are said.
    pub(crate) fn greet(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        let highest = self.table()?.protocol.0;
        let client = json!({ "name": "sandboxed-sh", "title": "sandboxed.sh", "version": env!("CARGO_PKG_VERSION") });
        // The agent works in its sandbox by itself: it has files and programs there, and none of ours.
        let mut params = json!({
            "protocolVersion": highest,
            "clientInfo": client,
            "clientCapabilities": {
                "fs": { "readTextFile": false, "writeTextFile": false },
                "terminal": false,
                "elicitation": { "form": {} },
            },
        });
        if highest > 1 {
            params["info"] = client;
            params["capabilities"] = json!({ "elicitation": { "form": {} } });
        }
        self.ask("initialize", params, Asked::Initialize, steps);
        Ok(())
    }

    /// Takes an answer, and asks what comes next.
    pub(crate) fn greeted(
        &mut self,
        asked: Asked,
        outcome: Result<Value, RpcError>,
        steps: &mut Steps,
    ) -> Result<(), Failure> {
        let result = match outcome {
            Ok(result) => result,
            Err(error) if asked == Asked::Resume && errors::is_lost(&error) => {
                steps.events.push(Event::SessionLost);
                if self.table()?.resume.lost == Lost::New {
                    steps.events.push(Event::Notice(new_session()));
                    return self.new_session(steps);
                }
                return self.fail(Trouble::SessionLost.failure(&error.message), steps);
            }
            Err(error) => return self.fail(errors::failure(&error), steps),
        };
        match asked {
            Asked::Initialize => self.agreed(&result, steps),
            Asked::Authenticate => self.open_session(steps),
            Asked::New => self.opened(&result, steps),
            Asked::Resume => self.resumed(steps),
            Asked::Setup => self.set_up(steps),
            Asked::Prompt => Ok(()),
        }
    }

    fn agreed(&mut self, result: &Value, steps: &mut Steps) -> Result<(), Failure> {
        let table = self.table()?;
        let spoken = result.get("protocolVersion").and_then(Value::as_u64);
        let Some(version) = spoken.filter(|version| (1..=table.protocol.0).contains(version)) else {
            let version = result.get("protocolVersion").unwrap_or(&Value::Null);
            let said = format!("it wants version {} of the protocol", title::first_line(&version.to_string()));
            return self.fail(Trouble::Protocol.failure(&said), steps);
        };
        self.version = version;
        self.takes = Takes::read(result);
        let (_, left_out) = mcp::servers(table.mcp.as_ref(), &self.facts.mcp_servers, self.takes);
        steps.events.extend(left_out);
        let Some(method) = &table.auth_method else { return self.open_session(steps) };
        let name = if version > 1 { "auth/login" } else { "authenticate" };
        self.ask(name, json!({ "methodId": method }), Asked::Authenticate, steps);
        Ok(())
    }

    fn new_session(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        let servers = self.servers()?;
        let params = json!({ "cwd": self.facts.tree, "mcpServers": servers });
        self.ask("session/new", params, Asked::New, steps);
        Ok(())
    }

    fn open_session(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        let table = self.table()?;
        let id = table.resume.id.clone().or(self.facts.resume.clone());
        let method = match (self.facts.resume.is_some(), table.resume.by) {
            // Version 2 has no other way.
            (true, ResumeBy::Load | ResumeBy::Resume) if self.version > 1 => "session/resume",
            (true, ResumeBy::Load) => "session/load",
            (true, ResumeBy::Resume) => "session/resume",
            _ => return self.new_session(steps),
        };
        self.native = id.unwrap_or_default();
        let servers = self.servers()?;
        let params = json!({ "sessionId": self.native, "cwd": self.facts.tree, "mcpServers": servers });
        self.ask(method, params, Asked::Resume, steps);
        Ok(())
    }

    /// The servers of the Model Context Protocol, as a session is told of them.
    fn servers(&mut self) -> Result<Vec<Value>, Failure> {
        let table = self.table()?;
        Ok(mcp::servers(table.mcp.as_ref(), &self.facts.mcp_servers, self.takes).0)
    }

    fn opened(&mut self, result: &Value, steps: &mut Steps) -> Result<(), Failure> {
        let id = result.get("sessionId").and_then(Value::as_str);
        let Some(id) = id.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID) else {
            return self.fail(Trouble::Protocol.failure("it gave its session no id"), steps);
        };
        self.native = id.to_owned();
        steps.events.push(Event::Session(id.to_owned()));
        self.plan_setup()?;
        self.set_up(steps)
    }

    fn resumed(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        self.plan_setup()?;
        match self.table()?.resume.settle_ms {
            0 => self.set_up(steps),
            _ => {
                self.stage = Stage::Settling;
                self.settle(steps)
            }
        }
    }

    /// Waits anew until the agent has been silent for a while.
    pub(crate) fn settle(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        let after_ms = self.table()?.resume.settle_ms;
        steps.actions.push(Action::Wake(Wake { id: SETTLED, after_ms }));
        Ok(())
    }

    fn plan_setup(&mut self) -> Result<(), Failure> {
        let table = self.table()?;
        let facts = &self.facts;
        let mode = table.mode(facts.bypass, facts.plan).map(|mode| Setup::Mode(mode.to_owned()));
        let option =
            |option: &Option<String>, value: &Option<String>| Some(Setup::Option(option.clone()?, value.clone()?));
        let model = option(&table.options.model, &facts.model);
        let effort = option(&table.options.effort, &facts.effort);
        // The last is done first: a model may change which efforts and modes there are.
        self.setup = [mode, effort, model].into_iter().flatten().collect();
        Ok(())
    }

    /// Does the next thing that is to be set up, or sends the prompt.
    pub(crate) fn set_up(&mut self, steps: &mut Steps) -> Result<(), Failure> {
        self.stage = Stage::Greeting;
        let session = &self.native;
        let option = |id: &str, value: &str| {
            ("session/set_config_option", json!({ "sessionId": session, "configId": id, "value": value }))
        };
        let (method, params) = match self.setup.pop() {
            None => {
                self.work(steps);
                return Ok(());
            }
            // Version 2 has modes among the options.
            Some(Setup::Mode(mode)) if self.version > 1 => option("mode", &mode),
            Some(Setup::Mode(mode)) => ("session/set_mode", json!({ "sessionId": session, "modeId": mode })),
            Some(Setup::Option(id, value)) => option(&id, &value),
        };
        self.ask(method, params, Asked::Setup, steps);
        Ok(())
    }

    fn ask(&mut self, method: &str, params: Value, purpose: Asked, steps: &mut Steps) {
        steps.actions.push(Action::Write(self.requests.ask(method, params, purpose)));
    }
}

/// The person has to know that the agent does not.
fn new_session() -> Notice {
    Notice {
        level: NoticeLevel::Warning,
        code: "agent.session_lost".to_owned(),
        text: "the agent kept nothing of its session, and begins a new one that knows nothing of earlier turns"
            .to_owned(),
    }
}
