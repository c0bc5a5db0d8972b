//! Answers requests.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    answer::{self, Body, GivenUp, wait},
    asked::{self, Asked, Refusal},
    choose::{Play, Seen},
    fault::{Fault, How},
    flow::{Flow, Framing},
    intake,
    key::{self, Key},
    ledger::{End, Entry, Ledger, Received, Record, Sent},
    refuse::{self, Failure, To},
    reply::{self, Given, Reply},
    route::{self, Format, Operation, Route, Stream},
    scenario::{ReplyRule, Scenario},
    script::{Event, Script},
    socket, wire,
    wiretap::Reset,
};

/// What all connections share.
pub(crate) struct Stage {
    pub(crate) play: Play,
    pub(crate) ledger: Arc<Ledger>,
    /// Bytes of bodies that the ledger keeps.
    pub(crate) keep: usize,
    /// Tells when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
    /// The control surface has a listener of its own.
    pub(crate) control_apart: bool,
}

/// A request without its body.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) route: Route,
    pub(crate) key: Option<(String, &'static str)>,
    pub(crate) websocket: bool,
}

/// What is to be sent, before it is known how.
pub(crate) enum Outcome {
    Failure(Failure),
    /// A body that is not the answer of a model.
    Body(String),
    Answer(Reply),
}

/// What was decided about one request.
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) rule: ReplyRule,
    /// What the ledger calls it.
    pub(crate) by: String,
    pub(crate) request_id: String,
    pub(crate) asked: Asked,
}

/// Answers one request of a provider.
///
/// # Errors
///
/// [`GivenUp`] where the connection is to be closed without an answer.
pub(crate) async fn serve(
    stage: Arc<Stage>,
    mut request: Request<Incoming>,
    reset: Reset,
) -> Result<Response<Body>, GivenUp> {
    let mut head = Head::of(&request);
    if head.websocket {
        if !stage.play.scenario().no_websockets {
            let upgrade = hyper::upgrade::on(&mut request);
            return socket::accept(stage, head, upgrade, reset);
        }
        head.websocket = false;
        head.route.operation = Operation::Unknown;
    }
    let (received, plain) = intake::read(request.into_body(), &head.headers, stage.keep).await;
    let body = plain.and_then(|plain| {
        if head.method == Method::POST && head.route.operation != Operation::Unknown {
            serde_json::from_slice::<serde_json::Value>(&plain)
                .map(Some)
                .map_err(|error| Refusal::bad(format!("the body is no JSON: {error}")))
        } else {
            Ok(None)
        }
    });
    let scenario = stage.play.scenario();
    let decision = decide(&stage, &scenario, &head, body.as_ref().map(Option::as_ref).map_err(Clone::clone));
    let entry = record(&stage, &head, &decision, received);
    respond(&scenario, &head, decision, entry, reset).await
}

impl Head {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let headers = request.headers().clone();
        let route = route::route(request.method(), uri.path(), uri.query(), &headers);
        let upgrade = headers.get("upgrade").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        Self {
            method: request.method().clone(),
            path: uri.path().to_owned(),
            query: uri.query().map(key::redacted),
            key: key::of(&headers, uri.query()),
            websocket: upgrade && route.format == Format::Responses && route.operation == Operation::Generate,
            headers,
            route,
        }
    }

    fn to<'a>(&self, request_id: &'a str) -> To<'a> {
        To { format: self.route.format, request_id, now: Timestamp::now() }
    }
}

/// Decides what is answered.
pub(crate) fn decide(
    stage: &Stage,
    scenario: &Scenario,
    head: &Head,
    body: Result<Option<&serde_json::Value>, Refusal>,
) -> Decision {
    let Route { format, operation, model, stream, .. } = &head.route;
    let read = body.and_then(|body| match body {
        Some(body) => asked::read(*format, *operation, body),
        None => Ok(Asked::default()),
    });
    let (mut asked, refusal) = match read {
        Ok(asked) => (asked, None),
        Err(refusal) => (Asked::default(), Some(refusal)),
    };
    if let Some(model) = model {
        asked.model.clone_from(model);
    }
    asked.stream |= stream.is_some() || head.websocket;
    let number = scenario.unique_ids.then(|| stage.play.number());
    let given = |index| Given {
        format: *format,
        index,
        number,
        created: if scenario.clock { Timestamp::now().as_second() } else { 1_700_000_000 },
        asked: &asked,
    };
    let request_id = format!("req_01{}", &reply::seed(&given(None), &asked.model)[..22]);
    let to = head.to(&request_id);
    let fixed = |outcome: Outcome, by: &str| (outcome, ReplyRule::default(), by.to_owned());
    let verdict = stage.play.key(head.key.as_ref().map(|(key, _)| key.as_str()), to.now);
    let probe = *operation == Operation::Probe;
    let (outcome, rule, by) = if let Some(failure) = to.key(&verdict).filter(|_| !probe) {
        fixed(Outcome::Failure(failure), "key")
    } else if let Some(refusal) = refusal {
        fixed(Outcome::Failure(to.plain(refusal.status, &refusal.message)), "refused")
    } else {
        let seen = Seen {
            route: &head.route,
            path: &head.path,
            headers: &head.headers,
            key: head.key.as_ref().map(|(key, _)| key.as_str()),
            websocket: head.websocket,
            stream: asked.stream,
            asked: &asked,
        };
        let chosen = stage.play.choose(&seen);
        let index = chosen.as_ref().map(|(index, _)| *index);
        let rule = chosen.map(|(_, rule)| rule).unwrap_or_default();
        let by = match (&rule.name, index) {
            (Some(name), _) => name.clone(),
            (None, Some(index)) => format!("reply {index}"),
            (None, None) => String::from(match operation {
                Operation::Generate => "echo",
                Operation::Count => "count",
                Operation::Models => "models",
                Operation::Probe => "probe",
                Operation::Unknown => "refused",
            }),
        };
        let outcome = match (&rule.error, operation) {
            (Some(error), _) => Outcome::Failure(to.rule(error)),
            (None, Operation::Generate) => Outcome::Answer(Reply::new(&rule, &given(index))),
            (None, Operation::Count) => {
                Outcome::Body(wire::count(*format, rule.usage.input.unwrap_or_else(|| asked.tokens())))
            }
            (None, Operation::Models) => models(scenario, head, &to),
            (None, Operation::Probe) => Outcome::Body(String::from("{}")),
            (None, Operation::Unknown) => {
                Outcome::Failure(to.plain(404, &format!("{} {} is not found", head.method, head.path)))
            }
        };
        (outcome, rule, by)
    };
    Decision { outcome, rule, by, request_id, asked }
}

fn models(scenario: &Scenario, head: &Head, to: &To) -> Outcome {
    let known: Vec<String> = if scenario.models.is_empty() {
        ["scripted-large", "scripted-small"].map(String::from).into()
    } else {
        scenario.models.clone()
    };
    match &head.route.model {
        None => Outcome::Body(wire::models::list(head.route.format, &known)),
        Some(model) => match wire::models::one(head.route.format, &known, model) {
            Some(body) => Outcome::Body(body),
            None => Outcome::Failure(to.plain(404, &format!("the model '{model}' is not found"))),
        },
    }
}

/// Opens the record of a request.
pub(crate) fn record(stage: &Stage, head: &Head, decision: &Decision, received: Received) -> Entry {
    let Decision { outcome, rule, by, asked, .. } = decision;
    let (status, meant, lie) = match outcome {
        Outcome::Failure(failure) => (failure.status, None, None),
        Outcome::Body(_) => (200, None, None),
        Outcome::Answer(reply) => (200, Some(reply.usage), reply.lie),
    };
    let status = rule.redirect.as_ref().map_or(status, |redirect| redirect.status.unwrap_or(307));
    let unanswered = matches!(rule.fault, Some(Fault::Silence | Fault::Hangup { .. }));
    stage.ledger.open(Record {
        number: 0,
        at: Timestamp::now(),
        format: head.route.format,
        operation: head.route.operation,
        websocket: head.websocket,
        method: head.method.to_string(),
        path: head.path.clone(),
        query: head.query.clone(),
        prefix: head.route.prefix.clone(),
        model: asked.model.clone(),
        key: head.key.as_ref().map(|(key, by)| Key { fingerprint: key::fingerprint(key), by: (*by).to_owned() }),
        headers: listed(&head.headers),
        received,
        stream: asked.stream,
        reply: by.clone(),
        status: (!unanswered).then_some(status),
        sent: Sent::default(),
        usage: None,
        meant,
        lie,
        fault: rule.fault.as_ref().map(|fault| fault.name().to_owned()),
        end: End::Open,
    })
}

/// The headers for the ledger: 64 of them, 512 characters of each.
fn listed(headers: &HeaderMap) -> BTreeMap<String, String> {
    let one = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = if key::SECRET_HEADERS.contains(&name.as_str()) {
            format!("fingerprint {}", key::fingerprint(&text))
        } else {
            text.chars().take(512).collect()
        };
        (name.as_str().to_owned(), shown)
    };
    headers.iter().take(64).map(one).collect()
}

async fn respond(
    scenario: &Scenario,
    head: &Head,
    decision: Decision,
    mut entry: Entry,
    reset: Reset,
) -> Result<Response<Body>, GivenUp> {
    let Decision { outcome, rule, request_id, .. } = decision;
    wait(rule.pace.headers_ms).await;
    match rule.fault {
        Some(Fault::Silence) => {
            entry.stall();
            pending::<()>().await;
        }
        Some(Fault::Hangup { how }) => {
            entry.finish(End::Fault);
            reset.fetch_or(how == How::Reset, Ordering::AcqRel);
            return Err(GivenUp);
        }
        _ => {}
    }
    let to = head.to(&request_id);
    let mut headers = refuse::headers(&to, scenario.rate_limits.as_ref());
    let format = head.route.format;
    let (status, script, framing) = match outcome {
        Outcome::Failure(failure) => {
            headers.extend(failure.headers);
            // An array of answers has an array of errors.
            let array = head.route.stream == Some(Stream::Array);
            let body = if array { format!("[{}]", failure.body) } else { failure.body };
            (failure.status, single(format, body), Framing::Bare)
        }
        Outcome::Body(body) => (200, single(format, body), Framing::Bare),
        Outcome::Answer(reply) if reply_streams(head, decision.asked.stream) => {
            let endless = matches!(rule.fault, Some(Fault::Endless { .. }));
            let framing = match (format, head.route.stream) {
                (Format::Messages | Format::Responses, _) => Framing::Named,
                (Format::Chat, _) => Framing::Plain,
                (Format::Gemini, Some(Stream::Events)) => Framing::Google,
                (Format::Gemini, _) => Framing::Array,
            };
            (200, Script::stream(reply, wire::writer(format), endless), framing)
        }
        Outcome::Answer(reply) => {
            let body = wire::whole(format, &reply);
            (200, Script::whole(reply, wire::writer(format), body), Framing::Bare)
        }
    };
    let events = !matches!(framing, Framing::Bare | Framing::Array);
    let (kind, further) = if events {
        ("text/event-stream; charset=utf-8", Some(("cache-control", "no-cache")))
    } else if format == Format::Gemini {
        ("application/json; charset=UTF-8", None)
    } else {
        ("application/json", None)
    };
    put(&mut headers, "content-type", rule.content_type.as_deref().unwrap_or(kind));
    if let Some((name, value)) = further {
        put(&mut headers, name, value);
    }
    let accepts = head.headers.get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzip = rule.gzip && accepts.contains("gzip");
    if gzip {
        put(&mut headers, "content-encoding", "gzip");
    }
    for (name, value) in &rule.headers {
        put(&mut headers, name, &refuse::timed(value, to.now));
    }
    let mut status = status;
    let empty = rule.redirect.is_some() || head.method == Method::HEAD;
    if let Some(redirect) = &rule.redirect {
        status = redirect.status.unwrap_or(307);
        put(&mut headers, "location", &redirect.to);
    }
    let body = if empty {
        entry.finish(End::Complete);
        Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync()
    } else {
        let mut flow = Flow::new(script, framing, rule.fault, gzip);
        if let Some(length) = flow.length() {
            put(&mut headers, "content-length", &length.to_string());
        }
        answer::body(flow, rule.pace, rule.split_bytes, entry, reset)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Whether the answer is a stream: Gemini's paths say it, the others' bodies.
fn reply_streams(head: &Head, asked: bool) -> bool {
    if head.route.format == Format::Gemini { head.route.stream.is_some() } else { asked }
}

/// A script of one body that is no answer of a model.
pub(crate) fn single(format: Format, body: String) -> Script {
    let given = Given { format, index: None, number: None, created: 0, asked: &Asked::default() };
    let reply = Reply::new(&ReplyRule::default(), &given);
    Script::whole(reply, wire::writer(format), Event::plain(body))
}

fn put(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    headers.push((name.to_owned(), value.to_owned()));
}
