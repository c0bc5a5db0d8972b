//! Calling a tools plugin.

use std::sync::Arc;

use sandboxed_model::{
    Blame, Failure,
    tools::{Tool, ToolCaller, ToolContent, ToolReply},
};

use crate::{
    bindings::tools::exports::sandboxed::tools::handler,
    call::Slot,
    load::{Loaded, Pre},
};

/// A tools plugin. Each call runs in an instance of its own.
#[derive(Clone)]
pub struct Tools {
    slot: Arc<Slot>,
}

impl Tools {
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    /// The tools, in an order that never changes.
    ///
    /// # Errors
    /// When the plugin breaks, or a tool's schema is no JSON.
    pub async fn list_tools(&self) -> Result<Vec<Tool>, Failure> {
        let loaded = self.slot.loaded()?;
        Ok(self.known_tools(&loaded).await?.to_vec())
    }

    async fn known_tools<'a>(&self, loaded: &'a Loaded) -> Result<&'a [Tool], Failure> {
        Ok(loaded.tools.get_or_try_init(|| self.ask_for_tools(loaded)).await?)
    }

    async fn ask_for_tools(&self, loaded: &Loaded) -> Result<Vec<Tool>, Failure> {
        let Pre::Tools(pre) = &loaded.pre else { return Err(self.slot.breach(loaded, "it has no tools")) };
        let mut store = self.slot.store(loaded, None, false);
        let traces = store.data().traces();
        let work = async {
            store.data_mut().begin_call(None);
            let guest = pre.instantiate_async(&mut store).await?;
            guest.sandboxed_tools_handler().call_list_tools(&mut store).await
        };
        let tools = self.slot.guard("list-tools", loaded, &traces, work).await?;
        tools
            .into_iter()
            .map(|tool| {
                let input_schema = serde_json::from_str(&tool.input_schema).map_err(|error| {
                    self.slot.breach(loaded, format!("the schema of {} is no JSON: {error}", tool.name))
                })?;
                Ok(Tool {
                    name: tool.name,
                    description: tool.description,
                    input_schema,
                    read_only: tool.read_only,
                    destructive: tool.destructive,
                })
            })
            .collect()
    }

    /// Calls a tool. The arguments are checked against its schema first.
    ///
    /// # Errors
    /// When there is no such tool, the arguments do not fit, or the tool fails in a way that other arguments would not
    /// mend.
    pub async fn call(
        &self,
        caller: ToolCaller,
        name: &str,
        arguments: serde_json::Value,
    ) -> Result<ToolReply, Failure> {
        let invalid =
            |code: &str, message: String| Failure::new(Blame::Config, code, message).in_plugin(self.slot.id());
        // One version serves the whole call: the arguments are checked against the schema of the code that gets them.
        let loaded = self.slot.loaded()?;
        let tool = self
            .known_tools(&loaded)
            .await?
            .iter()
            .find(|tool| tool.name == name)
            .ok_or_else(|| invalid("tools.unknown", format!("there is no tool {name:?}")))?;
        let validator = jsonschema::validator_for(&tool.input_schema)
            .map_err(|error| self.slot.breach(&loaded, format!("the schema of {name} is not valid: {error}")))?;
        if let Some(error) = validator.iter_errors(&arguments).next() {
            return Err(invalid("tools.arguments_invalid", format!("arguments{}: {error}", error.instance_path())));
        }
        let Pre::Tools(pre) = &loaded.pre else { return Err(self.slot.breach(&loaded, "it has no tools")) };
        let mut store = self.slot.store(&loaded, Some(caller), false);
        let traces = store.data().traces();
        let by = handler::Caller {
            workspace: caller.workspace.to_string(),
            mission: caller.mission.map(|mission| mission.to_string()),
        };
        let arguments = arguments.to_string();
        let work = async {
            store.data_mut().begin_call(None);
            let guest = pre.instantiate_async(&mut store).await?;
            guest.sandboxed_tools_handler().call_call(&mut store, &by, name, &arguments).await
        };
        let answer = self.slot.guard("call", &loaded, &traces, work).await?;
        let reply = self.slot.refused(answer)?;
        let content = reply.content.into_iter().map(|content| match content {
            handler::Content::Text(text) => Ok(ToolContent::Text(text)),
            handler::Content::Json(text) => serde_json::from_str(&text)
                .map(ToolContent::Json)
                .map_err(|error| self.slot.breach(&loaded, format!("{name} answered with broken JSON: {error}"))),
        });
        Ok(ToolReply { content: content.collect::<Result<_, _>>()?, is_error: reply.is_error })
    }
}
