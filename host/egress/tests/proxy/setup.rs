//! A proxy that runs, targets to reach through it, and clients.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sandboxed_egress::{Forbidden, Limits, Lookup, Policy, Proxy, Resolve, Verdict, VerdictSink};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// After this, what a test waits for will not come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Names that a test makes up. Each lookup takes the next answer; the last one stays. Without any, it never ends.
#[derive(Clone, Default)]
pub(crate) struct Names {
    answers: Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>,
    pub(crate) lookups: Arc<AtomicUsize>,
    /// Told when a lookup begins.
    pub(crate) asked: Arc<Notify>,
}

impl Names {
    pub(crate) fn with(self, name: &str, answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers.iter().map(parse).collect());
        self
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            self.asked.notify_one();
            let answer = {
                let mut names = self.answers.lock().unwrap();
                let answers = names.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
                if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() }
            };
            match answer {
                Some(answer) => Ok(answer),
                None => std::future::pending().await,
            }
        })
    }
}

pub(crate) struct Setup {
    pub(crate) proxy: Proxy,
    pub(crate) address: SocketAddr,
    pub(crate) verdicts: mpsc::Receiver<Verdict>,
    pub(crate) sink: VerdictSink,
    pub(crate) names: Names,
    shutdown: CancellationToken,
    served: Option<JoinHandle<()>>,
}

pub(crate) fn allow<T: AsRef<str>>(rules: &[T]) -> Policy {
    Policy::Allow(rules.iter().map(|rule| rule.as_ref().parse().unwrap()).collect())
}

pub(crate) struct Options {
    pub(crate) policy: Policy,
    pub(crate) forbidden: Forbidden,
    pub(crate) limits: Limits,
    pub(crate) names: Names,
    pub(crate) capacity: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policy: Policy::None,
            forbidden: Forbidden::default(),
            limits: Limits::default(),
            names: Names::default(),
            capacity: 64,
        }
    }
}

impl Setup {
    pub(crate) async fn new(policy: Policy) -> Self {
        Self::with(Options { policy, ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let (sink, verdicts) = VerdictSink::channel(options.capacity);
        let Options { policy, forbidden, limits, names, .. } = options;
        let proxy = Proxy::with_resolver(policy, forbidden, limits, sink.clone(), names.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn({
            let (proxy, shutdown) = (proxy.clone(), shutdown.clone());
            async move { proxy.serve(listener, shutdown).await }
        });
        Self { proxy, address, verdicts, sink, names, shutdown, served: Some(served) }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes, and gives all that comes back until the proxy closes the connection.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        rest(&mut stream).await
    }

    /// An open tunnel.
    pub(crate) async fn tunnel(&self, target: impl std::fmt::Display) -> TcpStream {
        let mut stream = self.connect().await;
        let answer = open_tunnel(&mut stream, target).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        stream
    }

    pub(crate) async fn verdict(&mut self) -> Verdict {
        soon("a verdict", self.verdicts.recv()).await.unwrap()
    }

    pub(crate) async fn shut_down(&mut self) {
        self.shutdown.cancel();
        soon("the end of the proxy", self.served.take().unwrap()).await.unwrap();
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Asks for a tunnel and reads the head of the answer.
pub(crate) async fn open_tunnel(stream: &mut TcpStream, target: impl std::fmt::Display) -> String {
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes()).await.unwrap();
    soon("the answer to CONNECT", head(stream)).await
}

/// Everything up to and with the first empty line.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    soon("the end of the connection", stream.read_to_end(&mut all)).await.unwrap();
    String::from_utf8_lossy(&all).into_owned()
}

/// Something that listens, and counts who came.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) visits: Arc<AtomicUsize>,
    /// What HTTP clients sent, each from its first to its last byte.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Target {
    async fn serve<F, Done>(address: &str, serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> Done + Send + 'static,
        Done: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let visits = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let (visits, requests) = (Arc::clone(&visits), Arc::clone(&requests));
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    visits.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(serve(stream, Arc::clone(&requests)));
                }
            }
        });
        Self { address, visits, requests, task }
    }

    /// Sends back what it gets, when it gets it.
    pub(crate) async fn echo() -> Self {
        Self::echo_at("127.0.0.1:0").await
    }

    pub(crate) async fn echo_at(address: &str) -> Self {
        Self::serve(address, |mut stream, _| async move {
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await?;
            write.shutdown().await
        })
        .await
    }

    /// Reads to the end, then sends it all back.
    pub(crate) async fn parrot() -> Self {
        Self::serve("127.0.0.1:0", |mut stream, _| async move {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await?;
            stream.write_all(&all).await?;
            stream.shutdown().await
        })
        .await
    }

    /// Says goodbye at once, then listens to the end.
    pub(crate) async fn hasty() -> Self {
        Self::serve("127.0.0.1:0", |mut stream, requests| async move {
            stream.write_all(b"bye").await?;
            stream.shutdown().await?;
            let heard = rest(&mut stream).await;
            requests.lock().unwrap().push(heard);
            Ok(())
        })
        .await
    }

    /// Answers each HTTP request with this, without closing the connection itself until the client does.
    pub(crate) async fn http_at(address: &str, answer: &'static str) -> Self {
        Self::serve(address, move |mut stream, requests| async move {
            let mut request = head(&mut stream).await;
            if request.contains("Expect: 100-continue") {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            let length = request.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).await?;
            while request.contains("chunked") && !body.ends_with(b"0\r\n\r\n") {
                body.push(stream.read_u8().await?);
            }
            request.push_str(&String::from_utf8_lossy(&body));
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            request.push_str(&rest(&mut stream).await);
            requests.lock().unwrap().push(request);
            Ok(())
        })
        .await
    }

    pub(crate) async fn http() -> Self {
        Self::http_at("127.0.0.1:0", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    /// What the first client sent, once it is done.
    pub(crate) async fn request(&self) -> String {
        soon("a request", async {
            loop {
                if let Some(request) = self.requests.lock().unwrap().first() {
                    return request.clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}
