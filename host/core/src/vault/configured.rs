//! Secrets of `[secrets]`: where their values are found when they are used.

use std::collections::BTreeMap;

use sandboxed_model::{
    Blame, Failure,
    config::SecretSource,
    secret::{Secret, SecretKept},
};
use secrecy::SecretSlice;

/// The `[secrets]` table.
pub(super) struct Configured {
    sources: BTreeMap<String, SecretSource>,
}

impl Configured {
    pub(super) fn new(sources: BTreeMap<String, SecretSource>) -> Self {
        Self { sources }
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The value. It is read anew each time, so that a changed file takes effect at once.
    pub(super) async fn read(&self, name: &str) -> Result<SecretSlice<u8>, Failure> {
        let source = self.sources.get(name).ok_or_else(|| super::missing(name))?;
        match source {
            SecretSource::File(path) => {
                let mut bytes = tokio::fs::read(path).await.map_err(|error| {
                    Failure::new(
                        Blame::Config,
                        "secrets.unreadable",
                        format!("the file of the secret {name:?}, {}, cannot be read: {error}", path.display()),
                    )
                })?;
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                }
                Ok(bytes.into())
            }
            SecretSource::Env(variable) => std::env::var(variable).map(|text| text.into_bytes().into()).map_err(|_| {
                Failure::new(
                    Blame::Config,
                    "secrets.unset",
                    format!("the variable {variable} of the secret {name:?} is not set"),
                )
            }),
        }
    }

    /// What is told of a secret.
    pub(super) async fn shown(&self, name: &str) -> Option<Secret> {
        let kept = match self.sources.get(name)? {
            SecretSource::File(_) => SecretKept::File,
            SecretSource::Env(_) => SecretKept::Variable,
        };
        Some(Secret {
            name: name.to_owned(),
            kept,
            audience: Vec::new(),
            description: String::new(),
            version: None,
            created_at: None,
            updated_at: None,
            last_used_at: None,
            problem: self.read(name).await.err(),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn configured(source: SecretSource) -> Configured {
        Configured::new(BTreeMap::from([("key".to_owned(), source)]))
    }

    #[tokio::test]
    async fn a_changed_file_takes_effect_at_the_next_use() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let configured = configured(SecretSource::File(file.path().to_owned()));
        std::fs::write(file.path(), "one\n").unwrap();
        assert_eq!(configured.read("key").await.unwrap().expose_secret(), b"one");
        std::fs::write(file.path(), "two").unwrap();
        assert_eq!(configured.read("key").await.unwrap().expose_secret(), b"two");
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_says_how_to_make_it() {
        let failure = configured(SecretSource::Env("X".to_owned())).read("other").await.unwrap_err();
        assert_eq!(failure.code, "secrets.missing");
        assert!(failure.hint.unwrap().contains("[secrets]"));
    }
}
