//! A reply of the scenario, filled in for one request.

use crate::{
    asked::{Asked, tokens},
    digest,
    route::Format,
    scenario::{Piece, ReplyRule, Stop},
    shell,
    usage::{Lie, Usage},
};

/// What is said in one answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) blocks: Vec<Block>,
    pub(crate) stop: Stop,
    pub(crate) usage: Usage,
    pub(crate) lie: Option<Lie>,
    /// Chat Completions: usage is told at the end of the stream.
    pub(crate) tell_usage: bool,
    pub(crate) model: String,
    pub(crate) chunk: usize,
    /// Responses over a WebSocket: the lane that every event names.
    pub(crate) lane: Option<String>,
    /// What all ids of this answer are made of.
    pub(crate) seed: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
}

/// A part of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    Tool(Call),
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    /// JSON, or free text for a custom tool.
    pub(crate) input: String,
    pub(crate) custom: bool,
}

impl Block {
    /// What is streamed of it.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Thinking(text) => text,
            Self::Tool(call) => &call.input,
        }
    }
}

/// What of an answer does not come from the scenario.
pub(crate) struct Given<'a> {
    pub(crate) format: Format,
    /// Which reply of the scenario it is; none for the echo.
    pub(crate) index: Option<usize>,
    /// The number of the request, where ids are to be unique.
    pub(crate) number: Option<u64>,
    pub(crate) created: i64,
    pub(crate) asked: &'a Asked,
}

impl Reply {
    pub(crate) fn new(rule: &ReplyRule, given: &Given) -> Self {
        let asked = given.asked;
        let model = rule.model.clone().unwrap_or_else(|| asked.model.clone());
        let mut blocks = Vec::new();
        if let Some(thinking) = &rule.thinking {
            blocks.push(Block::Thinking(filled(thinking, asked)));
        }
        if let Some(text) = &rule.text {
            blocks.push(Block::Text(filled(text, asked)));
        }
        blocks.extend(rule.content.iter().map(|piece| block(piece, asked)));
        if blocks.is_empty() && rule.stop.is_none() {
            blocks.push(Block::Text(asked.user.clone()));
        }
        if asked.warm_up {
            blocks.clear();
        }
        let calls = blocks.iter().any(|block| matches!(block, Block::Tool(_)));
        let characters = blocks.iter().map(|block| block.text().chars().count() as u64).sum();
        let usage = if asked.warm_up { Usage::default() } else { rule.usage.fill(asked.tokens(), tokens(characters)) };
        Self {
            stop: rule.stop.unwrap_or(if calls { Stop::ToolUse } else { Stop::EndTurn }),
            usage,
            lie: rule.usage.lie,
            tell_usage: asked.include_usage || rule.usage.always,
            chunk: rule.chunk.map_or(16, |chunk| chunk as usize),
            lane: asked.lane.clone(),
            seed: seed(given, &model),
            created: given.created,
            model,
            blocks,
        }
    }

    /// An id of this answer: the same for the same request to the same scenario.
    pub(crate) fn id(&self, prefix: &str, part: usize) -> String {
        let hex = digest::hex(format!("{}/{prefix}/{part}", self.seed).as_bytes());
        format!("{prefix}{}", &hex[..24])
    }

    /// The id of a call.
    pub(crate) fn call_id(&self, call: &Call, prefix: &str, part: usize) -> String {
        call.id.clone().unwrap_or_else(|| self.id(prefix, part))
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.blocks.iter().enumerate().filter_map(|(index, block)| match block {
            Block::Tool(call) => Some((index, call)),
            _ => None,
        })
    }

    /// All texts together.
    pub(crate) fn said(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| if let Block::Text(text) = block { Some(text.as_str()) } else { None })
            .collect()
    }

    /// All thoughts together.
    pub(crate) fn thought(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| if let Block::Thinking(text) = block { Some(text.as_str()) } else { None })
            .collect()
    }
}

/// What ids are made of. The bytes of the request are no part of it: a gateway may write them anew.
pub(crate) fn seed(given: &Given, model: &str) -> String {
    let Given { format, index, number, asked, .. } = given;
    let index = index.map_or(-1, |index| index as i64);
    let number = number.map_or(0, |number| number + 1);
    digest::hex(format!("{}/{index}/{model}/{}/{number}/{}", format.name(), asked.turns, asked.user).as_bytes())
}

fn block(piece: &Piece, asked: &Asked) -> Block {
    match piece {
        Piece::Text { text, repeat } => {
            let text = filled(text, asked);
            Block::Text(match repeat {
                Some(times) => text.repeat(*times as usize),
                None => text,
            })
        }
        Piece::Thinking { text } => Block::Thinking(filled(text, asked)),
        Piece::ToolCall { name, arguments, raw_arguments, namespace, custom_input, id } => Block::Tool(Call {
            id: id.clone(),
            name: name.clone(),
            namespace: namespace.clone(),
            input: match (custom_input, raw_arguments) {
                (Some(text), _) => filled(text, asked),
                (None, Some(raw)) => raw.clone(),
                (None, None) => crate::json::text_of(arguments),
            },
            custom: custom_input.is_some(),
        }),
        Piece::Shell { command } => shell::call(&filled(command, asked), &asked.tools),
    }
}

fn filled(text: &str, asked: &Asked) -> String {
    if !text.contains("${") {
        return text.to_owned();
    }
    text.replace("${model}", &asked.model)
        .replace("${user_messages}", &asked.user_messages.to_string())
        .replace("${images}", &asked.images.to_string())
        .replace("${tool_result}", asked.tool_result.as_deref().unwrap_or_default())
        .replace("${user}", &asked.user)
}
