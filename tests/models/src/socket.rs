//! OpenAI Responses over a WebSocket: each `response.create` is a request, each event of its answer a message.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use crate::{
    answer::{Body, GivenUp, wait},
    asked::Refusal,
    fault::{Fault, Halt, How},
    flow::{Flow, Framing, Next},
    intake,
    ledger::{End, Entry},
    memory::Memory,
    refuse::Failure,
    scenario::ReplyRule,
    script::Script,
    server,
    service::{self, Decision, Head, Outcome, Stage},
    wire::{self, failure},
    wiretap::Reset,
};

type Connection = WebSocketStream<TokioIo<Upgraded>>;

/// Messages that wait for their turn at most; a client that sends more is cut off.
const MOST_WAITING: usize = 64;

/// What becomes of the connection after an answer.
enum After {
    Goes,
    Ends(Option<How>),
}

/// Answers the handshake and serves the connection from then on.
pub(crate) fn accept(
    stage: Arc<Stage>,
    head: Head,
    upgrade: OnUpgrade,
    reset: Reset,
) -> Result<Response<Body>, GivenUp> {
    let scenario = stage.play.scenario();
    let body = |text: String| Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let empty = serde_json::json!({ "model": "", "input": [] });
    // A handshake is refused for the key alone, as all else is only known with the first message.
    let refused = stage.play.key(head.key.as_ref().map(|(key, _)| key.as_str()), jiff::Timestamp::now());
    if !matches!(refused, crate::choose::Verdict::Fine) {
        let decision = service::decide(&stage, &scenario, &head, Ok(Some(&empty)));
        let mut entry = service::record(&stage, &head, &decision, intake::received(&[], None));
        if let Outcome::Failure(failure) = decision.outcome {
            entry.sent(failure.body.as_bytes());
            entry.told(None);
            entry.finish(End::Complete);
            let mut response = Response::new(body(failure.body));
            *response.status_mut() = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::UNAUTHORIZED);
            return Ok(response);
        }
    }
    let Some(key) = head.headers.get("sec-websocket-key") else {
        let mut response = Response::new(body(failure::openai(400, None, None, Some("no Sec-WebSocket-Key"))));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    let mut response = Response::new(body(String::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert("sec-websocket-accept", accept);
    }
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let config =
                WebSocketConfig::default().max_message_size(Some(intake::MOST)).max_frame_size(Some(intake::MOST));
            let connection = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
            let mut stop = stage.stop.clone();
            tokio::select! {
                () = talk(&stage, &head, connection, reset) => {}
                // A server that is gone has no connections.
                () = server::asked(&mut stop) => {}
            }
        }
    });
    Ok(response)
}

async fn talk(stage: &Stage, head: &Head, connection: Connection, reset: Reset) {
    let (mut sink, mut stream) = connection.split();
    let mut waiting: VecDeque<Vec<u8>> = VecDeque::new();
    let mut memory = Memory::default();
    loop {
        let message = match waiting.pop_front() {
            Some(message) => message,
            None => match stream.next().await {
                Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
                Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        let after = {
            let answer = answer(stage, head, &message, &mut memory, &mut sink);
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    after = &mut answer => break after,
                    read = stream.next() => match read {
                        Some(Ok(Message::Text(text))) => waiting.push_back(text.as_bytes().to_vec()),
                        Some(Ok(Message::Binary(bytes))) => waiting.push_back(bytes.to_vec()),
                        // The answer is dropped, and the ledger tells that its client vanished.
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        Some(Ok(_)) => {}
                    },
                }
                if waiting.len() > MOST_WAITING {
                    return;
                }
            }
        };
        match after {
            After::Goes => {}
            After::Ends(Some(How::End)) => {
                let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                let _ = sink.send(Message::Close(Some(close))).await;
                return;
            }
            After::Ends(how) => {
                reset.fetch_or(how == Some(How::Reset), Ordering::AcqRel);
                return;
            }
        }
    }
}

/// Answers one message.
async fn answer(
    stage: &Stage,
    head: &Head,
    message: &[u8],
    memory: &mut Memory,
    sink: &mut SplitSink<Connection, Message>,
) -> After {
    let scenario = stage.play.scenario();
    let body = create(message).map(|mut body| {
        memory.complete(&mut body);
        body
    });
    let decision = service::decide(stage, &scenario, head, body.as_ref().map(Some).map_err(Clone::clone));
    if let (Ok(body), Outcome::Answer(reply)) = (&body, &decision.outcome) {
        memory.keep(body, reply);
    }
    let mut received = intake::received(message, None);
    if stage.keep > 0 {
        received.body = Some(String::from_utf8_lossy(&message[..message.len().min(stage.keep)]).into_owned());
    }
    let mut entry = service::record(stage, head, &decision, received);
    let Decision { outcome, rule, asked, .. } = decision;
    wait(rule.pace.headers_ms).await;
    match rule.fault {
        Some(Fault::Silence) => {
            entry.stall();
            pending::<()>().await;
        }
        Some(Fault::Hangup { how }) => {
            entry.finish(End::Fault);
            return After::Ends(Some(how));
        }
        _ => {}
    }
    let format = head.route.format;
    let script = match outcome {
        Outcome::Answer(reply) => {
            let endless = matches!(rule.fault, Some(Fault::Endless { .. }));
            Script::stream(reply, wire::writer(format), endless)
        }
        Outcome::Failure(Failure { status, headers, body }) => {
            service::single(format, failure::openai_message(status, &body, &headers, asked.lane.as_deref()))
        }
        Outcome::Body(body) => service::single(format, body),
    };
    send(script, rule, entry, sink).await
}

async fn send(script: Script, rule: ReplyRule, mut entry: Entry, sink: &mut SplitSink<Connection, Message>) -> After {
    let mut flow = Flow::new(script, Framing::Bare, rule.fault, false);
    wait(rule.pace.first_ms).await;
    let mut first = true;
    loop {
        match flow.next() {
            Next::Bytes { bytes, tells, whole, last } => {
                if !std::mem::take(&mut first) {
                    wait(rule.pace.between_ms).await;
                }
                entry.sent(&bytes);
                if whole {
                    entry.told(tells);
                }
                if last {
                    entry.finish(End::Complete);
                }
                // A frame of its own making, as the text may be none on purpose.
                let frame = Frame::message(bytes, OpCode::Data(Data::Text), true);
                if sink.send(Message::Frame(frame)).await.is_err() {
                    return After::Ends(None);
                }
            }
            Next::Halt(Halt::Stall) => {
                entry.stall();
                pending::<()>().await;
            }
            Next::Halt(Halt::Cut(how)) => {
                entry.finish(End::Fault);
                return After::Ends(Some(how));
            }
            Next::End => {
                entry.finish(End::Complete);
                return After::Goes;
            }
        }
    }
}

/// The request in a message.
fn create(message: &[u8]) -> Result<Value, Refusal> {
    let mut value: Value =
        serde_json::from_slice(message).map_err(|error| Refusal::bad(format!("the message is no JSON: {error}")))?;
    match value.get("type").and_then(Value::as_str) {
        Some("response.create") => {}
        other => return Err(Refusal::bad(format!("a message of type {other:?} is not understood"))),
    }
    match value.get_mut("response").map(Value::take) {
        Some(inner @ Value::Object(_)) => Ok(inner),
        _ => Ok(value),
    }
}
