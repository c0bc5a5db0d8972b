//! Identifiers. Each kind is a type of its own, so that one can never be passed for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is not an identifier of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(Uuid);

        impl $name {
            /// A new id. Ids made later sort after those made before (UUID version 7).
            #[allow(clippy::new_without_default, reason = "two calls never return equal values")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Its 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id of these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| InvalidId { text: text.chars().take(64).collect(), expected: $what })
            }
        }
    };
}

uuid_id!(
    /// A mission.
    MissionId, "a mission id (a UUID)"
);
uuid_id!(
    /// A workspace.
    WorkspaceId, "a workspace id (a UUID)"
);
uuid_id!(
    /// How a workspace stood at one moment.
    SnapshotId, "a snapshot id (a UUID)"
);
uuid_id!(
    /// The making of a workspace.
    BuildId, "a build id (a UUID)"
);
uuid_id!(
    /// A message of a mission, queued or sent.
    MessageId, "a message id (a UUID)"
);
uuid_id!(
    /// A file that is sent along with a message.
    AttachmentId, "the id of an attachment (a UUID)"
);
uuid_id!(
    /// Something that an agent asked in the middle of a turn.
    AskId, "the id of something an agent asked (a UUID)"
);
uuid_id!(
    /// A decision that goes on to hold.
    RuleId, "the id of a rule (a UUID)"
);
uuid_id!(
    /// A request to a model.
    RequestId, "a request id (a UUID)"
);
uuid_id!(
    /// One process tree that was started for a mission, a step of a build, or a person.
    RunId, "a run id (a UUID)"
);
uuid_id!(
    /// A person who may use the server.
    UserId, "a user id (a UUID)"
);
uuid_id!(
    /// An API token.
    TokenId, "a token id (a UUID)"
);
uuid_id!(
    /// A secret in the vault.
    SecretId, "the id of a secret (a UUID)"
);

/// The name of a plugin as `sandboxed.toml` gives it: 1 to 64 of `a-z`, `0-9` and `-`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9-]{0,63}$")]
pub struct PluginId(String);

impl PluginId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PluginId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                text: text.chars().take(64).collect(),
                expected: "a plugin id (1 to 64 of a-z, 0-9 and -, starting with a letter)",
            })
        }
    }
}

impl TryFrom<String> for PluginId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<PluginId> for String {
    fn from(id: PluginId) -> Self {
        id.0
    }
}

/// The place of an event in its mission's log. The first event is 1 and there are no gaps; 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_id_is_lower_case_letters_digits_and_dashes() {
        for valid in ["a", "claude-code", "x9"] {
            assert_eq!(valid.parse::<PluginId>().expect(valid).as_str(), valid);
        }
        for invalid in ["", "9x", "-a", "A", "a_b", "a/b", "../a", &"a".repeat(65)] {
            assert!(invalid.parse::<PluginId>().is_err(), "{invalid:?} was accepted");
        }
    }

    #[test]
    fn a_rejected_id_says_what_was_expected() {
        let error = "nope".parse::<MissionId>().expect_err("not a UUID");
        assert_eq!(error.to_string(), "\"nope\" is not a mission id (a UUID)");
    }
}
