//! How an engine is found, and what is said when it is not.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test program uses a part of what they share")]

mod support;

use std::{
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
};

use sandboxed_engine::{CgroupVersion, Endpoint, Engine, Error, Owner, Product};

fn owner() -> Owner {
    "test".parse().unwrap()
}

async fn failure(socket: &Path) -> sandboxed_model::Failure {
    Engine::connect(Endpoint::Socket(socket.to_owned()), owner()).await.unwrap_err().failure()
}

#[tokio::test]
async fn the_version_is_one_that_the_engine_speaks() {
    let engine = Engine::connect(Endpoint::Socket(support::socket()), owner()).await.unwrap();
    let facts = engine.probe().await.unwrap();
    assert_eq!(facts.api, engine.api_version());
    assert!(facts.api.starts_with("1."), "{facts:?}");
}

#[tokio::test]
async fn the_engine_tells_what_it_is() {
    let engine = Engine::connect(Endpoint::Socket(support::socket()), owner()).await.unwrap();
    let facts = engine.probe().await.unwrap();
    let expected =
        if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { CgroupVersion::V2 } else { CgroupVersion::V1 };
    assert_eq!((facts.product, facts.os.as_str(), facts.cgroup), (Product::Docker, "linux", Some(expected)));
    assert_eq!(facts.arch, std::env::consts::ARCH);
    assert!(facts.runtimes.iter().any(|runtime| runtime == "runc"), "{facts:?}");
    assert!(!facts.version.is_empty() && !facts.storage_driver.is_empty(), "{facts:?}");
}

#[tokio::test]
async fn a_missing_socket_is_told_with_its_path_and_remedy() {
    let failure = failure(Path::new("/nonexistent/docker.sock")).await;
    assert_eq!(failure.code, "containers.socket_missing");
    assert!(failure.message.contains("/nonexistent/docker.sock"), "{failure:?}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("systemctl start docker")));
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert_eq!(failure(&socket).await.code, "containers.not_answering");
}

#[tokio::test]
async fn what_hangs_up_is_no_engine() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let hang_up = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    assert_eq!(failure(&socket).await.code, "containers.not_answering");
    hang_up.abort();
}

#[tokio::test(start_paused = true)]
async fn what_never_answers_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let failure = failure(&socket).await;
    assert_eq!(failure.code, "containers.not_answering");
    assert!(failure.message.contains("5 s"), "{failure:?}");
}

#[tokio::test]
async fn an_address_without_tls_is_refused() {
    let file = || "/nonexistent.pem".into();
    let endpoint = Endpoint::Tcp { url: "http://127.0.0.1:2375".into(), ca: file(), cert: file(), key: file() };
    assert!(matches!(Engine::connect(endpoint, owner()).await, Err(Error::Url(_))));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_told_with_its_path() {
    let file = || "/nonexistent.pem".into();
    let endpoint = Endpoint::Tcp { url: "tcp://127.0.0.1:2376".into(), ca: file(), cert: file(), key: file() };
    let error = Engine::connect(endpoint, owner()).await.unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }) && error.to_string().contains("/nonexistent.pem"), "{error}");
}

/// Certificates of an engine and of a server, from one authority, and the files that an endpoint names.
struct Certificates {
    directory: tempfile::TempDir,
    engine: Vec<rustls::pki_types::CertificateDer<'static>>,
    engine_key: rustls::pki_types::PrivateKeyDer<'static>,
    authority: rustls::pki_types::CertificateDer<'static>,
}

impl Certificates {
    fn new() -> Self {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let [engine, server] = ["localhost", "server"].map(|name| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.signed_by(&key, &authority).unwrap(), key)
        });
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in
            [("ca.pem", authority.pem()), ("cert.pem", server.0.pem()), ("key.pem", server.1.serialize_pem())]
        {
            let path = directory.path().join(file);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self {
            directory,
            engine: vec![engine.0.der().clone()],
            engine_key: rustls::pki_types::PrivateKeyDer::try_from(engine.1.serialize_der()).unwrap(),
            authority: authority.der().clone(),
        }
    }

    /// An engine behind TLS that takes only servers with a certificate of the authority.
    async fn listen(&self) -> (u16, tokio::task::JoinHandle<()>) {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
            .build()
            .unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.engine.clone(), self.engine_key.clone_key())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = support::socket();
        let serve = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, socket) = (acceptor.clone(), socket.clone());
                tokio::spawn(async move {
                    let mut outer = acceptor.accept(stream).await?;
                    let mut inner = tokio::net::UnixStream::connect(socket).await?;
                    tokio::io::copy_bidirectional(&mut outer, &mut inner).await
                });
            }
        });
        (port, serve)
    }

    fn endpoint(&self, port: u16, ca: &Path) -> Endpoint {
        let file = |name: &str| self.directory.path().join(name);
        Endpoint::Tcp {
            url: format!("tcp://localhost:{port}"),
            ca: ca.to_owned(),
            cert: file("cert.pem"),
            key: file("key.pem"),
        }
    }
}

#[tokio::test]
async fn a_remote_engine_is_used_like_a_local_one() {
    use tokio::io::AsyncWriteExt;
    let certificates = Certificates::new();
    let (port, serve) = certificates.listen().await;
    let fixture = support::Fixture::running().await;
    let owner = format!("test-{}", fixture.workspace).parse().unwrap();
    let endpoint = certificates.endpoint(port, &certificates.directory.path().join("ca.pem"));
    let engine = Engine::connect(endpoint, owner).await.unwrap();
    let mut session = engine.exec(fixture.workspace, &support::shell("cat; exit 3")).await.unwrap();
    session.input.write_all(b"over the wire").await.unwrap();
    session.input.shutdown().await.unwrap();
    let ended = support::finish(session).await;
    assert_eq!((ended.stdout.as_str(), ended.exit.unwrap()), ("over the wire", 3));
    serve.abort();
}

#[tokio::test]
async fn an_engine_with_a_certificate_of_another_authority_is_refused() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let (port, serve) = certificates.listen().await;
    let endpoint = certificates.endpoint(port, &others.directory.path().join("ca.pem"));
    let error = Engine::connect(endpoint, owner()).await.unwrap_err();
    assert!(matches!(error, Error::CertificateRefused { .. }) && error.to_string().contains("authority"), "{error}");
    serve.abort();
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    let certificates = Certificates::new();
    let key = certificates.directory.path().join("key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let endpoint = certificates.endpoint(1, &certificates.directory.path().join("ca.pem"));
    let failure = Engine::connect(endpoint, owner()).await.unwrap_err().failure();
    assert_eq!(failure.code, "containers.certificate");
    assert!(failure.message.contains("chmod 600"), "{failure:?}");
}
