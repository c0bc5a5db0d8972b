//! Files of workspaces.

use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder, Response, header};
use sandboxed_model::{
    WorkspaceId,
    files::{ArchiveFormat, DiskUsage, FileEntry, FileWritten, Unpacked, Upload, WriteCondition},
    page::{Page, PageRequest},
};
use serde_json::json;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::{
    super::files::{Content, Download},
    Http, page_query,
};
use crate::failed::{Failed, Result};

impl Http {
    pub(in crate::client) async fn files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        page: &PageRequest,
    ) -> Result<Page<FileEntry>> {
        let mut query = page_query(page);
        query.push(("path", path.to_owned()));
        self.query(&format!("/workspaces/{workspace}/files"), &query).await
    }

    pub(in crate::client) async fn file(&self, workspace: WorkspaceId, path: &str) -> Result<FileEntry> {
        self.query(&format!("/workspaces/{workspace}/files/entry"), &[("path", path.to_owned())]).await
    }

    pub(in crate::client) async fn make_directory(
        &self,
        workspace: WorkspaceId,
        path: &str,
        parents: bool,
    ) -> Result<FileEntry> {
        let body = json!({ "path": path, "parents": parents });
        self.send(Method::POST, &format!("/workspaces/{workspace}/files/directories"), body).await
    }

    pub(in crate::client) async fn move_file(
        &self,
        workspace: WorkspaceId,
        from: &str,
        to: &str,
        overwrite: bool,
    ) -> Result<()> {
        let body = json!({ "from": from, "to": to, "overwrite": overwrite });
        let request = self.request(Method::POST, &format!("/workspaces/{workspace}/files/move")).json(&body);
        self.ask(request).await.map(drop)
    }

    pub(in crate::client) async fn remove_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        recursive: bool,
    ) -> Result<()> {
        let query = [("path", path.to_owned()), ("recursive", recursive.to_string())];
        let request = self.request(Method::DELETE, &format!("/workspaces/{workspace}/files")).query(&query);
        self.ask(request).await.map(drop)
    }

    pub(in crate::client) async fn files_usage(&self, workspace: WorkspaceId, path: &str) -> Result<DiskUsage> {
        self.query(&format!("/workspaces/{workspace}/files/usage"), &[("path", path.to_owned())]).await
    }

    pub(in crate::client) async fn read_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        from: u64,
        version: Option<&str>,
    ) -> Result<Download> {
        let mut request = self.request(Method::GET, &format!("/workspaces/{workspace}/files/content"));
        request = request.query(&[("path", path)]);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        let response = self.ask(request).await?;
        let told = |name: header::HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = told(header::ETAG).unwrap_or_default().trim_matches('"').to_owned();
        let size = match told(header::CONTENT_RANGE).and_then(|range| range.rsplit_once('/')) {
            Some((_, size)) => size.parse().ok(),
            None => response.content_length(),
        };
        let unknown = || Failed::new(format!("{} does not tell how large the file is", self.address().url));
        Ok(Download { size: size.ok_or_else(unknown)?, etag, content: self.content(response) })
    }

    pub(in crate::client) async fn write_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        condition: WriteCondition,
        parents: bool,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<FileWritten> {
        let query = [("path", path.to_owned()), ("parents", parents.to_string())];
        let request = self.request(Method::PUT, &format!("/workspaces/{workspace}/files/content")).query(&query);
        self.read(conditional(streamed(request, content), condition)).await
    }

    pub(in crate::client) async fn start_upload(
        &self,
        workspace: WorkspaceId,
        path: &str,
        total: u64,
    ) -> Result<Upload> {
        let body = json!({ "path": path, "total": total });
        self.send(Method::POST, &format!("/workspaces/{workspace}/uploads"), body).await
    }

    pub(in crate::client) async fn upload(&self, workspace: WorkspaceId, upload: &str) -> Result<Upload> {
        self.get(&of_upload(workspace, upload)?).await
    }

    pub(in crate::client) async fn append_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        offset: u64,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Upload> {
        let request = self.request(Method::PATCH, &of_upload(workspace, upload)?).query(&[("offset", offset)]);
        self.read(streamed(request, content)).await
    }

    pub(in crate::client) async fn finish_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        condition: WriteCondition,
        parents: bool,
    ) -> Result<FileWritten> {
        let path = format!("{}/finish", of_upload(workspace, upload)?);
        self.read(conditional(self.request(Method::POST, &path).query(&[("parents", parents)]), condition)).await
    }

    pub(in crate::client) async fn abort_upload(&self, workspace: WorkspaceId, upload: &str) -> Result<()> {
        self.delete(&of_upload(workspace, upload)?).await
    }

    pub(in crate::client) async fn pack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
    ) -> Result<Content> {
        let request = self.request(Method::GET, &format!("/workspaces/{workspace}/files/archive"));
        let response = self.ask(request.query(&[("path", path), ("format", format.as_str())])).await?;
        Ok(self.content(response))
    }

    pub(in crate::client) async fn unpack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Unpacked> {
        let request = self.request(Method::PUT, &format!("/workspaces/{workspace}/files/archive"));
        self.read(streamed(request.query(&[("path", path), ("format", format.as_str())]), content)).await
    }

    pub(in crate::client) fn content(&self, response: Response) -> Content {
        let this = self.clone();
        let pieces = response.bytes_stream().map(move |piece| match piece {
            Ok(piece) => Ok(piece.to_vec()),
            Err(error) => Err(this.unreachable(&error)),
        });
        pieces.boxed()
    }
}

/// The path of an upload. Its id comes from the command line and is looked at before it is part of a URL.
fn of_upload(workspace: WorkspaceId, upload: &str) -> Result<String> {
    if upload.is_empty() || !upload.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Failed::usage(format!("{upload:?} is no id of an upload")));
    }
    Ok(format!("/workspaces/{workspace}/uploads/{upload}"))
}

pub(in crate::client) fn streamed(
    request: RequestBuilder,
    content: impl AsyncRead + Send + Unpin + 'static,
) -> RequestBuilder {
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(content, PIECE));
    request.header(header::CONTENT_TYPE, "application/octet-stream").body(body)
}

/// Bytes that are sent at once.
const PIECE: usize = 256 << 10;

fn conditional(request: RequestBuilder, condition: WriteCondition) -> RequestBuilder {
    match condition {
        WriteCondition::Any => request,
        WriteCondition::Absent => request.header(header::IF_NONE_MATCH, "*"),
        WriteCondition::Present => request.header(header::IF_MATCH, "*"),
        WriteCondition::Version(etag) => request.header(header::IF_MATCH, format!("\"{etag}\"")),
    }
}
