//! No credential goes where it does not belong.

use crate::{
    client::{post_with, records, server, streams},
    desk::{Door, KEY, TOKEN},
};

#[tokio::test]
async fn the_token_does_not_go_up_and_what_clients_say_of_themselves_does() {
    let server = server("").await;
    let door = Door::to(&server).await;
    let bearer = format!("Bearer {TOKEN}");
    for (name, path, body) in streams("hi") {
        server.reset();
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{joint}key={TOKEN}&x=1");
        let headers = [
            ("x-api-key", TOKEN),
            ("authorization", bearer.as_str()),
            ("x-goog-api-key", TOKEN),
            ("api-key", TOKEN),
            ("cookie", "session=1"),
            ("forwarded", "for=10.0.0.1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("proxy-authorization", "Basic eDp5"),
            ("te", "trailers"),
            ("traceparent", "00-11111111111111111111111111111111-2222222222222222-01"),
            ("anthropic-beta", "context-1m-2025-08-07"),
            ("openai-beta", "responses=v1"),
            ("x-request-id", "mine"),
            ("idempotency-key", "once"),
            ("user-agent", "cli/1.0"),
        ];
        let answer = post_with(door.address, &path, &headers, &body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let record = records(&server).await.remove(0);
        let everything = format!("{record:?}");
        assert!(!everything.contains(TOKEN), "{name}: {everything}");
        let key = record.key.unwrap();
        assert_eq!(key.fingerprint, sandboxed_scripted_models::fingerprint(KEY), "{name}");
        for gone in ["cookie", "forwarded", "x-forwarded-for", "proxy-authorization", "te"] {
            assert!(!record.headers.contains_key(gone), "{name}: {gone}");
        }
        let credentials = ["x-api-key", "authorization", "x-goog-api-key", "api-key"];
        let sent: Vec<&str> = credentials.into_iter().filter(|name| record.headers.contains_key(*name)).collect();
        assert_eq!(sent.len(), 1, "{name}: {sent:?}");
        for (kept, value) in &headers[9..] {
            assert_eq!(record.headers.get(*kept).map(String::as_str), Some(*value), "{name}");
        }
        assert_eq!(record.headers["host"], server.address().to_string());
        assert!(record.query.unwrap().ends_with("x=1"), "{name}");
    }
}

#[tokio::test]
async fn an_error_that_tells_the_key_is_cleaned() {
    let server = server(&format!(
        "[[reply]]\ngzip = true\nheaders = {{ x-echo = \"{KEY}\", set-cookie = \"a=b\" }}\n\
         error = {{ status = 400, message = \"Incorrect API key provided: {KEY}, {KEY}.\" }}\n"
    ))
    .await;
    let door = Door::to(&server).await;
    for ((name, path, body), coding) in streams("hi").into_iter().zip(["identity", "gzip"].into_iter().cycle()) {
        let answer = post_with(door.address, path, &[("accept-encoding", coding)], &body).await;
        assert_eq!(answer.status, 400, "{name}");
        let everything = format!("{:?} {}", answer.headers, answer.text());
        assert!(!everything.contains(KEY), "{name}: {everything}");
        assert!(everything.contains("provided: [redacted], [redacted]."), "{name}: {everything}");
        assert!(answer.whole && answer.header("set-cookie").is_none(), "{name}");
    }
}
