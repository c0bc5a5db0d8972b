//! What OpenCode may do, as its configuration has it. Of several rules for one thing the last counts, and what the
//! configuration says stands after the rules that OpenCode's agents bring.

use sandboxed_sdk::harness::{ApprovalMode, WorkMode};
use serde_json::{Value as Json, json};

/// The `permission` table of a launch.
pub(crate) fn table(approvals: ApprovalMode, mode: WorkMode) -> Json {
    match (mode, approvals) {
        (WorkMode::Act, ApprovalMode::Bypass) => json!({ "*": "allow" }),
        (WorkMode::Act, ApprovalMode::Ask) => json!({
            "*": "ask",
            "glob": "allow",
            "grep": "allow",
            "list": "allow",
            "lsp": "allow",
            "question": "allow",
            "read": reading(),
            "skill": "allow",
            "task": "allow",
            "todowrite": "allow",
        }),
        // Tools of MCP servers and commands may change something, and cannot be told from those that do not.
        (WorkMode::Plan, approvals) => {
            let (ask, read) = match approvals {
                ApprovalMode::Bypass => (json!("allow"), json!("allow")),
                ApprovalMode::Ask => (json!("ask"), reading()),
            };
            json!({
                "*": "deny",
                "external_directory": ask,
                "glob": "allow",
                "grep": "allow",
                "list": "allow",
                "lsp": "allow",
                "question": "allow",
                "read": read,
                "skill": "allow",
                "task": "allow",
                "todowrite": "allow",
                "webfetch": ask,
                "websearch": ask,
            })
        }
    }
}

/// OpenCode's own rules: files that often hold secrets are asked for.
fn reading() -> Json {
    json!({ "*": "allow", "*.env": "ask", "*.env.*": "ask", "*.env.example": "allow" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_plans_changes_nothing_whoever_is_asked() {
        for approvals in [ApprovalMode::Bypass, ApprovalMode::Ask] {
            let table = table(approvals, WorkMode::Plan);
            assert_eq!(table["*"], "deny");
            assert!(["bash", "edit", "write"].iter().all(|tool| table[*tool].is_null()), "{table}");
        }
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_asked_for() {
        let table = table(ApprovalMode::Ask, WorkMode::Act);
        assert_eq!(table["*"], "ask");
        assert_eq!(table["read"]["*.env"], "ask");
        assert!(["bash", "edit", "webfetch", "external_directory"].iter().all(|tool| table[*tool].is_null()));
    }
}
