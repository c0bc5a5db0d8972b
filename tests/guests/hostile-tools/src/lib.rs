//! Tools that do the worst that they are told, and use all that a tools plugin may be lent.

use std::hint::black_box;

use sandboxed_sdk::{Tools, export_tools, failure, tools::*};
use serde::Deserialize;

export_tools!(Hostile);

struct Hostile;

#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Do {
    /// Answers with `text`.
    Echo { text: String },
    /// Never ends.
    Loop,
    /// Uses up the stack.
    Recurse,
    /// Asks for `mib` of memory in steps of 1 MiB.
    Allocate { mib: usize },
    /// Answers with `mib` of text.
    Return { mib: usize },
    /// Answers with JSON that is none.
    BrokenJson,
    /// Panics with `text`.
    Panic { text: String },
    /// Writes `records` of `bytes` each to the log.
    Log { records: u32, bytes: usize },
    /// Asks for its settings this often.
    HostCalls { times: u32 },
    /// Keeps a value of `bytes` under `key` and says how many bytes come back.
    Keep { key: String, bytes: usize },
    /// Sends a request, with a secret as the header `x-key` where one is named.
    Fetch {
        url: String,
        #[serde(default)]
        secret: Option<String>,
    },
    /// Says whether a secret exists.
    Secret { name: String },
    /// Looks at a file of the workspace.
    Stat { path: String },
    /// Runs a program in the workspace.
    Run { program: String },
    /// Tells this often how far it is.
    Progress { times: u32 },
    /// Looks for what the server's machine has.
    Machine,
}

impl Tools for Hostile {
    fn list() -> Vec<Tool> {
        vec![Tool {
            name: "do".to_owned(),
            description: "Does the worst.".to_owned(),
            input_schema: r#"{"type":"object","required":["what"]}"#.to_owned(),
            read_only: false,
            destructive: true,
        }]
    }

    fn call(caller: Caller, _name: String, arguments: String) -> Result<Reply, Failure> {
        let order: Do = serde_json::from_str(&arguments)
            .map_err(|error| failure!(Config, "hostile.order_unknown", error.to_string()))?;
        Ok(Reply::text(match order {
            Do::Echo { text } => text,
            Do::Loop => loop {
                black_box(());
            },
            Do::Recurse => recurse(0).to_string(),
            Do::Allocate { mib } => allocate(mib).to_string(),
            Do::Return { mib } => "x".repeat(mib << 20),
            Do::BrokenJson => {
                return Ok(Reply { content: vec![Content::Json("{".to_owned())], is_error: false });
            }
            Do::Panic { text } => panic!("{text}"),
            Do::Log { records, bytes } => {
                let message = "flood ".repeat(bytes / 6 + 1);
                (0..records).for_each(|_| host::log::emit(host::log::Level::Info, &message, &[]));
                records.to_string()
            }
            Do::HostCalls { times } => (0..times).map(|_| host::config::get().len()).sum::<usize>().to_string(),
            Do::Keep { key, bytes } => {
                host::kv::put(&key, &vec![7; bytes])?;
                host::kv::get(&key)?.map_or(0, |value| value.len()).to_string()
            }
            Do::Fetch { url, secret } => fetch(url, secret)?,
            Do::Secret { name } => host::secrets::exists(&name).to_string(),
            Do::Stat { path } => host::workspace_files::stat(&path)?.path,
            Do::Run { program } => {
                let command = Command { program, args: Vec::new(), env: Vec::new(), cwd: None, tty: None };
                format!("{:?} for {}", host::workspace_run::short(&command, &[], 0)?.exit, caller.workspace)
            }
            Do::Progress { times } => {
                (0..times).for_each(|done| host::progress::report(done.into(), None, "on"));
                host::progress::cancelled().to_string()
            }
            Do::Machine => format!(
                "files: {}, variables: {}, arguments: {}",
                std::fs::read_dir("/").is_ok(),
                std::env::vars().count(),
                std::env::args().count(),
            ),
        }))
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1))) + 1
}

fn allocate(mib: usize) -> usize {
    let kept: Vec<Vec<u8>> = (0..mib).map(|_| black_box(vec![1; 1 << 20])).collect();
    black_box(kept).len()
}

fn fetch(url: String, secret: Option<String>) -> Result<String, Failure> {
    let response = host::fetch::send(&host::fetch::Request {
        method: "GET".to_owned(),
        url,
        headers: secret.map(|name| ("x-key".to_owned(), Value::Secret(name))).into_iter().collect(),
        body: Vec::new(),
        deadline_ms: 0,
    })?;
    Ok(format!("{} {}", response.status, String::from_utf8_lossy(&response.body)))
}
