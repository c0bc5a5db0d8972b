//! Where the values of secrets are found when they are used.

use std::collections::BTreeMap;

use sandboxed_model::{Blame, Failure, config::SecretSource};

/// The `[secrets]` table.
pub(crate) struct SecretBook {
    sources: BTreeMap<String, SecretSource>,
}

impl SecretBook {
    pub(crate) fn new(sources: BTreeMap<String, SecretSource>) -> Self {
        Self { sources }
    }

    /// Whether a secret of this name is configured.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    /// The value. It is read anew each time, so that a changed file takes effect at once.
    pub(crate) async fn read(&self, name: &str) -> Result<String, Failure> {
        let source = self.sources.get(name).ok_or_else(|| {
            Failure::new(Blame::Config, "secrets.missing", format!("there is no secret {name:?}"))
                .with_hint(format!("[secrets] {name} = {{ file = \"…\" }} in sandboxed.toml"))
        })?;
        match source {
            SecretSource::File(path) => {
                let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                    Failure::new(
                        Blame::Config,
                        "secrets.unreadable",
                        format!("the file of the secret {name:?}, {}, cannot be read: {error}", path.display()),
                    )
                })?;
                Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
            }
            SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
                Failure::new(
                    Blame::Config,
                    "secrets.unset",
                    format!("the variable {variable} of the secret {name:?} is not set"),
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(source: SecretSource) -> SecretBook {
        SecretBook::new(BTreeMap::from([("key".to_owned(), source)]))
    }

    #[tokio::test]
    async fn a_changed_file_takes_effect_at_the_next_use() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let book = book(SecretSource::File(file.path().to_owned()));
        std::fs::write(file.path(), "one\n").unwrap();
        assert_eq!(book.read("key").await.unwrap(), "one");
        std::fs::write(file.path(), "two").unwrap();
        assert_eq!(book.read("key").await.unwrap(), "two");
    }

    #[tokio::test]
    async fn a_secret_that_is_not_configured_says_how_to_configure_it() {
        let failure = book(SecretSource::Env("X".to_owned())).read("other").await.unwrap_err();
        assert_eq!(failure.code, "secrets.missing");
        assert!(failure.hint.unwrap().contains("[secrets]"));
    }
}
