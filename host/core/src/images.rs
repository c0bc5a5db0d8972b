//! What containers are made from. Images that this server makes are named after their contents, so that equal ones are made once,
//! and go when nobody has used them for long.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use sandboxed_engine::{BuildSpec, ImageReference, ImageSpec, ImageWork};
use sandboxed_exec::{Attachment, AttachmentContent, Guard, Run, RunSpec, StdinMode};
use sandboxed_model::{
    Blame, Failure, RunId,
    backend::Terms,
    container::{ImagePlan, ImageSource},
    workspace::{NetworkMode, Workspace},
};
use sha2::{Digest, Sha256};

use crate::{Result, containers::reference, services::Services};

/// The hidden subcommand that fetches or makes an image.
const SUBCOMMAND: &str = "image";
/// Part of the names of built images: a change of how they are built makes them anew.
const BUILD_VERSION: &str = "1";
/// Bytes of an archive that are read at once.
const BATCH: usize = 1 << 20;

/// An image that a workspace's container is made from.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// How it comes to be on the engine.
    pub(crate) work: ImageWork,
    pub(crate) name: ImageReference,
}

/// An image that is not on its engine yet.
#[derive(Debug, Clone)]
pub(crate) struct MissingImage {
    pub(crate) engine: String,
    pub(crate) image: Image,
}

/// Hashes of archives, by what tells one state of a file from another.
#[derive(Default)]
pub(crate) struct Archives(Mutex<HashMap<PathBuf, (Stamp, String)>>);

type Stamp = (u64, u64, u64, i64, i64, i64);

impl Archives {
    /// The hash of a file as it is now. Blocks.
    fn hash(&self, path: &Path) -> io::Result<String> {
        let mut file = File::open(path)?;
        let found = file.metadata()?;
        let stamp = (found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec(), found.ctime_nsec());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some((_, hash)) = known.filter(|(known, _)| *known == stamp) {
            return Ok(hash);
        }
        let (mut hash, mut batch) = (Sha256::new(), vec![0; BATCH]);
        loop {
            match file.read(&mut batch)? {
                0 => break,
                length => hash.update(&batch[..length]),
            }
        }
        let hash = hex(&hash.finalize());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), (stamp, hash.clone()));
        Ok(hash)
    }
}

impl Image {
    /// Whether this server makes it, and may remove it.
    fn is_made_here(&self) -> bool {
        self.work != ImageWork::Pull
    }

    /// What it is, for a person.
    pub(crate) fn title(&self) -> String {
        match &self.work {
            ImageWork::Pull => format!("image {}", self.name),
            ImageWork::Import(archive) => format!("image of {}", archive.display()),
            ImageWork::Build(_) => "image by its Dockerfile".to_owned(),
        }
    }
}

impl Services {
    /// The image for a workspace that is held to these terms.
    pub(crate) async fn image(&self, source: ImageSource, terms: Terms) -> std::result::Result<Image, Failure> {
        let owner = self.engines.owner().to_string();
        match source {
            ImageSource::Registry(name) => Ok(Image { work: ImageWork::Pull, name: reference(&name)? }),
            ImageSource::Archive(path) => {
                let (engines, archive) = (std::sync::Arc::clone(&self.engines), path.clone());
                let hash = tokio::task::spawn_blocking(move || engines.archives.hash(&archive)).await;
                let hash = hash.map_err(io::Error::other).and_then(|hash| hash).map_err(|error| {
                    let message = format!("the archive {} cannot be read: {error}", path.display());
                    Failure::new(Blame::Config, "containers.archive", message)
                        .with_hint("name a tar archive of a root file system that the server may read")
                })?;
                let name = made("archive", &[&owner, &hash])?;
                Ok(Image { work: ImageWork::Import(path), name })
            }
            ImageSource::Dockerfile { text, bases } => {
                let network = terms.network == NetworkMode::Shared;
                let name = made("build", &[&owner, BUILD_VERSION, if network { "network" } else { "" }, &text])?;
                let limits = terms.limits;
                let (memory, cpu_millis) = (limits.memory, limits.cpu_millis);
                let work = ImageWork::Build(BuildSpec { dockerfile: text, bases, network, memory, cpu_millis });
                Ok(Image { work, name })
            }
        }
    }

    /// The image of a workspace's container that is fetched or built, if the engine has not got it, or in any case
    /// (`anyway`).
    pub(crate) async fn missing_image(&self, workspace: &Workspace, anyway: bool) -> Result<Option<MissingImage>> {
        let backend = self.plugins.backend(&workspace.backend)?;
        if !backend.describe().await?.engine_limits {
            return Ok(None);
        }
        let Some(ImagePlan { engine, image }) = backend.plan_image(&workspace.options.to_string()).await? else {
            return Ok(None);
        };
        let grants = self.plugins.inspect(&workspace.backend).map(|info| info.grants).unwrap_or_default();
        if !grants.containers.contains(&engine) {
            let message = format!("the backend names the engine {engine:?}, which was not granted to it");
            return Err(Failure::new(Blame::Denied, "containers.denied", message).into());
        }
        // An archive lies on this machine and is there within seconds: that is left to `ensure`.
        if matches!(image, ImageSource::Archive(_)) {
            return Ok(None);
        }
        let terms = Terms { network: workspace.network.mode, limits: workspace.limits };
        let image = self.image(image, terms).await?;
        if !anyway {
            let there = self.engines.at(&engine).await?.has_image(&image.name).await;
            if there.map_err(|error| error.failure())? {
                return Ok(None);
            }
        }
        Ok(Some(MissingImage { engine, image }))
    }

    /// Starts the process that has an engine fetch or make an image.
    pub(crate) async fn start_image(&self, id: RunId, missing: &MissingImage) -> Result<Run> {
        self.note_use(&missing.image).await;
        let spec = ImageSpec {
            engine: self.engines.endpoint(&missing.engine)?,
            owner: self.engines.owner().to_string(),
            image: missing.image.name.to_string(),
            work: missing.image.work.clone(),
        };
        let described = serde_json::to_vec(&spec)
            .map_err(|error| Failure::new(Blame::Host, "containers.image", error.to_string()))?;
        let attachment = Attachment { argument: 1, content: AttachmentContent::Bytes(described) };
        let run = RunSpec {
            id,
            program: self.contained.program().to_string_lossy().into_owned(),
            args: vec![SUBCOMMAND.to_owned(), "descriptor".to_owned()],
            env: Vec::new(),
            cwd: "/".into(),
            tty: None,
            stdin: StdinMode::Null,
            guard: Guard { attachments: vec![attachment], ..Guard::default() },
        };
        let started = self.supervisor.start(run).await;
        Ok(started.map_err(|error: sandboxed_exec::Error| -> Failure { error.failure() })?)
    }

    /// Notes that an image that is made here is used now.
    pub(crate) async fn note_use(&self, image: &Image) {
        if !image.is_made_here() {
            return;
        }
        let path = self.paths.image_use(&image.name.to_string());
        let noted = tokio::task::spawn_blocking(move || {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            File::create(&path)?.set_modified(SystemTime::now())
        });
        if let Err(error) = noted.await.map_err(io::Error::other).and_then(|noted| noted) {
            tracing::warn!(%error, image = %image.name, "the use of an image could not be noted");
        }
    }

    /// Removes images that this server made and no workspace has used for long. An engine that does not answer is passed over.
    pub(crate) async fn expire_images(&self) {
        let keep = self.config.workspaces.keep_layers.0;
        let grants = self.plugins.list().into_iter().flat_map(|plugin| plugin.grants.containers);
        let engines: std::collections::BTreeSet<String> = grants.collect();
        for socket in engines {
            let Ok(engine) = self.engines.at(&socket).await else { continue };
            for image in engine.made_images().await.unwrap_or_default() {
                if self.unused_for(&image).await.is_none_or(|unused| unused < keep) {
                    continue;
                }
                match engine.remove_image(&image).await {
                    Ok(()) => {
                        tracing::info!(%image, "an image that no workspace used for long was removed");
                        let _ = tokio::fs::remove_file(self.paths.image_use(&image.to_string())).await;
                    }
                    // A container that does not run is a use as well, and the engine knows of it.
                    Err(error) => tracing::debug!(%error, %image, "an image is not removed"),
                }
            }
        }
    }

    /// How long an image was not used. Absent: that is not known, and begins to be counted now.
    async fn unused_for(&self, image: &ImageReference) -> Option<Duration> {
        let found = tokio::fs::metadata(self.paths.image_use(&image.to_string())).await;
        match found.and_then(|found| found.modified()) {
            Ok(used) => Some(SystemTime::now().duration_since(used).unwrap_or_default()),
            Err(_) => {
                self.note_use(&Image { work: ImageWork::Import(PathBuf::new()), name: image.clone() }).await;
                None
            }
        }
    }
}

/// The name of what is made from these parts.
fn made(kind: &str, parts: &[&str]) -> std::result::Result<ImageReference, Failure> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    reference(&format!("sandboxed-sh/{kind}:{}", &hex(&hash.finalize())[..32]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_known_by_what_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let (path, archives) = (directory.path().join("a.tar"), Archives::default());
        std::fs::write(&path, "one").unwrap();
        let first = archives.hash(&path).unwrap();
        assert_eq!(archives.hash(&path).unwrap(), first);

        std::fs::write(&path, "another").unwrap();
        let second = archives.hash(&path).unwrap();
        assert_ne!(second, first);

        let copy = directory.path().join("b.tar");
        std::fs::write(&copy, "another").unwrap();
        assert_eq!(archives.hash(&copy).unwrap(), second);
    }

    #[test]
    fn names_tell_parts_apart() {
        assert_ne!(made("build", &["a", "bc"]).unwrap(), made("build", &["ab", "c"]).unwrap());
    }
}
