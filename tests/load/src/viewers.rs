//! From a line that a process prints to 200 viewers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use sandboxed_tests::Server;

use crate::figures::{millis, quantile, show};

const VIEWERS: usize = 200;
/// Prints 2,000 lines a second for five seconds, each with its time in nanoseconds.
const PRINTER: &str = r#"
for tick in $(seq 500); do
    for line in $(seq 20); do echo "t $EPOCHREALTIME"; done
    read -rt 0.008 <> <(:) || :
done
echo done
"#;

pub(crate) async fn measure() {
    let server = Server::start().await;
    let mission = server.api.mission(&format!("until [ -e go ]; do sleep 0.05; done\n{PRINTER}")).await;
    let shown = server.api.reaches(&mission, &["running"]).await;
    let viewers = (0..VIEWERS).map(|_| {
        let (api, mission) = (server.api.clone(), mission.clone());
        tokio::spawn(async move {
            let mut delays = Vec::new();
            api.follow(&mission, 0, |event| {
                if event["kind"] == "tool_output" {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                    let text = event["body"]["text"].as_str().unwrap();
                    // The newest line of the event: those before it waited to be told together.
                    if let Some(printed) = text.lines().filter_map(|line| line.strip_prefix("t ")).next_back()
                        && let Ok(seconds) = printed.parse::<f64>()
                    {
                        delays.push(now.saturating_sub(Duration::from_secs_f64(seconds)));
                    }
                }
                event["kind"] == "turn_ended"
            })
            .await;
            delays
        })
    });
    let viewers: Vec<_> = viewers.collect();
    let tree = server.data_dir().join(format!("workspaces/{}/tree", shown["workspace"].as_str().unwrap()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::fs::write(tree.join("go"), "").unwrap();
    let mut delays: Vec<Duration> = join_all(viewers).await.into_iter().flat_map(Result::unwrap).collect();
    show("line to viewer, 200 viewers, 2,000 lines/s, p50", &millis(quantile(&mut delays, 0.5)), "");
    show("line to viewer, 200 viewers, 2,000 lines/s, p99", &millis(quantile(&mut delays, 0.99)), "< 50 ms");
}
