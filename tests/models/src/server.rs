//! Listens and serves.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Error,
    choose::Play,
    control,
    ledger::{Ledger, Record, Total},
    scenario::Scenario,
    service::{self, Stage},
    wiretap::{Reset, Wire},
};

/// How long open connections have once the server is asked to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a server is to be started. The default listens on a free port of the loopback address and echoes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address; port 0 for any that is free.
    pub listen: SocketAddr,
    /// An address for the control surface, which then is nowhere else.
    pub control: Option<SocketAddr>,
    /// What is answered.
    pub scenario: Scenario,
    /// A certificate, for TLS.
    pub certificate: Option<Certificate>,
    /// Bytes of each request's body that the ledger keeps.
    pub keep_bodies: usize,
    /// Records that the ledger keeps; of more, the oldest go.
    pub most_records: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control: None,
            scenario: Scenario::default(),
            certificate: None,
            keep_bodies: 0,
            most_records: 100_000,
        }
    }
}

/// A certificate with its chain and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate first, then its chain.
    pub chain: String,
    /// The private key.
    pub key: String,
}

/// A server that runs. It ends when this is dropped.
pub struct Server {
    address: SocketAddr,
    control: SocketAddr,
    scheme: &'static str,
    stage: Arc<Stage>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] if an address cannot be had, [`Error::Certificate`] if the certificate cannot be used.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let tls = options.certificate.as_ref().map(acceptor).transpose()?;
        let (listener, address) = bind(options.listen).await?;
        let (stop, stopped) = watch::channel(false);
        let stage = Arc::new(Stage {
            play: Play::new(options.scenario),
            ledger: Ledger::new(options.most_records.max(1)),
            keep: options.keep_bodies,
            stop: stopped.clone(),
            control_apart: options.control.is_some(),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut tasks = Vec::new();
        let mut control = address;
        if let Some(apart) = options.control {
            let (listener, at) = bind(apart).await?;
            control = at;
            tasks.push(tokio::spawn(accept(listener, Arc::clone(&stage), None, true, stopped.clone())));
        }
        tasks.push(tokio::spawn(accept(listener, Arc::clone(&stage), tls, false, stopped)));
        Ok(Self { address, control, scheme, stage, stop, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address, without a slash at its end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The base address of the control surface.
    pub fn control_url(&self) -> String {
        let scheme = if self.control == self.address { self.scheme } else { "http" };
        format!("{scheme}://{}", self.control)
    }

    /// All records that are kept, oldest first.
    pub fn ledger(&self) -> Vec<Record> {
        self.stage.ledger.records(0)
    }

    /// The sums of all requests that have ended, by key and model.
    pub fn totals(&self) -> Vec<Total> {
        self.stage.ledger.totals()
    }

    /// Waits until no answer goes on, for so long at most, and tells whether that came about.
    pub async fn settled(&self, within: Duration) -> bool {
        self.stage.ledger.settled(within).await
    }

    /// Puts another scenario in place. Answers that go on are not touched.
    pub fn play(&self, scenario: Scenario) {
        self.stage.play.put(scenario);
    }

    /// Empties the ledger and begins the scenario anew.
    pub fn reset(&self) {
        self.stage.ledger.reset();
        self.stage.play.restart();
    }

    /// Stops: no further requests are taken, and answers that go on have two seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has been told of already.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

fn acceptor(certificate: &Certificate) -> Result<TlsAcceptor, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());
    let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).map_err(|error| wrong(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(
    listener: TcpListener,
    stage: Arc<Stage>,
    tls: Option<TlsAcceptor>,
    control: bool,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of descriptors, most likely: some are free again once connections have ended.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            () = asked(&mut stop) => break,
        };
        // Small events are not to wait for each other.
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, Arc::clone(&stage), tls.clone(), control, stop.clone()));
    }
    drop(listener);
    let _ = tokio::time::timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
}

/// Waits until the server is asked to stop, or is gone.
pub(crate) async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    stream: TcpStream,
    stage: Arc<Stage>,
    tls: Option<TlsAcceptor>,
    control: bool,
    stop: watch::Receiver<bool>,
) {
    let reset: Reset = Arc::new(AtomicBool::new(false));
    let wire = Wire::new(stream, Arc::clone(&reset));
    match tls {
        None => http(wire, stage, reset, control, stop).await,
        Some(tls) => {
            let handshake = tokio::time::timeout(Duration::from_secs(10), tls.accept(wire)).await;
            if let Ok(Ok(wire)) = handshake {
                http(wire, stage, reset, control, stop).await;
            }
        }
    }
}

async fn http<T>(wire: T, stage: Arc<Stage>, reset: Reset, control: bool, mut stop: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let (stage, reset) = (Arc::clone(&stage), Arc::clone(&reset));
        async move {
            let path = request.uri().path();
            if control || (!stage.control_apart && path.starts_with(control::PREFIX)) {
                return Ok(control::serve(stage, request).await);
            }
            service::serve(stage, request, reset).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(60))
        // What a client that is gone has not read is counted as sent: this keeps it small.
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        // Clients vanish and scenarios break connections: neither is news.
        _ = connection.as_mut() => {}
        () = asked(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
