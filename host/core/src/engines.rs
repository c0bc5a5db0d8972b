//! Container engines, as this server reaches and knows them.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sandboxed_engine::{Endpoint, Engine, EngineFacts, Owner};
use sandboxed_model::{Blame, Failure, config::EngineConfig};
use tokio::{net::UnixStream, time::Instant};

use crate::{access::random_secret, images::Archives, paths::Paths};

/// How long what an engine said of itself is taken for granted.
const FACTS_HOLD: Duration = Duration::from_secs(60);
/// The same of the version that it speaks.
const ENGINE_HOLDS: Duration = Duration::from_secs(60);

/// The engines, as this server uses them.
pub(crate) struct Engines {
    owner: Owner,
    /// Those on other machines.
    named: BTreeMap<String, EngineConfig>,
    known: Mutex<HashMap<String, (Instant, Engine)>>,
    facts: Mutex<HashMap<String, (Instant, EngineFacts)>>,
    /// Held while a container starts that sees directories of the machine.
    pub(crate) mounting: tokio::sync::Mutex<()>,
    pub(crate) archives: Archives,
}

impl Engines {
    /// Blocks.
    pub(crate) fn new(paths: &Paths, named: BTreeMap<String, EngineConfig>) -> io::Result<Self> {
        let (known, facts, mounting) = (Mutex::default(), Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { owner: owner(&paths.server_id())?, named, known, facts, mounting, archives: Archives::default() })
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Where an engine listens: a socket by its path, or one of another machine by its name.
    pub(crate) fn endpoint(&self, engine: &str) -> Result<Endpoint, Failure> {
        if engine.starts_with('/') {
            return Ok(Endpoint::Socket(PathBuf::from(engine)));
        }
        let EngineConfig { address, ca, cert, key, .. } = self.named.get(engine).cloned().ok_or_else(|| {
            let message = format!("there is no engine {engine:?}");
            Failure::new(Blame::Config, "containers.engine_unknown", message)
                .with_hint(format!("[engines.{engine}] in sandboxed.toml, with address, ca, cert and key"))
        })?;
        Ok(Endpoint::Tcp { url: address, ca, cert, key })
    }

    /// How long an engine may be out of reach before what runs there is given up.
    pub(crate) fn patience(&self, engine: &str) -> Duration {
        self.named.get(engine).map_or(Duration::ZERO, |engine| engine.patience.0)
    }

    /// The engine behind a socket, or of a name. A connection is made for each request, so none grows old; what was agreed on
    /// with one of this machine, and is known of its containers, is kept for a while. One of another machine is asked anew:
    /// only its answer tells that it is there, and its certificates may have been replaced.
    pub(crate) async fn at(&self, engine: &str) -> Result<Engine, Failure> {
        let endpoint = self.endpoint(engine)?;
        let Endpoint::Socket(socket) = &endpoint else {
            let connected = Engine::connect(endpoint, self.owner.clone()).await;
            return connected.map_err(|error| error.failure());
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(engine).cloned();
        // Whether anybody listens there is told by a connection in a tenth of the time that an answer takes.
        if let Some((_, known)) = known.filter(|(since, _)| since.elapsed() < ENGINE_HOLDS)
            && UnixStream::connect(socket).await.is_ok()
        {
            return Ok(known);
        }
        let connected = Engine::connect(endpoint, self.owner.clone()).await.map_err(|error| error.failure())?;
        let known = (Instant::now(), connected.clone());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(engine.to_owned(), known);
        Ok(connected)
    }

    /// What an engine is and can do.
    pub(crate) async fn facts(&self, socket: &str, engine: &Engine) -> Result<EngineFacts, Failure> {
        let known = self.facts.lock().unwrap_or_else(PoisonError::into_inner).get(socket).cloned();
        if let Some((_, facts)) = known.filter(|(since, _)| since.elapsed() < FACTS_HOLD) {
            return Ok(facts);
        }
        let facts = engine.probe().await.map_err(|error| error.failure())?;
        let known = (Instant::now(), facts.clone());
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).insert(socket.to_owned(), known);
        Ok(facts)
    }
}

/// The id by which this server knows its containers again: made once, and kept with the data.
fn owner(path: &Path) -> io::Result<Owner> {
    let broken = |path: &Path| io::Error::other(format!("{} holds no id of a server", path.display()));
    match std::fs::read_to_string(path) {
        Ok(id) => return id.trim().parse().map_err(|_| broken(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Letters and digits only, the first of them a letter.
    let id: String = random_secret().chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    let id = format!("s{id}");
    let part = path.with_extension("part");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    io::Write::write_all(&mut file, id.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    id.parse().map_err(|_| broken(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_id_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server-id");

        let made = owner(&path).unwrap();

        assert_eq!(owner(&path).unwrap(), made);
        assert!(made.as_str().len() > 16, "{made}");
        std::fs::write(&path, "").unwrap();
        assert!(owner(&path).is_err());
    }
}
