//! Why a port cannot be seen, for a person in a browser and for a program.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, header};
use sandboxed_vault::Redaction;
use uuid::Uuid;

use crate::problem::{Problem, render};

/// The page loads nothing and is in no other page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// Whether a person looks at the answer.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The problem as a page or as a problem document.
pub(super) fn refusal(problem: Problem, page: bool) -> Response {
    let text = page.then(|| html(&problem));
    let mut response = problem.into_response();
    match text {
        Some(text) => {
            response.extensions_mut().remove::<Problem>();
            *response.body_mut() = Body::from(text);
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, html);
        }
        // It tells of a port, and nothing that comes from inside.
        None => response = render(response, &Uuid::now_v7().to_string(), &Redaction::default()),
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn html(problem: &Problem) -> String {
    let Problem { status, detail, hint, .. } = problem;
    let title = status.canonical_reason().unwrap_or("Error");
    let hint = hint.as_ref().map(|hint| format!("<p>{}</p>", escaped(hint))).unwrap_or_default();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:4em auto;\
         padding:0 1em;color-scheme:light dark}}</style><h1>{title}</h1><p>{}</p>{hint}\n",
        escaped(detail)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn what_a_page_says_is_text_whatever_is_in_it() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY, "a.b", "<script>x</script>").with_hint("\"&\"");

        let page = html(&problem);

        assert!(page.contains("&lt;script&gt;") && page.contains("&quot;&amp;&quot;"), "{page}");
        assert!(!page.contains("<script>"));
    }
}
