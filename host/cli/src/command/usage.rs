//! `usage` and `budget`: what was used of models, and what may be.

use sandboxed_model::{
    budget::{Budget, BudgetPeriod},
    spending::{ModelRequest, SpendingFilter, SpendingSum},
};

use super::{ago, with_client};
use crate::{
    arguments::{Budgets, Place, Usage},
    failed::Result,
    output::{self, Table, Terminal, dollars},
};

pub(crate) async fn usage(place: &Place, wanted: Usage) -> Result<()> {
    let Usage { by, from, to, mission, model, account, user, requests, limit, listing } = wanted;
    with_client(place, async |client| {
        if requests {
            let requests = client.model_requests(mission, limit).await?;
            return if listing.json { output::print_json(&requests) } else { asked(&requests) };
        }
        let filter = SpendingFilter { from, to, mission, model, account, user };
        let sums = client.spending(&filter, by.into(), limit).await?;
        if listing.json { output::print_json(&sums) } else { summed(&sums) }
    })
    .await
}

pub(crate) async fn budgets(place: &Place, command: Budgets) -> Result<()> {
    with_client(place, async |client| match command {
        Budgets::List(listing) => {
            let budgets = client.budgets().await?;
            if listing.json { output::print_json(&budgets) } else { list(&budgets) }
        }
        Budgets::Set { scope, dollars, per } => list(&[client.set_budget(scope, per.into(), dollars).await?]),
        Budgets::Delete { scope, per } => {
            let shown = scope.to_string();
            client.delete_budget(scope, per.into()).await?;
            output::print(&format!("the budget of {shown} is gone"))
        }
    })
    .await
}

fn summed(sums: &[SpendingSum]) -> Result<()> {
    let mut table =
        Table::new(&["OF", "REQUESTS", "FAILED", "INPUT", "CACHE READ", "CACHE WRITE", "OUTPUT", "REASONING", "COST"]);
    for sum in sums {
        let tokens = &sum.tokens;
        table.row([
            sum.key.clone(),
            sum.requests.to_string(),
            sum.failed_requests.to_string(),
            tokens.input.to_string(),
            tokens.cache_read.to_string(),
            tokens.cache_write.saturating_add(tokens.cache_write_1h).to_string(),
            tokens.output.to_string(),
            tokens.reasoning.to_string(),
            cost(sum),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no requests to models"))
}

/// What is not known is said, and never taken for nothing.
fn cost(sum: &SpendingSum) -> String {
    let known = dollars(sum.cost_micro_usd);
    let known = match sum.estimated_requests {
        0 => known,
        requests => format!("{known} ({requests} estimated)"),
    };
    match sum.unpriced_requests {
        0 => known,
        requests if requests == sum.requests => "unknown".to_owned(),
        requests => format!("{known} and {requests} unknown"),
    }
}

fn asked(requests: &[ModelRequest]) -> Result<()> {
    let mut table = Table::new(&[
        "WHEN", "MISSION", "TURN", "ACCOUNT", "MODEL", "END", "STATUS", "INPUT", "OUTPUT", "COST", "FIRST", "TOOK",
    ]);
    for request in requests {
        let tokens = |count: fn(&sandboxed_model::wire::Tokens) -> u64| {
            request.tokens.as_ref().map_or_else(|| "unknown".to_owned(), |tokens| count(tokens).to_string())
        };
        let millis = |millis: Option<u64>| millis.map(|millis| format!("{millis} ms")).unwrap_or_default();
        table.row([
            ago(request.started_at),
            request.mission.to_string(),
            request.turn.to_string(),
            request.account.to_string(),
            request.model.clone(),
            request.end.map_or("under way", sandboxed_model::request::RequestEnd::as_str).to_owned(),
            request.status.map(|status| status.to_string()).unwrap_or_default(),
            tokens(|tokens| tokens.all_input()),
            tokens(|tokens| tokens.output),
            match (request.cost_micro_usd, request.estimated) {
                (Some(cost), true) => format!("{} estimated", dollars(cost)),
                (Some(cost), false) => dollars(cost),
                (None, _) => "unknown".to_owned(),
            },
            millis(request.first_byte_ms),
            millis(request.took_ms),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no requests to models"))
}

fn list(budgets: &[Budget]) -> Result<()> {
    let mut table = Table::new(&["OF", "PER", "LIMIT", "SPENT", "SET ASIDE", "BEGINS ANEW"]);
    for budget in budgets {
        table.row([
            budget.scope.to_string(),
            budget.period.as_str().to_owned(),
            dollars(budget.limit_micro_usd),
            dollars(budget.spent_micro_usd),
            dollars(budget.reserved_micro_usd),
            match (budget.period, budget.resets_at) {
                (BudgetPeriod::Total, _) | (_, None) => "never".to_owned(),
                (_, Some(at)) => at.to_string(),
            },
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no budgets"))
}

/// A price in dollars per million tokens.
pub(super) fn dollars_per_million(rate: u64) -> String {
    let text = format!("{}.{:06}", rate / 1_000_000, rate % 1_000_000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("${text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_shown_as_nothing() {
        let sum = |requests, unpriced, estimated, micro| SpendingSum {
            requests,
            unpriced_requests: unpriced,
            estimated_requests: estimated,
            cost_micro_usd: micro,
            ..SpendingSum::default()
        };
        assert_eq!(cost(&sum(2, 2, 0, 0)), "unknown");
        assert_eq!(cost(&sum(3, 1, 0, 50_000)), "$0.05 and 1 unknown");
        assert_eq!(cost(&sum(3, 0, 1, 50_000)), "$0.05 (1 estimated)");
    }
}
