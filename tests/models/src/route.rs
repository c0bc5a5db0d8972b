//! Which provider's operation a path is. Only its end counts, so that one server can stand for many providers, each under
//! a prefix of its own.

use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Anthropic Messages.
    Messages,
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Gemini `generateContent`.
    Gemini,
}

impl Format {
    /// The name as in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// An answer of a model.
    #[default]
    Generate,
    /// The number of tokens of a request.
    Count,
    /// The list of models, or one of them.
    Models,
    /// Whether anybody is there.
    Probe,
    /// Nothing that is known.
    Unknown,
}

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) format: Format,
    pub(crate) operation: Operation,
    /// What stands before the part that the provider's clients add themselves.
    pub(crate) prefix: String,
    /// The model that the path names.
    pub(crate) model: Option<String>,
    /// Gemini: a stream is asked for, and whether as events.
    pub(crate) stream: Option<Stream>,
}

/// The two forms of Gemini's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Events,
    Array,
}

/// Finds out what a request is for.
pub(crate) fn route(method: &Method, path: &str, query: Option<&str>, headers: &HeaderMap) -> Route {
    let dialect = dialect(path, query, headers);
    let made = |format, operation, prefix: &str| Route {
        format,
        operation,
        prefix: prefix.strip_suffix("/v1").or(prefix.strip_suffix("/v1beta")).unwrap_or(prefix).to_owned(),
        model: None,
        stream: None,
    };
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let post = method == Method::POST;
    let get = method == Method::GET || method == Method::HEAD;
    if post
        && let Some((before, last)) = trimmed.rsplit_once("/models/")
        && let Some((model, verb)) = last.split_once(':')
    {
        let (operation, stream) = match verb {
            "generateContent" => (Operation::Generate, None),
            "streamGenerateContent" => {
                let events = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
                (Operation::Generate, Some(if events { Stream::Events } else { Stream::Array }))
            }
            "countTokens" => (Operation::Count, None),
            _ => (Operation::Unknown, None),
        };
        return Route { model: Some(decode(model)), stream, ..made(Format::Gemini, operation, before) };
    }
    let ends: [(&str, Format, Operation); 5] = [
        ("/messages/count_tokens", Format::Messages, Operation::Count),
        ("/messages", Format::Messages, Operation::Generate),
        ("/chat/completions", Format::Chat, Operation::Generate),
        ("/responses/input_tokens", Format::Responses, Operation::Count),
        ("/responses", Format::Responses, Operation::Generate),
    ];
    for (end, format, operation) in ends {
        if let Some(before) = trimmed.strip_suffix(end) {
            let upgrade = get && format == Format::Responses && headers.contains_key("upgrade");
            if !post && !upgrade {
                return made(format, Operation::Unknown, before);
            }
            // Azure names the model in the path.
            let deployment = before.rsplit_once("/deployments/").map(|(_, model)| decode(model));
            return Route { model: deployment, ..made(format, operation, before) };
        }
    }
    if get {
        if let Some(before) = trimmed.strip_suffix("/models") {
            return made(dialect, Operation::Models, before);
        }
        if let Some((before, model)) = trimmed.rsplit_once("/models/") {
            return Route { model: Some(decode(model)), ..made(dialect, Operation::Models, before) };
        }
        if trimmed.rsplit('/').next().is_none_or(|last| !last.contains('.')) && trimmed.matches('/').count() < 2 {
            return made(dialect, Operation::Probe, trimmed);
        }
    }
    made(dialect, Operation::Unknown, trimmed)
}

/// The provider whose words are used where the path alone does not tell.
fn dialect(path: &str, query: Option<&str>, headers: &HeaderMap) -> Format {
    if path.contains("/v1beta")
        || headers.contains_key("x-goog-api-key")
        || query.is_some_and(|query| query.contains("key="))
    {
        Format::Gemini
    } else if headers.contains_key("anthropic-version") || headers.contains_key("x-api-key") {
        Format::Messages
    } else {
        Format::Chat
    }
}

/// A part of a path without its escapes.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        plain.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::{Format, Operation, Stream, route};

    #[test]
    fn the_end_of_a_path_tells_what_it_is() {
        use Format::{Chat, Gemini, Messages, Responses};
        use Operation::{Count, Generate, Unknown};
        for (path, format, operation, prefix, model) in [
            ("/v1/messages", Messages, Generate, "", None),
            ("/a/b/v1/messages", Messages, Generate, "/a/b", None),
            ("/messages", Messages, Generate, "", None),
            ("/v1/messages/count_tokens", Messages, Count, "", None),
            ("/v1/messages/batches", Chat, Unknown, "/v1/messages/batches", None),
            ("/api/v1/chat/completions", Chat, Generate, "/api", None),
            ("/openai/deployments/big/chat/completions", Chat, Generate, "/openai/deployments/big", Some("big")),
            ("/v1/responses/", Responses, Generate, "", None),
            ("/v1/responses/input_tokens", Responses, Count, "", None),
            ("/g/v1beta/models/gemini-pro:generateContent", Gemini, Generate, "/g", Some("gemini-pro")),
            ("/v1beta/models/m:countTokens", Gemini, Count, "", Some("m")),
            ("/v1beta/models/m:embedContent", Gemini, Unknown, "", Some("m")),
        ] {
            let found = route(&Method::POST, path, None, &HeaderMap::new());
            assert_eq!((found.format, found.operation), (format, operation), "{path}");
            assert_eq!((found.prefix.as_str(), found.model.as_deref()), (prefix, model), "{path}");
        }
    }

    #[test]
    fn geminis_streams_are_events_or_an_array() {
        let path = "/v1beta/models/m:streamGenerateContent";
        let of = |query| route(&Method::POST, path, query, &HeaderMap::new()).stream;
        assert_eq!((of(Some("key=k&alt=sse")), of(Some("alt=json"))), (Some(Stream::Events), Some(Stream::Array)));
        assert_eq!(of(None), Some(Stream::Array));
    }

    #[test]
    fn headers_tell_whose_models_are_listed() {
        for (header, format) in [
            ("anthropic-version", Format::Messages),
            ("x-goog-api-key", Format::Gemini),
            ("authorization", Format::Chat),
        ] {
            let headers = HeaderMap::from_iter([(header.parse().unwrap(), HeaderValue::from_static("x"))]);
            let found = route(&Method::GET, "/p/v1/models/one", None, &headers);
            assert_eq!(
                (found.format, found.operation, found.model.as_deref()),
                (format, Operation::Models, Some("one"))
            );
        }
    }
}
