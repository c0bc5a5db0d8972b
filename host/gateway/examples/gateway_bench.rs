//! What the gateway costs: time to the first byte and to each further chunk, straight and through it, in turn in the same run;
//! and the memory of a stream.
//!
//! ```sh
//! cargo run --release -p sandboxed-gateway --example gateway_bench
//! ```

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use sandboxed_gateway::{
    Credential, Desk, Gateway, Limits, ModelListing, Refusal, Reservation, Route, Settled, Trouble, Wanted, Worst,
    trust,
};
use sandboxed_model::RequestId;
use sandboxed_scripted_models::{Options, Scenario, Server};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

const ROUNDS: usize = 400;
const STREAMS: usize = 200;

/// Lets everything through to one provider.
struct Open(Url);

impl Desk for Open {
    type Origin = ();
    type Caller = ();

    async fn admit(&self, _: &SecretString, _: &()) -> Result<(), Refusal> {
        Ok(())
    }

    async fn routes(&self, _: &(), wanted: &Wanted) -> Result<Vec<Route>, Refusal> {
        Ok(vec![Route {
            account: "one".to_owned(),
            provider: "scripted".to_owned(),
            format: wanted.format,
            base_url: self.0.clone(),
            model: wanted.model.clone().unwrap_or_default(),
            headers: HeaderMap::new(),
        }])
    }

    async fn reserve(&self, _: &(), _: &Route, _: &Worst) -> Result<Reservation, Refusal> {
        Ok(Reservation { id: RequestId::new(), output_allowance: None })
    }

    async fn credential(&self, _: &Route) -> Result<Credential, Refusal> {
        let header = HeaderName::from_static("x-api-key");
        Ok(Credential { header, value: SecretString::from("sk-real"), generation: 1 })
    }

    fn settle(&self, _: RequestId, settled: Settled) {
        assert!(settled.tokens.is_some() || settled.end != sandboxed_model::request::RequestEnd::Complete);
    }

    fn trouble(&self, _: &Route, trouble: &Trouble) {
        panic!("{trouble:?}");
    }

    fn well(&self, _: &Route) {}

    async fn exhausted(&self, _: &(), _: &Wanted, _: &[(Route, Trouble)]) -> Option<Refusal> {
        None
    }

    async fn models(&self, _: &()) -> Result<Vec<ModelListing>, Refusal> {
        Ok(Vec::new())
    }
}

fn request() -> Vec<u8> {
    let body = serde_json::json!({
        "model": "m", "max_tokens": 9, "stream": true,
        "system": "You are a helpful agent. ".repeat(400),
        "messages": [{ "role": "user", "content": "hi" }],
    });
    let body = body.to_string();
    let head =
        format!("POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: t\r\ncontent-length: {}\r\n\r\n", body.len());
    (head + &body).into_bytes()
}

/// The time to the first byte, and the pauses between what was read from there to the end of the answer.
async fn timed(stream: &mut TcpStream, request: &[u8]) -> (Duration, Vec<Duration>) {
    let begun = Instant::now();
    stream.write_all(request).await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut tail = Vec::new();
    let (mut first, mut pauses, mut last) = (None, Vec::new(), begun);
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0);
        let now = Instant::now();
        if first.is_some() {
            pauses.push(now - last);
        }
        first.get_or_insert(now - begun);
        last = now;
        tail.extend_from_slice(&buffer[..read]);
        if tail.ends_with(b"\r\n0\r\n\r\n") {
            return (first.unwrap(), pauses);
        }
        tail.drain(..tail.len().saturating_sub(16));
    }
}

fn quantile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize]
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn gateway(server: &str) -> SocketAddr {
    let desk = Arc::new(Open(Url::parse(server).unwrap()));
    let gateway = Gateway::new(desk, trust("").unwrap(), Limits::default()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(gateway.serve(stream, Bytes::new(), ()));
        }
    });
    address
}

#[tokio::main]
async fn main() {
    let scenario = "[[reply]]\nwhen = { user_contains = \"hi\" }\nchunk = 20\npace = { between_ms = 1 }\n\
        usage = { input = 10, output = 50 }\n\
        [[reply.content]]\ntype = \"text\"\ntext = \"All is well that ends well. \"\nrepeat = 30\n";
    let server =
        Server::start(Options { scenario: Scenario::parse(scenario).unwrap(), ..Options::default() }).await.unwrap();
    let address = gateway(&server.url()).await;
    let request = request();
    let mut straight = TcpStream::connect(server.address()).await.unwrap();
    let mut through = TcpStream::connect(address).await.unwrap();
    let (mut firsts, mut pauses) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..ROUNDS {
        for (at, stream) in [&mut straight, &mut through].into_iter().enumerate() {
            let (first, chunks) = timed(stream, &request).await;
            // The first rounds open connections and warm caches.
            if round >= ROUNDS / 10 {
                firsts[at].push(first);
                pauses[at].extend(chunks);
            }
        }
    }
    for (what, times) in [("time to first byte", &mut firsts), ("pause between chunks", &mut pauses)] {
        for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
            let [straight, through] = times.each_mut().map(|times| quantile(times, part));
            println!(
                "{what} {name}: straight {straight:?}, through {through:?}, ratio {:.2}, added {:?}",
                through.as_secs_f64() / straight.as_secs_f64(),
                through.saturating_sub(straight),
            );
        }
    }

    // Streams that stand still in the middle, first straight and then through: both ends and the provider are in this
    // process, so the difference is the gateway's part.
    let scenario = "[[reply]]\ntext = \"All is well that ends well.\"\nchunk = 2\nfault = { kind = \"stall\", after_events = 8 }\n";
    server.play(Scenario::parse(scenario).unwrap());
    let mut grown = Vec::new();
    for to in [server.address(), address] {
        let before = resident();
        let mut held = Vec::new();
        for _ in 0..STREAMS {
            let mut stream = TcpStream::connect(to).await.unwrap();
            stream.write_all(&request).await.unwrap();
            let mut head = [0; 600];
            stream.read_exact(&mut head).await.unwrap();
            held.push(stream);
        }
        grown.push(resident().saturating_sub(before));
        println!("{STREAMS} streams: resident memory grew by {} KiB", grown.last().unwrap());
        drop(held);
        assert!(server.settled(Duration::from_secs(30)).await);
    }
    let each = grown[1].saturating_sub(grown[0]) as f64 / STREAMS as f64;
    println!("of that the gateway: {each:.1} KiB a stream, ratio {:.2}", grown[1] as f64 / grown[0].max(1) as f64);
}
