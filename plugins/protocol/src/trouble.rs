//! What can go wrong with an agent, each with its remedy: one table for all drivers.
//!
//! A driver says which of them it was, from what its agent tells: an HTTP status, an error's name, or at worst a text.

use sandboxed_sdk::{Blame, Failure, harness::Exit};

use crate::lines::Lines;

/// Characters of an agent's own words that are shown.
const SHOWN: usize = 600;

/// What went wrong. Each is one [`Failure`], by [`Trouble::failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The provider does not take the key, or there is none.
    Unauthorized,
    /// The provider takes the key and does not allow this.
    Forbidden,
    /// The account has no money left.
    NoCredit,
    /// A budget that the operator set is used up.
    BudgetUsedUp,
    /// Too many requests, or a limit of the subscription.
    RateLimited,
    /// The provider has too much to do.
    Overloaded,
    /// The provider failed.
    ServerError,
    /// No connection was made.
    Unreachable,
    /// The connection broke in the middle of an answer.
    StreamCut,
    /// The provider does not understand the request.
    InvalidRequest,
    /// The provider has no such model.
    ModelUnknown,
    /// The conversation is longer than the model can read.
    ContextFull,
    /// The mission's own limit of steps or money was reached.
    LimitReached,
    /// There is no account by which models could be asked.
    NoAccount,
    /// The process ended before it said anything.
    StartFailed,
    /// The process was started and says nothing.
    Silent,
    /// The agent wants to be another version than the one that is installed.
    UpdatesItself,
    /// The process ended in the middle of a turn.
    Crashed,
    /// The agent does not speak its protocol.
    Protocol,
    /// The agent does not want to run as root.
    RefusesRoot,
    /// The agent wants a terminal.
    WantsTerminal,
    /// The agent's program is not there.
    NotInstalled,
    /// The agent does not know the session that was to be continued.
    SessionLost,
    /// The agent said nothing for too long.
    NoAnswer,
    /// The agent told of an error that is none of these.
    Other,
}

/// One row: who has to act, the code, what happened, what mends it, and milliseconds after which it may have passed.
type Row = (Blame, &'static str, &'static str, &'static str, Option<u32>);

impl Trouble {
    /// What an HTTP status of a provider of models means; nothing for one that is no error.
    pub fn from_status(status: u16) -> Option<Self> {
        Some(match status {
            401 => Self::Unauthorized,
            402 => Self::NoCredit,
            403 => Self::Forbidden,
            404 => Self::ModelUnknown,
            408 | 504 => Self::NoAnswer,
            413 => Self::ContextFull,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            500..=599 => Self::ServerError,
            _ => return None,
        })
    }

    /// What an agent's words mean, where they are all that it tells. What is more certain stands first.
    pub fn from_text(text: &str) -> Option<Self> {
        const PATTERNS: &[(Trouble, &[&str])] = &[
            (Trouble::SessionLost, &["no conversation found", "no rollout found", "session not found"]),
            // The words of the server's own gateway.
            (Trouble::BudgetUsedUp, &["budget.exhausted", " is used up: "]),
            (Trouble::NoCredit, &["credit balance", "insufficient_quota", "insufficient quota", "payment required"]),
            (
                Trouble::ContextFull,
                &["prompt is too long", "context_length_exceeded", "context window", "maximum context length"],
            ),
            (
                Trouble::ModelUnknown,
                &[
                    "model_not_found",
                    "model not found",
                    "unknown model",
                    "issue with the selected model",
                    // The words of the server's own gateway.
                    "no account has a model",
                ],
            ),
            (Trouble::RefusesRoot, &["cannot be used with root", "must not be run as root", "refusing to run as root"]),
            (
                Trouble::WantsTerminal,
                &["not a tty", "raw mode is not supported", "is not a terminal", "requires a terminal", "/dev/tty"],
            ),
            (
                Trouble::UpdatesItself,
                &["auto-update", "auto update", "autoupdate", "self-update", "update failed", "failed to update"],
            ),
            (
                Trouble::Unauthorized,
                &[
                    "401",
                    "unauthorized",
                    "authentication",
                    "invalid api key",
                    "not logged in",
                    "missing api key",
                    "no api key",
                    "login failed",
                ],
            ),
            (Trouble::RateLimited, &["429", "rate limit", "rate_limit", "too many requests", "usage limit"]),
            (Trouble::Overloaded, &["529", "503", "overloaded", "high demand"]),
            (Trouble::Forbidden, &["403", "forbidden", "permission_error"]),
            (
                Trouble::Unreachable,
                &[
                    "econnrefused",
                    "connection refused",
                    "connection error",
                    "connection_failed",
                    "enotfound",
                    "eai_again",
                    "dns error",
                    "getaddrinfo",
                    "unable to connect",
                    "error sending request",
                    "fetch failed",
                ],
            ),
            (
                Trouble::StreamCut,
                &["stream disconnected", "econnreset", "connection reset", "socket hang up", "malformed response"],
            ),
            (Trouble::ServerError, &["500", "502", "internal server error", "server_error", "bad gateway"]),
            (Trouble::NoAnswer, &["timed out", "timeout"]),
            (Trouble::InvalidRequest, &["400", "invalid_request", "bad request"]),
        ];
        let text = text.to_ascii_lowercase();
        let said = |pattern: &&str| match pattern.bytes().all(|byte| byte.is_ascii_digit()) {
            // A status stands alone: 1500 is none.
            true => text.split(|character: char| !character.is_alphanumeric()).any(|word| word == *pattern),
            false => text.contains(pattern),
        };
        PATTERNS.iter().find(|(_, patterns)| patterns.iter().any(said)).map(|(trouble, _)| *trouble)
    }

    /// The stable code of its failure.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// What it means that a process ended which never said that its turn is over, from how it ended and what it said.
    pub fn of_exit(exit: &Exit, lines: &Lines) -> Self {
        let said = Self::from_text(lines.last_words());
        match exit {
            // 127 is what shells say of a program that is not there, 126 of one that is none.
            Exit::Code(126 | 127) if !lines.began() => Self::NotInstalled,
            Exit::Code(_) if lines.began() => said.unwrap_or(Self::Crashed),
            // It has asked nobody yet: what looks like the word of a provider is none.
            Exit::Code(_) => said.filter(|said| said.is_of_a_start()).unwrap_or(Self::StartFailed),
            Exit::Signal(_) if !lines.began() => Self::StartFailed,
            Exit::Signal(_) | Exit::Lost(_) => Self::Crashed,
        }
    }

    /// The failure of a process that ended which never said that its turn is over: [`Trouble::of_exit`], with how it
    /// ended and what it said last.
    pub fn from_exit(exit: &Exit, lines: &Lines) -> Failure {
        let how = match exit {
            // What shells and sandboxes tell of a signal.
            Exit::Code(code @ 129..=192) => format!("it exited with code {code}: signal {} ended it", code - 128),
            Exit::Code(code) => format!("it exited with code {code}"),
            Exit::Signal(signal) => format!("signal {signal} ended it"),
            Exit::Lost(why) => format!("it was lost: {why}"),
        };
        let words = lines.last_words().trim();
        let said = if words.is_empty() { String::new() } else { format!("; it said: {}", tail(words)) };
        Self::of_exit(exit, lines).failure(&format!("{how}{said}"))
    }

    /// Whether a program can know of it before it has done anything.
    fn is_of_a_start(self) -> bool {
        matches!(
            self,
            Self::RefusesRoot | Self::WantsTerminal | Self::UpdatesItself | Self::SessionLost | Self::Unauthorized
        )
    }

    /// The failure, with what the agent said of it; that may be empty, and is cut to 600 characters.
    pub fn failure(self, said: &str) -> Failure {
        let (blame, code, what, hint, retry) = self.row();
        let said = said.trim();
        let mut shown: String = said.chars().filter(|c| !c.is_control() || *c == '\n').take(SHOWN).collect();
        if shown.len() < said.len() && said.chars().count() > SHOWN {
            shown.push('…');
        }
        let message = if shown.is_empty() { what.to_owned() } else { format!("{what}: {shown}") };
        let failure = Failure::new(blame, code, message).with_hint(hint);
        match retry {
            Some(milliseconds) => failure.with_retry_after_ms(milliseconds),
            None => failure,
        }
    }

    fn row(self) -> Row {
        match self {
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
                "the provider does not allow this to the account",
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
                "the agent does not reach its provider",
                "see whether the server does: sandboxed-sh provider test NAME",
                Some(30_000),
            ),
            Self::StreamCut => (
                Blame::Unavailable,
                "agent.stream_cut",
                "the provider's answer broke off",
                "send the message again",
                Some(5_000),
            ),
            Self::InvalidRequest => (
                Blame::Config,
                "agent.invalid_request",
                "the provider refuses the request",
                "choose another model, or another version of the agent: `install` in the plugin's config",
                None,
            ),
            Self::ModelUnknown => (
                Blame::Config,
                "agent.model_unknown",
                "the provider has no such model, or not for this account",
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
            Self::LimitReached => (
                Blame::Config,
                "agent.limit_reached",
                "the agent reached a limit of its own",
                "send another message to go on, or raise the limit in the mission's settings",
                None,
            ),
            Self::NoAccount => (
                Blame::Config,
                "agent.no_account",
                "there is no account by which the agent could ask its models",
                "add one: sandboxed-sh provider add",
                None,
            ),
            Self::StartFailed => (
                Blame::Unavailable,
                "agent.start_failed",
                "the agent's program ended before it said anything",
                "see whether the program runs in the workspace: sandboxed-sh harness show NAME; its own words say more",
                None,
            ),
            Self::Silent => (
                Blame::Unavailable,
                "agent.silent",
                "the agent's program was started and said nothing: it hangs",
                "send the message again; `sandboxed-sh harness show NAME` says how it is installed",
                None,
            ),
            Self::UpdatesItself => (
                Blame::Config,
                "agent.updates_itself",
                "the agent wants to update itself, and its program may not change",
                "switch its updates off in the plugin's config; another version: `install` there",
                None,
            ),
            Self::Crashed => (
                Blame::Unavailable,
                "agent.crashed",
                "the agent's process ended in the middle of the turn",
                "send the message again: the agent goes on with its session; memory and time: sandboxed-sh doctor",
                None,
            ),
            Self::Protocol => (
                Blame::Plugin,
                "agent.protocol",
                "the agent does not speak the protocol that its driver knows",
                "use the version that the plugin brings: remove `install` from the plugin's config",
                None,
            ),
            Self::RefusesRoot => (
                Blame::Config,
                "agent.refuses_root",
                "the agent does not want to run as root",
                "run agents as an ordinary user: `user` of the workspace's backend in sandboxed.toml",
                None,
            ),
            Self::WantsTerminal => (
                Blame::Plugin,
                "agent.wants_terminal",
                "the agent wants a terminal, and is driven without one",
                "use the version that the plugin brings: remove `install` from the plugin's config",
                None,
            ),
            Self::NotInstalled => (
                Blame::Config,
                "agent.not_installed",
                "the agent's program is not there",
                "install it: sandboxed-sh harness install NAME",
                None,
            ),
            Self::SessionLost => (
                Blame::Unavailable,
                "agent.session_lost",
                "the agent does not know its session any more",
                "send the message again: it begins a new session, which knows nothing of the earlier turns",
                None,
            ),
            Self::NoAnswer => (
                Blame::Deadline,
                "agent.no_answer",
                "no answer came in time",
                "send the message again; if it stays, see sandboxed-sh provider test NAME",
                Some(30_000),
            ),
            Self::Other => (
                Blame::Unavailable,
                "agent.error",
                "the agent told of an error",
                "send the message again; its own words say more",
                None,
            ),
        }
    }
}

/// The end of what a program said, as much as is shown of it.
fn tail(words: &str) -> &str {
    let from = words.char_indices().rev().nth(SHOWN - 100).map_or(0, |(at, _)| at);
    words[from..].trim_start()
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::harness::{Frame, Stream};

    use super::*;

    impl Trouble {
        const ALL: [Self; 25] = [
            Self::Unauthorized,
            Self::Forbidden,
            Self::NoCredit,
            Self::BudgetUsedUp,
            Self::RateLimited,
            Self::Overloaded,
            Self::ServerError,
            Self::Unreachable,
            Self::StreamCut,
            Self::InvalidRequest,
            Self::ModelUnknown,
            Self::ContextFull,
            Self::LimitReached,
            Self::NoAccount,
            Self::StartFailed,
            Self::Silent,
            Self::UpdatesItself,
            Self::Crashed,
            Self::Protocol,
            Self::RefusesRoot,
            Self::WantsTerminal,
            Self::NotInstalled,
            Self::SessionLost,
            Self::NoAnswer,
            Self::Other,
        ];
    }

    #[test]
    fn a_status_says_what_went_wrong() {
        let of = Trouble::from_status;
        assert_eq!(of(401), Some(Trouble::Unauthorized));
        assert_eq!(of(429), Some(Trouble::RateLimited));
        assert_eq!((of(529), of(503)), (Some(Trouble::Overloaded), Some(Trouble::Overloaded)));
        assert_eq!((of(500), of(502)), (Some(Trouble::ServerError), Some(Trouble::ServerError)));
        assert_eq!(of(422), Some(Trouble::InvalidRequest));
        assert_eq!(of(200), None);
    }

    #[test]
    fn words_say_what_went_wrong_where_there_is_no_status() {
        let of = Trouble::from_text;
        assert_eq!(of("API Error: Connection refused (ECONNREFUSED)"), Some(Trouble::Unreachable));
        assert_eq!(of("unexpected status 429 Too Many Requests"), Some(Trouble::RateLimited));
        assert_eq!(of("API Error: 400 the budget of the server is used up: $20.00"), Some(Trouble::BudgetUsedUp));
        assert_eq!(of("Prompt is too long · 400"), Some(Trouble::ContextFull));
        assert_eq!(of("Not logged in · Please run /login"), Some(Trouble::Unauthorized));
        assert_eq!(of("stream disconnected before completion"), Some(Trouble::StreamCut));
    }

    #[test]
    fn a_number_within_another_is_no_status() {
        assert_eq!(Trouble::from_text("after 14290 ms in line 1500"), None);
    }

    fn lines(stdout: &str, stderr: &str) -> Lines {
        let mut lines = Lines::default();
        for (stream, text) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            lines.read(&Frame { stream, offset: 0, bytes: text.as_bytes().to_vec(), partial: false });
        }
        lines
    }

    #[test]
    fn a_crash_tells_how_the_process_ended_and_what_it_said_last() {
        let failure = Trouble::from_exit(&Exit::Signal(11), &lines("{}", "panic: out of cheese\n"));
        assert_eq!(failure.code, "agent.crashed");
        assert!(failure.message.contains("signal 11"), "{}", failure.message);
        assert!(failure.message.ends_with("panic: out of cheese"), "{}", failure.message);
    }

    #[test]
    fn standard_error_can_say_why_a_process_ended() {
        let code = |code, stderr| Trouble::from_exit(&Exit::Code(code), &lines("{}", stderr)).code;
        assert_eq!(code(1, "--x cannot be used with root/sudo privileges"), "agent.refuses_root");
        assert_eq!(code(1, "Error: stdin is not a terminal"), "agent.wants_terminal");
        assert_eq!(code(1, "got 429 from the provider"), "agent.rate_limited");
        assert_eq!(code(0, ""), "agent.crashed");
    }

    #[test]
    fn a_program_that_ends_before_it_says_anything_was_not_started() {
        let code = |exit, stderr| Trouble::from_exit(&exit, &lines("", stderr)).code;
        assert_eq!(code(Exit::Code(127), "sh: nothing: not found"), "agent.not_installed");
        assert_eq!(code(Exit::Code(0), ""), "agent.start_failed");
        assert_eq!(code(Exit::Code(1), "at main.js:429"), "agent.start_failed");
        assert_eq!(code(Exit::Signal(4), ""), "agent.start_failed");
        assert_eq!(code(Exit::Code(1), "cannot open /dev/tty"), "agent.wants_terminal");
        assert_eq!(code(Exit::Code(1), "Auto-update failed: no write permission"), "agent.updates_itself");
        let long = format!("{}the end", "x".repeat(2000));
        assert!(Trouble::from_exit(&Exit::Code(1), &lines("", &long)).message.ends_with("the end"));
        let printed = Trouble::from_exit(&Exit::Code(1), &lines("usage: agent", ""));
        assert!(printed.message.ends_with("usage: agent"), "{}", printed.message);
    }

    #[test]
    fn each_code_is_in_the_table_for_people() {
        let table = include_str!("../../../docs/missions.md");
        for trouble in Trouble::ALL {
            assert!(table.contains(&format!("`{}`", trouble.code())), "{trouble:?}");
        }
    }

    #[test]
    fn a_long_story_is_cut_and_every_failure_has_a_hint() {
        let failure = Trouble::Other.failure(&"ä\u{1b}".repeat(5000));
        assert!(failure.message.chars().count() < SHOWN + 100);
        assert!(failure.message.ends_with('…'));
        assert!(failure.hint.is_some());
    }
}
