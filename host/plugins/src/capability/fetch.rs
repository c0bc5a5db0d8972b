//! `fetch`: HTTP to granted hosts.

use sandboxed_model::{Blame, Failure, command::Value};

use super::run::granted_secret;
use crate::{
    bindings::host::{failures, fetch},
    fetch::{Allowed, Header, Request, send},
    state::PluginState,
};

const MAX_BODY: usize = 8 << 20;

impl fetch::Host for PluginState {
    async fn send(&mut self, request: fetch::Request) -> wasmtime::Result<Result<fetch::Response, failures::Failure>> {
        self.count_host_call()?;
        Ok(self.fetch(request).await.map_err(Into::into))
    }
}

impl PluginState {
    async fn fetch(&mut self, request: fetch::Request) -> Result<fetch::Response, Failure> {
        if request.body.len() > MAX_BODY {
            let message = format!("a request has at most {MAX_BODY} bytes");
            return Err(Failure::new(Blame::Plugin, "fetch.invalid", message));
        }
        let mut headers = Vec::with_capacity(request.headers.len());
        for (name, value) in request.headers {
            headers.push(match Value::from(value) {
                Value::Plain(value) => Header { name, value, secret: false },
                Value::Secret(secret) => {
                    let host = asked_host(&request.url);
                    let value = granted_secret(&self.rights, &self.ports, &self.plugin, &secret, Some(&host)).await?;
                    Header { name, value, secret: true }
                }
            });
        }
        let deadline = self.time_for(request.deadline_ms);
        let allowed = Allowed::parse(&self.rights.grants.fetch)?;
        let request = Request { method: request.method, url: request.url, headers, body: request.body };
        let response = tokio::time::timeout(deadline, send(&allowed, request, MAX_BODY)).await.map_err(|_| {
            let message = format!("no answer came within {} ms", deadline.as_millis());
            Failure::new(Blame::Deadline, "fetch.deadline", message)
        })??;
        Ok(fetch::Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
            truncated: response.truncated,
        })
    }
}

/// The host of a request, with its port. One that cannot be read is refused before anything is sent.
fn asked_host(url: &str) -> String {
    let Ok(url) = url::Url::parse(url) else { return String::new() };
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}
