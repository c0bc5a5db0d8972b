//! Processes in workspaces: commands and shells.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Body as AnswerBody,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use sandboxed_core::{Orchestrator, ProcessChunk, ProcessOutput};
use sandboxed_model::{
    RunId,
    command::{OutputStream, Tty},
    page::Page,
    process::{NewProcess, Process},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PageQuery, workspaces::WorkspaceRef};
use crate::{
    attach,
    extract::{Body, Caller, InPath, InQuery, Object},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
    text::TextPieces,
};

/// The most bytes that can be written to a process at once.
const INPUT_LIMIT: usize = 1 << 20;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_processes, start_process))
        .routes(routes!(exec))
        .routes(routes!(get_process, remove_process))
        .routes(routes!(stream_output))
        .routes(routes!(write_input))
        .routes(routes!(resize_process))
        .routes(routes!(signal_process))
        .routes(routes!(attach_process))
}

/// A process that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProcessRequest {
    /// The program and its arguments; absent or empty is a login shell.
    #[serde(default)]
    #[schema(max_items = 10000)]
    command: Vec<String>,
    /// Where it begins, relative to the workspace's tree.
    cwd: Option<String>,
    /// Its variables, besides those of the workspace.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Present: it gets a terminal of this size.
    #[schema(value_type = Option<SizeRequest>)]
    tty: Option<Object<SizeRequest>>,
    /// Whether it can be written to. One with a terminal always can.
    #[serde(default)]
    stdin: bool,
}

impl From<ProcessRequest> for NewProcess {
    fn from(wanted: ProcessRequest) -> Self {
        let ProcessRequest { command, cwd, env, tty, stdin } = wanted;
        Self { command, cwd, env, tty: tty.map(|size| size.0.into()), stdin }
    }
}

/// The size of a terminal, in character cells.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SizeRequest {
    /// Lines.
    rows: u16,
    /// Columns.
    cols: u16,
}

impl From<SizeRequest> for Tty {
    fn from(SizeRequest { rows, cols }: SizeRequest) -> Self {
        Self { rows, cols }
    }
}

/// Which part of what a process prints is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OutputQuery {
    /// Which stream; standard output where absent.
    #[param(required = false)]
    stream: Option<OutputStream>,
    /// From this byte on; 0 where absent.
    #[param(required = false, minimum = 0, maximum = 9007199254740991_u64)]
    offset: Option<u64>,
}

/// Where a viewer begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AttachQuery {
    /// From this byte of standard output on. Absent: from the last 64 KiB.
    #[param(required = false, minimum = 0, maximum = 9007199254740991_u64)]
    offset: Option<u64>,
}

/// How a process's input is written.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InputQuery {
    /// Whether standard input ends after this; with a terminal, by typing control-D.
    #[param(required = false)]
    close: Option<bool>,
}

/// A signal to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignalRequest {
    /// Its number: 2 interrupts, 15 asks to end, 9 kills.
    #[schema(minimum = 1, maximum = 31)]
    signal: i32,
}

/// List the processes of a workspace
///
/// Those that people started, the newest first. Turns of missions are not among them.
#[utoipa::path(
    get, path = "/workspaces/{id}/processes", tag = "processes",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name"), PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Process>))
)]
async fn list_processes(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Process>>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.processes(workspace.id, &query.request()?).await?))
}

/// Start a process
///
/// It runs in the workspace's sandbox until it ends or is removed, also when the server is started anew.
#[utoipa::path(
    post, path = "/workspaces/{id}/processes", tag = "processes", request_body = ProcessRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 201, description = "The process.", body = Process))
)]
async fn start_process(
    State(server): Shared,
    Caller(by): Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<ProcessRequest>,
) -> Result<(StatusCode, Json<Process>), Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok((StatusCode::CREATED, Json(server.orchestrator.start_process(&by, workspace.id, wanted.into()).await?)))
}

/// Run a command
///
/// The answer is a stream of JSON lines: `{"stream": "stdout", "text": "…"}` (`base64` in place of `text` for what is no
/// UTF-8), `{"stream": "stdout", "gap": 123}` for bytes that were dropped because they were too many to keep, and as the
/// last `{"exit": …}`. The command is killed when the client goes away.
#[utoipa::path(
    post, path = "/workspaces/{id}/exec", tag = "processes", request_body = ProcessRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 200, description = "What it prints, and how it ends.", body = String, content_type = "application/x-ndjson"))
)]
async fn exec(
    State(server): Shared,
    Caller(by): Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<ProcessRequest>,
) -> Result<Response, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let orchestrator = server.orchestrator.clone();
    let process = orchestrator.start_process(&by, workspace.id, wanted.into()).await?;
    let removal = Removal { orchestrator: orchestrator.clone(), process: process.id };
    let stdout = orchestrator.process_output(process.id, OutputStream::Stdout, 0).await?;
    let stderr = orchestrator.process_output(process.id, OutputStream::Stderr, 0).await?;
    let body = async_stream::stream! {
        let removal = removal;
        let mut streams = [Lines::new("stdout", stdout), Lines::new("stderr", stderr)];
        while streams.iter().any(|stream| !stream.ended) {
            let [stdout, stderr] = &mut streams;
            let lines = tokio::select! {
                lines = stdout.next(), if !stdout.ended => lines,
                lines = stderr.next(), if !stderr.ended => lines,
            };
            match lines {
                Ok(lines) => yield Ok::<_, std::io::Error>(Bytes::from(lines)),
                Err(error) => {
                    tracing::warn!(%error, "what a command prints cannot be read");
                    yield Err(std::io::Error::other("what the command prints cannot be read"));
                    return;
                }
            }
        }
        if let Ok(exit) = removal.orchestrator.process_exit(removal.process).await {
            yield Ok(Bytes::from(format!("{}\n", json!({ "exit": exit }))));
        }
    };
    Ok(stream(AnswerBody::from_stream(body), "application/x-ndjson"))
}

/// Removes a process whose answer has ended or is not read any more.
struct Removal {
    orchestrator: Orchestrator,
    process: RunId,
}

impl Drop for Removal {
    fn drop(&mut self) {
        let (orchestrator, process) = (self.orchestrator.clone(), self.process);
        tokio::spawn(async move {
            if let Err(error) = orchestrator.remove_process(process).await {
                tracing::warn!(%error, %process, "a command that nobody waits for could not be removed");
            }
        });
    }
}

/// One stream of a command, as lines of JSON.
struct Lines {
    name: &'static str,
    output: ProcessOutput,
    pieces: TextPieces,
    ended: bool,
}

impl Lines {
    fn new(name: &'static str, output: ProcessOutput) -> Self {
        Self { name, output, pieces: TextPieces::default(), ended: false }
    }

    /// The lines for the next piece. A call that is given up has lost nothing.
    async fn next(&mut self) -> sandboxed_core::Result<String> {
        let mut lines = String::new();
        let mut line = |value: serde_json::Value| {
            lines.push_str(&value.to_string());
            lines.push('\n');
        };
        let name = self.name;
        match self.output.next().await? {
            ProcessChunk::Bytes { bytes, .. } => {
                for piece in self.pieces.push(&bytes) {
                    line(piece.labelled(name));
                }
            }
            ProcessChunk::Gap { length, .. } => line(json!({ "stream": name, "gap": length })),
            ProcessChunk::End => {
                self.ended = true;
                if let Some(piece) = self.pieces.rest() {
                    line(piece.labelled(name));
                }
            }
        }
        Ok(lines)
    }
}

/// Get a process
#[utoipa::path(
    get, path = "/processes/{id}", tag = "processes",
    params(("id" = inline(RunId), Path, description = "The process")),
    responses((status = 200, description = "The process as it stands.", body = Process))
)]
async fn get_process(State(server): Shared, _: Caller, InPath(id): InPath<RunId>) -> Result<Json<Process>, Problem> {
    Ok(Json(server.orchestrator.process(id).await?))
}

/// Remove a process
///
/// Kills it with all that it started, where it lives, and forgets what it printed.
#[utoipa::path(
    delete, path = "/processes/{id}", tag = "processes",
    params(("id" = inline(RunId), Path, description = "The process")),
    responses((status = 204, description = "It is gone."))
)]
async fn remove_process(State(server): Shared, _: Caller, InPath(id): InPath<RunId>) -> Result<StatusCode, Problem> {
    server.orchestrator.remove_process(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follow what a process prints
///
/// The bytes themselves, those that were printed already and then those to come, until the process ends. Of a stream that
/// printed too much to be kept, what was dropped is left out.
#[utoipa::path(
    get, path = "/processes/{id}/output", tag = "processes",
    params(("id" = inline(RunId), Path, description = "The process"), OutputQuery),
    responses((status = 200, description = "The stream.", body = Vec<u8>, content_type = "application/octet-stream"))
)]
async fn stream_output(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<RunId>,
    InQuery(query): InQuery<OutputQuery>,
) -> Result<Response, Problem> {
    let which = query.stream.unwrap_or(OutputStream::Stdout);
    let mut output = server.orchestrator.process_output(id, which, query.offset.unwrap_or(0)).await?;
    let stopping = server.stopping.clone();
    let body = async_stream::stream! {
        loop {
            let chunk = tokio::select! {
                chunk = output.next() => chunk,
                () = stopping.cancelled() => return,
            };
            match chunk {
                Ok(ProcessChunk::Bytes { bytes, .. }) => yield Ok::<_, std::io::Error>(Bytes::from(bytes)),
                Ok(ProcessChunk::Gap { .. }) => {}
                Ok(ProcessChunk::End) => return,
                Err(error) => {
                    yield Err(std::io::Error::other(error.to_string()));
                    return;
                }
            }
        }
    };
    Ok(stream(AnswerBody::from_stream(body), "application/octet-stream"))
}

/// Write to a process
///
/// The body is written to its standard input, or typed into its terminal. At most 1 MiB.
#[utoipa::path(
    post, path = "/processes/{id}/input", tag = "processes",
    params(("id" = inline(RunId), Path, description = "The process"), InputQuery),
    request_body(content = Option<Vec<u8>>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "It was written."),
        (status = 409, description = "It has ended or takes no input.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn write_input(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<RunId>,
    InQuery(query): InQuery<InputQuery>,
    body: AnswerBody,
) -> Result<StatusCode, Problem> {
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "http.body_too_large", "at most 1 MiB at once");
    let bytes = axum::body::to_bytes(body, INPUT_LIMIT).await.map_err(too_large)?;
    if !bytes.is_empty() {
        server.orchestrator.write_process(id, &bytes).await?;
    }
    if query.close.unwrap_or(false) {
        server.orchestrator.close_process_input(id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Resize a process's terminal
#[utoipa::path(
    post, path = "/processes/{id}/resize", tag = "processes", request_body = SizeRequest,
    params(("id" = inline(RunId), Path, description = "The process")),
    responses((status = 204, description = "It has the new size."))
)]
async fn resize_process(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<RunId>,
    Body(size): Body<SizeRequest>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.resize_process(id, size.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a signal to a process
///
/// And to all that it started.
#[utoipa::path(
    post, path = "/processes/{id}/signal", tag = "processes", request_body = SignalRequest,
    params(("id" = inline(RunId), Path, description = "The process")),
    responses((status = 204, description = "It was sent."))
)]
async fn signal_process(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<RunId>,
    Body(wanted): Body<SignalRequest>,
) -> Result<StatusCode, Problem> {
    if !(1..=31).contains(&wanted.signal) {
        return Err(Problem::invalid("process.signal_invalid", "a signal is a number from 1 to 31"));
    }
    server.orchestrator.signal_process(id, wanted.signal).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Attach to a process
///
/// A WebSocket. The server sends what the process prints as binary messages, whose first byte is the stream (1 or 2), and
/// as text messages `{"type": "offset", "offset": …}` first of all (the place in standard output where it begins),
/// `{"type": "gap", …}` and, as the last, `{"type": "exit", "exit": …}`. The client sends what is to be typed as binary
/// messages, and `{"type": "resize", "rows": …, "cols": …}`, `{"type": "close_input"}` and `{"type": "signal", "signal":
/// …}` as text. Many may be attached at once. The process does not end with its viewers.
#[utoipa::path(
    get, path = "/processes/{id}/attach", tag = "processes",
    params(("id" = inline(RunId), Path, description = "The process"), AttachQuery),
    security(("token" = ["write"]), ("session" = ["write"])),
    responses(
        (status = 101, description = "The connection is a WebSocket."),
        (status = 426, description = "The request does not ask for a WebSocket.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn attach_process(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<RunId>,
    InQuery(query): InQuery<AttachQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let viewer = attach::Viewer::new(&server, id, query.offset).await?;
    let upgrade = upgrade
        .map_err(|error| Problem::new(StatusCode::UPGRADE_REQUIRED, "http.upgrade_required", error.to_string()))?;
    Ok(upgrade.max_message_size(INPUT_LIMIT).on_upgrade(|socket| viewer.serve(socket)).into_response())
}

fn stream(body: AnswerBody, kind: &'static str) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
