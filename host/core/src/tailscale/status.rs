//! What `tailscaled` tells of itself by its local API (`tailscale status --json` shows the same).

use std::{collections::HashMap, net::IpAddr, path::Path};

use serde::{Deserialize, Deserializer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// The name that the local API goes by, and what it answers to. With version 1.0 the answer ends with the connection.
const REQUEST: &str = "GET /localapi/v0/status HTTP/1.0\r\nHost: local-tailscaled.sock\r\n\r\n";
/// The longest answer: a machine of a tailnet takes about a kilobyte of it.
const LONGEST: u64 = 32 << 20;

/// How `tailscaled` stands. Whatever is missing is as if it were not there.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    /// `Running` where it is in a tailnet.
    #[serde(rename = "BackendState", default)]
    pub(super) state: String,
    #[serde(rename = "Self", default)]
    pub(super) own: Option<Machine>,
    #[serde(rename = "Peer", default, deserialize_with = "values")]
    pub(super) peers: Vec<Machine>,
    /// The exit node that is used.
    #[serde(rename = "ExitNodeStatus", default)]
    pub(super) exit: Option<ExitNode>,
}

/// A machine of the tailnet.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Machine {
    /// Its full name, with a dot at the end.
    #[serde(rename = "DNSName", default)]
    pub(super) name: String,
    #[serde(rename = "TailscaleIPs", default, deserialize_with = "or_none")]
    pub(super) addresses: Vec<IpAddr>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ExitNode {
    #[serde(rename = "Online", default)]
    pub(super) online: bool,
}

/// Go writes empty lists and tables as `null`.
fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpAddr>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Machine>, D::Error> {
    let machines: Option<HashMap<String, Machine>> = Option::deserialize(deserializer)?;
    Ok(machines.unwrap_or_default().into_values().collect())
}

/// Asks at a socket; a failure is told in words.
pub(super) async fn ask(socket: &Path) -> Result<Status, String> {
    let mut stream = UnixStream::connect(socket).await.map_err(|error| error.to_string())?;
    stream.write_all(REQUEST.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await.map_err(|error| error.to_string())?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("its answer is none of HTTP")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let code = head.split_whitespace().nth(1).unwrap_or_default();
    if code != "200" {
        return Err(format!("it answers with the status {code:?}"));
    }
    serde_json::from_slice(&answer[end + 4..]).map_err(|error| format!("its answer cannot be read: {error}"))
}
