//! What agents are given to work with besides their prompt: skills, and servers of tools.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// Declares a name as text that is checked where it comes in.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $longest:literal, $expected:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = $pattern)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let allowed: fn(char) -> bool = $allowed;
                let valid = text.len() <= $longest
                    && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                    && text.chars().all(allowed);
                match valid {
                    true => Ok(Self(text.to_owned())),
                    false => Err(InvalidName { text: text.chars().take(64).collect(), expected: $expected }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A text that is no name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidName {
    text: String,
    expected: &'static str,
}

name!(
    /// The name of a skill (<https://agentskills.io/specification>): 1 to 64 of `a-z`, `0-9` and `-`, no dash first.
    SkillName, "^[a-z0-9][a-z0-9-]{0,63}$", 64,
    "a name of a skill (1 to 64 of a-z, 0-9 and -, no dash first)",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
);
name!(
    /// What agents call a server of tools: 1 to 40 of `a-z`, `0-9`, `-` and `_`, beginning with a letter or a digit.
    McpServerName, "^[a-z0-9][a-z0-9_-]{0,39}$", 40,
    "a name of a server of tools (1 to 40 of a-z, 0-9, - and _, beginning with a letter or a digit)",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
);

impl McpServerName {
    /// The variable of the agent's process that holds the token for this server.
    pub fn token_variable(&self) -> String {
        format!("SANDBOXED_MCP_TOKEN_{}", self.0.to_ascii_uppercase().replace('-', "_"))
    }
}

/// A server of the Model Context Protocol that agents of a workspace use: an address, or a program in the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum McpServer {
    /// It is reached by Streamable HTTP, as far as the workspace's network lets it.
    Http(McpAddress),
    /// The agent starts it in the workspace, and speaks to it on its standard streams.
    Program(McpProgram),
}

/// The address of a server of tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct McpAddress {
    /// An http or https address, without a user and a password.
    #[schema(max_length = 2048)]
    pub url: String,
    /// The name of the secret that is sent to it as a bearer token. It is for workspaces, or `workspaces.secrets` lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A server of tools that is a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct McpProgram {
    /// The program, as processes of the workspace find it.
    #[schema(min_length = 1, max_length = 4096)]
    pub program: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub args: Vec<String>,
    /// Its variables, besides those of the agent. Secrets are no business of these: the workspace's own variables are the
    /// place for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl McpServer {
    /// The name of the secret that it needs.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Http(address) => address.token.as_deref(),
            Self::Program(_) => None,
        }
    }

    /// Says what in it can never work.
    pub(crate) fn problem(&self, name: &McpServerName) -> Option<String> {
        let text = |text: &str, longest: usize| !text.is_empty() && text.len() <= longest && !text.contains('\0');
        match self {
            Self::Http(McpAddress { url, token }) => {
                let web = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
                let host = web.split(['/', '?', '#']).next().unwrap_or_default();
                let plain =
                    url.len() <= 2048 && url.chars().all(|c| c.is_ascii_graphic() && !"\"'\\<>`{}$".contains(c));
                if host.is_empty() || host.contains('@') || !plain {
                    return Some(format!("the address of the server of tools {name} is no http or https address"));
                }
                let named = token.as_ref().is_none_or(|secret| text(secret, 200));
                (!named).then(|| format!("the token of the server of tools {name} names no secret"))
            }
            Self::Program(McpProgram { program, args, env }) => {
                let variables = env.iter().all(|(name, value)| {
                    text(name, 128) && !name.contains('=') && value.len() <= 8 << 10 && !value.contains('\0')
                });
                let arguments = args.len() <= 64 && args.iter().all(|arg| arg.len() <= 8 << 10 && !arg.contains('\0'));
                let fits = text(program, 4096) && arguments && variables && env.len() <= 64;
                (!fits).then(|| {
                    format!(
                        "the program of the server of tools {name}, an argument or a variable of it is none or too long"
                    )
                })
            }
        }
    }
}

/// A skill of the library: instructions that an agent reads when it needs them, with files beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkillInfo {
    /// Its name.
    pub name: SkillName,
    /// What it is for, as its SKILL.md says.
    pub description: String,
    /// How many files it has.
    pub files: u32,
    /// Bytes of them together.
    pub bytes: u64,
    /// When it was last put there.
    pub updated_at: Timestamp,
}

/// A file of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillFile {
    /// Relative to the skill's directory, with `/`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// A skill with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// What is known of it.
    pub info: SkillInfo,
    /// Its files in the order of their paths; `SKILL.md` is among them.
    pub files: Vec<SkillFile>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> McpServerName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_safe_as_directories_and_as_keys() {
        for valid in ["a", "pdf-tools", "7z"] {
            assert_eq!(valid.parse::<SkillName>().unwrap().as_str(), valid);
        }
        for invalid in ["", "-a", "A", "a_b", "a/b", "..", "ä", &"a".repeat(65)] {
            assert!(invalid.parse::<SkillName>().is_err(), "{invalid:?}");
        }
        assert_eq!(name("my-files_2").token_variable(), "SANDBOXED_MCP_TOKEN_MY_FILES_2");
    }

    #[test]
    fn a_server_of_tools_is_an_address_or_a_program_and_nothing_between() {
        let read = |json: &str| serde_json::from_str::<McpServer>(json);
        assert_eq!(read(r#"{"url":"https://x.example/mcp","token":"key"}"#).unwrap().secret(), Some("key"));
        assert!(matches!(read(r#"{"program":"npx","args":["-y","x"]}"#).unwrap(), McpServer::Program(_)));
        for wrong in ["{}", r#"{"url":"http://x","program":"y"}"#, r#"{"url":"http://x","headers":{}}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_that_holds_a_password_or_is_none_is_told() {
        let address = |url: &str| McpServer::Http(McpAddress { url: url.to_owned(), token: None }).problem(&name("x"));
        assert_eq!(address("https://tools.example/mcp?team=1"), None);
        for wrong in ["ftp://x", "https://", "https://me:secret@x/", "https://x/${HOME}", "https://x/ y", "x"] {
            assert!(address(wrong).is_some(), "{wrong}");
        }
    }
}
