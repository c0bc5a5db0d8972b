//! The files of the dashboard, and what is a place within it.

use reqwest::{Method, Response};

use crate::support::{Api, problem};

async fn get(api: &Api, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = api.anonymous(Method::GET, path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

#[tokio::test]
async fn places_within_the_dashboard_get_its_page_and_all_else_stays_an_error() {
    let api = Api::start().await;
    for place in ["/", "/missions", "/missions/01a20a42-b553-7479-8a7d-9acd022c38b7", "/apiary"] {
        let response = get(&api, place, &[]).await;
        assert_eq!(response.status(), 200, "{place}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{place}");
        assert_eq!(response.text().await.unwrap(), "<!doctype html>the page", "{place}");
    }
    for nothing in ["/api/v1/nothing", "/api", "/assets/gone-Ab12.js", "/assets/folder", "/some/file.js", "/mcp/more"] {
        let response = get(&api, nothing, &[]).await;
        assert_eq!(response.status(), 404, "{nothing}");
        assert_eq!(problem(response).await["code"], "http.no_such_path", "{nothing}");
    }
    assert_eq!(api.anonymous(Method::POST, "/missions").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_file_comes_in_the_smallest_form_that_the_browser_takes() {
    let api = Api::start().await;
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", Some("br"), "as brotli"),
        ("gzip, deflate", Some("gzip"), "as gzip"),
        ("br;q=0, GZIP;q=0.5", Some("gzip"), "as gzip"),
        ("identity", None, "the whole script"),
    ] {
        let response = get(&api, "/assets/main-Ab12.js", &[("accept-encoding", accepted)]).await;
        let sent = response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent.as_deref(), encoding, "{accepted}");
        assert_eq!(response.headers()["vary"], "accept-encoding");
        assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(response.bytes().await.unwrap(), content, "{accepted}");
    }
}

#[tokio::test]
async fn files_that_are_named_by_their_content_are_kept_and_the_others_asked_for_again() {
    let api = Api::start().await;
    let asset = get(&api, "/assets/main-Ab12.js", &[]).await;
    assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");

    let page = get(&api, "/", &[]).await;
    assert_eq!(page.headers()["cache-control"], "no-cache");
    let tag = page.headers()["etag"].to_str().unwrap();
    let again = get(&api, "/missions", &[("if-none-match", tag)]).await;
    assert_eq!(again.status(), 304);
    assert!(again.bytes().await.unwrap().is_empty());
    assert_eq!(get(&api, "/theme.js", &[("if-none-match", tag)]).await.status(), 200, "another file has another tag");
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_no_script_that_stands_in_it() {
    let api = Api::start().await;
    let page = get(&api, "/", &[]).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let of = |name: &str| {
        let mut directives = policy.split(';').map(str::trim);
        directives.find_map(|directive| directive.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    assert_eq!(of("default-src"), "'none'");
    assert_eq!(of("script-src"), "'self'");
    assert_eq!(of("connect-src"), "'self'");
    assert_eq!(of("frame-ancestors"), "'none'");
    assert_eq!(of("img-src"), "'self' data: blob:");
}
