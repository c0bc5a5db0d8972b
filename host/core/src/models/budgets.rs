//! What a person can do with budgets, and what an agent is told of one.

use std::{sync::Arc, time::Duration};

use sandboxed_gateway::{Reason, Refusal};
use sandboxed_model::{
    Blame, Failure, Timestamp,
    budget::{Budget, BudgetPeriod, BudgetScope},
    mission::{Mission, Parked, ParkedReason},
    page::{Page, PageRequest},
};

use crate::{Orchestrator, Result, services::Services};

impl Orchestrator {
    /// Budgets, with what is spent and set aside of each in its present period.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn budgets(&self, page: &PageRequest) -> Result<Page<Budget>> {
        Ok(self.services.store.budgets(Timestamp::now(), page).await?)
    }

    /// Sets what may be spent, in micro-dollars. Missions that wait for money go on.
    ///
    /// # Errors
    /// When whoever it is about does not exist.
    pub async fn set_budget(&self, scope: BudgetScope, period: BudgetPeriod, limit: u64) -> Result<Budget> {
        match &scope {
            BudgetScope::Server => {}
            BudgetScope::User(user) => {
                self.services.store.user(*user).await?;
            }
            BudgetScope::Account(name) => {
                self.services.store.provider_account(name).await?;
            }
            BudgetScope::Mission(mission) => {
                self.services.mission(*mission).await?;
            }
        }
        let budget = self.services.store.set_budget(scope, period, limit).await?;
        self.services.budgets_changed().await?;
        Ok(budget)
    }

    /// Takes a budget away. Missions that wait for money go on.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_budget(&self, scope: BudgetScope, period: BudgetPeriod) -> Result<()> {
        self.services.store.delete_budget(&scope, period).await?;
        self.services.budgets_changed().await
    }
}

impl Services {
    /// What an agent is told whose budget is used up. Its mission is parked.
    pub(super) fn exhausted_budget(self: &Arc<Self>, mission: &Mission, budget: &Budget) -> Refusal {
        let message = format!("the budget of {} is used up: {}", named(budget), dollars(budget.limit_micro_usd));
        let failure = Failure::new(Blame::Denied, "budget.exhausted", message).with_hint(format!(
            "sandboxed-sh budget set {} DOLLARS --per {}",
            budget.scope,
            budget.period.as_str()
        ));
        let parked = Parked { reason: ParkedReason::Budget, until: budget.resets_at };
        self.park_asking(mission.id, parked, failure.clone());
        Refusal::new(Reason::Budget, failure)
    }
}

/// What an agent is told whose model has no price, though a budget counts.
pub(super) fn unpriced(model: &str, budget: &Budget) -> Failure {
    let message =
        format!("the price of the model {model:?} is not known, and the budget of {} counts it", named(budget));
    Failure::new(Blame::Config, "budget.price_unknown", message)
        .with_hint("give it a price in a catalogue of your own: [models] catalogue in sandboxed.toml")
}

/// What an agent is told whose request others keep from what is left.
pub(super) fn busy(budget: &Budget, patience: Duration) -> Failure {
    let message = format!("requests that are under way hold what is left of the budget of {}", named(budget));
    let mut failure = Failure::new(Blame::Unavailable, "budget.busy", message);
    failure.retry_after_ms = Some(u32::try_from(patience.as_millis()).unwrap_or(u32::MAX));
    failure
}

fn named(budget: &Budget) -> String {
    match budget.period {
        BudgetPeriod::Total => budget.scope.to_string(),
        period => format!("{} for the {}", budget.scope, period.as_str()),
    }
}

fn dollars(micro: u64) -> String {
    format!("${}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000)
}
