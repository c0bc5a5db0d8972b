//! The conversation of a client with the providers that it is passed on to.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, StatusCode};
use hyper_util::rt::TokioIo;
use sandboxed_model::{Blame, Failure, request::RequestEnd, wire::WireFormat};
use secrecy::SecretString;
use tokio::time::Instant;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::{
    answering::{Answering, trouble_in},
    create::{self, Create},
    link::{self, Link, Unlinked},
};
use crate::{
    Desk, Reason, Refusal,
    account::Account,
    answer::farewell_event,
    desk::{Operation, Route, Trouble, Unanswered, Wanted},
    gateway::Inner,
    limits, relay,
    target::Endpoint,
};

/// Requests that wait for their turn at most; a client that sends more is cut off.
const MOST_WAITING: usize = 64;

pub(super) type Client = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// A conversation.
pub(super) struct Talk<D: Desk> {
    pub(super) inner: Arc<Inner<D>>,
    pub(super) origin: D::Origin,
    pub(super) token: SecretString,
    pub(super) caller: D::Caller,
    pub(super) endpoint: Endpoint,
    pub(super) headers: HeaderMap,
    pub(super) query: Option<String>,
    /// The connection to a provider.
    pub(super) link: Option<Link>,
    /// No request has had an event yet, so that nothing ties the conversation to its account.
    pub(super) fresh: bool,
    pub(super) waiting: VecDeque<Utf8Bytes>,
    pub(super) current: Option<Current<D>>,
}

/// A request that is being answered.
pub(super) struct Current<D: Desk> {
    answer: Answering<D>,
    allowance: Option<u64>,
    create: Create,
    wanted: Wanted,
    /// Where it can still go, should this account not answer.
    others: VecDeque<Route>,
    troubles: Vec<(Route, Trouble)>,
    seen: bool,
}

/// The conversation ends.
struct Over(Option<CloseFrame>);

enum Heard {
    Client(Option<Result<Message, tungstenite::Error>>),
    Provider(Option<Result<Message, tungstenite::Error>>),
    Nothing,
}

impl<D: Desk> Talk<D> {
    pub(super) async fn go(mut self, mut client: Client) {
        let mut heard_at = Instant::now();
        let over = loop {
            if self.current.is_none()
                && let Some(message) = self.waiting.pop_front()
            {
                match self.begin(message, &mut client).await {
                    Ok(()) => {}
                    Err(None) => return,
                    Err(Some(over)) => break over,
                }
                continue;
            }
            let heard = {
                let link = self.link.as_mut();
                let provider = async {
                    match link {
                        Some(link) => link.socket.next().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    message = client.next() => Heard::Client(message),
                    message = provider => Heard::Provider(message),
                    () = tokio::time::sleep_until(heard_at + self.inner.limits.idle_time) => Heard::Nothing,
                }
            };
            heard_at = Instant::now();
            let step = match heard {
                Heard::Client(Some(Ok(message))) => self.hear(message).await,
                // A client that is gone has no more to be told.
                Heard::Client(Some(Err(_)) | None) => return,
                Heard::Provider(Some(Ok(message))) => self.told(message, &mut client).await,
                Heard::Provider(Some(Err(_)) | None) => self.left(None, &mut client).await,
                Heard::Nothing => Err(self.silence()),
            };
            if let Err(over) = step {
                break over;
            }
        };
        // Both sides hear of the end if they still listen.
        let _ = tokio::time::timeout(link::FAREWELL, client.close(over.0)).await;
    }

    /// A message of the client.
    async fn hear(&mut self, message: Message) -> Result<(), Over> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => Utf8Bytes::try_from(bytes).map_err(|_| close(CloseCode::Invalid, "no text"))?,
            Message::Close(_) => return Err(Over(None)),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
        };
        if self.current.is_some() && create::is_cancel(&text) {
            if let Some(link) = &mut self.link {
                link.send(Message::Text(text), self.inner.limits.idle_time).await;
            }
            return Ok(());
        }
        let size: usize = self.waiting.iter().map(|text| text.len()).sum();
        if self.waiting.len() >= MOST_WAITING || size + text.len() > limits::MESSAGE {
            return Err(too_many());
        }
        self.waiting.push_back(text);
        Ok(())
    }

    /// Begins a request, and listens meanwhile: it may take a while until there is money for it. The error is none where the
    /// client has gone.
    async fn begin(&mut self, message: Utf8Bytes, client: &mut Client) -> Result<(), Option<Over>> {
        let mut meanwhile: Vec<Message> = Vec::new();
        let begun = {
            let begin = async {
                let (create, wanted, routes) = self.prepare(message).await?;
                self.start(create, wanted, routes, Vec::new(), None).await
            };
            tokio::pin!(begin);
            loop {
                tokio::select! {
                    begun = &mut begin => break begun,
                    heard = client.next() => match heard {
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
                        Some(Ok(message)) => meanwhile.push(message),
                    },
                }
                let size: usize = meanwhile.iter().map(Message::len).sum();
                if meanwhile.len() > MOST_WAITING || size > limits::MESSAGE {
                    return Err(Some(too_many()));
                }
            }
        };
        if let Err(refusal) = begun {
            self.inner.desk.unanswered(&self.caller, Unanswered::Refusal(&refusal));
            send(client, Message::text(refusal.socket_event())).await.map_err(Some)?;
        }
        for message in meanwhile {
            self.hear(message).await.map_err(Some)?;
        }
        Ok(())
    }

    async fn prepare(&mut self, message: Utf8Bytes) -> Result<(Create, Wanted, VecDeque<Route>), Refusal> {
        // The token may have ended since.
        self.caller = self.inner.desk.admit(&self.token, &self.origin).await?;
        let create = create::read(message)?;
        let wanted = Wanted {
            format: WireFormat::Responses,
            model: Some(create.model.clone()),
            stream: true,
            operation: Operation::Generate,
        };
        let mut routes = VecDeque::from(relay::routes(&*self.inner.desk, &self.caller, &wanted).await?);
        // What was said before is known to the account that is there.
        let here = self.link.as_ref().and_then(|link| routes.iter().position(|route| link.is_to(route)));
        if let Some(route) = here.and_then(|at| routes.remove(at)) {
            routes.push_front(route);
        }
        Ok((create, wanted, routes))
    }

    /// Sends a request on the first route that takes it. `last` is what came of those before.
    async fn start(
        &mut self,
        create: Create,
        wanted: Wanted,
        mut routes: VecDeque<Route>,
        mut troubles: Vec<(Route, Trouble)>,
        mut last: Option<Refusal>,
    ) -> Result<(), Refusal> {
        let desk = Arc::clone(&self.inner.desk);
        while let Some(route) = routes.pop_front() {
            if !self.link.as_ref().is_some_and(|link| link.is_to(&route)) {
                match self.connect(&route).await {
                    Ok(link) => self.link = Some(link),
                    Err(Unlinked { refusal, trouble }) => {
                        last = Some(refusal);
                        troubles.extend(trouble.map(|trouble| (route, trouble)));
                        continue;
                    }
                }
            }
            let reservation = desk.reserve(&self.caller, &route, &create.said.worst).await?;
            let mut answer = Answering::new(Account::new(Arc::clone(&desk), Some(reservation.id)));
            let allowance =
                reservation.output_allowance.filter(|allowance| !relay::is_within(&create.said, *allowance));
            let text = create.text_for(&route.model);
            let Some(link) = &mut self.link else { break };
            if link.send(Message::Text(text), self.inner.limits.idle_time).await {
                self.current = Some(Current {
                    answer,
                    allowance,
                    create,
                    wanted,
                    others: if self.fresh { routes } else { VecDeque::new() },
                    troubles,
                    seen: false,
                });
                return Ok(());
            }
            answer.refuse(None);
            self.link = None;
            desk.trouble(&route, &Trouble::Failing);
            last = Some(link::broken(&route));
            troubles.push((route, Trouble::Failing));
        }
        let told = desk.exhausted(&self.caller, &wanted, &troubles).await;
        Err(told.or(last).unwrap_or_else(link::no_websocket))
    }

    /// A message of the provider.
    async fn told(&mut self, message: Message, client: &mut Client) -> Result<(), Over> {
        let text = match &message {
            Message::Text(text) => text.as_bytes(),
            Message::Close(frame) => {
                let frame = frame.clone();
                return self.left(frame, client).await;
            }
            Message::Binary(_) => return send(client, message).await,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
        };
        let Some(current) = &mut self.current else { return send(client, message).await };
        if !current.seen
            && let Some((status, trouble)) = trouble_in(text)
        {
            return self.refused(status, trouble, message, client).await;
        }
        if !std::mem::replace(&mut current.seen, true) {
            self.fresh = false;
            if let Some(link) = &self.link {
                self.inner.desk.well(&link.route);
            }
        }
        let Answering { account, facts } = &mut current.answer;
        account.began_answer();
        facts.event(text);
        let (whole, failed) = (facts.is_whole(), facts.has_failed());
        let used_up = current.allowance.is_some_and(|allowance| facts.visible() >= allowance);
        send(client, message).await?;
        if whole || failed {
            self.settle(if whole { RequestEnd::Complete } else { RequestEnd::Cut });
        } else if used_up {
            return self.stop(client).await;
        }
        Ok(())
    }

    /// The allowance is used up: the provider is left, and the client told.
    async fn stop(&mut self, client: &mut Client) -> Result<(), Over> {
        self.link = None;
        let failure = Failure::new(Blame::Denied, "budget.used_up", "The budget for this answer is used up");
        let refusal = Refusal::new(Reason::Budget, failure);
        let words = self.current.as_ref().map(|current| farewell_event(&current.answer.facts, &refusal).to_string());
        self.settle(RequestEnd::Stopped);
        send(client, Message::text(words.unwrap_or_default())).await
    }

    /// The account does not take the request.
    async fn refused(
        &mut self,
        status: StatusCode,
        trouble: Trouble,
        message: Message,
        client: &mut Client,
    ) -> Result<(), Over> {
        let (Some(mut current), Some(link)) = (self.current.take(), self.link.take()) else { return Ok(()) };
        current.answer.refuse(Some(status));
        self.inner.desk.trouble(&link.route, &trouble);
        let own = match trouble {
            Trouble::Refused { status } => Some(relay::refused(&link.route, status)),
            _ => None,
        };
        current.troubles.push((link.route.clone(), trouble));
        if current.others.is_empty() {
            // The connection is still good for another request.
            self.link = Some(link);
            let Current { wanted, troubles, .. } = current;
            let told = self.inner.desk.exhausted(&self.caller, &wanted, &troubles).await;
            let Some(refusal) = told.or(own) else {
                let body = message.to_text().unwrap_or_default().as_bytes();
                let told = Unanswered::Error { status: status.as_u16(), body };
                self.inner.desk.unanswered(&self.caller, told);
                return send(client, message).await;
            };
            self.inner.desk.unanswered(&self.caller, Unanswered::Refusal(&refusal));
            return send(client, Message::text(refusal.socket_event())).await;
        }
        drop(link);
        let Current { create, wanted, others, troubles, .. } = current;
        match self.start(create, wanted, others, troubles, own).await {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.inner.desk.unanswered(&self.caller, Unanswered::Refusal(&refusal));
                send(client, Message::text(refusal.socket_event())).await
            }
        }
    }

    /// The provider has ended the connection.
    async fn left(&mut self, frame: Option<CloseFrame>, client: &mut Client) -> Result<(), Over> {
        let link = self.link.take();
        let Some(mut current) = self.current.take() else {
            // The next request takes a new connection, unless it needs what was said on the old one.
            return if self.fresh { Ok(()) } else { Err(Over(frame)) };
        };
        if current.seen || link.is_none() {
            self.current = Some(current);
            self.settle(RequestEnd::Cut);
            return Err(Over(frame.or_else(|| close(CloseCode::Error, "the provider broke off").0)));
        }
        current.answer.refuse(None);
        let mut last = None;
        if let Some(link) = link {
            last = Some(link::broken(&link.route));
            self.inner.desk.trouble(&link.route, &Trouble::Failing);
            current.troubles.push((link.route, Trouble::Failing));
        }
        let Current { create, wanted, others, troubles, .. } = current;
        match self.start(create, wanted, others, troubles, last).await {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.inner.desk.unanswered(&self.caller, Unanswered::Refusal(&refusal));
                send(client, Message::text(refusal.socket_event())).await
            }
        }
    }

    /// Nothing was heard for too long.
    fn silence(&mut self) -> Over {
        self.settle(RequestEnd::Cut);
        close(CloseCode::Away, "nothing was said for too long")
    }

    fn settle(&mut self, end: RequestEnd) {
        if let Some(mut current) = self.current.take() {
            current.answer.settle(end);
        }
    }

    pub(super) async fn connect(&self, route: &Route) -> Result<Link, Unlinked> {
        let url = self.endpoint.url(&route.base_url, &route.model, self.query.as_deref());
        link::connect(&self.inner, route, url, &self.headers).await
    }
}

async fn send(client: &mut Client, message: Message) -> Result<(), Over> {
    // A client that takes nothing is given up by its connection.
    client.send(message).await.map_err(|_| Over(None))
}

fn too_many() -> Over {
    close(CloseCode::Policy, "too many requests wait")
}

fn close(code: CloseCode, reason: &'static str) -> Over {
    Over(Some(CloseFrame { code, reason: reason.into() }))
}
