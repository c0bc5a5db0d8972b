use reqwest::{Method, StatusCode};
use sandboxed_tests::Server;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::setup::{Site, header, serve, serve_tls, served, workspace};

#[tokio::test]
async fn a_request_reaches_the_service_as_it_was_made_and_the_answer_comes_back_as_it_is() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;

    let told: Value = site
        .request(Method::DELETE, "/a%20b/c?d=e&f")
        .header("x-mine", "1")
        .header("x-mine", "2")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((told["method"].as_str(), told["path"].as_str()), (Some("DELETE"), Some("/a%20b/c?d=e&f")));
    assert_eq!(header(&told, "x-mine"), ["1", "2"]);
    assert_eq!(header(&told, "host"), [site.host.as_str()]);
    assert_eq!(header(&told, "x-forwarded-host"), [site.host.as_str()]);
    assert_eq!(header(&told, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(header(&told, "x-forwarded-proto"), ["http"]);

    let missing = site.get("/missing").await;
    assert_eq!((missing.status(), missing.headers()["x-own"].to_str().unwrap()), (StatusCode::NOT_FOUND, "yes"));
    assert!(!missing.headers().contains_key("content-security-policy"), "the service's page is the service's own");
    assert_eq!(missing.text().await.unwrap(), "the service's own page");

    let redirect = site.get("/redirect").await;
    assert_eq!(
        (redirect.status(), &redirect.headers()["location"]),
        (StatusCode::FOUND, &"/elsewhere".parse().unwrap())
    );

    let head = site.request(Method::HEAD, "/missing").send().await.unwrap();
    assert_eq!((head.status(), &head.headers()["content-length"]), (StatusCode::NOT_FOUND, &"22".parse().unwrap()));

    let cookie = site.get("/cookie").await;
    assert_eq!(cookie.headers()["set-cookie"], "a=1; Path=/", "a cookie for the names of other ports");
}

#[tokio::test]
async fn no_credential_of_the_server_ever_arrives_at_a_service() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;

    let told: Value = site
        .request(Method::GET, "/")
        .header("cookie", "mine=1; sandboxed_port=secret-a; sandboxed_session=secret-b")
        .header("connection", "x-hidden")
        .header("x-hidden", "secret-c")
        .header("proxy-authorization", "secret-d")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();

    let text = told.to_string();
    assert!(!text.contains("secret-") && !text.contains(&server.api.token) && !text.contains("sbx_"), "{text}");
    assert_eq!(header(&told, "cookie"), ["mine=1"]);
    // A password of the service's own is its own.
    let token = server.api.token.clone();
    let answer = site.bare(Method::GET, "/").basic_auth("user", Some(token)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "another scheme lets nobody in");
}

#[tokio::test]
async fn two_workspaces_have_the_same_port_and_each_is_its_own() {
    let server = Server::start().await;
    let (first, one) = served(&server, 8000).await;
    let second = workspace(&server.api, json!({})).await;
    serve(&server.api, &second, 8000).await;
    let two = Site::new(&server, &second, 8000);
    for (workspace, text) in [(&first, "first"), (&second, "second")] {
        let write =
            json!({ "command": ["bash", "-c", format!("echo -n {text} > name && exec python3 -m http.server 8080")] });
        server.api.post(&format!("/workspaces/{workspace}/processes"), write).await;
        crate::setup::listens(&server.api, workspace, 8080).await;
    }

    assert_eq!((one.get("/").await.status(), two.get("/").await.status()), (StatusCode::OK, StatusCode::OK));
    for (workspace, text) in [(&first, "first"), (&second, "second")] {
        assert_eq!(Site::new(&server, workspace, 8080).get("/name").await.text().await.unwrap(), text);
    }
}

#[tokio::test]
async fn a_port_on_which_nothing_listens_says_so_and_which_ports_do() {
    let server = Server::start().await;
    let (workspace, _) = served(&server, 8000).await;
    let silent = Site::new(&server, &workspace, 8001);

    let problem: Value = silent.get("/").await.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(503), &json!("ports.nothing_listens")));
    assert_eq!(problem["hint"], "something listens on 8000");
    let page = silent.request(Method::GET, "/").header("accept", "text/html,*/*").send().await.unwrap();
    assert_eq!(
        (page.status(), &page.headers()["content-type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(page.text().await.unwrap().contains("nothing listens on port 8001"));
    // The way out of the workspace listens at an address of its own, and is not reached.
    let way_out: Value = Site::new(&server, &workspace, 3128).get("/").await.json().await.unwrap();
    assert_eq!(way_out["code"], "ports.nothing_listens");
    let nobody = Site::new(&server, "0199a0a0-0000-7000-8000-000000000000", 8000);
    assert_eq!(nobody.get("/").await.status(), StatusCode::NOT_FOUND);
    let named = Site::new(&server, "main", 8000);
    assert_eq!(named.get("/").await.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_service_that_speaks_something_else_is_told_to_do_so() {
    let server = Server::start().await;
    let workspace = workspace(&server.api, json!({})).await;
    let script = "import socket\ns = socket.create_server(('127.0.0.1', 8002))\nwhile True:\n  c, _ = s.accept()\n  c.sendall(b'SSH-2.0-x\\r\\n'); c.close()";
    crate::setup::start(&server.api, &workspace, &["python3", "-c", script]).await;
    crate::setup::listens(&server.api, &workspace, 8002).await;

    let answer = Site::new(&server, &workspace, 8002).get("/").await;

    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "ports.no_answer");
    assert!(problem["hint"].as_str().unwrap().contains("forward"));
}

#[tokio::test]
async fn a_service_over_tls_is_reached_where_it_was_declared() {
    let server = Server::start().await;
    let declared = json!([{ "name": "web", "port": 8443, "protocol": "https" }]);
    let workspace = workspace(&server.api, json!({ "ports": declared })).await;
    serve_tls(&server.api, &workspace, 8443).await;

    let told = Site::new(&server, &workspace, 8443).told("/over/tls").await;

    assert_eq!(told["path"], "/over/tls");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;
    let mut stream = BufReader::new(TcpStream::connect(site.address).await.unwrap());

    for path in ["/one", "/two", "/three"] {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", site.host, server.api.token);
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["path"], path);
    }
}
