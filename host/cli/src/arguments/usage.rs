//! `usage` and `budget`

use clap::{Args, Subcommand, ValueEnum};
use sandboxed_model::{
    MissionId, UserId,
    account::AccountName,
    budget::{BudgetPeriod, BudgetScope},
    day::Day,
    price::micro_dollars,
    spending::SpendingGroup,
};

use super::Listing;

#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// By what it is summed.
    #[arg(long, value_enum, default_value_t = By::Day)]
    pub(crate) by: By,
    /// From this day on: 2026-01-31.
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<Day>,
    /// Until this day, itself included.
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<Day>,
    /// Only this mission's.
    #[arg(long, value_name = "ID")]
    pub(crate) mission: Option<MissionId>,
    /// Only of this model.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Only with this account.
    #[arg(long)]
    pub(crate) account: Option<AccountName>,
    /// Only of this user's missions.
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<UserId>,
    /// List single requests, the newest first, instead of sums.
    #[arg(long, conflicts_with_all = ["by", "from", "to", "model", "account", "user"])]
    pub(crate) requests: bool,
    /// The most that are shown.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

/// By what usage is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Day,
    Mission,
    Model,
    Account,
    User,
    Harness,
}

impl From<By> for SpendingGroup {
    fn from(by: By) -> Self {
        match by {
            By::Day => Self::Day,
            By::Mission => Self::Mission,
            By::Model => Self::Model,
            By::Account => Self::Account,
            By::User => Self::User,
            By::Harness => Self::Harness,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Budgets {
    /// List budgets, with what is spent of each.
    List(Listing),
    /// Set what may be spent. Missions that wait for money go on.
    Set {
        /// Whose requests it counts: server, user:ID, account:NAME, mission:ID.
        scope: BudgetScope,
        /// What may be spent, in US dollars: 20, 0.5.
        #[arg(value_parser = micro_dollars)]
        dollars: u64,
        /// After which time it begins anew.
        #[arg(long, value_enum, default_value_t = Per::Total)]
        per: Per,
    },
    /// Take a budget away. Missions that wait for money go on.
    Delete {
        /// Whose requests it counts.
        scope: BudgetScope,
        /// After which time it begins anew.
        #[arg(long, value_enum, default_value_t = Per::Total)]
        per: Per,
    },
}

/// After which time a budget begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Per {
    Total,
    Day,
    Month,
}

impl From<Per> for BudgetPeriod {
    fn from(per: Per) -> Self {
        match per {
            Per::Total => Self::Total,
            Per::Day => Self::Day,
            Per::Month => Self::Month,
        }
    }
}
