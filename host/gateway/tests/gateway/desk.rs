//! A desk over memory that counts, and a gateway that asks it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, header};
use rustls::ClientConfig;
use sandboxed_gateway::{
    Credential, Desk, Gateway, Limits, ModelListing, Operation, Reason, Refusal, Reservation, Route, Settled, Trouble,
    Unanswered, Wanted, Worst, trust,
};
use sandboxed_model::{Blame, Failure, RequestId, Timestamp, wire::WireFormat};
use sandboxed_scripted_models::Server;
use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use url::Url;

pub const TOKEN: &str = "token-of-a-mission";
pub const KEY: &str = "sk-real-0123456789";

/// One account: its name and where it is.
#[derive(Clone)]
pub struct Account {
    pub name: &'static str,
    pub url: String,
    pub key: String,
    /// The model's name there, if it is another.
    pub model: Option<&'static str>,
}

impl Account {
    pub fn at(server: &Server) -> Self {
        Self { name: "one", url: server.url(), key: KEY.to_owned(), model: None }
    }

    pub fn named(self, name: &'static str, key: &str) -> Self {
        Self { name, key: key.to_owned(), ..self }
    }

    fn route(&self, wanted: &Wanted) -> Route {
        let base = match wanted.format {
            WireFormat::Messages => format!("{}/anthropic", self.url),
            WireFormat::Chat | WireFormat::Responses => format!("{}/openai/v1", self.url),
            WireFormat::Gemini => format!("{}/google", self.url),
        };
        let asked = wanted.model.clone().unwrap_or_default();
        Route {
            account: self.name.to_owned(),
            provider: "scripted".to_owned(),
            format: wanted.format,
            base_url: Url::parse(&base).unwrap(),
            model: self.model.map_or(asked, str::to_owned),
            headers: HeaderMap::new(),
        }
    }
}

/// What happened at a desk.
#[derive(Default)]
pub struct Book {
    /// Reservations that are not settled.
    pub open: HashMap<RequestId, u64>,
    pub reserved: Vec<Worst>,
    pub settled: Vec<Settled>,
    pub troubles: Vec<(String, Trouble)>,
    /// What clients were told in place of answers: the code of a refusal, or the status and the body of an error.
    pub unanswered: Vec<String>,
    pub well: Vec<String>,
    pub wanted: Vec<Wanted>,
    /// Requests that wait for those of others to be settled.
    pub waiting: usize,
    /// Tokens that are spent.
    pub spent: u64,
    /// The most that was ever spent and reserved at the same time.
    pub peak: u64,
}

#[derive(Default)]
pub struct MemoryDesk {
    pub accounts: Mutex<Vec<Account>>,
    pub book: Mutex<Book>,
    pub allowance: Mutex<Option<u64>>,
    /// Tokens that may be spent by all together.
    pub cap: Option<u64>,
    /// What is told where no route answers.
    pub exhausted: Mutex<Option<Refusal>>,
    /// The same where all keys are refused.
    pub refused: Mutex<Option<Refusal>>,
    pub changed: Notify,
}

impl MemoryDesk {
    pub fn of(accounts: impl IntoIterator<Item = Account>) -> Self {
        Self { accounts: Mutex::new(accounts.into_iter().collect()), ..Self::default() }
    }

    /// Waits until a condition holds for the book.
    pub async fn until<T>(&self, what: &str, condition: impl Fn(&Book) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if let Some(found) = condition(&self.book.lock().unwrap()) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("{what} never came"))
    }

    /// The only settlement, once nothing is open.
    pub async fn only(&self) -> Settled {
        let settled = self.all(1).await;
        assert_eq!(settled.len(), 1, "{settled:?}");
        settled.into_iter().next().unwrap()
    }

    /// All settlements, once there are so many and nothing is open.
    pub async fn all(&self, count: usize) -> Vec<Settled> {
        self.until("the settlement", |book| {
            (book.settled.len() >= count && book.open.is_empty()).then(|| book.settled.clone())
        })
        .await
    }

    pub fn unanswered(&self) -> Vec<String> {
        self.book.lock().unwrap().unanswered.clone()
    }

    pub fn troubles(&self) -> Vec<(String, Trouble)> {
        self.book.lock().unwrap().troubles.clone()
    }
}

/// A request that waits, counted as long as it does.
struct Waiting<'a>(&'a MemoryDesk);

impl<'a> Waiting<'a> {
    fn at(desk: &'a MemoryDesk) -> Self {
        desk.book.lock().unwrap().waiting += 1;
        desk.changed.notify_waiters();
        Self(desk)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.book.lock().unwrap().waiting -= 1;
        self.0.changed.notify_waiters();
    }
}

pub fn refusal(reason: Reason, code: &str) -> Refusal {
    Refusal::new(reason, Failure::new(Blame::Denied, code, format!("refused: {code}")))
}

impl Desk for MemoryDesk {
    type Origin = u32;
    type Caller = &'static str;

    async fn admit(&self, token: &SecretString, origin: &u32) -> Result<&'static str, Refusal> {
        assert_eq!(*origin, 7);
        match token.expose_secret() {
            TOKEN => Ok("mission"),
            "token-of-the-past" => Err(refusal(Reason::Token, "token.ended")),
            _ => Err(refusal(Reason::Token, "token.unknown")),
        }
    }

    async fn routes(&self, caller: &&'static str, wanted: &Wanted) -> Result<Vec<Route>, Refusal> {
        assert_eq!(*caller, "mission");
        self.book.lock().unwrap().wanted.push(wanted.clone());
        self.changed.notify_waiters();
        match wanted.model.as_deref() {
            Some("forbidden") => return Err(refusal(Reason::ModelDenied, "model.denied")),
            Some("unknown") => return Err(refusal(Reason::Unknown, "model.unknown")),
            Some("parked") => {
                let mut refusal = refusal(Reason::Limited, "mission.parked");
                refusal.failure.retry_after_ms = Some(90_000);
                return Err(refusal);
            }
            None => assert_eq!(wanted.operation, Operation::Connect),
            Some(_) => {}
        }
        Ok(self.accounts.lock().unwrap().iter().map(|account| account.route(wanted)).collect())
    }

    async fn reserve(&self, _: &&'static str, _: &Route, worst: &Worst) -> Result<Reservation, Refusal> {
        let tokens = worst.output_tokens.unwrap_or(100) + worst.text_bytes;
        let mut waiting = None;
        loop {
            let changed = self.changed.notified();
            {
                let mut book = self.book.lock().unwrap();
                let held: u64 = book.open.values().sum();
                let fits = |more: u64| self.cap.is_none_or(|cap| book.spent + more + tokens <= cap);
                if !fits(0) {
                    return Err(refusal(Reason::Budget, "budget.used_up"));
                }
                if fits(held) {
                    let id = RequestId::new();
                    book.open.insert(id, tokens);
                    book.reserved.push(*worst);
                    book.peak = book.peak.max(book.spent + held + tokens);
                    self.changed.notify_waiters();
                    return Ok(Reservation { id, output_allowance: *self.allowance.lock().unwrap() });
                }
            }
            if waiting.is_none() {
                // What this wakes looks again, and so does this.
                waiting = Some(Waiting::at(self));
                continue;
            }
            changed.await;
        }
    }

    async fn credential(&self, route: &Route) -> Result<Credential, Refusal> {
        let key =
            self.accounts.lock().unwrap().iter().find(|account| account.name == route.account).unwrap().key.clone();
        assert_ne!(key, "panic");
        if key.is_empty() {
            return Err(refusal(Reason::Unavailable, "vault.locked"));
        }
        let (header, value) = match route.format {
            WireFormat::Messages => ("x-api-key", key),
            WireFormat::Chat | WireFormat::Responses => (header::AUTHORIZATION.as_str(), format!("Bearer {key}")),
            WireFormat::Gemini => ("x-goog-api-key", key),
        };
        Ok(Credential { header: header.parse().unwrap(), value: SecretString::from(value), generation: 1 })
    }

    fn settle(&self, id: RequestId, settled: Settled) {
        let mut book = self.book.lock().unwrap();
        book.open.remove(&id).expect("settled once");
        let tokens = settled.tokens.unwrap_or_default();
        book.spent += tokens.all_input() + tokens.output;
        book.settled.push(settled);
        drop(book);
        self.changed.notify_waiters();
    }

    fn trouble(&self, route: &Route, trouble: &Trouble) {
        self.book.lock().unwrap().troubles.push((route.account.clone(), trouble.clone()));
        self.changed.notify_waiters();
    }

    fn unanswered(&self, _: &&'static str, told: Unanswered<'_>) {
        let told = match told {
            Unanswered::Refusal(refusal) => refusal.failure.code.clone(),
            Unanswered::Error { status, body } => format!("{status} {}", String::from_utf8_lossy(body)),
        };
        self.book.lock().unwrap().unanswered.push(told);
    }

    fn well(&self, route: &Route) {
        self.book.lock().unwrap().well.push(route.account.clone());
    }

    async fn exhausted(&self, _: &&'static str, _: &Wanted, troubles: &[(Route, Trouble)]) -> Option<Refusal> {
        if troubles.iter().all(|(_, trouble)| matches!(trouble, Trouble::Refused { .. })) {
            return self.refused.lock().unwrap().clone();
        }
        self.exhausted.lock().unwrap().clone()
    }

    async fn models(&self, _: &&'static str) -> Result<Vec<ModelListing>, Refusal> {
        let model = |id: &str| ModelListing {
            id: id.to_owned(),
            display_name: id.to_owned(),
            created: Timestamp::from_millis(1_700_000_000_000),
            owner: "scripted".to_owned(),
        };
        Ok(vec![model("scripted-large"), model("scripted-small")])
    }
}

/// A gateway that listens.
pub struct Door {
    pub desk: Arc<MemoryDesk>,
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    pub async fn open(desk: MemoryDesk) -> Self {
        Self::with(desk, Limits::default(), trust("").unwrap()).await
    }

    pub async fn to(server: &Server) -> Self {
        Self::open(MemoryDesk::of([Account::at(server)])).await
    }

    pub async fn with(desk: MemoryDesk, limits: Limits, tls: ClientConfig) -> Self {
        let desk = Arc::new(desk);
        let gateway = Gateway::new(Arc::clone(&desk), tls, limits).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(gateway.serve(stream, Bytes::new(), 7));
            }
        });
        Self { desk, address, task }
    }
}
