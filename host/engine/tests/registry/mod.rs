//! A registry of one image, on this machine and without TLS, which engines accept there.

use std::{collections::HashMap, sync::Arc};

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

pub(crate) struct Registry {
    pub(crate) port: u16,
    serve: tokio::task::JoinHandle<()>,
}

struct Blob {
    kind: &'static str,
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(kind: &'static str, bytes: Vec<u8>) -> Self {
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { kind, digest: format!("sha256:{hex}"), bytes }
    }

    fn descriptor(&self) -> serde_json::Value {
        json!({ "mediaType": self.kind, "size": self.bytes.len(), "digest": self.digest })
    }
}

impl Registry {
    /// Serves the image `image:1`, made of one layer and with one label.
    pub(crate) async fn serve(layer: &[u8], (label, value): (&str, String)) -> Self {
        let layer = Blob::new("application/vnd.docker.image.rootfs.diff.tar.gzip", layer.to_vec());
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = json!({
            "architecture": arch, "os": "linux", "config": { "Labels": { label: value } },
            "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
        });
        let config = Blob::new("application/vnd.docker.container.image.v1+json", config.to_string().into());
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "config": config.descriptor(), "layers": [layer.descriptor()],
        });
        let manifest = Arc::new(Blob::new(kind, manifest.to_string().into()));
        let mut paths = HashMap::from([
            ("/v2/".to_owned(), Arc::new(Blob::new("application/json", b"{}".to_vec()))),
            ("/v2/image/manifests/1".to_owned(), manifest.clone()),
            (format!("/v2/image/manifests/{}", manifest.digest), manifest),
        ]);
        paths.extend([layer, config].map(|blob| (format!("/v2/image/blobs/{}", blob.digest), Arc::new(blob))));
        let paths = Arc::new(paths);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, paths.clone()));
            }
        });
        Self { port, serve }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.serve.abort();
    }
}

async fn answer(connection: TcpStream, paths: Arc<HashMap<String, Arc<Blob>>>) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut request = String::new();
    connection.read_line(&mut request).await?;
    let mut line = String::new();
    while connection.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Some(blob) = paths.get(path) else {
        return connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nDocker-Content-Digest: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        blob.kind,
        blob.digest,
        blob.bytes.len()
    );
    connection.write_all(head.as_bytes()).await?;
    if method != "HEAD" {
        connection.write_all(&blob.bytes).await?;
    }
    connection.shutdown().await
}
