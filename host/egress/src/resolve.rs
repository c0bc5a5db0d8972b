//! From names to addresses.

use std::{
    io,
    net::{IpAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
};

use tokio::sync::Semaphore;

/// A lookup under way.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Whoever knows the addresses of names. It is asked once a request; the proxy connects to nothing but its answer.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, the best first. The name is in lower case and has no trailing dot.
    ///
    /// # Errors
    ///
    /// If the name has no addresses or they could not be found out.
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

/// How many lookups one resolver has under way at most. The system's lookup blocks a thread, for half a minute if no
/// name server answers, and goes on when the client is long gone; one workspace may not take all threads of the server.
const LOOKUPS: usize = 16;

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let turn = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                // The port is of no interest; the interface of the standard library wants one.
                Ok((name.as_str(), 0).to_socket_addrs()?.map(|socket| socket.ip()).collect())
            })
            .await
            .map_err(io::Error::other)?
        })
    }
}
