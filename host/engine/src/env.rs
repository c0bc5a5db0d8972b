//! Variables of a process, which may be secrets.

use std::fmt;

/// Variables of a process. `Debug` shows the names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Env(Vec<(String, String)>);

/// A variable that no process can have. Tells the name only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the variable {name:?} cannot be set: its name must be neither empty nor hold `=`, and neither name nor value a zero byte"
)]
pub struct InvalidVariable {
    name: String,
}

/// Values shorter than this stay in the engine's messages: to blank every `1` would make them unreadable, and a secret
/// of three characters is none.
const SHORTEST_SECRET: usize = 4;

impl Env {
    /// Takes the variables in the order in which they are set; of two with one name the later wins.
    ///
    /// # Errors
    /// A name that is empty or holds `=`, or a zero byte anywhere.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidVariable> {
        let variables: Vec<_> = variables.into_iter().collect();
        let invalid = variables
            .iter()
            .find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
            .map(|(name, _)| InvalidVariable { name: name.clone() });
        invalid.map_or(Ok(Self(variables)), Err)
    }

    /// As the engine takes them: `NAME=value`.
    pub(crate) fn assignments(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// The text without any of the values: engines quote what they were sent.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.0
            .iter()
            .filter(|(_, value)| value.len() >= SHORTEST_SECRET)
            .fold(text.to_owned(), |text, (_, value)| text.replace(value.as_str(), "[redacted]"))
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Result<Env, InvalidVariable> {
        Env::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let shown = format!("{:?}", env(&[("API_KEY", "hunter2")]).unwrap());
        assert!(shown.contains("API_KEY") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_refused_variable_is_told_without_its_value() {
        let error = env(&[("A=B", "hunter2")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn values_are_taken_out_of_texts() {
        let env = env(&[("API_KEY", "hunter2")]).unwrap();
        assert_eq!(env.redact("bad variable: API_KEY=hunter2"), "bad variable: API_KEY=[redacted]");
    }
}
