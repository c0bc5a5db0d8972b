//! What a request is about, told by the end of its path.

use http::{HeaderMap, Method, Uri};
use sandboxed_model::wire::WireFormat;
use url::Url;

use crate::desk::Operation;

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A model is asked.
    Model(Endpoint),
    /// The list of models, or one of them.
    Models(Option<String>),
    /// Whether somebody is there at all.
    Probe,
    /// Nothing that is known here.
    Unknown,
}

/// Where a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) operation: Operation,
    /// What comes after a provider's base address. Of Gemini, the model is not in it.
    place: Place,
    /// The model, where the path names it.
    pub(crate) model: Option<String>,
    /// Whether the answer is a stream, where the path tells.
    pub(crate) stream: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Fixed(&'static str),
    Gemini { version: &'static str, verb: &'static str },
}

/// The ends of paths, longest first where one is the end of another.
const ENDS: [(&str, WireFormat, Operation, &str); 5] = [
    ("/messages/count_tokens", WireFormat::Messages, Operation::CountTokens, "/v1/messages/count_tokens"),
    ("/messages", WireFormat::Messages, Operation::Generate, "/v1/messages"),
    ("/chat/completions", WireFormat::Chat, Operation::Generate, "/chat/completions"),
    ("/responses/input_tokens", WireFormat::Responses, Operation::CountTokens, "/responses/input_tokens"),
    ("/responses", WireFormat::Responses, Operation::Generate, "/responses"),
];

/// What a request is about, and the format in which its answer has to be written.
pub(crate) fn target(method: &Method, uri: &Uri, headers: &HeaderMap) -> (WireFormat, Target) {
    let path = uri.path().trim_end_matches('/');
    let asked = *method == Method::POST;
    let dialect = dialect(path, uri.query(), headers);
    if let Some((before, verb)) = path.rsplit_once(':')
        && let Some((_, model)) = before.rsplit_once("/models/")
    {
        let (operation, verb, stream) = match verb {
            "generateContent" => (Operation::Generate, "generateContent", false),
            "streamGenerateContent" => (Operation::Generate, "streamGenerateContent", true),
            "countTokens" => (Operation::CountTokens, "countTokens", false),
            _ => return (WireFormat::Gemini, Target::Unknown),
        };
        let version = ["v1beta", "v1alpha", "v1"].into_iter().find(|version| {
            before.rsplit_once("/models/").is_some_and(|(before, _)| before.ends_with(&format!("/{version}")))
        });
        let place = Place::Gemini { version: version.unwrap_or("v1beta"), verb };
        let endpoint = Endpoint { operation, place, model: Some(decode(model)), stream: Some(stream) };
        return (WireFormat::Gemini, if asked { Target::Model(endpoint) } else { Target::Unknown });
    }
    let known = ENDS.iter().find(|(end, ..)| path.ends_with(end));
    if let Some((_, format, operation, place)) = known {
        let socket =
            *format == WireFormat::Responses && *operation == Operation::Generate && is_upgrade(method, headers);
        if !asked && !socket {
            return (*format, Target::Unknown);
        }
        let operation = if socket { Operation::Connect } else { *operation };
        return (*format, Target::Model(Endpoint { operation, place: Place::Fixed(place), model: None, stream: None }));
    }
    if *method == Method::GET && path.ends_with("/models") {
        return (dialect, Target::Models(None));
    }
    if *method == Method::GET
        && let Some((_, model)) = path.rsplit_once("/models/")
    {
        return (dialect, Target::Models(Some(decode(model))));
    }
    // Clients ask the address that they were given, which may have a prefix.
    let probe = matches!(*method, Method::GET | Method::HEAD) && path.matches('/').count() < 2;
    (dialect, if probe { Target::Probe } else { Target::Unknown })
}

/// Whether a WebSocket is asked for.
fn is_upgrade(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::GET
        && headers.get("upgrade").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The format of a provider where the path alone does not tell.
fn dialect(path: &str, query: Option<&str>, headers: &HeaderMap) -> WireFormat {
    if path.ends_with("/responses") || path.contains("/responses/") {
        WireFormat::Responses
    } else if path.contains("/v1beta")
        || headers.contains_key("x-goog-api-key")
        || query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("key=")))
    {
        WireFormat::Gemini
    } else if path.contains("/messages")
        || headers.contains_key("anthropic-version")
        || headers.contains_key("x-api-key")
    {
        WireFormat::Messages
    } else {
        WireFormat::Chat
    }
}

impl Endpoint {
    /// The address of a model at a provider. Of the query, all but a key goes with it.
    pub(crate) fn url(&self, base: &Url, model: &str, query: Option<&str>) -> Url {
        let mut url = base.clone();
        let before = base.path().trim_end_matches('/');
        let path = match &self.place {
            Place::Fixed(place) => format!("{before}{place}"),
            Place::Gemini { version, verb } => format!("{before}/{version}/models/{}:{verb}", encode(model)),
        };
        url.set_path(&path);
        let kept: Vec<&str> =
            query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !is_key(pair)).collect();
        let kept = kept.join("&");
        url.set_query((!kept.is_empty()).then_some(kept.as_str()));
        url
    }
}

/// Whether a pair of a query is a key, however its name is written.
fn is_key(pair: &str) -> bool {
    decode(pair.split('=').next().unwrap_or_default()) == "key"
}

/// The key in a query.
pub(crate) fn key(query: Option<&str>) -> Option<String> {
    let value = query?.split('&').find(|pair| is_key(pair))?.split_once('=')?.1;
    Some(decode(value))
}

/// A part of a path or query without its escapes.
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

/// A model's name as a part of a path. Names may hold slashes, but where they would be steps to elsewhere they are none.
fn encode(model: &str) -> String {
    let steps = model.split('/').any(|part| matches!(part, "" | "." | ".."));
    let mut text = String::with_capacity(model.len());
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~@".contains(&byte) || byte == b'/' && !steps {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(method: &Method, uri: &str, headers: &[(&'static str, &'static str)]) -> (WireFormat, Target) {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        target(method, &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn the_end_of_a_path_tells_where_it_leads_after_any_base() {
        use WireFormat::{Chat, Gemini, Messages, Responses};
        for (path, format, url) in [
            ("/v1/messages?beta=true", Messages, "https://p.example/base/v1/messages?beta=true"),
            ("/a/b/v1/messages/", Messages, "https://p.example/base/v1/messages"),
            ("/v1/messages/count_tokens", Messages, "https://p.example/base/v1/messages/count_tokens"),
            ("/chat/completions", Chat, "https://p.example/base/chat/completions"),
            ("/x/v1/chat/completions", Chat, "https://p.example/base/chat/completions"),
            ("/v1/responses", Responses, "https://p.example/base/responses"),
            (
                "/v1beta/models/m:streamGenerateContent?alt=sse&key=k",
                Gemini,
                "https://p.example/base/v1beta/models/up:streamGenerateContent?alt=sse",
            ),
            ("/v1/models/m:generateContent?%6bey=k", Gemini, "https://p.example/base/v1/models/up:generateContent"),
        ] {
            let (found, target) = of(&Method::POST, path, &[]);
            let Target::Model(endpoint) = target else { panic!("{path}: {target:?}") };
            let query = path.split_once('?').map(|(_, query)| query);
            let base = Url::parse("https://p.example/base/").unwrap();
            assert_eq!((found, endpoint.url(&base, "up", query).as_str()), (format, url), "{path}");
        }
    }

    #[test]
    fn what_is_not_known_leads_nowhere() {
        for path in ["/v1/messages/batches", "/v1/files", "/v1/responses/resp_1", "/v1beta/models/m:embedContent"] {
            assert_eq!(of(&Method::POST, path, &[]).1, Target::Unknown, "{path}");
        }
        assert_eq!(of(&Method::GET, "/v1/responses", &[]).1, Target::Unknown);
        assert_eq!(of(&Method::GET, "/v1/responses/resp_1", &[]), (WireFormat::Responses, Target::Unknown));
    }

    #[test]
    fn headers_tell_in_whose_words_models_are_listed() {
        for (header, format) in [
            ("anthropic-version", WireFormat::Messages),
            ("x-goog-api-key", WireFormat::Gemini),
            ("authorization", WireFormat::Chat),
        ] {
            let found = of(&Method::GET, "/p/v1/models/one", &[(header, "x")]);
            assert_eq!(found, (format, Target::Models(Some("one".to_owned()))));
        }
        assert_eq!(of(&Method::GET, "/v1beta/models", &[]).0, WireFormat::Gemini);
    }

    #[test]
    fn a_model_in_a_path_is_no_way_out_of_it() {
        let (_, target) = of(&Method::POST, "/v1beta/models/x:generateContent", &[]);
        let Target::Model(endpoint) = target else { panic!() };
        let base = Url::parse("https://p.example").unwrap();
        let url = endpoint.url(&base, "../../evil?x#y", None);
        assert_eq!((url.query(), url.fragment()), (None, None));
        assert!(url.path().starts_with("/v1beta/models/"), "{url}");
    }

    #[test]
    fn a_key_in_a_query_is_found_and_decoded() {
        assert_eq!(key(Some("alt=sse&key=a%2Fb")), Some("a/b".to_owned()));
        assert_eq!(key(Some("monkey=1")), None);
    }
}
