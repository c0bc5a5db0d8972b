//! Letting a browser in: it comes with a ticket in the address and goes on with a cookie of this port's own site.

use axum::{
    extract::Query,
    response::{AppendHeaders, IntoResponse as _, Response},
};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use serde::Deserialize;

use super::{headers::PASS_COOKIE, name::Place};
use crate::{problem::Problem, routes::auth::is_encrypted, state::Server};

/// The one path of a port's site that is the server's own.
pub(super) const PATH: &str = "/.sandboxed-sh/enter";

#[derive(Deserialize)]
struct Arrival {
    ticket: String,
    #[serde(default)]
    to: Option<String>,
}

/// The address at which a browser is let in and sent on to `path`, which [`is_path`].
pub(crate) fn way_in(origin: &str, ticket: &str, path: &str) -> String {
    let to: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("{origin}{PATH}?ticket={ticket}&to={to}")
}

/// Takes the ticket, sets the cookie and sends the browser on.
pub(super) async fn enter(server: &Server, place: Place, request: &Parts) -> Result<Response, Problem> {
    if request.method != Method::GET {
        return Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "http.method_not_allowed",
            "a browser comes with GET",
        ));
    }
    let Query(Arrival { ticket, to }) = Query::try_from_uri(&request.uri)
        .map_err(|rejection| Problem::invalid("http.query_invalid", rejection.body_text()))?;
    let to = to.filter(|to| is_path(to)).unwrap_or_else(|| "/".to_owned());
    let grant = server.orchestrator.enter_port(&ticket, place.workspace, place.port).await?;
    let cookie = cookie(&request.headers, &grant.secret, grant.ttl.as_secs());
    let headers = AppendHeaders([
        (header::SET_COOKIE, cookie),
        (header::LOCATION, to),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ]);
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Whether a text is a path of this site that a header can hold, and leads to no other.
pub(crate) fn is_path(to: &str) -> bool {
    to.starts_with('/')
        && !to.starts_with("//")
        && to.len() <= 2048
        && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// `Lax`, because the browser comes from another site and must be let in at once.
fn cookie(headers: &HeaderMap, secret: &str, max_age: u64) -> String {
    let secure = if is_encrypted(headers) { "; Secure" } else { "" };
    format!("{PASS_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_in_is_an_address_whatever_the_path_and_leads_to_just_that() {
        let path = "/a^>C%&to=x+#[]".to_owned();

        let way = way_in("http://1--w.ports.localhost:1", "t", &path);

        let query = way.parse::<http::Uri>().unwrap().query().unwrap().to_owned();
        assert!(query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=&%-._*+".contains(&byte)), "{query}");
        let Query(Arrival { to, .. }) = Query::try_from_uri(&way.parse().unwrap()).unwrap();
        assert_eq!(to, Some(path));
    }

    #[test]
    fn a_way_in_leads_to_no_other_site() {
        assert!(is_path("/") && is_path("/a/b?c=d"));
        for wrong in ["", "a", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb: c", "/a b"] {
            assert!(!is_path(wrong), "{wrong:?}");
        }
    }
}
