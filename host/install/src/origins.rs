//! Where archives come from.

use std::path::PathBuf;

use sandboxed_model::{Failure, install::Source};
use url::Url;

use crate::failure;

/// Where archives come from, as the operator says.
#[derive(Debug, Clone)]
pub struct Origins {
    /// The base address of the npm registry. `http` is right where the operator writes it: archives are held against
    /// their digests.
    pub registry: Url,
    /// A directory in which archives lie under their own names. What is there is taken from there.
    pub mirror: Option<PathBuf>,
    /// Nothing is fetched.
    pub offline: bool,
}

impl Origins {
    /// The address of something.
    ///
    /// # Errors
    /// `install.unsupported` for what is no address, or one that is not https.
    pub(crate) fn address(&self, source: &Source) -> Result<Url, Failure> {
        match source {
            Source::Npm { name, version } => {
                let mut address = self.registry.clone();
                address
                    .path_segments_mut()
                    .map_err(|()| failure::unsupported(format!("{} cannot be a registry", self.registry)))?
                    .pop_if_empty()
                    .extend(name.split('/'))
                    .extend(["-", &format!("{}-{version}.tgz", base_name(name))]);
                Ok(address)
            }
            Source::Url(text) => match Url::parse(text) {
                Ok(address) if self.permit(&address) => Ok(address),
                _ => Err(failure::unsupported(format!("{text:?} is no https address"))),
            },
        }
    }

    /// Whether something may be fetched from there: by https, or from the registry as the operator wrote it.
    pub(crate) fn permit(&self, address: &Url) -> bool {
        let is_plain = address.username().is_empty() && address.password().is_none();
        is_plain && (address.scheme() == "https" || address.origin() == self.registry.origin())
    }

    /// The names under which a mirror may hold something: of a package's archive those that `npm pack` and the registry
    /// give it.
    pub(crate) fn names(source: &Source) -> Vec<String> {
        match source {
            Source::Npm { name, version } => {
                let packed = format!("{}-{version}.tgz", name.trim_start_matches('@').replace('/', "-"));
                let served = format!("{}-{version}.tgz", base_name(name));
                if packed == served { vec![packed] } else { vec![packed, served] }
            }
            Source::Url(text) => {
                let path = text.split(['?', '#']).next().unwrap_or_default();
                path.rsplit('/').next().map(str::to_owned).into_iter().collect()
            }
        }
    }

    /// The file of the mirror, where it has one.
    pub(crate) fn mirrored(&self, source: &Source) -> Option<PathBuf> {
        let mirror = self.mirror.as_ref()?;
        Self::names(source).into_iter().map(|name| mirror.join(name)).find(|file| file.is_file())
    }
}

/// The name of a package without its scope.
fn base_name(package: &str) -> &str {
    package.rsplit('/').next().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(registry: &str) -> Origins {
        Origins { registry: registry.parse().unwrap(), mirror: None, offline: false }
    }

    fn package(name: &str) -> Source {
        Source::Npm { name: name.to_owned(), version: "1.2.3-linux-x64".to_owned() }
    }

    #[test]
    fn the_archive_of_a_package_has_its_canonical_address() {
        let address = |registry, name| origins(registry).address(&package(name)).unwrap().to_string();
        assert_eq!(
            address("https://registry.npmjs.org", "@openai/codex"),
            "https://registry.npmjs.org/@openai/codex/-/codex-1.2.3-linux-x64.tgz"
        );
        assert_eq!(
            address("http://localhost:4873/npm/", "opencode"),
            "http://localhost:4873/npm/opencode/-/opencode-1.2.3-linux-x64.tgz"
        );
    }

    #[test]
    fn a_mirror_may_name_an_archive_as_npm_pack_or_as_the_registry_does() {
        assert_eq!(
            Origins::names(&package("@openai/codex")),
            ["openai-codex-1.2.3-linux-x64.tgz", "codex-1.2.3-linux-x64.tgz"]
        );
        assert_eq!(Origins::names(&package("opencode")), ["opencode-1.2.3-linux-x64.tgz"]);
        assert_eq!(Origins::names(&Source::Url("https://a.example/b/node.tar.gz?x=1".to_owned())), ["node.tar.gz"]);
    }

    #[test]
    fn nothing_is_fetched_without_tls_but_from_the_registry_that_was_configured_so() {
        let address = |text: &str| origins("http://localhost:4873/npm").address(&Source::Url(text.to_owned()));
        assert!(address("https://a.example/file").is_ok());
        assert!(address("http://localhost:4873/file").is_ok());
        for refused in ["http://a.example/file", "http://localhost/file", "https://u:p@a.example/", "file:///etc", "x"]
        {
            assert_eq!(address(refused).unwrap_err().code, "install.unsupported", "{refused}");
        }
    }
}
