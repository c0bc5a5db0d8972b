//! An npm registry on the loopback that answers as it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use sandboxed_tests::within;
use sha2::{Digest, Sha512};
use tokio::sync::Notify;

/// How the registry answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Well,
    /// Something else than what was published.
    Other,
    Nothing,
    /// The first half, and then silence.
    Half,
}

struct Inner {
    archives: BTreeMap<String, Bytes>,
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    half_sent: Notify,
}

pub(crate) struct Registry {
    inner: Arc<Inner>,
    address: SocketAddr,
}

impl Registry {
    /// A registry with these versions of the package `@maker/tiny`.
    pub(crate) async fn start(versions: &[&str]) -> Self {
        let archives = versions.iter().map(|version| ((*version).to_owned(), packed(version))).collect();
        let inner = Arc::new(Inner {
            archives,
            answer: Mutex::new(Answer::Well),
            asked: AtomicUsize::new(0),
            half_sent: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(serve).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { inner, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn archive(&self, version: &str) -> Bytes {
        self.inner.archives[version].clone()
    }

    pub(crate) fn integrity(&self, version: &str) -> String {
        format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(self.archive(version))))
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.inner.answer.lock().unwrap() = answer;
    }

    /// Requests that have come.
    pub(crate) fn asked(&self) -> usize {
        self.inner.asked.load(Ordering::Relaxed)
    }

    /// Waits until half of an archive was sent.
    pub(crate) async fn half_sent(&self) {
        within("half of an archive", self.inner.half_sent.notified()).await;
    }
}

async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    inner.asked.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path();
    let version = path.strip_prefix("/@maker/tiny/-/tiny-").and_then(|rest| rest.strip_suffix(".tgz"));
    let Some(archive) = version.and_then(|version| inner.archives.get(version)).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let answer = *inner.answer.lock().unwrap();
    match answer {
        Answer::Well => archive.into_response(),
        Answer::Other => Bytes::from_static(b"something else").into_response(),
        Answer::Nothing => StatusCode::NOT_FOUND.into_response(),
        Answer::Half => {
            let half = stream::iter([Ok::<_, std::io::Error>(archive.slice(..archive.len() / 2))]);
            let silence = stream::once(async move {
                inner.half_sent.notify_one();
                std::future::pending().await
            });
            let body = Body::from_stream(half.chain(silence));
            ([(header::CONTENT_LENGTH, archive.len())], body).into_response()
        }
    }
}

/// A package whose program says its version, and with it enough noise that its archive can be cut.
fn packed(version: &str) -> Bytes {
    let place = tempfile::tempdir().unwrap();
    let package = place.path().join("package");
    std::fs::create_dir_all(package.join("bin")).unwrap();
    std::fs::write(package.join("bin/tiny"), format!("#!/bin/sh\necho tiny {version}\n")).unwrap();
    std::fs::write(package.join("noise"), rand::random_iter().take(1 << 20).collect::<Vec<u8>>()).unwrap();
    let archive = place.path().join("tiny.tgz");
    pack(place.path(), &archive);
    std::fs::read(archive).unwrap().into()
}

fn pack(directory: &Path, archive: &Path) {
    let tar = Command::new("tar").arg("-czf").arg(archive).arg("-C").arg(directory).arg("package").status().unwrap();
    assert!(tar.success());
}
