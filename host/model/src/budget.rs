//! Budgets: what may be spent on models, by whom and in which time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::{MissionId, Timestamp, UserId, account::AccountName, day::Day};

/// Whose requests a budget counts, as text: `server`, `user:ID`, `account:NAME` or `mission:ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BudgetScope {
    /// All.
    Server,
    /// Those of missions of this user.
    User(UserId),
    /// Those that used this account.
    Account(AccountName),
    /// Those of this mission.
    Mission(MissionId),
}

impl PartialSchema for BudgetScope {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(server|(user|account|mission):[A-Za-z0-9._-]{1,100})$"))
            .description(Some("Whose requests a budget counts: `server`, `user:ID`, `account:NAME` or `mission:ID`."));
        text.into()
    }
}

impl ToSchema for BudgetScope {}

/// A text that is no scope of a budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a budget is one of: server, user:ID, account:NAME, mission:ID")]
pub struct InvalidBudgetScope;

impl FromStr for BudgetScope {
    type Err = InvalidBudgetScope;

    fn from_str(text: &str) -> Result<Self, InvalidBudgetScope> {
        if text == "server" {
            return Ok(Self::Server);
        }
        match text.split_once(':') {
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| InvalidBudgetScope),
            Some(("account", name)) => name.parse().map(Self::Account).map_err(|_| InvalidBudgetScope),
            Some(("mission", id)) => id.parse().map(Self::Mission).map_err(|_| InvalidBudgetScope),
            _ => Err(InvalidBudgetScope),
        }
    }
}

impl TryFrom<String> for BudgetScope {
    type Error = InvalidBudgetScope;

    fn try_from(text: String) -> Result<Self, InvalidBudgetScope> {
        text.parse()
    }
}

impl From<BudgetScope> for String {
    fn from(scope: BudgetScope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Account(name) => write!(f, "account:{name}"),
            Self::Mission(id) => write!(f, "mission:{id}"),
        }
    }
}

/// After which time a budget begins anew, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// Never.
    Total,
    /// At midnight.
    Day,
    /// With the month.
    Month,
}

impl BudgetPeriod {
    /// All, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::Total, Self::Day, Self::Month];

    /// The name in JSON, TOML and SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The first day of the period that this time is in.
    pub fn start(self, at: Timestamp) -> Day {
        match self {
            Self::Total => Day::FIRST,
            Self::Day => at.day(),
            Self::Month => at.day().month(),
        }
    }

    /// When the period that this time is in ends.
    pub fn resets_at(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Total => None,
            Self::Day => Some(at.day().next().start()),
            Self::Month => Some(at.day().next_month().start()),
        }
    }
}

/// A budget as it stands. There is at most one of a scope and a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// Whose requests it counts.
    pub scope: BudgetScope,
    /// In which time.
    pub period: BudgetPeriod,
    /// What may be spent, in micro-dollars.
    pub limit_micro_usd: u64,
    /// What requests that began in the present period have cost.
    pub spent_micro_usd: u64,
    /// What is set aside for requests that are under way.
    pub reserved_micro_usd: u64,
    /// When it begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Timestamp>,
}

impl Budget {
    /// What can be set aside now.
    pub const fn left_micro_usd(&self) -> u64 {
        self.limit_micro_usd.saturating_sub(self.spent_micro_usd).saturating_sub(self.reserved_micro_usd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_text_and_reads_back() {
        let scopes = [
            BudgetScope::Server,
            BudgetScope::User(UserId::new()),
            BudgetScope::Account("work".parse().unwrap()),
            BudgetScope::Mission(MissionId::new()),
        ];
        for scope in scopes {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for wrong in ["", "Server", "user:", "user:bob", "account:a b", "automation:x", "mission"] {
            assert_eq!(wrong.parse::<BudgetScope>(), Err(InvalidBudgetScope), "{wrong}");
        }
    }

    #[test]
    fn periods_begin_and_end_in_utc() {
        let at: Day = "2024-12-31".parse().unwrap();
        let at = Timestamp::from_millis(at.start().as_millis() + 86_399_999);
        assert_eq!(BudgetPeriod::Day.start(at).to_string(), "2024-12-31");
        assert_eq!(BudgetPeriod::Month.start(at).to_string(), "2024-12-01");
        assert_eq!(BudgetPeriod::Total.start(at), Day::FIRST);
        let next = Timestamp::from_millis(at.as_millis() + 1);
        assert_eq!(BudgetPeriod::Day.resets_at(at), Some(next));
        assert_eq!(BudgetPeriod::Month.resets_at(at), Some(next));
        assert_eq!(BudgetPeriod::Total.resets_at(at), None);
    }
}
