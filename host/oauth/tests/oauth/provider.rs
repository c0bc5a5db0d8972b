//! A small authorization server: it checks what RFC 6749, 7636 and 8628 say, and rotates refresh tokens.

use std::{
    collections::{HashMap, VecDeque},
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sandboxed_oauth::{Client, Grant, Http, Pending, Reply};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};
use url::Url;

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

type Fields = HashMap<String, String>;

/// A provider that runs until it is dropped.
pub(crate) struct Provider {
    pub(crate) address: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// How many requests came to the token endpoint.
    requests: watch::Sender<u32>,
    /// Whether answers go out.
    open: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    codes: HashMap<String, Begun>,
    refresh: Option<String>,
    issued: u32,
    refreshes: u32,
    /// Seconds that the next access tokens live.
    lifetime: Option<Value>,
    secret: Option<String>,
    last: Option<Fields>,
    /// What the next requests to the token endpoint are answered instead.
    scripted: VecDeque<Response>,
}

struct Begun {
    challenge: String,
    redirect_uri: String,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let inner = Mutex::new(Inner { lifetime: Some(json!(3600)), ..Inner::default() });
        let shared = Arc::new(Shared { inner, requests: watch::Sender::new(0), open: watch::Sender::new(true) });
        let routes = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/device", post(device))
            .route("/keys", post(keys))
            .route("/elsewhere", get(elsewhere).post(elsewhere))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, shared, task }
    }

    /// The table of a client of this provider, with some keys set otherwise.
    pub(crate) fn table(&self, other: Value) -> Value {
        let address = &self.address;
        let mut table = json!({
            "authorize_url": format!("{address}/authorize"),
            "token_url": format!("{address}/token"),
            "client_id": "us",
            "scopes": ["models", "profile"],
            "redirect": { "kind": "callback", "url": "https://us.example.org/callback" },
            "account_id": "/account/uuid",
            "account_email": "/account/email",
            "http_on_loopback": true,
        });
        for (key, value) in other.as_object().unwrap() {
            table[key] = value.clone();
        }
        table
    }

    pub(crate) fn client(&self, other: Value) -> Client {
        serde_json::from_value(self.table(other)).unwrap()
    }

    /// A grant that this provider refreshes, with an access token that has ended this many seconds ago, or will.
    pub(crate) fn grant(&self, seconds_left: i64) -> Grant {
        self.inner().refresh = Some("refresh-0".to_owned());
        let ends = sandboxed_model::Timestamp::now().as_millis() + seconds_left * 1000;
        Grant {
            access: "access-0".into(),
            refresh: Some("refresh-0".into()),
            expires_at: Some(sandboxed_model::Timestamp::from_millis(ends)),
            scope: None,
            owner: sandboxed_oauth::Owner::default(),
        }
    }

    /// What a browser ends at that opens the address of a sign-in, where the person agrees.
    pub(crate) async fn browse(&self, pending: &Pending) -> Url {
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let response = browser.get(pending.url().clone()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        response.headers()[header::LOCATION].to_str().unwrap().parse().unwrap()
    }

    /// The same as the reply at our callback.
    pub(crate) async fn reply(&self, pending: &Pending) -> Reply {
        Reply::callback(self.browse(pending).await.query().unwrap()).unwrap()
    }

    pub(crate) fn set_lifetime(&self, seconds: Option<Value>) {
        self.inner().lifetime = seconds;
    }

    pub(crate) fn want_secret(&self, secret: &str) {
        self.inner().secret = Some(secret.to_owned());
    }

    /// Is not reached any more.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    /// Ends the grant.
    pub(crate) fn revoke(&self) {
        self.inner().refresh = None;
    }

    /// Answers the next request to the token endpoint with this.
    pub(crate) fn answer_next(&self, response: Response) {
        self.inner().scripted.push_back(response);
    }

    pub(crate) fn answer_json(&self, status: StatusCode, body: &Value) {
        self.answer_next((status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response());
    }

    /// The fields of the last request to the token endpoint.
    pub(crate) fn last(&self) -> Fields {
        self.inner().last.clone().unwrap()
    }

    /// How often a refresh token was exchanged.
    pub(crate) fn refreshes(&self) -> u32 {
        self.inner().refreshes
    }

    /// How many requests came to the token endpoint.
    pub(crate) fn requests(&self) -> u32 {
        *self.shared.requests.borrow()
    }

    pub(crate) async fn requested(&self, times: u32) {
        let mut requests = self.shared.requests.subscribe();
        timeout(DEADLINE, requests.wait_for(|&seen| seen >= times)).await.expect("the request comes").unwrap();
    }

    /// Keeps answers back, though what they say has happened.
    pub(crate) fn hold(&self) {
        self.shared.open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.shared.open.send_replace(true);
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn http() -> Http {
    Http::new(reqwest::Client::builder().no_proxy()).unwrap()
}

async fn authorize(State(shared): State<Arc<Shared>>, Query(asked): Query<Fields>) -> Response {
    let (target, state) = match asked.get("callback_url") {
        // The provider of keys knows no client and carries our state in our own address.
        Some(callback) => (callback.clone(), None),
        None => {
            assert_eq!((asked["client_id"].as_str(), asked["response_type"].as_str()), ("us", "code"));
            assert_eq!(asked["scope"], "models profile");
            (asked["redirect_uri"].clone(), Some(asked["state"].clone()))
        }
    };
    assert_eq!(asked["code_challenge_method"], "S256");
    let mut inner = shared.inner.lock().unwrap();
    let code = format!("code-{}", inner.codes.len());
    let begun = Begun { challenge: asked["code_challenge"].clone(), redirect_uri: target.clone() };
    inner.codes.insert(code.clone(), begun);
    let mut target: Url = target.parse().unwrap();
    target.query_pairs_mut().append_pair("code", &code).extend_pairs(state.map(|state| ("state", state)));
    Redirect::to(target.as_str()).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let fields = fields(&headers, &body);
    let response = shared.inner.lock().unwrap().answer(fields);
    let mut open = shared.open.subscribe();
    shared.requests.send_modify(|seen| *seen += 1);
    open.wait_for(|&open| open).await.unwrap();
    response
}

impl Inner {
    fn answer(&mut self, fields: Fields) -> Response {
        self.last = Some(fields.clone());
        if let Some(response) = self.scripted.pop_front() {
            return response;
        }
        if fields["client_id"] != "us" || fields.get("client_secret") != self.secret.as_ref() {
            return refuse("invalid_client");
        }
        match fields["grant_type"].as_str() {
            "authorization_code" => {
                if !self.redeem(&fields) {
                    return refuse("invalid_grant");
                }
            }
            "refresh_token" => {
                self.refreshes += 1;
                if self.refresh.as_ref() != fields.get("refresh_token") {
                    return refuse("invalid_grant");
                }
            }
            _ => return refuse("unsupported_grant_type"),
        }
        self.issued += 1;
        let issued = self.issued;
        self.refresh = Some(format!("refresh-{issued}"));
        let mut answer = json!({
            "access_token": format!("access-{issued}"),
            "refresh_token": format!("refresh-{issued}"),
            "token_type": "Bearer",
            "scope": "models",
            "account": { "uuid": "42", "email": "someone@example.org" },
        });
        if let Some(lifetime) = &self.lifetime {
            answer["expires_in"] = lifetime.clone();
        }
        answered(&answer)
    }

    /// Whether a code is good: once, and with the verifier of its challenge.
    fn redeem(&mut self, fields: &Fields) -> bool {
        let Some(begun) = self.codes.remove(&fields["code"]) else { return false };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&fields["code_verifier"]));
        let same_target = fields.get("redirect_uri").is_none_or(|uri| *uri == begun.redirect_uri);
        challenge == begun.challenge && same_target
    }
}

async fn keys(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let fields = fields(&headers, &body);
    let redeemed = shared.inner.lock().unwrap().redeem(&fields);
    if redeemed { answered(&json!({ "key": "key-1", "user_id": "user-7" })) } else { refuse("invalid_grant") }
}

async fn device(headers: HeaderMap, body: Bytes) -> Response {
    let fields = fields(&headers, &body);
    assert_eq!((fields["client_id"].as_str(), fields["scope"].as_str()), ("us", "models profile"));
    answered(&json!({
        "device_code": "device-code",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://provider.example.org/device",
        "verification_uri_complete": "https://provider.example.org/device?code=ABCD-EFGH",
        "expires_in": 600,
        "interval": 1,
    }))
}

async fn elsewhere() -> Response {
    answered(&json!({ "access_token": "of somebody else", "token_type": "Bearer" }))
}

/// The fields of a request, in the one encoding that its content type names.
fn fields(headers: &HeaderMap, body: &Bytes) -> Fields {
    assert_eq!(headers[header::ACCEPT], "application/json");
    match headers[header::CONTENT_TYPE].to_str().unwrap() {
        "application/json" => serde_json::from_slice(body).unwrap(),
        "application/x-www-form-urlencoded" => url::form_urlencoded::parse(body).into_owned().collect(),
        other => panic!("a request of the type {other}"),
    }
}

fn answered(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refuse(code: &str) -> Response {
    let body = json!({ "error": code, "error_description": "a long text" }).to_string();
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
