//! What a workspace asks for itself.

use std::collections::BTreeMap;

use sandboxed_sdk::{backend::*, failure};
use serde::Deserialize;

use crate::Config;

/// A workspace's own options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// What it is made from.
    image: Option<String>,
    /// Instructions by which the engine makes that, in place of an image.
    dockerfile: Option<String>,
    /// The engine that has it, if that is not the default one.
    engine: Option<String>,
    /// Variables of its processes. Whoever may ask the engine sees them.
    pub(crate) env: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn read(json: &str) -> Result<Self, Failure> {
        serde_json::from_str(json).map_err(|error| {
            failure!(Config, "docker.options_invalid", "the options of the workspace do not fit: {error}").with_hint(
                "they are image, dockerfile, engine and env: {\"image\": \"debian:bookworm\", \"env\": {\"NAME\": \"value\"}}",
            )
        })
    }

    /// What it is made from, if workspaces may have that.
    pub(crate) fn source(&self, config: &Config) -> Result<ImageSource, Failure> {
        let Some(text) = &self.dockerfile else {
            let image = self.image(config.image(), config.images.as_deref())?;
            return Ok(match config.archives.get(image) {
                Some(archive) => ImageSource::Archive(archive.clone()),
                None => ImageSource::Registry(image.to_owned()),
            });
        };
        if self.image.is_some() {
            let message = "the options name an image and a dockerfile";
            return Err(failure!(Config, "docker.options_invalid", "{message}").with_hint("leave one of them out"));
        }
        if !config.dockerfiles {
            let message = "workspaces may not be made by a Dockerfile: its programs are root in containers of the \
                           engine's own making";
            return Err(failure!(Denied, "docker.dockerfile_denied", "{message}")
                .with_hint("config.dockerfiles = true in the plugin's table of sandboxed.toml"));
        }
        let own = config.images.clone().map(|mut images| {
            images.push(config.image().to_owned());
            images
        });
        Ok(ImageSource::Dockerfile(Dockerfile { text: text.clone(), bases: own }))
    }

    /// The engine, if workspaces may be on it.
    pub(crate) fn engine<'a>(&'a self, default: &'a str, others: &[String]) -> Result<&'a str, Failure> {
        match self.engine.as_deref() {
            None => Ok(default),
            Some(engine) if engine == default || others.iter().any(|other| other == engine) => Ok(engine),
            Some(engine) => {
                Err(failure!(Denied, "docker.engine_denied", "workspaces may not be on the engine {engine:?}")
                    .with_hint(format!("config.engines = [\"{engine}\"] in the plugin's table of sandboxed.toml")))
            }
        }
    }

    /// The engine that they name.
    pub(crate) fn into_engine(self) -> Option<String> {
        self.engine
    }

    /// The image, if workspaces may have it.
    fn image<'a>(&'a self, default: &'a str, allowed: Option<&[String]>) -> Result<&'a str, Failure> {
        let image = self.image.as_deref().unwrap_or(default);
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => image.starts_with(start),
            None => image == pattern,
        };
        if image == default || allowed.is_none_or(|allowed| allowed.iter().any(fits)) {
            return Ok(image);
        }
        Err(failure!(Denied, "docker.image_denied", "workspaces may not be made from the image {image}")
            .with_hint(format!("config.images = [\"{image}\"] in the plugin's table of sandboxed.toml")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: &str, config: &Config) -> Result<ImageSource, String> {
        let options = Options::read(json).map_err(|failure| failure.code)?;
        options.source(config).map_err(|failure| failure.code)
    }

    #[test]
    fn a_dockerfile_is_taken_where_the_operator_lets_workspaces_have_one_and_only_instead_of_an_image() {
        let asked = r#"{ "dockerfile": "FROM a" }"#;
        assert_eq!(source(asked, &Config::default()), Err("docker.dockerfile_denied".to_owned()));

        let config = Config { dockerfiles: true, images: Some(vec!["a*".to_owned()]), ..Config::default() };
        let bases = Some(vec!["a*".to_owned(), config.image().to_owned()]);
        let built = ImageSource::Dockerfile(Dockerfile { text: "FROM a".to_owned(), bases });
        assert_eq!(source(asked, &config), Ok(built));
        let both = r#"{ "dockerfile": "FROM a", "image": "a" }"#;
        assert_eq!(source(both, &config), Err("docker.options_invalid".to_owned()));
    }

    fn image(json: &str, allowed: Option<&[&str]>) -> Result<String, String> {
        let options = Options::read(json).map_err(|failure| failure.code)?;
        let allowed: Option<Vec<String>> = allowed.map(|all| all.iter().map(|&one| one.to_owned()).collect());
        options.image("base:1", allowed.as_deref()).map(str::to_owned).map_err(|failure| failure.code)
    }

    #[test]
    fn a_workspace_has_the_image_that_it_names_or_the_default() {
        assert_eq!(image("{}", None).as_deref(), Ok("base:1"));
        assert_eq!(image(r#"{ "image": "debian:bookworm" }"#, None).as_deref(), Ok("debian:bookworm"));
    }

    #[test]
    fn where_images_are_listed_no_other_is_taken() {
        let asked = r#"{ "image": "ghcr.io/acme/tools:2" }"#;
        assert!(image(asked, Some(&["ghcr.io/acme/*"])).is_ok() && image("{}", Some(&[])).is_ok());
        for allowed in [&["ghcr.io/acme/tools"][..], &["other*"], &[]] {
            assert_eq!(image(asked, Some(allowed)), Err("docker.image_denied".to_owned()), "{allowed:?}");
        }
    }

    #[test]
    fn a_workspace_is_on_the_engine_that_it_names_if_that_is_listed() {
        let others = ["build1".to_owned()];
        let on = |json: &str| {
            let options = Options::read(json).expect("valid options");
            options.engine("/run/docker.sock", &others).map(str::to_owned).map_err(|failure| failure.code)
        };
        assert_eq!(on("{}").as_deref(), Ok("/run/docker.sock"));
        assert_eq!(on(r#"{ "engine": "build1" }"#).as_deref(), Ok("build1"));
        assert_eq!(on(r#"{ "engine": "build2" }"#), Err("docker.engine_denied".to_owned()));
        assert_eq!(on(r#"{ "engine": "/tmp/other.sock" }"#), Err("docker.engine_denied".to_owned()));
    }

    #[test]
    fn options_that_nobody_knows_are_refused() {
        for wrong in [r#"{ "imag": "a" }"#, r#"{ "image": 1 }"#, r#"{ "privileged": true }"#] {
            assert_eq!(image(wrong, None), Err("docker.options_invalid".to_owned()), "{wrong}");
        }
    }
}
