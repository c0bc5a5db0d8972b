//! Where the programs of agents come from.

use std::path::PathBuf;

use serde::Deserialize;

/// `[harnesses]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HarnessesConfig {
    /// The base address of the npm registry.
    pub registry: String,
    /// A directory in which archives lie under their own names; what is there is not fetched.
    pub mirror: Option<PathBuf>,
    /// Nothing is fetched.
    pub offline: bool,
    /// How many versions of a harness stay installed, the one in use and a pinned one besides.
    pub keep: u32,
}

impl Default for HarnessesConfig {
    fn default() -> Self {
        Self { registry: "https://registry.npmjs.org".to_owned(), mirror: None, offline: false, keep: 2 }
    }
}

impl HarnessesConfig {
    /// What is wrong with the address of the registry, if anything is.
    pub(super) fn registry_problem(&self) -> Option<&'static str> {
        let rest = ["https://", "http://"].into_iter().find_map(|scheme| self.registry.strip_prefix(scheme));
        match rest {
            // What is in an address is told in messages and logs.
            Some(rest) if rest.contains('@') => Some("it holds no user and no password"),
            Some(rest) if !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || "?#".contains(c)) => None,
            _ => Some("it is a URL like \"https://registry.npmjs.org\""),
        }
    }
}
