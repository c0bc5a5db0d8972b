//! Requests to models with what each used and cost, and sums of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    MissionId, PluginId, RequestId, Timestamp, UserId, WorkspaceId,
    account::AccountName,
    budget::Budget,
    day::Day,
    price::Cost,
    provider::ProviderId,
    request::RequestEnd,
    wire::{Tokens, WireFormat},
};

/// A request to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelRequest {
    /// The request.
    pub id: RequestId,
    /// The mission that asked.
    pub mission: MissionId,
    /// In which of its turns.
    pub turn: u32,
    /// The mission's owner.
    pub owner: UserId,
    /// Where it runs.
    pub workspace: WorkspaceId,
    /// What drives its agent.
    pub harness: PluginId,
    /// The account that was used.
    pub account: AccountName,
    /// The account's provider.
    pub provider: ProviderId,
    /// The model that the provider was asked for.
    pub model: String,
    /// The model that answered, in the answer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_model: Option<String>,
    /// In which format.
    pub format: WireFormat,
    /// When it began.
    pub started_at: Timestamp,
    /// After how many milliseconds the answer began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// How many milliseconds it took. Absent while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// The status of the provider's answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How it ended. Absent while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RequestEnd>,
    /// What it used, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// What was set aside for it. Absent: its price was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_micro_usd: Option<u64>,
    /// What it cost. Absent: that is not known, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// The day of the price that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_from: Option<Day>,
    /// The provider's name for it, for asking the provider about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_request_id: Option<String>,
    /// What it used is not known, and its cost is what was set aside for it.
    pub estimated: bool,
}

/// A request that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// The request.
    pub id: RequestId,
    /// The mission that asks.
    pub mission: MissionId,
    /// In which of its turns.
    pub turn: u32,
    /// The mission's owner.
    pub owner: UserId,
    /// Where it runs.
    pub workspace: WorkspaceId,
    /// What drives its agent.
    pub harness: PluginId,
    /// The account that is used.
    pub account: AccountName,
    /// The account's provider.
    pub provider: ProviderId,
    /// The model that the provider is asked for.
    pub model: String,
    /// In which format.
    pub format: WireFormat,
    /// When it begins.
    pub at: Timestamp,
    /// The most that it can cost, in micro-dollars. Absent: its price is not known.
    pub worst: Option<u64>,
    /// The least that is of use: what its input costs, and a little output. It is refused where less is left. Absent: all of
    /// `worst`.
    pub least: Option<u64>,
}

/// What became of setting money aside for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The request may begin.
    Granted {
        /// What it may cost, in micro-dollars. Absent: its price is not known, and no budget counts it.
        micro_usd: Option<u64>,
    },
    /// Requests that are under way hold what is left: ask again when one of them has ended.
    Busy {
        /// The budget that has too little left.
        budget: Budget,
    },
    /// Too little is left even if all requests that are under way cost nothing.
    Exhausted {
        /// The budget that is used up.
        budget: Budget,
    },
    /// A budget counts it, and its price is not known.
    Unpriced {
        /// The budget.
        budget: Budget,
    },
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSettled {
    /// How.
    pub end: RequestEnd,
    /// The status of the provider's answer, where there was one.
    pub status: Option<u16>,
    /// What it used, where that is known.
    pub tokens: Option<Tokens>,
    /// What that costs, where the price is known.
    pub cost: Option<Cost>,
    /// The model that answered, in the answer's words.
    pub answered_model: Option<String>,
    /// After how many milliseconds the answer began.
    pub first_byte_ms: Option<u64>,
    /// How many milliseconds it took.
    pub took_ms: u64,
    /// The provider's name for it.
    pub upstream_request_id: Option<String>,
}

impl RequestSettled {
    /// Whether the provider is known to have charged nothing: it refused, or answered with an error.
    pub fn is_free(&self) -> bool {
        self.end == RequestEnd::Refused || (self.tokens.is_none() && self.status.is_some_and(|status| status >= 400))
    }

    /// Whether it counts as failed.
    pub fn has_failed(&self) -> bool {
        matches!(self.end, RequestEnd::Cut | RequestEnd::Refused | RequestEnd::Lost)
            || self.status.is_some_and(|status| status >= 400)
    }
}

/// By what spending is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpendingGroup {
    /// Day, the newest first.
    Day,
    /// Mission, the newest first.
    Mission,
    /// Model, by name.
    Model,
    /// Account, by name.
    Account,
    /// User, the one that was added first at first.
    User,
    /// Harness, by name.
    Harness,
}

/// Which spending is summed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpendingFilter {
    /// From this day on.
    pub from: Option<Day>,
    /// Until this day, itself included.
    pub to: Option<Day>,
    /// Only this mission's.
    pub mission: Option<MissionId>,
    /// Only for this model.
    pub model: Option<String>,
    /// Only with this account.
    pub account: Option<AccountName>,
    /// Only of this user's missions.
    pub user: Option<UserId>,
}

/// A sum of requests that have ended. Each counts to the day on which it began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SpendingSum {
    /// Of what: a day, an id or a name. Empty for a sum of all.
    pub key: String,
    /// Requests.
    pub requests: u64,
    /// Requests that failed.
    pub failed_requests: u64,
    /// Requests whose cost is what was set aside for them.
    pub estimated_requests: u64,
    /// Requests whose cost is not known and not in the sum.
    pub unpriced_requests: u64,
    /// What they used, as far as that is known.
    pub tokens: Tokens,
    /// What they cost, in micro-dollars.
    pub cost_micro_usd: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_an_error_is_free_and_failed() {
        let whole = RequestSettled {
            end: RequestEnd::Complete,
            status: Some(200),
            tokens: None,
            cost: None,
            answered_model: None,
            first_byte_ms: Some(1),
            took_ms: 2,
            upstream_request_id: None,
        };
        assert!(!whole.is_free() && !whole.has_failed());
        let refused = RequestSettled { status: Some(400), ..whole.clone() };
        assert!(refused.is_free() && refused.has_failed());
        let cut = RequestSettled { end: RequestEnd::Cut, ..whole.clone() };
        assert!(!cut.is_free() && cut.has_failed());
        let unreachable = RequestSettled { end: RequestEnd::Refused, status: None, ..whole };
        assert!(unreachable.is_free() && unreachable.has_failed());
    }
}
