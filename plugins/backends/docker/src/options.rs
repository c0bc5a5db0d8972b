//! What a workspace asks for itself.

use std::collections::BTreeMap;

use sandboxed_sdk::{backend::*, failure};
use serde::Deserialize;

/// A workspace's own options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// What it is made from.
    image: Option<String>,
    /// Variables of its processes. Whoever may ask the engine sees them.
    pub(crate) env: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn read(json: &str) -> Result<Self, Failure> {
        serde_json::from_str(json).map_err(|error| {
            failure!(Config, "docker.options_invalid", "the options of the workspace do not fit: {error}")
                .with_hint("they are image and env: {\"image\": \"debian:bookworm\", \"env\": {\"NAME\": \"value\"}}")
        })
    }

    /// The image, if workspaces may have it.
    pub(crate) fn image<'a>(&'a self, default: &'a str, allowed: Option<&[String]>) -> Result<&'a str, Failure> {
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
    fn options_that_nobody_knows_are_refused() {
        for wrong in [r#"{ "imag": "a" }"#, r#"{ "image": 1 }"#, r#"{ "privileged": true }"#] {
            assert_eq!(image(wrong, None), Err("docker.options_invalid".to_owned()), "{wrong}");
        }
    }
}
