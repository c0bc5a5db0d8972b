//! Takes a request to a model: from route to route until one answers, and its answer down.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, header, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use sandboxed_model::{Blame, Failure, Timestamp, request::RequestEnd, wire::WireFormat};
use secrecy::ExposeSecret;

use crate::{
    Desk, Reason, Refusal,
    account::{Account, Read},
    answer::Reading,
    desk::{Credential, Operation, Reservation, Route, Trouble, Unanswered, Wanted},
    gateway::{Body, Inner},
    headers,
    intake::{self, Taken},
    passing::Passing,
    request::{self, Said},
    target::Endpoint,
    trouble,
    upstream::{self, Answer, Silence},
};

/// Bodies that are larger are read on a thread of their own, as that takes a while.
const SHORT: usize = 256 * 1024;

/// What stands where a key stood.
const REDACTED: &[u8] = b"[redacted]";

/// One request to a model.
pub(crate) struct Relay<'a, D: Desk> {
    pub(crate) inner: &'a Inner<D>,
    pub(crate) caller: D::Caller,
    pub(crate) format: WireFormat,
    pub(crate) endpoint: Endpoint,
    pub(crate) head: Parts,
}

/// What came of a route that did not answer.
enum Outcome {
    /// The provider's words, fit for the client.
    Words(Answer, Credential),
    /// Words of the gateway's.
    Own(Refusal),
}

/// A route that did not answer.
struct Failed {
    trouble: Trouble,
    outcome: Outcome,
    /// The generation of the credential that the provider saw.
    shown: Option<u64>,
}

impl Failed {
    /// Before a provider saw a credential, or without its word on it.
    fn unseen(trouble: Trouble, refusal: Refusal) -> Self {
        Self { trouble, outcome: Outcome::Own(refusal), shown: None }
    }
}

impl<D: Desk> Relay<'_, D> {
    /// Takes the request up and the answer down.
    ///
    /// # Errors
    ///
    /// What the client is told where no provider's answer is passed on.
    pub(crate) async fn relay(self, body: Incoming) -> Result<Response<Body>, Refusal> {
        let answered = self.answer(body).await;
        if let Err(refusal) = &answered {
            self.unanswered(Unanswered::Refusal(refusal));
        }
        answered
    }

    async fn answer(&self, body: Incoming) -> Result<Response<Body>, Refusal> {
        let taken = intake::take(body, &self.head.headers, &self.inner.limits, &self.inner.room).await?;
        let said = read(self.format, &taken.plain).await?;
        let wanted = self.wanted(&said)?;
        let desk = &self.inner.desk;
        let routes = routes(&**desk, &self.caller, &wanted).await?;
        let mut troubles = Vec::new();
        let mut outcome: Option<(u8, Outcome)> = None;
        for route in routes {
            let mut renewed = false;
            let (trouble, came) = loop {
                let (account, reservation) = self.reserve(&route, &wanted, &said).await?;
                let Failed { trouble, outcome, shown } =
                    match self.attempt(&route, &wanted, &said, &taken, account, reservation).await {
                        Ok(response) => return Ok(response),
                        Err(failed) => failed,
                    };
                let renewable = match (&trouble, shown) {
                    (Trouble::Refused { status: 401 }, Some(generation)) => desk.renew(&route, generation).await,
                    _ => false,
                };
                if !renewable || std::mem::replace(&mut renewed, true) {
                    break (trouble, outcome);
                }
            };
            if trouble != Trouble::NoCredential {
                desk.trouble(&route, &trouble);
            }
            let rank = rank(&trouble, &came);
            if outcome.as_ref().is_none_or(|(best, _)| rank >= *best) {
                outcome = Some((rank, came));
            }
            troubles.push((route, trouble));
        }
        if let Some(refusal) = desk.exhausted(&self.caller, &wanted, &troubles).await {
            return Err(refusal);
        }
        match outcome {
            Some((_, Outcome::Words(answer, credential))) => {
                let account = Account::new(Arc::clone(desk), None);
                Ok(self.pass(answer, &credential, account, None))
            }
            Some((_, Outcome::Own(refusal))) => Err(refusal),
            None => Err(no_route(&wanted)),
        }
    }

    fn unanswered(&self, told: Unanswered<'_>) {
        if self.endpoint.operation == Operation::Generate {
            self.inner.desk.unanswered(&self.caller, told);
        }
    }

    fn wanted(&self, said: &Said) -> Result<Wanted, Refusal> {
        if said.background {
            let message = "Answers in the background are not served, as they would be fetched past the gateway";
            return Err(Refusal::invalid("gateway.background", message));
        }
        let model = self.endpoint.model.clone().or_else(|| said.model.as_ref().map(|(model, _)| model.clone()));
        let model = model.ok_or_else(|| Refusal::invalid("gateway.model_missing", "The request names no model"))?;
        Ok(Wanted {
            format: self.format,
            model: Some(model),
            stream: self.endpoint.stream.unwrap_or(said.stream),
            operation: self.endpoint.operation,
        })
    }

    async fn reserve(
        &self,
        route: &Route,
        wanted: &Wanted,
        said: &Said,
    ) -> Result<(Account<D>, Option<Reservation>), Refusal> {
        let desk = &self.inner.desk;
        if wanted.operation != Operation::Generate {
            return Ok((Account::new(Arc::clone(desk), None), None));
        }
        let reservation = desk.reserve(&self.caller, route, &said.worst).await?;
        Ok((Account::new(Arc::clone(desk), Some(reservation.id)), Some(reservation)))
    }

    /// Tries one route.
    async fn attempt(
        &self,
        route: &Route,
        wanted: &Wanted,
        said: &Said,
        taken: &Taken,
        mut account: Account<D>,
        reservation: Option<Reservation>,
    ) -> Result<Response<Body>, Failed> {
        let desk = &self.inner.desk;
        let credential = match desk.credential(route).await {
            Ok(credential) => credential,
            Err(refusal) => {
                account.settle(RequestEnd::Refused, Read::default());
                return Err(Failed::unseen(Trouble::NoCredential, refusal));
            }
        };
        let allowance = reservation
            .and_then(|reservation| reservation.output_allowance)
            .filter(|allowance| wanted.stream && !is_within(said, *allowance));
        let mut headers = headers::upward(&self.head.headers);
        if allowance.is_some() {
            // An answer can be ended in good form only where it is not compressed.
            headers.insert(header::ACCEPT_ENCODING, http::HeaderValue::from_static("identity"));
        }
        let body = match &said.model {
            Some((model, place)) if *model != route.model => {
                if taken.is_packed() {
                    headers.remove(header::CONTENT_ENCODING);
                }
                request::with_model(&taken.plain, place, &route.model)
            }
            _ => taken.raw.clone(),
        };
        let Some(headers) = upstream::with_credential(&headers, &route.headers, &credential) else {
            account.settle(RequestEnd::Refused, Read::default());
            return Err(Failed::unseen(Trouble::Refused { status: 401 }, refused_key(route)));
        };
        let url = self.endpoint.url(&route.base_url, &route.model, self.head.uri.query());
        let mut answer = match self.inner.upstream.send(&url, &headers, &body).await {
            Ok(answer) => answer,
            Err(silence) => {
                account.settle(RequestEnd::Refused, Read::default());
                return Err(Failed::unseen(Trouble::Failing, silent(route, silence)));
            }
        };
        drop(body);
        account.status = Some(answer.status.as_u16());
        account.upstream_request_id = request_id(&answer);
        if !answer.status.is_success() {
            answer.read_error().await;
            if let Some(trouble) = trouble::of(answer.status, &answer.headers, &answer.plain, Timestamp::now()) {
                account.settle(RequestEnd::Refused, Read::default());
                let shown = Some(credential.generation);
                let outcome = match trouble {
                    Trouble::Refused { status } => Outcome::Own(refused(route, status)),
                    _ if answer.status.is_redirection() => Outcome::Own(redirected(route)),
                    _ => Outcome::Words(answer, credential),
                };
                return Err(Failed { trouble, outcome, shown });
            }
        }
        desk.well(route);
        Ok(self.pass(answer, &credential, account, allowance))
    }

    /// A provider's answer, on its way down.
    fn pass(
        &self,
        mut answer: Answer,
        credential: &Credential,
        account: Account<D>,
        allowance: Option<u64>,
    ) -> Response<Body> {
        let secret = credential.value.expose_secret();
        let secret = secret.rsplit(' ').next().unwrap_or_default();
        let mut headers = headers::downward(&answer.headers, secret);
        let refused = !answer.status.is_success();
        if refused {
            if let Some(clean) = redacted(&answer.plain, secret) {
                // All of it was read, unless it is so long that its key is the least of its oddities.
                (answer.before, answer.body) = (clean.clone(), reqwest::Body::from(Bytes::new()));
                headers.remove(header::CONTENT_LENGTH);
                headers.remove(header::CONTENT_ENCODING);
                answer.headers.remove(header::CONTENT_ENCODING);
                answer.plain = clean;
            }
            self.unanswered(Unanswered::Error { status: answer.status.as_u16(), body: &answer.plain });
        }
        let reading = Reading::new(self.format, &answer.headers, allowance);
        let idle = self.inner.limits.idle_time;
        let body = Passing::new((answer.before, answer.body), reading, account, refused, idle);
        let mut response = Response::new(body.boxed_unsync());
        *response.status_mut() = answer.status;
        *response.headers_mut() = headers;
        response
    }
}

async fn read(format: WireFormat, body: &Bytes) -> Result<Said, Refusal> {
    if body.len() <= SHORT {
        return request::read(format, body);
    }
    let body = body.clone();
    tokio::task::spawn_blocking(move || request::read(format, &body)).await.unwrap_or_else(|_| {
        let failure = Failure::new(Blame::Host, "gateway.failed", "The request could not be read");
        Err(Refusal::new(Reason::Internal, failure))
    })
}

/// The routes for what is wanted, of its format.
pub(crate) async fn routes<D: Desk>(desk: &D, caller: &D::Caller, wanted: &Wanted) -> Result<Vec<Route>, Refusal> {
    let mut routes = desk.routes(caller, wanted).await?;
    routes.retain(|route| route.format == wanted.format);
    if routes.is_empty() { Err(no_route(wanted)) } else { Ok(routes) }
}

/// Whether the request's own limit keeps its output within the allowance.
pub(crate) fn is_within(said: &Said, allowance: u64) -> bool {
    said.worst.output_tokens.is_some_and(|limit| limit.saturating_mul(said.worst.answers) <= allowance)
}

/// Which of several outcomes a client is told: what passes by itself rather than what does not.
fn rank(trouble: &Trouble, outcome: &Outcome) -> u8 {
    match (trouble, outcome) {
        (Trouble::Limited { .. }, _) => 5,
        (Trouble::Overloaded, _) => 4,
        (Trouble::Failing, Outcome::Words(..)) => 3,
        (Trouble::Failing, Outcome::Own(_)) => 2,
        (Trouble::NoCredential, _) => 1,
        (Trouble::Refused { .. }, _) => 0,
    }
}

/// What the provider calls the request.
pub(crate) fn request_id(answer: &Answer) -> Option<String> {
    let names = ["request-id", "x-request-id", "x-goog-request-id"];
    let value = names.iter().find_map(|name| answer.headers.get(*name))?;
    Some(value.to_str().ok()?.chars().take(256).collect())
}

fn redacted(body: &[u8], secret: &str) -> Option<Bytes> {
    if secret.is_empty() {
        return None;
    }
    let mut clean = Vec::new();
    let mut from = 0;
    for at in memchr::memmem::find_iter(body, secret.as_bytes()) {
        clean.extend_from_slice(&body[from..at]);
        clean.extend_from_slice(REDACTED);
        from = at + secret.len();
    }
    (from > 0).then(|| {
        clean.extend_from_slice(&body[from..]);
        Bytes::from(clean)
    })
}

fn no_route(wanted: &Wanted) -> Refusal {
    let model: String = wanted.model.as_deref().unwrap_or("any model").chars().take(128).collect();
    let message = format!("No provider that is set up here answers for {model} in the format {}", wanted.format);
    Refusal::new(Reason::Unknown, Failure::new(Blame::Config, "gateway.model_unknown", message))
}

pub(crate) fn refused_key(route: &Route) -> Refusal {
    let message = format!("The provider {} does not take the key of the account {}", route.provider, route.account);
    let failure = Failure::new(Blame::Config, "gateway.key_refused", message)
        .with_hint("the operator has to set another key for this account");
    Refusal::new(Reason::Credential, failure)
}

/// What a client is told of a provider that does not take a key (401), or does not let it do what was asked (403).
pub(crate) fn refused(route: &Route, status: u16) -> Refusal {
    if status != 403 {
        return refused_key(route);
    }
    let message = format!("The provider {} does not allow this to the account {}", route.provider, route.account);
    let failure = Failure::new(Blame::Config, "gateway.denied", message)
        .with_hint("choose another model, or an account that may use this one");
    Refusal::new(Reason::Credential, failure)
}

pub(crate) fn silent(route: &Route, silence: Silence) -> Refusal {
    let provider = &route.provider;
    match silence {
        Silence::Broken => {
            let message = format!("The provider {provider} cannot be reached");
            Refusal::new(Reason::Unreachable, Failure::new(Blame::Unavailable, "gateway.unreachable", message))
        }
        Silence::Late => {
            let message = format!("The provider {provider} did not answer in time");
            Refusal::new(Reason::Deadline, Failure::new(Blame::Deadline, "gateway.late", message))
        }
    }
}

fn redirected(route: &Route) -> Refusal {
    let message = format!("The provider {} sends requests elsewhere, which is not followed", route.provider);
    Refusal::new(Reason::Unreachable, Failure::new(Blame::Config, "gateway.redirect", message))
}
