//! JSON-RPC, one message a line, between a driver and an agent.
//!
//! The agent calls the driver as well as the driver the agent, so an incoming message is a request, a notification or
//! an answer. Written for <https://www.jsonrpc.org/specification> (batches are not spoken by any agent), and for its
//! dialect without the member `jsonrpc`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The code of an error that answers a method which is not there.
pub const METHOD_NOT_FOUND: i64 = -32601;

/// Requests that wait for an answer at the same time. An agent that answers none makes the table no larger than this.
const MAX_WAITING: usize = 64;

/// The longest text of an error that is kept, in bytes.
const MAX_MESSAGE: usize = 2 << 10;

/// How messages are marked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dialect {
    /// `"jsonrpc":"2.0"` is in each message.
    #[default]
    V2,
    /// Nothing says that it is JSON-RPC.
    Bare,
}

impl Dialect {
    /// A message of ours that nobody answers, as a line.
    pub fn notification(self, method: &str, params: Option<Value>) -> Vec<u8> {
        let params = params.map(|params| ("params", params));
        self.line([("method", json!(method))].into_iter().chain(params))
    }

    /// The answer to a request of the agent's, as a line.
    pub fn result(self, id: &Id, result: Value) -> Vec<u8> {
        self.line([("id", json!(id)), ("result", result)])
    }

    /// The refusal of a request of the agent's, as a line.
    pub fn error(self, id: &Id, code: i64, message: &str) -> Vec<u8> {
        self.line([("id", json!(id)), ("error", json!({ "code": code, "message": message }))])
    }

    fn line<'a>(self, members: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<u8> {
        let version = match self {
            Self::V2 => Some(("jsonrpc", json!("2.0"))),
            Self::Bare => None,
        };
        let message: Map<String, Value> =
            version.into_iter().chain(members).map(|(name, value)| (name.to_owned(), value)).collect();
        let mut line = Value::Object(message).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

/// What pairs a request with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// The usual kind.
    Number(i64),
    /// Some agents count in texts.
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    /// The agent's own, or one of the specification's.
    pub code: i64,
    /// For people; shortened where it is very long.
    pub message: String,
    /// What else the agent says of it; null where nothing.
    pub data: Value,
}

/// A message of the agent's.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// It wants an answer.
    Request {
        /// To answer with.
        id: Id,
        /// What it wants.
        method: String,
        /// Null where there are none.
        params: Value,
    },
    /// It wants none.
    Notification {
        /// What it tells.
        method: String,
        /// Null where there are none.
        params: Value,
    },
    /// It answers a request of ours.
    Answer {
        /// Of the request.
        id: Id,
        /// What came of it.
        outcome: Result<Value, RpcError>,
    },
}

impl Incoming {
    /// The message that a value is; nothing where it is none, which is no reason to end anything.
    pub fn read(value: Value) -> Option<Self> {
        let Value::Object(mut message) = value else { return None };
        let id = message.remove("id").and_then(|id| serde_json::from_value(id).ok());
        let params = message.remove("params").unwrap_or_default();
        match (message.remove("method"), id) {
            (Some(Value::String(method)), Some(id)) => Some(Self::Request { id, method, params }),
            (Some(Value::String(method)), None) => Some(Self::Notification { method, params }),
            (None, Some(id)) => {
                let outcome = match (message.remove("error"), message.remove("result")) {
                    (Some(error), _) if !error.is_null() => Err(error_of(error)),
                    (_, Some(result)) => Ok(result),
                    _ => return None,
                };
                Some(Self::Answer { id, outcome })
            }
            _ => None,
        }
    }
}

fn error_of(mut error: Value) -> RpcError {
    let mut message = match error.get_mut("message").map(Value::take) {
        Some(Value::String(message)) => message,
        _ => error.to_string(),
    };
    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    RpcError { code, message, data: error.get_mut("data").map(Value::take).unwrap_or_default() }
}

/// The requests that were made and not answered yet, each with what its answer is for. Small enough for a session's
/// saved state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requests<T> {
    dialect: Dialect,
    last: i64,
    waiting: Vec<(i64, T)>,
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self::new(Dialect::default())
    }
}

impl<T> Requests<T> {
    /// None yet.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, last: 0, waiting: Vec::new() }
    }

    /// A request as a line, whose answer will be for this. Of more than 64 that wait the oldest is given up.
    pub fn ask(&mut self, method: &str, params: Value, purpose: T) -> Vec<u8> {
        self.last += 1;
        if self.waiting.len() == MAX_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push((self.last, purpose));
        self.dialect.line([("id", json!(self.last)), ("method", json!(method)), ("params", params)])
    }

    /// What the answer of this id is for; nothing where no request of this id waits.
    pub fn answered(&mut self, id: &Id) -> Option<T> {
        let Id::Number(number) = id else { return None };
        let place = self.waiting.iter().position(|(waiting, _)| waiting == number)?;
        Some(self.waiting.remove(place).1)
    }

    /// The process ended: nothing that waits will be answered. Ids go on, so that no answer is taken for another's.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Incoming> {
        Incoming::read(serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn messages_are_lines_in_the_dialect_of_the_agent() {
        let id = Id::Text("a".to_owned());
        assert_eq!(Dialect::Bare.notification("initialized", None), b"{\"method\":\"initialized\"}\n");
        let v2 = String::from_utf8(Dialect::V2.result(&id, json!({}))).expect("text");
        assert_eq!(v2, "{\"id\":\"a\",\"jsonrpc\":\"2.0\",\"result\":{}}\n");
        let refusal = String::from_utf8(Dialect::Bare.error(&Id::Number(0), METHOD_NOT_FOUND, "no")).expect("text");
        assert_eq!(refusal, "{\"error\":{\"code\":-32601,\"message\":\"no\"},\"id\":0}\n");
    }

    #[test]
    fn an_incoming_message_is_what_its_members_make_it() {
        let request = read(r#"{"id":0,"method":"ask","params":{"a":1}}"#);
        let params = json!({ "a": 1 });
        assert_eq!(request, Some(Incoming::Request { id: Id::Number(0), method: "ask".to_owned(), params }));
        let notification = Incoming::Notification { method: "tell".to_owned(), params: Value::Null };
        assert_eq!(read(r#"{"jsonrpc":"2.0","method":"tell","id":null}"#), Some(notification));
        let answer = Incoming::Answer { id: Id::Text("x".to_owned()), outcome: Ok(Value::Null) };
        assert_eq!(read(r#"{"id":"x","result":null,"error":null}"#), Some(answer));
        let error = RpcError { code: -32600, message: "no".to_owned(), data: json!([1]) };
        let refused = read(r#"{"id":1,"error":{"code":-32600,"message":"no","data":[1]}}"#);
        assert_eq!(refused, Some(Incoming::Answer { id: Id::Number(1), outcome: Err(error) }));
    }

    #[test]
    fn what_is_no_message_is_nothing() {
        for text in ["[]", "1", "{}", r#"{"id":1}"#, r#"{"id":{},"result":1}"#, r#"{"method":1,"id":2}"#] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_finds_its_request_once() {
        let mut requests = Requests::new(Dialect::Bare);
        assert_eq!(requests.ask("a", json!({}), 'a'), b"{\"id\":1,\"method\":\"a\",\"params\":{}}\n");
        requests.ask("b", json!({}), 'b');
        assert_eq!(requests.answered(&Id::Number(2)), Some('b'));
        assert_eq!(requests.answered(&Id::Number(2)), None);
        assert_eq!(requests.answered(&Id::Text("1".to_owned())), None);
        requests.forget();
        assert_eq!(requests.answered(&Id::Number(1)), None);
        assert!(requests.ask("c", json!({}), 'c').starts_with(b"{\"id\":3,"));
    }

    #[test]
    fn an_agent_that_answers_nothing_fills_no_memory() {
        let mut requests = Requests::new(Dialect::V2);
        for number in 0..1000 {
            requests.ask("a", json!({}), number);
        }
        assert_eq!(requests.waiting.len(), MAX_WAITING);
        let huge = json!({ "id": 1, "error": { "message": "ä".repeat(1 << 20) } });
        let Some(Incoming::Answer { outcome: Err(error), .. }) = Incoming::read(huge) else { panic!("an answer") };
        assert!(error.message.len() <= MAX_MESSAGE);
    }
}
