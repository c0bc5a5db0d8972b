use reqwest::{Method, Response, StatusCode};
use sandboxed_tests::{Server, server::Options};
use serde_json::{Value, json};

use crate::setup::{Site, header, serve, served, workspace};

/// Opens a port and gives the path at its site by which a browser is let in.
async fn way_in(server: &Server, workspace: &str, port: u16, body: Value) -> String {
    let opened = server.api.post(&format!("/workspaces/{workspace}/ports/{port}/open"), body).await;
    let url = opened["url"].as_str().unwrap();
    let (_, path) = url.split_once("localhost:").unwrap();
    path[path.find('/').unwrap()..].to_owned()
}

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(site.bare(Method::GET, path), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

/// The cookie that an answer sets, without its attributes.
fn cookie(answer: &Response) -> String {
    answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_is_let_in_by_an_address_that_is_good_once_and_goes_on_with_a_cookie() {
    let server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;
    let way = way_in(&server, &workspace, 8000, json!({ "path": "/a?b=c&d=%20" })).await;

    let entered = ask(&site, &way, &[]).await;

    assert_eq!(
        (entered.status(), &entered.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/a?b=c&d=%20".parse().unwrap())
    );
    let set = entered.headers()["set-cookie"].to_str().unwrap();
    assert!(
        set.contains("; HttpOnly") && set.contains("; SameSite=Lax") && !set.to_lowercase().contains("domain"),
        "{set}"
    );
    let told: Value = ask(&site, "/a?b=c", &[("cookie", &cookie(&entered))]).await.json().await.unwrap();
    assert_eq!(told["path"], "/a?b=c");
    assert_eq!(header(&told, "cookie"), [""; 0]);
    let again = ask(&site, &way, &[]).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "the address was used");
}

#[tokio::test]
async fn nobody_is_let_in_without_a_credential_for_this_very_port() {
    let server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;
    serve(&server.api, &workspace, 8001).await;
    let other_port = Site::new(&server, &workspace, 8001);
    let other = crate::setup::workspace(&server.api, json!({})).await;
    serve(&server.api, &other, 8000).await;
    let other_workspace = Site::new(&server, &other, 8000);

    for headers in [&[][..], &[("cookie", "sandboxed_port=guessed")], &[("authorization", "Bearer sbx_guessed")]] {
        let refused = ask(&site, "/", headers).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(refused.json::<Value>().await.unwrap()["code"].as_str().unwrap().starts_with("auth."));
    }
    let page = ask(&site, "/", &[("accept", "text/html")]).await;
    assert!(page.text().await.unwrap().contains("ports WORKSPACE --open PORT"));
    // An address that was made for another port is used up and lets nobody in.
    let way = way_in(&server, &workspace, 8000, json!({})).await;
    for elsewhere in [&other_port, &other_workspace] {
        assert_eq!(ask(elsewhere, &way, &[]).await.status(), StatusCode::UNAUTHORIZED);
    }
    let pass = cookie(&ask(&site, &way_in(&server, &workspace, 8000, json!({})).await, &[]).await);
    for elsewhere in [&other_port, &other_workspace] {
        assert_eq!(ask(elsewhere, "/", &[("cookie", &pass)]).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ask(&site, "/", &[("cookie", &pass)]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_lets_a_browser_in_to_a_port_is_no_login_and_a_login_is_no_way_in() {
    let server = Server::start_with(with_password()).await;
    let (workspace, site) = served(&server, 8000).await;
    let login = log_in(&server).await;
    let pass = cookie(&ask(&site, &way_in(&server, &workspace, 8000, json!({})).await, &[]).await);
    let secret = pass.split_once('=').unwrap().1;

    for credential in [format!("sandboxed_session={secret}"), pass.clone()] {
        let client = reqwest::Client::new();
        let answer = client.get(format!("{}/api/v1/missions", server.api.url)).header("cookie", credential);
        assert_eq!(answer.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ask(&site, "/", &[("cookie", &login)]).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_page_of_another_port_does_nothing_with_the_cookie() {
    let server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;
    let pass = cookie(&ask(&site, &way_in(&server, &workspace, 8000, json!({})).await, &[]).await);
    let own = format!("http://{}", site.host);
    let foreign = own.replacen("8000--", "8001--", 1);
    let upgrade = [("connection", "upgrade"), ("upgrade", "shout")];

    for headers in [
        vec![("origin", foreign.as_str())],
        vec![("origin", "http://evil.example")],
        vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
        [&upgrade[..], &[("origin", foreign.as_str())]].concat(),
        upgrade.to_vec(),
    ] {
        let headers = [&headers[..], &[("cookie", pass.as_str())]].concat();
        assert_eq!(ask(&site, "/", &headers).await.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let posted = site.bare(Method::POST, "/").header("cookie", &pass).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::FORBIDDEN, "nothing says where it comes from");
    let posted = site.bare(Method::POST, "/").header("cookie", &pass).header("origin", &own).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_way_to_a_port_ends_with_the_login_and_with_the_token_by_which_it_was_opened() {
    let server = Server::start_with(with_password()).await;
    let (workspace, site) = served(&server, 8000).await;
    let api = &server.api;
    let login = log_in(&server).await;
    let token = api.post("/tokens", json!({ "name": "script", "scope": "write" })).await;
    let url = format!("{}/api/v1/workspaces/{workspace}/ports/8000/open", api.url);
    let client = reqwest::Client::new();
    let open = async |credential: (&str, String)| {
        let request = client.post(&url).header(credential.0, credential.1).header("origin", &api.url).json(&json!({}));
        let opened: Value = request.send().await.unwrap().json().await.unwrap();
        let url = opened["url"].as_str().unwrap_or_else(|| panic!("{opened}"));
        let way = &url[url.find("/.sandboxed-sh").unwrap()..];
        cookie(&ask(&site, way, &[]).await)
    };
    let by_login = open(("cookie", login.clone())).await;
    let by_token = open(("authorization", format!("Bearer {}", token["secret"].as_str().unwrap()))).await;
    let status = async |pass: &str| ask(&site, "/", &[("cookie", pass)]).await.status();
    assert_eq!((status(&by_login).await, status(&by_token).await), (StatusCode::OK, StatusCode::OK));

    let logout =
        client.post(format!("{}/api/v1/auth/logout", api.url)).header("cookie", login).header("origin", &api.url);
    assert_eq!(logout.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let id = token["token"]["id"].as_str().unwrap();
    assert_eq!(api.call(Method::DELETE, &format!("/tokens/{id}"), None).await.0, StatusCode::NO_CONTENT);

    assert_eq!(
        (status(&by_login).await, status(&by_token).await),
        (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
    );
}

#[tokio::test]
async fn who_may_only_look_reaches_no_port() {
    let server = Server::start().await;
    let (workspace, site) = served(&server, 8000).await;
    let token = server.api.post("/tokens", json!({ "name": "viewer", "scope": "read" })).await;
    let api = sandboxed_tests::Api::new(&server.api.url, token["secret"].as_str().unwrap());

    assert_eq!(api.get(&format!("/workspaces/{workspace}/ports")).await["items"][0]["port"], 8000);
    let opened = api.call(Method::POST, &format!("/workspaces/{workspace}/ports/8000/open"), Some(json!({}))).await;
    assert_eq!(opened.0, StatusCode::FORBIDDEN);
    let direct = site.bare(Method::GET, "/").bearer_auth(&api.token).send().await.unwrap();
    assert_eq!(direct.status(), StatusCode::FORBIDDEN);
    let tunnel = api.call(Method::GET, &format!("/workspaces/{workspace}/ports/8000/connect"), None).await;
    assert_eq!(tunnel.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn ports_have_the_names_that_the_operator_chose() {
    let config = include_str!("../../../config/sandboxed.toml").replace("#ports_host =", "ports_host =");
    let server = Server::start_with(Options { config: Some(config), ..Options::default() }).await;
    let workspace = workspace(&server.api, json!({})).await;

    let path = format!("/workspaces/{workspace}/ports/8000/open");
    let request = server.api.request(Method::POST, &path).header("x-forwarded-proto", "https").json(&json!({}));
    let opened: Value = request.send().await.unwrap().json().await.unwrap();

    let url = opened["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("https://8000--{workspace}.ports.example.org")), "{url}");
    // The name without it is none of this server's any more.
    let local = Site::new(&server, &workspace, 8000).get("/").await;
    assert_eq!(local.status(), StatusCode::MISDIRECTED_REQUEST);
}

fn with_password() -> Options {
    Options { environment: vec![("DASHBOARD_PASSWORD".to_owned(), "correct horse".to_owned())], ..Options::default() }
}

async fn log_in(server: &Server) -> String {
    let client = reqwest::Client::new();
    let request = client.post(format!("{}/api/v1/auth/login", server.api.url));
    let answer = request.json(&json!({ "name": "admin", "password": "correct horse" })).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    cookie(&answer)
}
