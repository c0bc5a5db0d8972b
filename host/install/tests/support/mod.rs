//! A registry on the loopback, and installations that ask it.
#![allow(dead_code, unreachable_pub)] // Each test file uses a part.

use std::{
    collections::HashMap,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt, stream};
use sandboxed_install::{Check, Checked, Installations, Installed, Origins, Patience, Plan};
use sandboxed_model::{
    Failure, PluginId,
    install::{Download, Form, InstallCheck, InstallPlan, InstallProgress, InstallStep, Source},
};
use sha2::{Digest, Sha512};
use tokio::sync::{Notify, watch};

/// What the registry does with the next request instead of answering it well.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// Sends so many bytes and closes the connection.
    CutAfter(usize),
    /// Sends so many bytes and then nothing, with the connection open.
    HangAfter(usize),
    Status(u16),
    RedirectTo(String),
}

#[derive(Default)]
pub struct Served {
    files: Mutex<HashMap<String, Bytes>>,
    troubles: Mutex<Vec<Trouble>>,
    /// Path and `Range` of every request.
    pub asked: Mutex<Vec<(String, Option<String>)>>,
    pub hanging: Notify,
    ignores_ranges: AtomicBool,
}

pub struct Registry {
    pub served: Arc<Served>,
    pub address: SocketAddr,
}

impl Registry {
    pub async fn start() -> Self {
        let served = Arc::new(Served::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&served));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { served, address }
    }

    pub fn serve(&self, path: &str, bytes: impl Into<Bytes>) {
        self.served.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    /// The first of these is what happens to the next request.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        let mut waiting: Vec<_> = troubles.into_iter().collect();
        waiting.reverse();
        *self.served.troubles.lock().unwrap() = waiting;
    }

    pub fn ignore_ranges(&self) {
        self.served.ignores_ranges.store(true, Ordering::Relaxed);
    }

    pub fn ranges(&self) -> Vec<Option<String>> {
        self.served.asked.lock().unwrap().iter().map(|(_, range)| range.clone()).collect()
    }

    pub fn origins(&self) -> Origins {
        Origins { registry: format!("http://{}", self.address).parse().unwrap(), mirror: None, offline: false }
    }
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let range = request.headers().get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    served.asked.lock().unwrap().push((path.clone(), range.clone()));
    let trouble = served.troubles.lock().unwrap().pop();
    let Some(bytes) = served.files.lock().unwrap().get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let start = range
        .filter(|_| !served.ignores_ranges.load(Ordering::Relaxed))
        .map_or(0, |range| range["bytes=".len()..].trim_end_matches('-').parse::<usize>().unwrap());
    if start > 0 && start >= bytes.len() {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let rest = bytes.slice(start..);
    let head = Response::builder().header(header::CONTENT_LENGTH, rest.len());
    let head = match start {
        0 => head,
        _ => head
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len())),
    };
    let body = match trouble {
        None => Body::from(rest),
        Some(Trouble::CutAfter(count)) => {
            let pieces = [Ok(rest.slice(..count)), Err(std::io::Error::other("cut"))];
            Body::from_stream(stream::iter(pieces))
        }
        Some(Trouble::HangAfter(count)) => {
            let sent = stream::iter([Ok::<_, std::io::Error>(rest.slice(..count))]);
            let hang = stream::once(async move {
                served.hanging.notify_one();
                std::future::pending().await
            });
            Body::from_stream(sent.chain(hang))
        }
        Some(Trouble::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Trouble::RedirectTo(to)) => return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
    };
    head.body(body).unwrap()
}

/// A directory of installations.
pub struct Place {
    pub root: PathBuf,
    _directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { root: directory.path().join("harnesses"), _directory: directory }
    }

    pub fn open(&self, origins: Origins) -> Installations {
        let patience = Patience { tries: 3, pause: Duration::from_millis(1), silence: Duration::from_secs(20) };
        Installations::open(&self.root, origins, patience).unwrap()
    }

    /// Names in the plugin's directory, sorted.
    pub fn names(&self) -> Vec<String> {
        names(&self.root.join("agent"))
    }

    pub fn downloads(&self) -> Vec<String> {
        names(&self.root.join(".downloads"))
    }
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A check that reads the program instead of running it: what it holds is what it prints.
pub struct Reads;

impl Check for Reads {
    async fn run(&self, programs: &Path, check: &InstallCheck) -> Result<Checked, Failure> {
        let output = std::fs::read_to_string(programs.join(&check.program)).unwrap();
        Ok(Checked { trouble: None, output })
    }
}

pub fn agent() -> PluginId {
    "agent".parse().unwrap()
}

pub async fn install(installations: &Installations, plan: &InstallPlan) -> Result<Installed, Failure> {
    let progress = watch::channel(waiting()).0;
    installations.install(&agent(), &Plan::parse(plan)?, &Reads, progress).await
}

pub fn waiting() -> InstallProgress {
    InstallProgress {
        step: 0,
        steps: 0,
        activity: sandboxed_model::install::InstallActivity::Waiting,
        subject: String::new(),
        done: 0,
        total: None,
    }
}

pub fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(bytes)))
}

/// An archive as npm makes it: all of it below `package`.
pub fn package(files: &[(&str, &[u8], u32)]) -> Vec<u8> {
    archive(|tar| {
        for (name, content, mode) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, format!("package/{name}"), *content).unwrap();
        }
    })
}

pub fn archive(fill: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    fill(&mut tar);
    let mut gzip = tar.into_inner().unwrap();
    gzip.flush().unwrap();
    gzip.finish().unwrap()
}

/// The plan of a package of which `bin/agent` prints its version.
pub fn plan(version: &str, archive: &[u8]) -> InstallPlan {
    InstallPlan {
        version: version.to_owned(),
        steps: vec![InstallStep::Download(Download {
            source: Source::Npm { name: "@maker/agent".to_owned(), version: version.to_owned() },
            integrity: integrity(archive),
            form: Form::TarGz { strip: 1 },
            into: String::new(),
        })],
        check: InstallCheck {
            program: "bin/agent".to_owned(),
            args: vec!["--version".to_owned()],
            expects: version.to_owned(),
        },
    }
}

pub fn path_of(version: &str) -> String {
    format!("/@maker/agent/-/agent-{version}.tgz")
}

/// A package whose archive is larger than what HTTP sends at once, so that it can be cut.
pub fn large(version: &str) -> Vec<u8> {
    let mut state = 1_u64;
    let mut noise = vec![0; 3_000_000];
    noise.fill_with(|| {
        // xorshift64 (Marsaglia, 2003): bytes that no archive makes smaller, and the same in each run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    package(&[("bin/agent", format!("agent {version}").as_bytes(), 0o755), ("noise", &noise, 0o600)])
}
