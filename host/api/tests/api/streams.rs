//! Event streams.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Api, PATIENCE};

/// Reads `(id, event, data)` from a stream until `enough`.
async fn read(response: Response, mut enough: impl FnMut(&(u64, String, Value)) -> bool) -> Vec<(u64, String, Value)> {
    assert_eq!(response.status(), 200);
    let mut bytes = response.bytes_stream();
    let (mut text, mut events) = (String::new(), Vec::new());
    loop {
        let chunk = tokio::time::timeout(PATIENCE, bytes.next()).await.expect("nothing more came");
        text.push_str(std::str::from_utf8(&chunk.expect("the stream ended").unwrap()).unwrap());
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
            };
            if let (Some(id), Some(kind), Some(data)) = (field("id"), field("event"), field("data")) {
                let event = (id.parse().unwrap(), kind, serde_json::from_str(&data).unwrap());
                let last = enough(&event);
                events.push(event);
                if last {
                    return events;
                }
            }
            text = rest.to_owned();
        }
    }
}

#[tokio::test]
async fn a_stream_is_not_to_be_stored_changed_or_held_back_on_its_way() {
    let api = Api::start().await;
    let response = api.get(&format!("/missions/{}/stream", api.mission)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let first = response.bytes_stream().next().await.unwrap().unwrap();
    assert!(first.starts_with(b"retry: "), "a browser is not told when to come back");
}

#[tokio::test]
async fn a_stream_goes_on_where_the_client_says() {
    let api = Api::start().await;
    let path = format!("/missions/{}/stream", api.mission);
    let ids = |events: Vec<(u64, String, Value)>| events.into_iter().map(|event| event.0).collect::<Vec<_>>();
    let last = |event: &(u64, String, Value)| event.0 == 12;

    assert_eq!(ids(read(api.get(&path).await, last).await), (1..=12).collect::<Vec<_>>());
    assert_eq!(ids(read(api.get(&format!("{path}?after=9")).await, last).await), [10, 11, 12]);
    let header = api.request(Method::GET, &format!("{path}?after=2")).header("last-event-id", "10").send();
    assert_eq!(ids(read(header.await.unwrap(), last).await), [11, 12], "the header goes before the query");
}

#[tokio::test]
async fn an_event_says_its_kind_and_is_whole() {
    let api = Api::start().await;
    let events = read(api.get(&format!("/missions/{}/stream", api.mission)).await, |event| event.0 == 12).await;
    for (id, kind, event) in &events {
        assert_eq!(event["seq"], *id);
        assert_eq!(event["kind"], **kind);
        assert_eq!(event["mission"], api.mission.to_string());
    }
    assert_eq!(events[11].2["body"]["to"], "cancelled");
}

#[tokio::test]
async fn clients_that_come_and_go_while_events_are_written_miss_none_and_see_none_twice() {
    let api = Api::with_log(300, 100).await;
    let path = format!("/missions/{}", api.mission);
    let writer = async {
        for round in 0..40 {
            api.post(&format!("{path}/messages"), &json!({ "text": format!("echo {round}") })).await;
            api.post(&format!("{path}/cancel"), &Value::Null).await;
        }
        let mission: Value = api.get(&path).await.json().await.unwrap();
        mission["last_seq"].as_u64().unwrap()
    };
    // Each client takes some events, leaves, and comes back with the last id that it saw.
    let reader = async |step: u64| {
        let mut seen = Vec::new();
        while seen.len() < 340 {
            let after = seen.last().copied().unwrap_or(0);
            let request = api.request(Method::GET, &format!("{path}/stream")).header("last-event-id", after);
            let target = (after + step).min(340);
            let events = read(request.send().await.unwrap(), |event| event.0 >= target).await;
            seen.extend(events.into_iter().map(|event| event.0));
        }
        seen
    };
    let (last, a, b, c) = futures_util::join!(writer, reader(7), reader(64), reader(1000));
    assert!(last >= 340, "the writer wrote only {last} events");
    for seen in [a, b, c] {
        assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn all_missions_are_followed_by_revision() {
    let api = Api::start().await;
    let stream = api.get("/stream").await;
    let path = format!("/missions/{}", api.mission);
    let rename = api.request(Method::PATCH, &path).json(&json!({ "title": "Renamed" })).send();
    let (events, renamed) = futures_util::join!(read(stream, |_| true), rename);
    assert_eq!(renamed.unwrap().status(), 200);
    let (revision, kind, mission) = &events[0];
    assert_eq!((kind.as_str(), mission["title"].as_str()), ("mission", Some("Renamed")));
    assert_eq!(mission["revision"], *revision);

    let again = read(api.get(&format!("/stream?after={}", revision - 1)).await, |_| true).await;
    assert_eq!(again[0].0, *revision);
}

#[tokio::test]
async fn streams_end_cleanly_when_the_server_stops() {
    let mut api = Api::start().await;
    let response = api.get(&format!("/missions/{}/stream?after=12", api.mission)).await;
    let mut bytes = response.bytes_stream();
    assert!(bytes.next().await.unwrap().is_ok());

    api.shutdown.cancel();

    let rest = tokio::time::timeout(PATIENCE, bytes.collect::<Vec<_>>()).await.expect("the stream did not end");
    assert!(rest.iter().all(Result::is_ok), "the stream broke off: {rest:?}");
    tokio::time::timeout(Duration::from_secs(30), api.served.take().unwrap()).await.expect("it did not stop").unwrap();
    assert!(reqwest::get(format!("{}/healthz", api.url)).await.is_err(), "it still answers");
}
