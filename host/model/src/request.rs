//! Requests to models: how each came to its end.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a request to a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestEnd {
    /// The answer came whole, whatever it says.
    Complete,
    /// The provider cut the answer, sent what is no answer, or never ended it.
    Cut,
    /// The server cut the answer, because a budget was used up.
    Stopped,
    /// The client went away.
    Abandoned,
    /// The provider refused it or could not be reached, so that it used nothing.
    Refused,
    /// The server ended while it was under way.
    Lost,
}

impl RequestEnd {
    /// All ends, in the order of the enum.
    pub const ALL: [Self; 6] = [Self::Complete, Self::Cut, Self::Stopped, Self::Abandoned, Self::Refused, Self::Lost];

    /// The name in JSON and SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cut => "cut",
            Self::Stopped => "stopped",
            Self::Abandoned => "abandoned",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }

    /// The end of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == name)
    }
}
