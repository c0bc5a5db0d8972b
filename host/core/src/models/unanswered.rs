//! What the gateway told agents in place of answers, for the turn that is under way.
//!
//! Agents hide why a model did not answer: some lose the status, some end their turn as if all were well. The gateway knows
//! what it answered. So where a turn fails over its models, the last request that got no answer says why, unless a later one
//! was answered. It is not kept over a restart of the server: what the agent says counts then.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sandboxed_gateway::{Reason, Refusal};
use sandboxed_model::{Blame, Failure, MissionId};
use serde_json::Value;

/// Characters of a provider's words that are told.
const SHOWN: usize = 400;

/// Codes of the agents' drivers that are about models.
const ABOUT_MODELS: [&str; 14] = [
    "agent.no_account",
    "agent.unauthorized",
    "agent.forbidden",
    "agent.no_credit",
    "agent.budget_used_up",
    "agent.rate_limited",
    "agent.overloaded",
    "agent.server_error",
    "agent.unreachable",
    "agent.stream_cut",
    "agent.no_answer",
    "agent.invalid_request",
    "agent.model_unknown",
    "agent.error",
];

/// What an agent can tell apart that has read the words of a provider which refuses a request.
const IN_WORDS: [&str; 3] = ["agent.no_credit", "agent.budget_used_up", "agent.model_unknown"];

/// What an agent says of an answer that broke off, besides that it did.
const OF_A_CUT: [&str; 4] = ["agent.error", "agent.server_error", "agent.unreachable", "agent.no_answer"];

/// What agents say that find nobody to ask.
const OF_NOBODY: [&str; 6] = [
    "agent.unauthorized",
    "agent.forbidden",
    "agent.unreachable",
    "agent.invalid_request",
    "agent.model_unknown",
    "agent.error",
];

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    NoAccount,
    Unauthorized,
    Forbidden,
    NoCredit,
    BudgetUsedUp,
    RateLimited,
    Overloaded,
    ServerError,
    Unreachable,
    StreamCut,
    NoAnswer,
    InvalidRequest,
    ModelUnknown,
    ContextFull,
}

/// The turns that are under way.
#[derive(Default)]
pub(super) struct Unanswered(Mutex<HashMap<MissionId, Seen>>);

/// What is known of one turn.
#[derive(Debug, Default)]
struct Seen {
    /// A request was answered.
    answered: bool,
    /// The last that was not, unless a later one was.
    last: Option<(Cause, Failure)>,
}

impl Unanswered {
    /// A turn begins, or is taken up.
    pub(super) fn begin(&self, mission: MissionId) {
        self.turns().insert(mission, Seen::default());
    }

    /// The turn is over.
    pub(super) fn end(&self, mission: MissionId) {
        self.turns().remove(&mission);
    }

    /// The gateway told the agent this.
    pub(super) fn refused(&self, mission: MissionId, refusal: &Refusal) {
        let code = refusal.failure.code.as_str();
        let cause = Cause::of_refusal(refusal);
        let mut failure = cause.failure(&refusal.failure.message);
        failure.retry_after_ms = refusal.failure.retry_after_ms.or(failure.retry_after_ms);
        // That its accounts are left alone is what followed from the one before.
        let follows = refusal.reason == Reason::Limited && (code == "models.limited" || code.starts_with("account."));
        self.note(mission, |seen| {
            if !follows || seen.last.is_none() {
                seen.last = Some((cause, failure));
            }
        });
    }

    /// The agent was handed this error of a provider.
    pub(super) fn error(&self, mission: MissionId, status: u16, body: &[u8]) {
        let cause = Cause::of_status(status);
        let failure = cause.failure(&format!("it answered {status}: {}", words(body)));
        self.note(mission, |seen| seen.last = Some((cause, failure)));
    }

    /// An answer broke off.
    pub(super) fn cut(&self, mission: MissionId) {
        let failure = Cause::StreamCut.failure("");
        self.note(mission, |seen| seen.last = Some((Cause::StreamCut, failure)));
    }

    /// An answer came whole.
    pub(super) fn answered(&self, mission: MissionId) {
        self.note(mission, |seen| *seen = Seen { answered: true, last: None });
    }

    /// Why a turn has failed of which the agent tells this.
    pub(super) fn why(&self, mission: MissionId, told: Failure, any_account: bool) -> Failure {
        let turns = self.turns();
        match turns.get(&mission) {
            Some(Seen { last: Some((cause, failure)), .. }) if cause.tells_more_than(&told) => failure.clone(),
            Some(Seen { last: None, answered: false }) if !any_account && OF_NOBODY.contains(&told.code.as_str()) => {
                Cause::NoAccount.failure(&told.message)
            }
            _ => told,
        }
    }

    /// Why a turn has done nothing of which the agent says that all is well: none of its requests was answered.
    pub(super) fn of_all(&self, mission: MissionId) -> Option<Failure> {
        let turns = self.turns();
        let Seen { answered, last } = turns.get(&mission)?;
        last.as_ref().filter(|_| !answered).map(|(_, failure)| failure.clone())
    }

    /// Of a turn that is over nothing more is of interest.
    fn note(&self, mission: MissionId, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.turns().get_mut(&mission) {
            note(seen);
        }
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, HashMap<MissionId, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cause {
    fn of_refusal(refusal: &Refusal) -> Self {
        match refusal.failure.code.as_str() {
            "models.no_account" => return Self::NoAccount,
            "gateway.denied" | "account.denied" => return Self::Forbidden,
            "account.overloaded" => return Self::Overloaded,
            "account.failing" => return Self::ServerError,
            "account.token_refused" => return Self::Unauthorized,
            _ => {}
        }
        match refusal.reason {
            Reason::Token | Reason::Credential => Self::Unauthorized,
            Reason::ModelDenied => Self::Forbidden,
            Reason::Unknown => Self::ModelUnknown,
            Reason::Budget => Self::BudgetUsedUp,
            Reason::Limited => Self::RateLimited,
            Reason::Invalid | Reason::TooLarge | Reason::TooSlow | Reason::Encoding => Self::InvalidRequest,
            Reason::Unreachable | Reason::Unavailable => Self::Unreachable,
            Reason::Deadline => Self::NoAnswer,
            Reason::Internal => Self::ServerError,
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            402 => Self::NoCredit,
            403 => Self::Forbidden,
            404 => Self::ModelUnknown,
            408 | 504 => Self::NoAnswer,
            413 => Self::ContextFull,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::ServerError,
        }
    }

    /// Whether it is told in place of what the agent says.
    fn tells_more_than(self, told: &Failure) -> bool {
        let told = told.code.as_str();
        ABOUT_MODELS.contains(&told)
            && told != self.code()
            && match self {
                Self::InvalidRequest => !IN_WORDS.contains(&told),
                Self::StreamCut => OF_A_CUT.contains(&told),
                _ => true,
            }
    }

    fn code(self) -> &'static str {
        self.row().1
    }

    fn failure(self, said: &str) -> Failure {
        let (blame, code, what, hint, retry_after_ms) = self.row();
        let said = said.trim();
        let message = if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
        let mut failure = Failure::new(blame, code, message).with_hint(hint);
        failure.retry_after_ms = retry_after_ms;
        failure
    }

    /// Who has to act, the code, what happened, what mends it, and milliseconds after which it may have passed.
    fn row(self) -> (Blame, &'static str, &'static str, &'static str, Option<u32>) {
        match self {
            Self::NoAccount => (
                Blame::Config,
                "agent.no_account",
                "there is no account by which the agent could ask its models",
                "add one: sandboxed-sh provider add",
                None,
            ),
            Self::Unauthorized => (
                Blame::Config,
                "agent.unauthorized",
                "the provider does not take the key",
                "see which account it was: sandboxed-sh provider list; a new key: sandboxed-sh provider key NAME",
                None,
            ),
            Self::Forbidden => (
                Blame::Config,
                "agent.forbidden",
                "this may not be asked for",
                "choose another model, or an account that may use this one: sandboxed-sh provider list",
                None,
            ),
            Self::NoCredit => (
                Blame::Config,
                "agent.no_credit",
                "the account has no credit left",
                "add credit at the provider, or another account: sandboxed-sh provider add",
                None,
            ),
            Self::BudgetUsedUp => (
                Blame::Denied,
                "agent.budget_used_up",
                "a budget is used up",
                "see which: sandboxed-sh budget list; raise it: sandboxed-sh budget set SCOPE DOLLARS --per PERIOD",
                None,
            ),
            Self::RateLimited => (
                Blame::Unavailable,
                "agent.rate_limited",
                "the provider takes no more requests for now",
                "wait, or add another account: sandboxed-sh provider add",
                Some(60_000),
            ),
            Self::Overloaded => (
                Blame::Unavailable,
                "agent.overloaded",
                "the provider has too much to do",
                "wait, or choose another model",
                Some(30_000),
            ),
            Self::ServerError => (
                Blame::Unavailable,
                "agent.server_error",
                "the provider failed",
                "send the message again; if it stays, see sandboxed-sh provider test NAME",
                Some(30_000),
            ),
            Self::Unreachable => (
                Blame::Unavailable,
                "agent.unreachable",
                "the provider is not reached",
                "see whether the server reaches it: sandboxed-sh provider test NAME",
                Some(30_000),
            ),
            Self::StreamCut => (
                Blame::Unavailable,
                "agent.stream_cut",
                "the provider's answer broke off",
                "send the message again",
                Some(5_000),
            ),
            Self::NoAnswer => (
                Blame::Deadline,
                "agent.no_answer",
                "no answer came in time",
                "send the message again; if it stays, see sandboxed-sh provider test NAME",
                Some(30_000),
            ),
            Self::InvalidRequest => (
                Blame::Config,
                "agent.invalid_request",
                "the request is refused",
                "choose another model, or another version of the agent: `install` in the plugin's config",
                None,
            ),
            Self::ModelUnknown => (
                Blame::Config,
                "agent.model_unknown",
                "there is no such model, or not for this account",
                "see which models there are: sandboxed-sh provider test NAME",
                None,
            ),
            Self::ContextFull => (
                Blame::Config,
                "agent.context_full",
                "the conversation is longer than the model can read",
                "begin a new mission with a summary of this one, or choose a model with a larger context",
                None,
            ),
        }
    }
}

/// What a provider says in the body of an error, whatever its format.
fn words(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    // Of a list, Gemini's answers to streams, the first.
    let json = json.get(0).unwrap_or(&json);
    let told = ["/error/message", "/message", "/error"].iter().find_map(|at| json.pointer(at)?.as_str());
    let told = told.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    told.chars().filter(|character| !character.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str) -> Failure {
        Failure::new(Blame::Unavailable, code, "the agent's words")
    }

    fn refusal(reason: Reason, code: &str) -> Refusal {
        Refusal::new(reason, Failure::new(Blame::Unavailable, code, "the gateway's words"))
    }

    /// The code of a failure of which the agent tells `code`, after this was seen.
    fn code(code: &str, seen: impl FnOnce(&Unanswered, MissionId)) -> String {
        let (unanswered, mission) = (Unanswered::default(), MissionId::new());
        unanswered.begin(mission);
        seen(&unanswered, mission);
        unanswered.why(mission, told(code), true).code
    }

    #[test]
    fn what_the_gateway_answered_decides_where_the_agent_has_lost_it() {
        let error = |status| move |seen: &Unanswered, mission| seen.error(mission, status, b"{}");
        assert_eq!(code("agent.error", error(500)), "agent.server_error");
        assert_eq!(code("agent.overloaded", error(500)), "agent.server_error");
        assert_eq!(code("agent.error", error(529)), "agent.overloaded");
        assert_eq!(code("agent.stream_cut", error(429)), "agent.rate_limited");
        let refused = |reason, code: &'static str| {
            move |seen: &Unanswered, mission| seen.refused(mission, &refusal(reason, code))
        };
        let key = refused(Reason::Credential, "gateway.key_refused");
        assert_eq!(code("agent.invalid_request", key), "agent.unauthorized");
        let denied = refused(Reason::Credential, "gateway.denied");
        assert_eq!(code("agent.invalid_request", denied), "agent.forbidden");
        assert_eq!(code("agent.error", refused(Reason::Unreachable, "gateway.unreachable")), "agent.unreachable");
    }

    #[test]
    fn what_is_not_about_models_and_what_the_agent_read_in_words_stays() {
        let error = |status| move |seen: &Unanswered, mission| seen.error(mission, status, b"{}");
        assert_eq!(code("agent.crashed", error(500)), "agent.crashed");
        assert_eq!(code("agent.context_full", error(400)), "agent.context_full");
        assert_eq!(code("agent.no_credit", error(400)), "agent.no_credit");
        assert_eq!(code("agent.overloaded", |seen, mission| seen.cut(mission)), "agent.overloaded");
        assert_eq!(code("agent.error", |seen, mission| seen.cut(mission)), "agent.stream_cut");
    }

    #[test]
    fn an_answer_makes_good_what_came_before_it() {
        let seen = |seen: &Unanswered, mission| {
            seen.error(mission, 500, b"{}");
            seen.answered(mission);
        };
        assert_eq!(code("agent.error", seen), "agent.error");
    }

    #[test]
    fn an_account_that_is_left_alone_hides_nothing_of_why() {
        let seen = |seen: &Unanswered, mission| {
            seen.refused(mission, &refusal(Reason::Unreachable, "gateway.unreachable"));
            seen.refused(mission, &refusal(Reason::Limited, "account.failing"));
        };
        assert_eq!(code("agent.rate_limited", seen), "agent.unreachable");
        let only = |seen: &Unanswered, mission| seen.refused(mission, &refusal(Reason::Limited, "account.denied"));
        assert_eq!(code("agent.rate_limited", only), "agent.forbidden");
    }

    #[test]
    fn a_turn_of_which_no_request_was_answered_has_done_nothing() {
        let (unanswered, mission) = (Unanswered::default(), MissionId::new());
        unanswered.error(mission, 500, b"{}");
        assert_eq!(unanswered.of_all(mission), None, "no turn is under way");
        unanswered.begin(mission);
        assert_eq!(unanswered.of_all(mission), None);
        unanswered.error(mission, 500, br#"[{"error":{"message":"out of order"}}]"#);
        let failure = unanswered.of_all(mission).unwrap();
        assert_eq!(failure.message, "the provider failed: it answered 500: out of order");
        unanswered.answered(mission);
        unanswered.error(mission, 500, b"{}");
        assert_eq!(unanswered.of_all(mission), None);
    }

    #[test]
    fn without_any_account_that_is_what_is_wrong() {
        let (unanswered, mission) = (Unanswered::default(), MissionId::new());
        unanswered.begin(mission);
        assert_eq!(unanswered.why(mission, told("agent.unauthorized"), false).code, "agent.no_account");
        assert_eq!(unanswered.why(mission, told("agent.no_answer"), false).code, "agent.no_answer");
    }

    #[test]
    fn each_code_is_in_the_table_for_people() {
        let table = include_str!("../../../../docs/missions.md");
        for code in ABOUT_MODELS.into_iter().chain(["agent.context_full"]) {
            assert!(table.contains(&format!("`{code}`")), "{code}");
        }
    }
}
