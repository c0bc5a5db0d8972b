//! One connection to the engine for each request.
//!
//! Connections are not kept: those of a pool die with a restart of the engine and fail the first request after it, and a
//! new one costs 0.1 ms on a socket. Requests of the library and those made here go the same way.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bollard::BollardRequest;
use http::{HeaderValue, Uri, header::HOST, uri::PathAndQuery};
use hyper::{Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use crate::{Endpoint, Error};

/// Within this the engine must take a connection, and answer the first request.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The port of an engine that speaks TLS, as its documentation gives it.
const TLS_PORT: u16 = 2376;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// How to reach the engine.
#[derive(Clone)]
pub(crate) struct Transport {
    dial: Arc<Dial>,
}

enum Dial {
    Socket(PathBuf),
    Tls { address: (String, u16), name: ServerName<'static>, connector: TlsConnector },
}

/// The engine could not be reached: told apart from failures of a request by its type.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Unreached(#[from] io::Error);

impl Unreached {
    /// Why.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }

    /// The error itself.
    pub(crate) fn error(&self) -> &io::Error {
        &self.0
    }

    /// The one inside of an error, if there is one.
    pub(crate) fn inside(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

impl Transport {
    /// Reads the certificates; nothing is connected yet.
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let dial = match endpoint {
            Endpoint::Socket(path) => Dial::Socket(path.clone()),
            Endpoint::Tcp { url, ca, cert, key } => {
                let address = address(url).ok_or_else(|| Error::Url(url.clone()))?;
                let name = ServerName::try_from(address.0.clone()).map_err(|_| Error::Url(url.clone()))?;
                let roots = certificates(ca)?.into_iter().try_fold(RootCertStore::empty(), |mut roots, root| {
                    roots.add(root).map(|()| roots).map_err(|error| Error::certificate(ca, error))
                })?;
                private(key)?;
                let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| Error::certificate(key, error))?;
                let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .map_err(|error| Error::certificate(ca, error))?
                    .with_root_certificates(roots)
                    .with_client_auth_cert(certificates(cert)?, key_der)
                    .map_err(|error| Error::certificate(cert, error))?;
                Dial::Tls { address, name, connector: TlsConnector::from(Arc::new(config)) }
            }
        };
        Ok(Self { dial: Arc::new(dial) })
    }

    /// Sends a request and waits for the head of the answer. To drop the answer ends the connection.
    pub(crate) async fn request(
        &self,
        mut request: BollardRequest,
    ) -> Result<Response<Incoming>, bollard::errors::Error> {
        let io = tokio::time::timeout(CONNECT_WITHIN, self.dial())
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|error| io::Error::other(Unreached::from(error)))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        tokio::spawn(connection.with_upgrades());
        // The address stands for a socket: only the path is the engine's.
        let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().insert(HOST, HeaderValue::from_static("engine"));
        Ok(sender.send_request(request).await?)
    }

    async fn dial(&self) -> io::Result<Pin<Box<dyn Io>>> {
        Ok(match &*self.dial {
            Dial::Socket(path) => Box::pin(UnixStream::connect(path).await?),
            Dial::Tls { address: (host, port), name, connector } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // Input of a terminal is single bytes, each of which somebody waits for.
                stream.set_nodelay(true)?;
                Box::pin(connector.connect(name.clone(), stream).await?)
            }
        })
    }
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Error::certificate(path, error))?;
    if certificates.is_empty() { Err(Error::certificate(path, "it holds no certificate")) } else { Ok(certificates) }
}

/// Refuses a key that others have as well: whoever has it is root on the engine's machine.
fn private(key: &Path) -> Result<(), Error> {
    let mode = std::fs::metadata(key).map_err(|error| Error::certificate(key, error))?.permissions().mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(Error::certificate(key, format!("other users may use it: chmod 600 {}", key.display()))),
    }
}

/// Host and port of the URL of an engine that speaks TLS.
fn address(url: &str) -> Option<(String, u16)> {
    let authority = url.strip_prefix("tcp://").or_else(|| url.strip_prefix("https://"))?;
    let authority: http::uri::Authority = authority.strip_suffix('/').unwrap_or(authority).parse().ok()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let plain = !host.is_empty() && !authority.as_str().contains('@');
    plain.then(|| (host.to_owned(), authority.port_u16().unwrap_or(TLS_PORT)))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_have_the_port_of_tls_by_default() {
        assert_eq!(address("tcp://build.example.org"), Some(("build.example.org".to_owned(), 2376)));
        assert_eq!(address("https://10.0.0.2:2377/"), Some(("10.0.0.2".to_owned(), 2377)));
        assert_eq!(address("tcp://[::1]:9"), Some(("::1".to_owned(), 9)));
    }

    #[test]
    fn addresses_without_tls_or_with_a_password_are_refused() {
        for url in ["http://example.org", "unix:///var/run/docker.sock", "tcp://", "tcp://me:secret@example.org"] {
            assert_eq!(address(url), None, "{url}");
        }
    }
}
