//! What the gateway asks of whoever knows tokens, accounts, money and keys.

use std::{fmt, future::Future, time::Duration};

use http::{HeaderMap, HeaderName};
use sandboxed_model::{
    RequestId, Timestamp,
    request::RequestEnd,
    wire::{Tokens, WireFormat},
};
use secrecy::SecretString;
use url::Url;

use crate::Refusal;

/// Decides about requests and keeps account of them.
///
/// For one request the calls come in this order: `admit`, `routes`, then for each route that is tried `reserve`,
/// `credential`, at most one of `trouble` and `well`, `settle`; and `exhausted` where no route answered. Before a `trouble`
/// about a credential comes `renew`, after which the route may be tried once more, from `reserve` on. Each reservation is
/// settled exactly once, whatever happens. Counts of tokens are free at all providers: they are not reserved.
pub trait Desk: Send + Sync + 'static {
    /// From where a connection came, told by whoever accepted it.
    type Origin: Clone + Send + Sync + 'static;
    /// Whom a token stands for.
    type Caller: Clone + Send + Sync + 'static;

    /// Whom this token stands for, asked for every request.
    ///
    /// # Errors
    ///
    /// [`Reason::Token`](crate::Reason::Token) for a token that is unknown or has ended.
    fn admit(
        &self,
        token: &SecretString,
        origin: &Self::Origin,
    ) -> impl Future<Output = Result<Self::Caller, Refusal>> + Send;

    /// Where a request can go, best first; accounts that cool down are left out.
    ///
    /// # Errors
    ///
    /// That the model is unknown or not allowed, or that all accounts cool down (with the earliest time at which one is back).
    fn routes(
        &self,
        caller: &Self::Caller,
        wanted: &Wanted,
    ) -> impl Future<Output = Result<Vec<Route>, Refusal>> + Send;

    /// Sets money aside for the worst case before anything is sent. May wait for the reservations of others to be settled.
    ///
    /// # Errors
    ///
    /// [`Reason::Budget`](crate::Reason::Budget) where it is not to be had.
    fn reserve(
        &self,
        caller: &Self::Caller,
        route: &Route,
        worst: &Worst,
    ) -> impl Future<Output = Result<Reservation, Refusal>> + Send;

    /// The credential of a route's account.
    ///
    /// # Errors
    ///
    /// That there is none now. Another route is tried then.
    fn credential(&self, route: &Route) -> impl Future<Output = Result<Credential, Refusal>> + Send;

    /// The provider did not take a route's credential of this generation. Says whether another may be had by now: then the
    /// route is tried once more, and what became of this attempt is told as no trouble. A second refusal is asked about too,
    /// and told as trouble whatever is said.
    fn renew(&self, route: &Route, generation: u64) -> impl Future<Output = bool> + Send {
        let _ = (route, generation);
        std::future::ready(false)
    }

    /// A request has ended. Called once for each reservation, from any thread; it must not block.
    fn settle(&self, id: RequestId, settled: Settled);

    /// A route did not answer, so that it may have to cool down. It must not block.
    fn trouble(&self, route: &Route, trouble: &Trouble);

    /// A route answered. It must not block.
    fn well(&self, route: &Route);

    /// No route answered. What is returned is told to the client; with `None` it is the provider's own last answer or, where
    /// there is none that is fit for it, words of the gateway's.
    fn exhausted(
        &self,
        caller: &Self::Caller,
        wanted: &Wanted,
        troubles: &[(Route, Trouble)],
    ) -> impl Future<Output = Option<Refusal>> + Send;

    /// A request for an answer got none, or none that is whole: what the client is told in its place. It comes before the
    /// client can know, and must not block.
    fn unanswered(&self, caller: &Self::Caller, told: Unanswered<'_>) {
        let _ = (caller, told);
    }

    /// The models that the caller may ask.
    ///
    /// # Errors
    ///
    /// That they cannot be told.
    fn models(&self, caller: &Self::Caller) -> impl Future<Output = Result<Vec<ModelListing>, Refusal>> + Send;
}

/// One way to have a model answer: an account at a provider.
#[derive(Debug, Clone)]
pub struct Route {
    /// The account, as the desk calls it.
    pub account: String,
    /// The provider, as the desk calls it.
    pub provider: String,
    /// The format that the provider speaks. Routes of another format than was asked in are left out.
    pub format: WireFormat,
    /// What stands before the format's own path, as the official clients take it: `https://api.anthropic.com` (then
    /// `/v1/messages`), `https://api.openai.com/v1` (then `/chat/completions`, `/responses`),
    /// `https://generativelanguage.googleapis.com` (then `/v1beta/models/…`).
    pub base_url: Url,
    /// The model's name at the provider.
    pub model: String,
    /// Further headers, which take the place of the client's. No secrets.
    pub headers: HeaderMap,
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An answer.
    Generate,
    /// How many tokens a request has.
    CountTokens,
    /// A WebSocket, before it is known for which model. The routes are those of any model.
    Connect,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The format that it speaks.
    pub format: WireFormat,
    /// The model that it names; `None` only for [`Operation::Connect`].
    pub model: Option<String>,
    /// Whether it wants a stream.
    pub stream: bool,
    /// What it wants of it.
    pub operation: Operation,
}

/// What a request may use at most, as far as it can be told from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worst {
    /// Bytes of text in the request, JSON's own signs included. No tokenizer makes more tokens than bytes.
    pub text_bytes: u64,
    /// Images, documents and sounds that are in the request as base64.
    pub media: u64,
    /// Bytes of their base64, which are not in `text_bytes`.
    pub media_bytes: u64,
    /// The limit that the request sets for the output of one answer, in tokens.
    pub output_tokens: Option<u64>,
    /// Answers that are asked for in one request (`n`, `candidateCount`).
    pub answers: u64,
    /// The request refers to input that it does not hold: an earlier response, a file, a cached content, an address.
    pub unseen_input: bool,
}

/// Money that is set aside for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// The request.
    pub id: RequestId,
    /// Tokens of output after which the answer is ended by the gateway. The gateway counts a token for each byte of text,
    /// reasoning and arguments that it sees, which is never too few; so give it only where the request's own limit of output
    /// (see [`Worst::output_tokens`]) is not within what was reserved. Only streams can be ended.
    pub output_allowance: Option<u64>,
}

/// How a provider knows an account.
pub struct Credential {
    /// The header.
    pub header: HeaderName,
    /// Its value as a whole, such as `Bearer …`.
    pub value: SecretString,
    /// Grows whenever the value is another.
    pub generation: u64,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("header", &self.header).field("generation", &self.generation).finish()
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// How.
    pub end: RequestEnd,
    /// The status that the provider answered with.
    pub status: Option<u16>,
    /// The tokens that the provider told of. `None` where it told none, or what cannot be true. Where the end is not
    /// [`RequestEnd::Complete`], the output may be more than was told.
    pub tokens: Option<Tokens>,
    /// Bytes of text, reasoning and arguments that were seen in the answer, for an estimate where the provider tells nothing.
    pub visible_output: u64,
    /// The model that answered, in the provider's words.
    pub answered_model: Option<String>,
    /// Time to the first byte of the answer's body.
    pub first_byte: Option<Duration>,
    /// Time to the end.
    pub took: Duration,
    /// What the provider calls the request.
    pub upstream_request_id: Option<String>,
}

/// Why a route did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The account is at its limit.
    Limited {
        /// When it is usable again, where the provider says so.
        until: Option<Timestamp>,
        /// It is the limit of hours, days or weeks that comes with a subscription, not one of minutes.
        usage_window: bool,
    },
    /// The provider has too much to do (529, 503).
    Overloaded,
    /// The provider fails (5xx, 408, a redirect) or cannot be reached.
    Failing,
    /// The provider does not take the credential, or does not let it do what is asked.
    Refused {
        /// The status that it answered with: 401 or 403.
        status: u16,
    },
    /// The desk had no credential for it. The desk is not told of its own trouble.
    NoCredential,
}

/// What a client is told in place of an answer.
#[derive(Debug, Clone, Copy)]
pub enum Unanswered<'a> {
    /// Words of the gateway's own.
    Refusal(&'a Refusal),
    /// The provider's error, as it came.
    Error {
        /// Its status, from 400 to 599.
        status: u16,
        /// Its body, which may be anything and is without the account's key.
        body: &'a [u8],
    },
}

/// A model in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelListing {
    /// The name by which it is asked for.
    pub id: String,
    /// The name for people.
    pub display_name: String,
    /// When it was made known.
    pub created: Timestamp,
    /// Whose it is.
    pub owner: String,
}
