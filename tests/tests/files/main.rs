//! Files of workspaces, over HTTP and on the command line.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod archives;
mod command_line;
mod content;
mod disk;
mod hostile;
mod uploads;

use std::path::PathBuf;

use reqwest::{Body, Method, Response, StatusCode};
use sandboxed_tests::{Server, within};
use serde_json::{Value, json};

/// A workspace of a server.
struct Space<'a> {
    server: &'a Server,
    id: String,
    /// The user that its agents run as.
    user: u32,
}

impl<'a> Space<'a> {
    async fn make(server: &'a Server) -> Self {
        Self::with(server, json!({})).await
    }

    async fn with(server: &'a Server, wanted: Value) -> Self {
        let made = server.api.post("/workspaces", wanted).await;
        let (id, user) = (made["id"].as_str().unwrap().to_owned(), made["user"].as_u64().unwrap());
        Self { server, id, user: u32::try_from(user).unwrap() }
    }

    /// Where its files are on the machine.
    fn tree(&self) -> PathBuf {
        self.server.data_dir().join("workspaces").join(&self.id).join("tree")
    }

    fn path(&self, below: &str) -> String {
        format!("/workspaces/{}/{below}", self.id)
    }

    async fn read(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.server.api.request(Method::GET, &self.path("files/content")).query(&[("path", path)]);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        within("an answer", request.send()).await.unwrap()
    }

    /// The content of a file that is there.
    async fn content(&self, path: &str) -> Vec<u8> {
        let response = self.read(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        within("the content", response.bytes()).await.unwrap().to_vec()
    }

    async fn write(&self, path: &str, headers: &[(&str, &str)], content: impl Into<Body>) -> Answer {
        let query = [("path", path), ("parents", "true")];
        let mut request = self.server.api.request(Method::PUT, &self.path("files/content")).query(&query);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(within("an answer", request.body(content).send()).await.unwrap()).await
    }

    async fn list(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let request = self.server.api.request(Method::GET, &self.path("files")).query(&[("path", path)]).query(query);
        Answer::of(within("an answer", request.send()).await.unwrap()).await
    }

    async fn ask(&self, method: Method, below: &str, query: &[(&str, &str)]) -> Answer {
        let request = self.server.api.request(method, &self.path(below)).query(query);
        Answer::of(within("an answer", request.send()).await.unwrap()).await
    }

    async fn post(&self, below: &str, body: Value) -> Answer {
        let (status, body) = self.server.api.call(Method::POST, &self.path(below), Some(body)).await;
        Answer { status, body }
    }

    async fn unpack(&self, path: &str, format: &str, archive: Vec<u8>) -> Answer {
        let query = [("path", path), ("format", format)];
        let request = self.server.api.request(Method::PUT, &self.path("files/archive")).query(&query).body(archive);
        Answer::of(within("an answer", request.send()).await.unwrap()).await
    }

    /// Runs a script in the workspace and waits for its end.
    async fn run(&self, script: &str) {
        let body = json!({ "command": ["bash", "-c", script] });
        let request = self.server.api.request(Method::POST, &self.path("exec")).json(&body);
        let said = within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await;
        assert!(said.ends_with("{\"exit\":{\"code\":0}}\n"), "{said}");
    }
}

/// An answer in JSON.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let status = response.status();
        let text = within("the answer", response.text()).await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, body }
    }

    #[track_caller]
    fn done(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }

    #[track_caller]
    fn refused(self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
    }
}

/// The most memory that a process has had, in bytes.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
