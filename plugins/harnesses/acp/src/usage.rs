//! What the result of a turn says was used.

use sandboxed_sdk::harness::Usage;
use serde_json::Value;

use crate::table::{Cached, UsageTable};

/// What each model used; the amounts of one model where the agent does not tell which.
pub(crate) fn usages(table: &UsageTable, result: &Value, model: Option<&str>) -> Vec<Usage> {
    let Some(at) = result.pointer(&table.at) else { return Vec::new() };
    let by_model: Vec<(Option<&str>, &Value)> = match (at.get("modelUsage"), at.get("model_usage")) {
        (Some(Value::Object(models)), _) => models.iter().map(|(name, used)| (Some(name.as_str()), used)).collect(),
        (_, Some(Value::Array(models))) => models
            .iter()
            .map(|entry| (entry.get("model").and_then(Value::as_str), entry.get("token_count").unwrap_or(entry)))
            .collect(),
        _ => vec![(None, at)],
    };
    let usage = |(name, used): (Option<&str>, &Value)| usage(table.cached, used, name.or(model));
    by_model.into_iter().filter_map(usage).collect()
}

/// Agents spell the same counters in different ways.
fn usage(cached: Cached, used: &Value, model: Option<&str>) -> Option<Usage> {
    let count = |names: &[&str]| names.iter().find_map(|name| used.get(*name)?.as_u64()).unwrap_or_default();
    let cache_read = count(&["cachedReadTokens", "cachedInputTokens", "cached_input_tokens"]);
    let cache_write = count(&["cachedWriteTokens", "cacheCreationTokens", "cacheWriteInputTokens"]);
    let input = count(&["inputTokens", "input_tokens"]);
    let usage = Usage {
        model: model.map(str::to_owned),
        input: match cached {
            Cached::Apart => input,
            Cached::Included => input.saturating_sub(cache_read).saturating_sub(cache_write),
        },
        output: count(&["outputTokens", "output_tokens"]),
        cache_read,
        cache_write,
        reasoning: count(&["thoughtTokens", "reasoningTokens", "reasoningOutputTokens"]),
        cost_micro_usd: None,
    };
    [usage.input, usage.output, cache_read, cache_write].iter().any(|count| *count > 0).then_some(usage)
}

/// What a session has cost so far, in millionths of a US dollar, as a `usage_update` says.
pub(crate) fn session_cost(update: &Value) -> Option<u64> {
    let cost = update.get("cost")?;
    let dollars =
        cost.get("amount")?.as_f64().filter(|_| cost.get("currency").and_then(Value::as_str) == Some("USD"))?;
    // Past a million dollars it is no cost.
    (0.0..1e6).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(at: &str, cached: Cached) -> UsageTable {
        UsageTable { at: at.to_owned(), cached, cost: false }
    }

    #[test]
    fn cached_input_is_never_counted_twice() {
        let result = json!({ "usage": { "inputTokens": 2400, "outputTokens": 50, "cachedReadTokens": 200 } });
        let input = |cached| usages(&table("/usage", cached), &result, None)[0].input;
        assert_eq!((input(Cached::Apart), input(Cached::Included)), (2400, 2200));
    }

    #[test]
    fn each_model_is_told_by_its_name() {
        let list = json!({ "_meta": { "quota": { "model_usage": [
            { "model": "a", "token_count": { "input_tokens": 5, "output_tokens": 1 } },
            { "model": "b", "token_count": { "input_tokens": 7, "output_tokens": 2 } },
        ] } } });
        let map = json!({ "usage": { "modelUsage": { "a": { "inputTokens": 5 }, "b": { "inputTokens": 7 } } } });
        for (at, result) in [("/_meta/quota", list), ("/usage", map)] {
            let usages = usages(&table(at, Cached::Apart), &result, Some("asked"));
            let told: Vec<_> = usages.iter().map(|usage| (usage.model.as_deref(), usage.input)).collect();
            assert_eq!(told, [(Some("a"), 5), (Some("b"), 7)]);
        }
    }

    #[test]
    fn a_result_without_counters_tells_nothing() {
        for result in [json!({}), json!({ "usage": null }), json!({ "usage": { "inputTokens": -1 } })] {
            assert!(usages(&table("/usage", Cached::Apart), &result, None).is_empty());
        }
    }

    #[test]
    fn a_cost_is_told_in_dollars_and_within_reason() {
        let cost =
            |amount: f64, currency: &str| session_cost(&json!({ "cost": { "amount": amount, "currency": currency } }));
        assert_eq!(cost(0.01596, "USD"), Some(15960));
        assert_eq!((cost(1.0, "EUR"), cost(-1.0, "USD"), cost(1e12, "USD")), (None, None, None));
    }
}
