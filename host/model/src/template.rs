//! Templates: what workspaces of a kind are made with, in versions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BuildId, Timestamp, build::BuildStep, recipe::Blueprint};

/// The name of a template: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or digit. Unique on a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
pub struct TemplateName(String);

/// A text that is not the name of a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a template name is 1 to 64 of a-z, 0-9, - and _, starting with a letter or digit")]
pub struct InvalidTemplateName;

impl TemplateName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateName {
    type Err = InvalidTemplateName;

    fn from_str(text: &str) -> Result<Self, InvalidTemplateName> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidTemplateName) }
    }
}

impl TryFrom<String> for TemplateName {
    type Error = InvalidTemplateName;

    fn try_from(text: String) -> Result<Self, InvalidTemplateName> {
        text.parse()
    }
}

impl From<TemplateName> for String {
    fn from(name: TemplateName) -> Self {
        name.0
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Template {
    /// Its name.
    pub name: TemplateName,
    /// Its version, counted from 1. A change makes the next one; a number is never used again for a name.
    pub version: u32,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What workspaces are made with.
    pub workspace: Blueprint,
    /// Whether the configuration declares it: then only the configuration changes it.
    pub declared: bool,
    /// When this version was made.
    pub created_at: Timestamp,
}

impl Template {
    /// The longest description, in bytes.
    pub const MAX_DESCRIPTION: usize = 4096;
}

/// A template that is wanted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTemplate {
    /// Its name.
    pub name: TemplateName,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What workspaces are made with.
    #[serde(default)]
    pub workspace: Blueprint,
}

/// Which template a workspace is to be made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateChoice {
    /// Its name.
    pub name: TemplateName,
    /// Its version; absent is the newest.
    pub version: Option<u32>,
}

impl FromStr for TemplateChoice {
    type Err = InvalidTemplateName;

    /// Reads `NAME` or `NAME@VERSION`.
    fn from_str(text: &str) -> Result<Self, InvalidTemplateName> {
        match text.split_once('@') {
            None => Ok(Self { name: text.parse()?, version: None }),
            Some((name, version)) => {
                let version = version.parse().map_err(|_| InvalidTemplateName)?;
                Ok(Self { name: name.parse()?, version: Some(version) })
            }
        }
    }
}

/// Which template a workspace was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateUse {
    /// The template.
    pub name: TemplateName,
    /// The version.
    pub version: u32,
    /// What was said beside it when the workspace was made, which counts over it.
    #[serde(default)]
    pub beside: Blueprint,
}

/// How a workspace differs from its template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Drift {
    /// The template's newest version. Absent: there is no such template any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// What differs from the newest version, with what was said beside it when the workspace was made.
    pub fields: Vec<DriftField>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DriftField {
    /// What: `backend`, `options`, `network`, `limits`, `ports`, `env`, `mounts` or `init`.
    pub field: String,
    /// How the workspace has it.
    #[schema(value_type = Object)]
    pub workspace: serde_json::Value,
    /// How the template wants it.
    #[schema(value_type = Object)]
    pub template: serde_json::Value,
}

/// What applying a template to a workspace does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Application {
    /// The version that the workspace had.
    pub from: u32,
    /// The version that it gets.
    pub to: u32,
    /// What changes.
    pub changes: Vec<DriftField>,
    /// The steps of its build. Those that were run in it before and did not change are `cached`, the others are run.
    pub steps: Vec<BuildStep>,
    /// The build that runs them. Absent: none has to be run, or nothing was done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_may_name_a_version() {
        let choice: TemplateChoice = "node@3".parse().unwrap();
        assert_eq!((choice.name.as_str(), choice.version), ("node", Some(3)));
        assert_eq!("node".parse::<TemplateChoice>().unwrap().version, None);
        for wrong in ["Node", "node@", "node@x", "@1", "node@1@2"] {
            assert!(wrong.parse::<TemplateChoice>().is_err(), "{wrong}");
        }
    }
}
