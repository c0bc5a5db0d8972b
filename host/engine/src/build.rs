//! Images that an engine makes for workspaces, and what it says meanwhile.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::Method;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::{Engine, Error, ImageReference, PullProgress, dockerfile::Dockerfile};

/// A build that says nothing for this long is given up.
const SILENCE: Duration = Duration::from_secs(30 * 60);
/// The longest line that an engine says.
const LONGEST_LINE: usize = 1 << 20;
/// How often the progress of a layer is told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Microseconds over which the processor limit is counted.
const CPU_PERIOD: u64 = 100_000;

/// How an image comes to be on an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageWork {
    /// It is fetched from the registry that its name says.
    Pull,
    /// It is made of a tar archive of a root file system on this machine.
    Import(PathBuf),
    /// The engine builds it.
    Build(BuildSpec),
}

/// What an engine builds an image by. No file of this machine goes into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// The Dockerfile.
    pub dockerfile: String,
    /// Images that it may begin with or copy from; a `*` at the end of one stands for anything. Absent: all.
    pub bases: Option<Vec<String>>,
    /// Its programs reach what the engine's machine does; without, they reach nothing.
    pub network: bool,
    /// Bytes of memory that each of its programs may use.
    pub memory: Option<u64>,
    /// Thousandths of a processor for each of its programs.
    pub cpu_millis: Option<u32>,
}

/// What an engine says while it builds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    stream: Option<String>,
    status: Option<String>,
    id: Option<String>,
    error: Option<String>,
}

impl Engine {
    /// Fetches or makes an image that the engine does not have; one that it has stays. Says what goes on, in whole lines.
    /// Dropped, it ends the work.
    ///
    /// # Errors
    /// [`Error::Image`] with the engine's reason; [`Error::Dockerfile`]; [`Error::Foreign`] when something else of its name
    /// is there; the archive cannot be read; the engine fails.
    pub async fn make_image(
        &self,
        image: &ImageReference,
        work: &ImageWork,
        mut say: impl FnMut(&str) + Send,
    ) -> Result<(), Error> {
        if self.has_image(image).await? {
            if *work != ImageWork::Pull {
                self.must_be_ours_or_absent(image).await?;
            }
            say(&format!("the engine has {image}"));
            return Ok(());
        }
        match work {
            ImageWork::Pull => self.pull(image, &mut say).await,
            ImageWork::Import(archive) => {
                say(&format!("making an image of {}", archive.display()));
                let file = tokio::fs::File::open(archive).await.map_err(|error| Error::Image {
                    image: image.clone(),
                    reason: format!("{}: {error}", archive.display()),
                })?;
                self.import_image(image, file).await
            }
            ImageWork::Build(spec) => self.build_image(image, spec, &mut say).await,
        }
    }

    async fn pull(&self, image: &ImageReference, say: &mut (impl FnMut(&str) + Send)) -> Result<(), Error> {
        if self.has_image(image).await? {
            return Ok(());
        }
        say(&format!("fetching {image}"));
        let mut told = Told::default();
        self.ensure_image(image, |progress| told.tell(&progress, say)).await.map(drop)
    }

    async fn build_image(
        &self,
        image: &ImageReference,
        spec: &BuildSpec,
        say: &mut (impl FnMut(&str) + Send),
    ) -> Result<(), Error> {
        let read = Dockerfile::read(&spec.dockerfile, spec.network, spec.bases.as_deref())?;
        for base in &read.bases {
            self.pull(base, say).await?;
            // Instructions that an image brings along are run in builds that begin with it.
            if !self.brought_along(base).await?.is_empty() {
                let reason = format!("{base} brings instructions of its own along (ONBUILD)");
                return Err(Error::Image { image: image.clone(), reason });
            }
        }
        let what = "build an image";
        let path = format!("/build?{}", self.query(image, spec));
        let context =
            context(&spec.dockerfile).map_err(|error| Error::Connection { what, reason: error.to_string() })?;
        let answer = self.send(what, Method::POST, &path, "application/x-tar", context).await?;
        let refused = |reason: String| Error::Image { image: image.clone(), reason };
        let mut lines = Lines::new(answer.into_body());
        while let Some(line) = lines.next(what).await? {
            let Ok(said) = serde_json::from_slice::<Said>(&line) else { continue };
            if let Some(error) = said.error {
                return Err(refused(error));
            }
            let status = said.status.map(|status| match said.id {
                Some(id) => format!("{id}: {status}"),
                None => status,
            });
            for text in said.stream.into_iter().chain(status) {
                text.lines().filter(|line| !line.trim().is_empty()).for_each(&mut *say);
            }
        }
        match self.must_be_ours_or_absent(image).await? {
            true => Ok(()),
            false => Err(refused("the engine does not have it after the build".into())),
        }
    }

    /// Triggers for builds that begin with this image.
    async fn brought_along(&self, image: &ImageReference) -> Result<Vec<String>, Error> {
        let found = self.call("look at an image", self.docker().inspect_image(&image.to_string())).await?;
        Ok(found.config.and_then(|config| config.on_build).unwrap_or_default())
    }

    fn query(&self, image: &ImageReference, spec: &BuildSpec) -> String {
        let labels = serde_json::json!(self.owner().labels(None)).to_string();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("t", &image.to_string())
            .append_pair("dockerfile", "Dockerfile")
            .append_pair("labels", &labels)
            .append_pair("networkmode", if spec.network { "bridge" } else { "none" })
            .append_pair("rm", "1")
            .append_pair("forcerm", "1")
            // The builder in which the two above hold.
            .append_pair("version", "1");
        if let Some(memory) = spec.memory {
            // Equal, or the limit doubles with swap.
            query.append_pair("memory", &memory.to_string()).append_pair("memswap", &memory.to_string());
        }
        if let Some(millis) = spec.cpu_millis {
            let quota = u64::from(millis) * CPU_PERIOD / 1000;
            query.append_pair("cpuperiod", &CPU_PERIOD.to_string()).append_pair("cpuquota", &quota.to_string());
        }
        query.finish()
    }
}

/// What a build gets: the instructions and nothing else.
fn context(dockerfile: &str) -> std::io::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
    Ok(archive.into_inner()?.into())
}

/// The lines of an answer that goes on.
struct Lines {
    body: http_body_util::BodyStream<Incoming>,
    rest: Vec<u8>,
}

impl Lines {
    fn new(body: Incoming) -> Self {
        Self { body: http_body_util::BodyStream::new(body), rest: Vec::new() }
    }

    async fn next(&mut self, what: &'static str) -> Result<Option<Vec<u8>>, Error> {
        let broken = |reason: String| Error::Connection { what, reason };
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line = self.rest.drain(..=end).collect();
                return Ok(Some(line));
            }
            if self.rest.len() > LONGEST_LINE {
                return Err(broken("the engine said a line without an end".into()));
            }
            match tokio::time::timeout(SILENCE, self.body.next()).await {
                Err(_) => return Err(Error::Deadline { what, after: SILENCE }),
                Ok(Some(Ok(frame))) => self.rest.extend(frame.into_data().unwrap_or_default()),
                Ok(Some(Err(error))) => return Err(broken(error.to_string())),
                Ok(None) if self.rest.is_empty() => return Ok(None),
                Ok(None) => return Ok(Some(std::mem::take(&mut self.rest))),
            }
        }
    }
}

/// What was told of a pull: each layer when something else is done with it, and how far it is now and then.
#[derive(Default)]
struct Told {
    statuses: HashMap<Option<String>, String>,
    last: Option<Instant>,
}

impl Told {
    fn tell(&mut self, progress: &PullProgress, say: &mut impl FnMut(&str)) {
        let PullProgress { item, status, current, total } = progress;
        let new = self.statuses.insert(item.clone(), status.clone()).as_ref() != Some(status);
        let due = self.last.is_none_or(|last| last.elapsed() >= TELL_EVERY);
        if !new && !due {
            return;
        }
        self.last = Some(Instant::now());
        let item = item.as_ref().map(|item| format!("{item}: ")).unwrap_or_default();
        let mib = |bytes: u64| bytes >> 20;
        let far = match (current, total) {
            (Some(current), Some(total)) if *total > 0 => format!(" ({} of {} MiB)", mib(*current), mib(*total)),
            _ => String::new(),
        };
        say(&format!("{item}{status}{far}"));
    }
}
