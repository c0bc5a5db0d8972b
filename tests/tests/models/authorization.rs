//! A small authorization server on loopback: it holds codes against their challenges, and rotates refresh tokens.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Form, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Url, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

type Fields = HashMap<String, String>;

/// The server. It runs on a thread of its own, as commands are waited for by the test's.
pub(crate) struct Authorization {
    pub(crate) url: String,
    shared: Shared,
}

type Shared = Arc<Mutex<Inner>>;

struct Inner {
    /// What all its tokens begin with.
    mark: String,
    /// Challenges and addresses by their codes.
    codes: HashMap<String, (String, String)>,
    refresh: Option<String>,
    issued: u32,
    refreshes: u32,
    /// Seconds that the next access tokens live.
    lifetime: u64,
    /// Whether the person has typed the code of a device.
    agreed: bool,
}

impl Authorization {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Inner {
            mark: format!("tok{:016x}", rand::random::<u64>()),
            codes: HashMap::new(),
            refresh: None,
            issued: 0,
            refreshes: 0,
            lifetime: 3600,
            agreed: false,
        }));
        let routes = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", post(keys))
            .route("/device", post(device))
            .with_state(Arc::clone(&shared));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        });
        Self { url, shared }
    }

    /// Providers that people sign in to here, and that are asked at `models`: `pasting`, `returning`, `keyed` and `typing`,
    /// each after the way in which its sign-in ends.
    pub(crate) fn providers(&self, models: &str) -> String {
        let url = &self.url;
        let provider = |name: &str, sign_in: &str| {
            format!(
                r#"
[providers.{name}]
title = "Signing in"
key = "x_api_key"
models_url = "{models}/v1/models"
endpoints = {{ messages = "{models}/v1" }}
[providers.{name}.sign_in]
authorize_url = "{url}/authorize"
{sign_in}
[models.{name}.large]
context_tokens = 100000
prices = [{{ from = "2026-01-01", input = 1, output = 10 }}]
"#
            )
        };
        let token = format!("token_url = \"{url}/token\"\nclient_id = \"us\"\nheaders = {{ x-signed-in = \"yes\" }}\n");
        let keys =
            format!("token_url = \"{url}/keys\"\nyields = \"key\"\nencoding = \"json\"\nredirect = \"callback\"");
        [
            provider("pasting", &format!("{token}redirect = {{ copy_paste = \"{url}/code\" }}")),
            provider("returning", &format!("{token}redirect = \"callback\"")),
            provider("typing", &format!("{token}redirect = \"callback\"\ndevice_url = \"{url}/device\"")),
            provider("keyed", &keys),
        ]
        .concat()
    }

    /// The access token of this number, from 1.
    pub(crate) fn access(&self, number: u32) -> String {
        format!("{}-access-{number}", self.inner().mark)
    }

    /// What all its tokens begin with.
    pub(crate) fn mark(&self) -> String {
        self.inner().mark.clone()
    }

    pub(crate) fn refreshes(&self) -> u32 {
        self.inner().refreshes
    }

    /// Ends the grant.
    pub(crate) fn revoke(&self) {
        self.inner().refresh = None;
    }

    pub(crate) fn set_lifetime(&self, seconds: u64) {
        self.inner().lifetime = seconds;
    }

    /// The person types the code of a device.
    pub(crate) fn agree(&self) {
        self.inner().agreed = true;
    }

    /// Where a browser ends up that opens the address of a sign-in, if the person agrees.
    pub(crate) async fn browse(&self, address: &str) -> Url {
        let browser =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let response = browser.get(address).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        response.headers()[header::LOCATION].to_str().unwrap().parse().unwrap()
    }

    /// The same as the text that the page shows.
    pub(crate) async fn copied(&self, address: &str) -> String {
        let page = self.browse(address).await;
        let shown = |name: &str| page.query_pairs().find(|pair| pair.0 == name).unwrap().1.into_owned();
        format!("{}#{}", shown("code"), shown("state"))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock().unwrap()
    }
}

async fn authorize(State(shared): State<Shared>, Query(asked): Query<Fields>) -> Redirect {
    let target = asked.get("redirect_uri").or(asked.get("callback_url")).unwrap();
    assert_eq!(asked["code_challenge_method"], "S256");
    let mut inner = shared.lock().unwrap();
    let code = format!("{}-code-{}", inner.mark, inner.codes.len());
    inner.codes.insert(code.clone(), (asked["code_challenge"].clone(), target.clone()));
    let mut target: Url = target.parse().unwrap();
    target.query_pairs_mut().append_pair("code", &code).extend_pairs(asked.get("state").map(|state| ("state", state)));
    // Providers add what they like.
    target.query_pairs_mut().append_pair("iss", "https://auth.example.org");
    Redirect::to(target.as_str())
}

async fn token(State(shared): State<Shared>, Form(fields): Form<Fields>) -> Response {
    let mut inner = shared.lock().unwrap();
    match fields["grant_type"].as_str() {
        "authorization_code" if inner.redeem(&fields) => {}
        "refresh_token" => {
            inner.refreshes += 1;
            if inner.refresh.as_ref() != Some(&fields["refresh_token"]) {
                return refuse("invalid_grant");
            }
        }
        "urn:ietf:params:oauth:grant-type:device_code" if !inner.agreed => return refuse("authorization_pending"),
        "urn:ietf:params:oauth:grant-type:device_code" => {}
        _ => return refuse("invalid_grant"),
    }
    inner.issued += 1;
    let refresh = format!("{}-refresh-{}", inner.mark, inner.issued);
    inner.refresh = Some(refresh.clone());
    Json(json!({
        "access_token": format!("{}-access-{}", inner.mark, inner.issued),
        "refresh_token": refresh,
        "token_type": "Bearer",
        "expires_in": inner.lifetime,
    }))
    .into_response()
}

async fn keys(State(shared): State<Shared>, Json(fields): Json<Fields>) -> Response {
    let mut inner = shared.lock().unwrap();
    match inner.redeem(&fields) {
        true => Json(json!({ "key": format!("{}-access-1", inner.mark) })).into_response(),
        false => refuse("invalid_grant"),
    }
}

async fn device() -> Json<Value> {
    Json(json!({
        "device_code": "device-code",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://auth.example.org/device",
        "expires_in": 600,
        "interval": 1,
    }))
}

impl Inner {
    /// Whether a code is good: once, with the verifier of its challenge, and for its address.
    fn redeem(&mut self, fields: &Fields) -> bool {
        let Some((challenge, target)) = self.codes.remove(&fields["code"]) else { return false };
        let made = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&fields["code_verifier"]));
        made == challenge && fields.get("redirect_uri").is_none_or(|uri| *uri == target)
    }
}

fn refuse(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response()
}
