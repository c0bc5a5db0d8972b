//! Signing in to accounts at providers.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Extension, Json,
    extract::{RawQuery, State},
    response::{Html, IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, uri::Authority};
use sandboxed_core::{AuditEntry, Error, NewSignIn, SignInBegun, SignInStatus};
use sandboxed_model::{
    Timestamp,
    account::{Account, AccountName},
    provider::ProviderId,
};
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{auth::is_encrypted, secrets::Hidden};
use crate::{
    extract::{Body, Caller, InPath},
    problem::{Document, Problem},
    state::{Server, Shared},
};

/// Where providers send browsers back to.
const CALLBACK: &str = "/api/v1/sign-in/callback";

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(begin_sign_in, get_sign_in, sign_out))
        .routes(routes!(finish_sign_in))
        .routes(routes!(sign_in_callback))
}

/// To what somebody wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    /// Whose account it is; needed for one that is to be added.
    provider: Option<ProviderId>,
    /// Where the provider is, of an account that is to be added, and of those that are not in one place for all.
    #[schema(max_length = 2000)]
    base_url: Option<String>,
    /// Use a browser also where the provider has codes for other devices.
    #[serde(default)]
    browser: bool,
}

/// What ends a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInReply {
    /// What the provider's page shows, `CODE#STATE`, or the address of that page.
    #[schema(value_type = String, write_only, max_length = 8192)]
    code: Hidden,
}

/// Begin to sign in
///
/// To an account, or to one that is added once the sign-in has ended. Whoever began one before to the same account begins
/// anew. Of the kind `callback`, the browser comes back to the name by which this request was sent.
#[utoipa::path(
    post, path = "/accounts/{name}/sign-in", tag = "models", request_body = SignInRequest,
    params(("name" = inline(AccountName), Path, description = "The account")),
    responses((status = 200, description = "It has begun: the person opens the address.", body = SignInBegun)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn begin_sign_in(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
    authority: Option<Extension<Authority>>,
    headers: HeaderMap,
    Body(wanted): Body<SignInRequest>,
) -> Result<Json<SignInBegun>, Problem> {
    let SignInRequest { provider, base_url, browser } = wanted;
    let scheme = if is_encrypted(&headers) { "https" } else { "http" };
    let callback = authority.and_then(|authority| Url::parse(&format!("{scheme}://{}{CALLBACK}", authority.0)).ok());
    let new = NewSignIn { provider, base_url, browser };
    Ok(Json(server.orchestrator.begin_sign_in(&name, new, callback).await?))
}

/// Get a sign-in
///
/// How the last one to this account stands. It is remembered for ten minutes or so.
#[utoipa::path(
    get, path = "/accounts/{name}/sign-in", tag = "models",
    params(("name" = inline(AccountName), Path, description = "The account")),
    responses((status = 200, description = "How it stands.", body = SignInStatus))
)]
async fn get_sign_in(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
) -> Result<Json<SignInStatus>, Problem> {
    Ok(Json(server.orchestrator.sign_in_status(&name)?))
}

/// Sign out
///
/// Forgets what the sign-in granted. The account stays, and is refused until somebody signs in again.
#[utoipa::path(
    delete, path = "/accounts/{name}/sign-in", tag = "models",
    params(("name" = inline(AccountName), Path, description = "The account")),
    responses((status = 204, description = "Nobody is signed in.")),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn sign_out(State(server): Shared, _: Caller, InPath(name): InPath<AccountName>) -> Result<StatusCode, Problem> {
    server.orchestrator.sign_out(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End a sign-in
///
/// With what the provider's page showed at the end, of the kind `copy_paste`.
#[utoipa::path(
    post, path = "/accounts/{name}/sign-in/finish", tag = "models", request_body = SignInReply,
    params(("name" = inline(AccountName), Path, description = "The account")),
    responses((status = 200, description = "The account is signed in.", body = Account)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn finish_sign_in(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<AccountName>,
    Body(reply): Body<SignInReply>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(server.orchestrator.finish_sign_in(&name, &reply.code.into_text()).await?))
}

/// Come back from a provider
///
/// The address to which providers send the browser of a person who signs in, with `state` and `code`, or with `error`. It
/// needs the state of a sign-in that is under way, and answers with a page. Public.
#[utoipa::path(
    get, path = "/sign-in/callback", tag = "models", security(()),
    params((
        "answer" = BTreeMap<String, String>, Query,
        description = "What the provider adds: `state`, `code`, `error` and others, each a parameter of its own",
        style = Form, explode
    )),
    responses(
        (status = 200, description = "The account is signed in.", body = String, content_type = "text/html"),
        (status = 400, description = "What came is no provider's answer.",
            content((String = "text/html"), (Document = "application/problem+json"))),
        (status = 403, description = "No sign-in of this state is under way, or it came to nothing.",
            body = String, content_type = "text/html"),
        (status = 409, description = "The sign-in does not fit what is there now.",
            body = String, content_type = "text/html"),
        (status = 500, description = "The server made a mistake.",
            content((String = "text/html"), (Document = "application/problem+json"))),
        (status = 503, description = "The provider does not answer as it should.",
            content((String = "text/html"), (Document = "application/problem+json"))),
        (status = 504, description = "It took too long.",
            content((String = "text/html"), (Document = "application/problem+json"))),
        (status = 507, description = "The disk is full.", body = String, content_type = "text/html"),
    )
)]
async fn sign_in_callback(State(server): Shared, RawQuery(query): RawQuery) -> Response {
    let ended = server.orchestrator.sign_in_callback(&query.unwrap_or_default()).await;
    let account = ended.as_ref().ok().map(|account| account.name.to_string());
    let (status, title, text) = match ended {
        Ok(account) => {
            let text = format!("The account {} is signed in. This page can be closed.", account.name);
            (StatusCode::OK, "Signed in", text)
        }
        Err(error) => told(&server, error),
    };
    // The query holds the code, so that the gate's own note would be too much.
    server
        .orchestrator
        .audit(AuditEntry {
            at: Timestamp::now(),
            user: None,
            action: format!("GET {CALLBACK}"),
            target: account,
            outcome: status.as_u16().to_string(),
        })
        .await;
    (status, Html(page(title, &text))).into_response()
}

/// What went wrong, for a person in front of a browser.
fn told(server: &Server, error: Error) -> (StatusCode, &'static str, String) {
    let failure = error.failure();
    let status = match failure.code.as_str() {
        "oauth.reply" => StatusCode::BAD_REQUEST,
        _ => Problem::from(error).status,
    };
    let hint = failure.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    let text = format!("{}{hint}. {}", failure.message, failure.code);
    (status, "Not signed in", server.orchestrator.redaction().text(&text).into_owned())
}

fn page(title: &str, text: &str) -> String {
    let text = escaped(text);
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}: sandboxed.sh</title>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    let escape = |c: char| -> Cow<'static, str> {
        match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&#39;".into(),
            c => c.to_string().into(),
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_text_to_a_browser() {
        let page = page("Not signed in", "<script>alert('x')</script> & \"y\"");
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"), "{page}");
    }
}
