//! The HTTP API as a script would use it.

use futures_util::StreamExt;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{until, within};

/// A client with a token.
#[derive(Clone)]
pub struct Api {
    client: Client,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// The API token.
    pub token: String,
}

impl Api {
    pub(crate) fn unconnected() -> Self {
        Self::new("", "")
    }

    /// A client of the server at `url`.
    pub fn new(url: &str, token: &str) -> Self {
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { client: Client::new(), url: url.trim_end_matches('/').to_owned(), token: token.to_owned() }
    }

    /// A request to a path below `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.token)
    }

    /// Sends a request and reads its JSON answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = within("an answer", request.send()).await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let body = match text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}")),
        };
        (status, body)
    }

    /// Reads something that is there.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "GET {path}: {body}");
        body
    }

    /// Does something that succeeds.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// Makes a mission on the shell harness and returns its id.
    pub async fn mission(&self, prompt: &str) -> String {
        self.mission_with(json!({ "prompt": prompt, "harness": "shell" })).await
    }

    /// Makes a mission and returns its id.
    pub async fn mission_with(&self, body: Value) -> String {
        self.post("/missions", body).await["id"].as_str().unwrap().to_owned()
    }

    /// The mission as it stands.
    pub async fn state(&self, mission: &str) -> String {
        self.get(&format!("/missions/{mission}")).await["state"].as_str().unwrap().to_owned()
    }

    /// Waits until a mission is in one of these states and returns it.
    pub async fn reaches(&self, mission: &str, states: &[&str]) -> Value {
        until(&format!("the mission to be {states:?}"), async || {
            let mission = self.get(&format!("/missions/{mission}")).await;
            let state = mission["state"].as_str().unwrap();
            states.contains(&state).then(|| mission.clone())
        })
        .await
    }

    /// All events of a mission, page by page.
    pub async fn events(&self, mission: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event["seq"].as_u64().unwrap());
            let page = self.get(&format!("/missions/{mission}/events?after={after}&limit=1000")).await;
            let items = page["items"].as_array().unwrap();
            if items.is_empty() {
                return events;
            }
            events.extend(items.iter().cloned());
        }
    }

    /// What the tool calls of a mission printed on standard output.
    pub async fn printed(&self, mission: &str) -> String {
        let events = self.events(mission).await;
        assert_gap_free(&events);
        events
            .iter()
            .filter(|event| event["kind"] == "tool_output" && event["body"]["stream"] == "stdout")
            .map(|event| event["body"]["text"].as_str().unwrap())
            .collect()
    }

    /// Follows a mission's event stream after `after` until `enough` says so, and returns the events.
    pub async fn follow(&self, mission: &str, after: u64, mut enough: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let request = self.request(Method::GET, &format!("/missions/{mission}/stream?after={after}"));
        let response = within("the stream to open", request.send()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut bytes = response.bytes_stream();
        let (mut events, mut received) = (Vec::new(), Vec::new());
        loop {
            let chunk = within("the next event", bytes.next()).await.expect("the stream ended").unwrap();
            received.extend_from_slice(&chunk);
            while let Some(end) = received.windows(2).position(|window| window == b"\n\n") {
                let block: Vec<u8> = received.drain(..end + 2).collect();
                let block = std::str::from_utf8(&block).unwrap();
                let data: String = block.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                let id = block.lines().find_map(|line| line.strip_prefix("id:")).map(str::trim);
                if let (false, Some(id)) = (data.is_empty(), id) {
                    let event: Value = serde_json::from_str(data.trim()).unwrap();
                    assert_eq!(event["seq"].to_string(), id, "the id of the stream is not the event's place");
                    let last = enough(&event);
                    events.push(event);
                    if last {
                        return events;
                    }
                }
            }
        }
    }
}

/// The places of events that begin with the first are 1, 2, 3 …
#[track_caller]
pub fn assert_gap_free(events: &[Value]) {
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], index as u64 + 1, "a gap or a double in the event log");
    }
}

/// The bodies of the events of a kind.
pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).map(|event| &event["body"]).collect()
}
