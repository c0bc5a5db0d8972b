//! From `serve` to `/readyz`, and what an idle server takes.

use std::time::{Duration, Instant};

use sandboxed_tests::Server;

use crate::{
    figures::{millis, quantile, show},
    process::resident_mib,
};

pub(crate) async fn measure() {
    let begun = Instant::now();
    let mut server = Server::start().await;
    ready(&server).await;
    show("start to /readyz, plugins compiled", &millis(begun.elapsed()), "");
    let mut warm = Vec::new();
    for _ in 0..10 {
        server.stop().await;
        let begun = Instant::now();
        server.restart().await;
        ready(&server).await;
        warm.push(begun.elapsed());
    }
    show("start to /readyz, plugins in the cache (p50 of 10)", &millis(quantile(&mut warm, 0.5)), "< 300 ms");
    let resident = resident_mib(server.pid());
    show("resident memory, idle, all plugins loaded", &format!("{resident:.0} MiB"), "< 80 MB");

    let mission = server.api.mission("echo up; sleep 600").await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    server.crash();
    let begun = Instant::now();
    server.restart().await;
    let last = server.api.get(&format!("/missions/{mission}")).await["last_seq"].as_u64().unwrap();
    assert!(last > 0);
    show("back after SIGKILL with a run under way", &millis(begun.elapsed()), "< 3 s");
    let begun = Instant::now();
    server.api.post(&format!("/missions/{mission}/cancel"), serde_json::Value::Null).await;
    show("cancel a mission, processes proven gone", &millis(begun.elapsed()), "< 300 ms");
}

async fn ready(server: &Server) {
    let url = format!("{}/readyz", server.api.url);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(Instant::now() < deadline, "the server is not ready");
    }
}
