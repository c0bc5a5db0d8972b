//! Logins, cookies, names of the server.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, problem};

#[tokio::test]
async fn a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let api = Api::start().await;
    let body = json!({ "name": "admin", "password": PASSWORD });
    let login = || api.anonymous(Method::POST, "/api/v1/auth/login").json(&body);

    let response = login().send().await.unwrap();

    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["sandboxed_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "a browser would drop it on plain HTTP");
    let proxied = login().header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(proxied.headers()["set-cookie"].to_str().unwrap().contains("Secure"));
}

#[tokio::test]
async fn a_login_ends_with_the_logout() {
    let api = Api::start().await;
    let cookie = api.log_in().await;
    let me = || api.anonymous(Method::GET, "/api/v1/auth/me").header("cookie", &cookie).send();
    let who: Value = me().await.unwrap().json().await.unwrap();
    assert_eq!((who["name"].as_str(), who["scope"].as_str()), (Some("admin"), Some("admin")));

    let logout = api.anonymous(Method::POST, "/api/v1/auth/logout").header("cookie", &cookie);
    let response = logout.header("origin", &api.url).send().await.unwrap();

    assert_eq!(response.status(), 204);
    assert!(response.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(me().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_change_with_the_cookie_has_to_come_from_the_servers_own_page() {
    let api = Api::start().await;
    let cookie = api.log_in().await;
    let title = async |name: Option<(&str, &str)>| {
        let path = format!("/api/v1/missions/{}", api.mission);
        let mut request =
            api.anonymous(Method::PATCH, &path).header("cookie", &cookie).json(&json!({ "title": "New" }));
        if let Some((name, value)) = name {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    };
    for other in [
        None,
        Some(("origin", "http://evil.example")),
        Some(("origin", "http://127.0.0.1:1")),
        Some(("origin", "null")),
        Some(("sec-fetch-site", "cross-site")),
    ] {
        let response = title(other).await;
        assert_eq!(response.status(), 403, "{other:?}");
        assert_eq!(problem(response).await["code"], "http.origin_not_allowed");
    }
    for own in [("origin", api.url.as_str()), ("sec-fetch-site", "same-origin")] {
        assert_eq!(title(Some(own)).await.status(), 200, "{own:?}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_not_made_up_for_by_a_good_cookie() {
    let api = Api::start().await;
    let cookie = api.log_in().await;
    let request = api.anonymous(Method::GET, "/api/v1/auth/me").header("cookie", cookie).bearer_auth("sbx_wrong");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn guessing_passwords_becomes_slow() {
    let api = Api::start().await;
    let guess = || {
        let body = json!({ "name": "admin", "password": "wrong password" });
        api.anonymous(Method::POST, "/api/v1/auth/login").json(&body).send()
    };
    for attempt in 0..20 {
        let response = guess().await.unwrap();
        if response.status() == 429 {
            assert!(attempt >= 3, "a typing error or two must not lock anybody out");
            let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            let problem = problem(response).await;
            assert!(wait >= 1 && problem["retry_after_ms"].as_u64().unwrap() >= 1000, "{problem}");
            return;
        }
        assert_eq!(response.status(), 401);
    }
    panic!("20 wrong passwords were looked at");
}

#[tokio::test]
async fn a_request_under_another_name_is_refused_everywhere() {
    let api = Api::start().await;
    for path in ["/", "/healthz", "/api/v1/missions", "/nowhere"] {
        let request = api.anonymous(Method::GET, path).bearer_auth(&api.token).header("host", "evil.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 421, "{path}");
        let problem = problem(response).await;
        assert_eq!(problem["code"], "http.host_not_allowed");
        assert!(problem["hint"].as_str().unwrap().contains("server.allowed_hosts"));
    }
}

#[tokio::test]
async fn the_end_of_a_token_is_immediate() {
    let api = Api::start().await;
    let made: Value = api.post("/tokens", &json!({ "name": "ci", "scope": "read" })).await.json().await.unwrap();
    let secret = made["secret"].as_str().unwrap();
    let me = || api.anonymous(Method::GET, "/api/v1/auth/me").bearer_auth(secret).send();
    assert_eq!(me().await.unwrap().status(), 200);

    let id = made["token"]["id"].as_str().unwrap();
    assert_eq!(api.request(Method::DELETE, &format!("/tokens/{id}")).send().await.unwrap().status(), 204);

    assert_eq!(me().await.unwrap().status(), 401);
    let listed = api.get("/tokens").await.text().await.unwrap();
    assert!(!listed.contains(secret), "a list shows secrets");
}

#[tokio::test]
async fn every_change_is_noted_with_who_and_how_it_came_out() {
    let api = Api::start().await;
    let path = format!("/missions/{}", api.mission);
    api.request(Method::PATCH, &path).json(&json!({ "title": "Secret plan" })).send().await.unwrap();
    let wrong = json!({ "name": "admin", "password": "a wrong password" });
    api.anonymous(Method::POST, "/api/v1/auth/login").json(&wrong).send().await.unwrap();

    let log: Value = api.get("/audit").await.json().await.unwrap();

    let entries = log["items"].as_array().unwrap();
    let login = &entries[0];
    assert_eq!((login["action"].as_str(), login["outcome"].as_str()), (Some("POST /api/v1/auth/login"), Some("401")));
    assert!(login["user"].is_null());
    let rename = &entries[1];
    assert_eq!(rename["action"], "PATCH /api/v1/missions/{id}");
    assert_eq!(rename["target"], format!("/api/v1{path}"));
    assert_eq!(rename["outcome"], "200");
    assert!(rename["user"].is_string());
    assert!(!log.to_string().contains("Secret plan") && !log.to_string().contains("password"), "a body was noted");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_a_browser_safe() {
    let api = Api::start().await;
    for path in ["/", "/healthz", "/api/v1/missions", "/nowhere"] {
        let response = api.anonymous(Method::GET, path).header("origin", "http://evil.example").send().await.unwrap();
        let headers = response.headers();
        assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert!(!headers.contains_key("access-control-allow-origin"), "CORS is open at {path}");
    }
}
