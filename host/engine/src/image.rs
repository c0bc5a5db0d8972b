//! Images: named, fetched, imported, and made from a workspace.

use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use bollard::{
    models::{ContainerConfig, CreateImageInfo},
    query_parameters::{CommitContainerOptions, CreateImageOptions, ListImagesOptions, RemoveImageOptions},
};
use futures_util::{Stream, StreamExt};
use sandboxed_model::WorkspaceId;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::{Engine, Error, OWNER_LABEL};

/// A pull that shows no progress for this long is given up: registries that stall never end by themselves.
const PULL_SILENCE: Duration = Duration::from_secs(300);

/// Room for the copy of what a container has changed.
const COMMIT_WITHIN: Duration = Duration::from_secs(600);

/// The name of an image: `name`, `name:tag`, `registry:port/path/name:tag` or `name@sha256:…`. Without tag and digest it
/// is `latest`, since an engine would fetch all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageReference {
    name: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Version {
    Tag(String),
    Digest(String),
}

/// A text that is not the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an image (registry/name:tag or registry/name@sha256:digest)")]
pub struct InvalidImageReference(String);

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer or tag that it is about.
    pub item: Option<String>,
    /// What is being done, in the engine's words.
    pub status: String,
    /// Bytes that are done.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

impl FromStr for ImageReference {
    type Err = InvalidImageReference;

    fn from_str(text: &str) -> Result<Self, InvalidImageReference> {
        let invalid = || InvalidImageReference(text.chars().take(128).collect());
        let (name, version) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Version::Digest(digest.to_owned()))),
            // A colon before the last slash belongs to the registry's port.
            None => match text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
                Some((name, tag)) => (name, Some(Version::Tag(tag.to_owned()))),
                None => (text, None),
            },
        };
        let version = version.unwrap_or_else(|| Version::Tag("latest".into()));
        // The name becomes part of a path of the engine's API.
        let (parts, last) = (name.split('/').count(), name.split('/').next_back().unwrap_or_default());
        let part = |(place, part): (usize, &str)| {
            let port = |c: char| c == ':' && place == 0 && parts > 1;
            let upper = |c: char| c.is_ascii_uppercase() && place == 0 && parts > 1;
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.ends_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| {
                    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-') || port(c) || upper(c)
                })
        };
        let version_is_valid = match &version {
            Version::Tag(tag) => {
                tag.len() <= 128
                    && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            }
            Version::Digest(digest) => digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            }),
        };
        let valid = text.len() <= 255 && !last.is_empty() && name.split('/').enumerate().all(part) && version_is_valid;
        if valid { Ok(Self { name: name.to_owned(), version }) } else { Err(invalid()) }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}:{tag}", self.name),
            Version::Digest(digest) => write!(f, "{}@{digest}", self.name),
        }
    }
}

impl ImageReference {
    /// The tag of an image that is to be made: one cannot choose a digest.
    fn tag(&self) -> Result<&str, Error> {
        match &self.version {
            Version::Tag(tag) => Ok(tag),
            Version::Digest(_) => {
                Err(Error::Image { image: self.clone(), reason: "what is made here needs a tag, not a digest".into() })
            }
        }
    }
}

impl Engine {
    /// Whether the engine has the image.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn has_image(&self, image: &ImageReference) -> Result<bool, Error> {
        Ok(self.image_labels(image).await?.is_some())
    }

    async fn image_labels(&self, image: &ImageReference) -> Result<Option<HashMap<String, String>>, Error> {
        let name = image.to_string();
        match self.call("look at an image", self.docker().inspect_image(&name)).await {
            Ok(found) => Ok(Some(found.config.and_then(|config| config.labels).unwrap_or_default())),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fetches the image if the engine does not have it, and tells how far that is. Dropped, it ends the pull. Returns
    /// whether it was fetched.
    ///
    /// # Errors
    /// [`Error::Image`] with the registry's reason; the engine fails.
    pub async fn ensure_image(
        &self,
        image: &ImageReference,
        mut progress: impl FnMut(PullProgress) + Send,
    ) -> Result<bool, Error> {
        if self.has_image(image).await? {
            return Ok(false);
        }
        let options = CreateImageOptions { from_image: Some(image.to_string()), ..Default::default() };
        let mut lines = self.docker().create_image(Some(options), None, None).boxed();
        loop {
            let line = match tokio::time::timeout(PULL_SILENCE, lines.next()).await {
                Ok(None) => break,
                Ok(Some(line)) => line.map_err(|error| self.image_error(image, &error))?,
                Err(_) => return Err(Error::Deadline { what: "fetch an image", after: PULL_SILENCE }),
            };
            progress(line.into());
        }
        if self.has_image(image).await? {
            Ok(true)
        } else {
            Err(Error::Image { image: image.clone(), reason: "the engine does not have it after the pull".into() })
        }
    }

    /// Makes an image of a root file system: a tar archive, plain or compressed as the engine knows it (gzip, xz). An
    /// image that has the name loses it, if it is this server's. Reads no faster than the engine takes, and takes as
    /// long as the archive does.
    ///
    /// # Errors
    /// [`Error::Foreign`] when an image of somebody else has the name; an archive that the engine cannot read; the
    /// reader's failure; a name with a digest.
    pub async fn import_image(
        &self,
        image: &ImageReference,
        archive: impl AsyncRead + Send + 'static,
    ) -> Result<(), Error> {
        self.must_be_ours_or_absent(image).await?;
        let labels = self.owner().labels(None);
        let options = CreateImageOptions {
            from_src: Some("-".into()),
            // In one: Podman does not look at a tag of its own here.
            repo: Some(format!("{}:{}", image.name, image.tag()?)),
            changes: labels.iter().map(|(name, value)| format!("LABEL {name}={value}")).collect(),
            ..Default::default()
        };
        let body = bollard::body_try_stream(ReaderStream::with_capacity(archive, 64 * 1024));
        self.finish(image, self.docker().create_image(Some(options), Some(body), None)).await
    }

    /// Makes an image of the workspace's container as it is now, without what is mounted into it. Its processes stand
    /// still meanwhile. The image carries the container's variables.
    ///
    /// # Errors
    /// The container is absent or foreign; [`Error::Foreign`] when an image of somebody else has the name; a name with
    /// a digest; the engine fails.
    pub async fn commit(&self, workspace: WorkspaceId, image: &ImageReference) -> Result<(), Error> {
        let container = self.own(workspace).await?;
        self.must_be_ours_or_absent(image).await?;
        let options = CommitContainerOptions {
            container: Some(container.id),
            repo: Some(image.name.clone()),
            tag: Some(image.tag()?.to_owned()),
            pause: true,
            ..Default::default()
        };
        let config = ContainerConfig { labels: Some(self.owner().labels(Some(workspace))), ..Default::default() };
        self.call_within("make an image", COMMIT_WITHIN, self.docker().commit_container(options, config)).await?;
        Ok(())
    }

    /// The images that this server had made and that have names of its own making.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn made_images(&self) -> Result<Vec<ImageReference>, Error> {
        let filter = vec![format!("{OWNER_LABEL}={}", self.owner())];
        let filters = Some(HashMap::from([("label".to_owned(), filter)]));
        let options = ListImagesOptions { filters, ..Default::default() };
        let found = self.call("list images", self.docker().list_images(Some(options))).await?;
        let own = found.into_iter().filter(|image| self.owner().owns(Some(&image.labels)));
        let names = own.flat_map(|image| image.repo_tags).filter_map(|name| {
            // Podman puts a registry before names that have none.
            let name = ["localhost/", "docker.io/"].iter().find_map(|it| name.strip_prefix(it)).unwrap_or(&name);
            name.starts_with("sandboxed-sh/").then(|| name.parse().ok()).flatten()
        });
        Ok(names.collect())
    }

    /// Removes an image that was imported here or made from a workspace. One that is absent is no error.
    ///
    /// # Errors
    /// [`Error::Foreign`] for any other image; a container uses it; the engine fails.
    pub async fn remove_image(&self, image: &ImageReference) -> Result<(), Error> {
        if !self.must_be_ours_or_absent(image).await? {
            return Ok(());
        }
        let name = image.to_string();
        let removed = self.docker().remove_image(&name, None::<RemoveImageOptions>, None);
        match self.call("remove an image", removed).await {
            Err(error) if error.status() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the engine has the image, which then is this server's.
    pub(crate) async fn must_be_ours_or_absent(&self, image: &ImageReference) -> Result<bool, Error> {
        match self.image_labels(image).await? {
            None => Ok(false),
            Some(labels) if self.owner().owns(Some(&labels)) => Ok(true),
            Some(_) => Err(Error::Foreign { what: format!("an image {image}") }),
        }
    }

    async fn finish(
        &self,
        image: &ImageReference,
        lines: impl Stream<Item = Result<CreateImageInfo, bollard::errors::Error>> + Send,
    ) -> Result<(), Error> {
        let mut lines = std::pin::pin!(lines);
        while let Some(line) = lines.next().await {
            line.map_err(|error| self.image_error(image, &error))?;
        }
        Ok(())
    }

    fn image_error(&self, image: &ImageReference, error: &bollard::errors::Error) -> Error {
        match self.error("fetch an image", error) {
            Error::Refused { message, .. } => Error::Image { image: image.clone(), reason: message },
            Error::Connection { reason, .. } | Error::Unreadable { reason, .. } => {
                Error::Image { image: image.clone(), reason }
            }
            other => other,
        }
    }
}

impl From<CreateImageInfo> for PullProgress {
    fn from(line: CreateImageInfo) -> Self {
        let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
        let (current, total) =
            line.progress_detail.map_or((None, None), |detail| (bytes(detail.current), bytes(detail.total)));
        Self { item: line.id, status: line.status.unwrap_or_default(), current, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_engines_read_them() {
        for (text, full) in [
            ("debian", "debian:latest"),
            ("debian:bookworm-slim", "debian:bookworm-slim"),
            ("localhost:5000/team/image", "localhost:5000/team/image:latest"),
            ("registry.example.org/a/b__c:1.0_x", "registry.example.org/a/b__c:1.0_x"),
        ] {
            assert_eq!(text.parse::<ImageReference>().unwrap().to_string(), full);
        }
        let digest = format!("debian@sha256:{}", "a".repeat(64));
        assert_eq!(digest.parse::<ImageReference>().unwrap().to_string(), digest);
    }

    #[test]
    fn names_that_would_be_another_path_of_the_api_are_refused() {
        for text in [
            "",
            "/",
            "a//b",
            "../containers/x",
            "a/../b",
            "a?x=1",
            "a#b",
            "a b",
            "-a",
            "a:",
            "a@sha256:1",
            "a/",
            "A",
            "a%2f",
            "a\nb",
            "debian:tag/x:",
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text:?}");
        }
    }
}
