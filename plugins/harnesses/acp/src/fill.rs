//! The placeholders of a table, and what they stand for in one launch.

use std::collections::BTreeMap;

use sandboxed_sdk::{
    Failure, failure,
    harness::{McpAddress, McpProgram, McpServer, McpTransport, ModelApi, Start},
};
use serde_json::{Map, Value};

/// What placeholders stand for. One that is known and has no value makes what holds it be left out.
pub(crate) struct Placeholders {
    texts: BTreeMap<String, Option<String>>,
    /// Those that are no texts: one of them is the whole of a member.
    values: BTreeMap<&'static str, Value>,
}

impl Placeholders {
    /// Of one launch in which the agent is to be in this mode.
    pub(crate) fn of(start: &Start, model: Option<&str>, mode: Option<&str>) -> Self {
        let mut values = BTreeMap::new();
        let mut set = |name: &str, value: Option<&str>| values.insert(name.to_owned(), value.map(str::to_owned));
        set("mission", Some(&start.mission));
        set("home", Some(&start.home));
        set("tree", Some(&start.tree));
        set("inbox", Some(&start.inbox));
        set("programs", start.programs.as_deref());
        set("model", model);
        set("effort", start.effort.as_deref());
        set("session", start.resume.as_deref());
        set("mode", mode);
        for (api, name) in
            [(ModelApi::Anthropic, "anthropic"), (ModelApi::Openai, "openai"), (ModelApi::Google, "google")]
        {
            let endpoint = start.endpoints.iter().find(|endpoint| endpoint.api == api);
            set(&format!("base_url.{name}"), endpoint.map(|endpoint| endpoint.base_url.as_str()));
            set(&format!("key_variable.{name}"), endpoint.map(|endpoint| endpoint.key_variable.as_str()));
        }
        Self { texts: values, values: BTreeMap::new() }
    }

    /// Of one server of the Model Context Protocol.
    pub(crate) fn of_server(server: &McpServer) -> Self {
        let mut texts = BTreeMap::new();
        let mut values = BTreeMap::new();
        let mut set = |name: &str, value: Option<&String>| texts.insert(name.to_owned(), value.cloned());
        set("server.name", Some(&server.name));
        match &server.transport {
            McpTransport::Program(McpProgram { program, args, env }) => {
                set("server.program", Some(program));
                values.insert("{server.args}", args.iter().cloned().collect());
                let env = env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
                values.insert("{server.env}", Value::Object(env.collect()));
            }
            McpTransport::Http(McpAddress { url, token_variable }) => {
                set("server.url", Some(url));
                set("server.token_variable", token_variable.as_ref());
            }
        }
        Self { texts, values }
    }

    /// The text with its placeholders filled; nothing where one of them has no value. What is in braces and is no
    /// placeholder stays.
    pub(crate) fn fill(&self, text: &str) -> Option<String> {
        self.fill_checked(text, |_| Ok::<(), std::convert::Infallible>(())).unwrap_or_else(|never| match never {})
    }

    /// A text of several lines, of which those are left out whose placeholders have no value.
    ///
    /// # Errors
    /// `acp.value_unfit` when a value would break out of the quotes that are around it.
    pub(crate) fn fill_lines(&self, text: &str) -> Result<String, Failure> {
        let plain = |value: &str| {
            let breaks = |character: char| character.is_control() || matches!(character, '"' | '\'' | '\\');
            match value.contains(breaks) {
                false => Ok(()),
                true => {
                    Err(failure!(Config, "acp.value_unfit", "{value:?} cannot be written into a file of the agent's")
                        .with_hint("choose a model or an effort whose name has no quotes and no backslashes"))
                }
            }
        };
        let mut filled = String::new();
        for line in text.lines() {
            if let Some(line) = self.fill_checked(line, plain)? {
                filled.push_str(&line);
                filled.push('\n');
            }
        }
        Ok(filled)
    }

    /// A JSON object with all texts and names of members filled, without the members that hold a placeholder without
    /// a value.
    pub(crate) fn fill_object(&self, object: &Map<String, Value>) -> Map<String, Value> {
        let member = |(name, value): (&String, &Value)| Some((self.fill(name)?, self.fill_value(value)?));
        object.iter().filter_map(member).collect()
    }

    fn fill_value(&self, value: &Value) -> Option<Value> {
        Some(match value {
            Value::String(text) => match self.values.get(text.as_str()) {
                Some(value) => value.clone(),
                None => Value::String(self.fill(text)?),
            },
            Value::Array(items) => Value::Array(items.iter().filter_map(|item| self.fill_value(item)).collect()),
            Value::Object(object) => Value::Object(self.fill_object(object)),
            other => other.clone(),
        })
    }

    fn fill_checked<E>(&self, text: &str, check: impl Fn(&str) -> Result<(), E>) -> Result<Option<String>, E> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let known = after.split_once('}').and_then(|(name, after)| Some((self.texts.get(name)?, after)));
            match known {
                Some((Some(value), after)) => {
                    check(value)?;
                    filled.push_str(value);
                    rest = after;
                }
                Some((None, _)) => return Ok(None),
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        Ok(Some(filled))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn placeholders() -> Placeholders {
        let known = [("model", Some("m-1")), ("effort", None), ("base_url.openai", Some("http://127.0.0.1:1/v1"))];
        let texts = known.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).into();
        Placeholders { texts, values: BTreeMap::new() }
    }

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let placeholders = placeholders();
        assert_eq!(
            placeholders.fill("{base_url.openai}/x?m={model}").as_deref(),
            Some("http://127.0.0.1:1/v1/x?m=m-1")
        );
        assert_eq!(placeholders.fill("a { b {unknown} {model").as_deref(), Some("a { b {unknown} {model"));
    }

    #[test]
    fn what_holds_a_placeholder_without_a_value_is_left_out() {
        let placeholders = placeholders();
        assert_eq!(placeholders.fill("--effort={effort}"), None);
        let lines = placeholders.fill_lines("a = \"{model}\"\nb = \"{effort}\"\nc = 1\n").expect("plain values");
        assert_eq!(lines, "a = \"m-1\"\nc = 1\n");
        let object = json!({ "a": { "b": "{effort}", "{model}": ["{effort}", "{model}", 1] } });
        let filled = placeholders.fill_object(object.as_object().expect("an object"));
        assert_eq!(Value::Object(filled), json!({ "a": { "m-1": ["m-1", 1] } }));
    }

    #[test]
    fn a_value_cannot_break_out_of_a_text() {
        for value in ["x\"\nkey = 1", "x'", "x\\", "x\n"] {
            let texts = [("model".to_owned(), Some(value.to_owned()))].into();
            let placeholders = Placeholders { texts, values: BTreeMap::new() };
            let failure = placeholders.fill_lines("model = \"{model}\"").expect_err(value);
            assert_eq!(failure.code, "acp.value_unfit");
        }
    }
}
