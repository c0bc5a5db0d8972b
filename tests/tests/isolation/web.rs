//! A web server of the tester's.

use std::{
    path::{Component, Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::machine::serve;

/// Serves the files of a directory at loopback, and takes and counts what is uploaded.
pub(crate) struct Web {
    pub(crate) files: TempDir,
    pub(crate) port: u16,
    received: Arc<AtomicU64>,
    _listener: JoinSet<()>,
}

impl Web {
    pub(crate) async fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(AtomicU64::new(0));
        let (root, count) = (files.path().to_owned(), Arc::clone(&received));
        let mut listeners = JoinSet::new();
        listeners.spawn(serve(listener, move |stream| Box::pin(answer(stream, root.clone(), Arc::clone(&count)))));
        std::fs::write(files.path().join("page"), "here it is\n").unwrap();
        Self { files, port, received, _listener: listeners }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Bytes of bodies that have come so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

async fn answer(stream: TcpStream, root: PathBuf, received: Arc<AtomicU64>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), None);
    stream.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? <= 2 {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, body) = match method {
        "PUT" => {
            let mut buffer = vec![0; 1 << 16];
            while length.is_none_or(|length| received.load(Ordering::Relaxed) < length) {
                let read = stream.read(&mut buffer).await? as u64;
                if read == 0 {
                    break;
                }
                received.fetch_add(read, Ordering::Relaxed);
            }
            ("200 OK", b"taken\n".to_vec())
        }
        _ => match read(&root, path) {
            Some(file) => ("200 OK", file),
            None => ("404 Not Found", Vec::new()),
        },
    };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    // pip reads an index only from a page.
    let kind = if path.ends_with('/') { "text/html" } else { "application/octet-stream" };
    stream.write_all(format!("{head}Content-Type: {kind}\r\n\r\n").as_bytes()).await?;
    if method != "HEAD" {
        stream.write_all(&body).await?;
    }
    stream.shutdown().await
}

fn read(root: &Path, path: &str) -> Option<Vec<u8>> {
    let path = Path::new(path.split('?').next()?.trim_start_matches('/'));
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let path = plain.then(|| root.join(path))?;
    std::fs::read(&path).or_else(|_| std::fs::read(path.join("index.html"))).ok()
}
