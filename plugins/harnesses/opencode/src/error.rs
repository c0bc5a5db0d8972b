//! OpenCode's errors in the words of all drivers.

use sandboxed_protocol::trouble::Trouble;
use sandboxed_sdk::Failure;
use serde::Deserialize;

/// An error as sessions and messages hold it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AgentError {
    name: String,
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    message: String,
    status_code: Option<u16>,
    response_body: Option<String>,
}

impl AgentError {
    /// The turn was interrupted.
    pub(crate) fn is_abort(&self) -> bool {
        self.name == "MessageAbortedError"
    }

    /// What it means.
    pub(crate) fn failure(&self) -> Failure {
        self.trouble().failure(&self.data.message)
    }

    fn trouble(&self) -> Trouble {
        match self.name.as_str() {
            "ContextOverflowError" => return Trouble::ContextFull,
            "MessageOutputLengthError" => return Trouble::LimitReached,
            "ProviderAuthError" => return Trouble::Unauthorized,
            _ => {}
        }
        // Providers tell of these with statuses that mean something else as well.
        let body = self.data.response_body.as_deref().unwrap_or_default();
        let said = Trouble::from_text(&self.data.message).or_else(|| Trouble::from_text(body));
        let special =
            said.filter(|said| matches!(said, Trouble::BudgetUsedUp | Trouble::NoCredit | Trouble::ContextFull));
        special.or_else(|| self.data.status_code.and_then(Trouble::from_status)).or(said).unwrap_or(Trouble::Other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn code(error: Value) -> String {
        serde_json::from_value::<AgentError>(error).expect("an error").failure().code
    }

    #[test]
    fn the_status_says_what_went_wrong_unless_the_words_know_better() {
        let error =
            |status, message: &str| json!({ "name": "APIError", "data": { "message": message, "statusCode": status } });
        assert_eq!(code(error(401, "no")), "agent.unauthorized");
        assert_eq!(code(error(429, "no")), "agent.rate_limited");
        assert_eq!(code(error(400, "your credit balance is too low")), "agent.no_credit");
        assert_eq!(code(error(400, "the budget of the server is used up: $20.00")), "agent.budget_used_up");
    }

    #[test]
    fn names_and_words_do_where_there_is_no_status() {
        assert_eq!(code(json!({ "name": "ContextOverflowError", "data": {} })), "agent.context_full");
        let refused = json!({ "name": "APIError", "data": { "message": "Unable to connect. Is the computer able" } });
        assert_eq!(code(refused), "agent.unreachable");
        assert_eq!(code(json!({ "name": "UnknownError", "data": { "message": "?" } })), "agent.error");
        assert_eq!(code(json!({})), "agent.error");
    }
}
