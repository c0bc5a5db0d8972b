//! Who may reach a port: a script with an API token, or a browser with a pass for this very port.

use http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts};
use sandboxed_core::Error;
use sandboxed_model::access::Scope;

use super::{
    headers::{PASS_COOKIE, own_token},
    name::Place,
};
use crate::{gate::cookies, hosts::authority_of, problem::Problem, state::Server};

/// Passes of one request that are looked at. Pages of other ports can add some that are good for nothing.
const PASSES: usize = 8;

/// Lets a request through, or says why not.
pub(super) async fn admit(server: &Server, place: Place, request: &Parts) -> Result<(), Problem> {
    let headers = &request.headers;
    if let Some(token) = headers.get(header::AUTHORIZATION).and_then(own_token) {
        let principal = server.orchestrator.authenticate_token(token).await?;
        return match principal.scope >= Scope::Write {
            true => Ok(()),
            false => Err(Error::Forbidden { needed: Scope::Write }.into()),
        };
    }
    let passes = cookies(headers).filter(|(name, _)| *name == PASS_COOKIE).map(|(_, pass)| pass);
    for pass in passes.take(PASSES) {
        if server.orchestrator.may_pass(pass, place.workspace, place.port).await? {
            return check_site(&request.method, &request.uri, headers);
        }
    }
    let unknown = Error::Unauthenticated("this port of a workspace is open to those only who were let in");
    Err(Problem::from(unknown).with_hint(
        "open it from the server: `sandboxed-sh ports WORKSPACE --open PORT` prints a way in; a script sends an API token \
         in the header Authorization",
    ))
}

/// Other ports are the same site to a browser, which sends the cookie along with what their pages ask for. So a request
/// with the cookie has to come from a page of this port itself, or from a person who follows a link to it.
fn check_site(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let looks = method.is_safe() && !headers.contains_key(header::UPGRADE);
    let own = match (text("origin"), text("sec-fetch-site")) {
        (Some(origin), _) => is_own(origin, uri, headers),
        (None, Some("same-origin" | "none")) => true,
        (None, Some(_)) => {
            looks && text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document")
        }
        (None, None) => looks,
    };
    if own {
        return Ok(());
    }
    let detail =
        "a request with the cookie of a port has to come from a page of that port: its Origin is missing or another";
    Err(Problem::new(StatusCode::FORBIDDEN, "http.origin_not_allowed", detail).with_hint(
        "let the page's own server pass the request on, or reach the other port with `sandboxed-sh forward`",
    ))
}

fn is_own(origin: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(host) = authority_of(uri, headers) else { return false };
    let origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host.as_str()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn allowed(method: &Method, pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs.iter().chain(&[("host", "80--a.ports.localhost:3000")]);
        let headers = HeaderMap::from_iter(
            pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
        );
        check_site(method, &Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn a_page_of_the_port_itself_may_do_everything() {
        let own = ("origin", "http://80--a.ports.localhost:3000");
        assert!(allowed(&Method::POST, &[own]));
        assert!(allowed(&Method::GET, &[own, ("upgrade", "websocket")]));
        assert!(allowed(&Method::DELETE, &[("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn a_page_of_another_port_or_site_may_link_to_it_and_nothing_else() {
        let other = ("origin", "http://81--a.ports.localhost:3000");
        let site = ("sec-fetch-site", "same-site");
        let navigates = [site, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert!(allowed(&Method::GET, &navigates));
        assert!(!allowed(&Method::POST, &navigates));
        assert!(!allowed(&Method::GET, &[site, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]));
        assert!(!allowed(&Method::GET, &[site, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]));
        assert!(!allowed(&Method::GET, &[other]));
        assert!(!allowed(&Method::GET, &[other, ("upgrade", "websocket")]));
        assert!(!allowed(&Method::POST, &[("origin", "null")]));
    }

    #[test]
    fn what_does_not_say_where_it_comes_from_may_only_look() {
        assert!(allowed(&Method::GET, &[]));
        assert!(!allowed(&Method::POST, &[]));
        assert!(!allowed(&Method::GET, &[("upgrade", "websocket")]));
    }
}
