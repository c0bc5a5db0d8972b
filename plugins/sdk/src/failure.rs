//! Telling what went wrong.

use crate::contracts::sandboxed::types::failures::{Blame, Failure};

impl Failure {
    /// Who has to act, a stable dotted code for programs, and one sentence for a person.
    pub fn new(blame: Blame, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { blame, code: code.into(), message: message.into(), hint: None, retry_after_ms: None }
    }

    /// The exact configuration line or command that mends it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Milliseconds after which a repeat may succeed.
    #[must_use]
    pub fn with_retry_after_ms(mut self, milliseconds: u32) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}

/// A [`Failure`]: who has to act (a variant of [`Blame`]), a code, and a message, which may be a format string with
/// arguments.
///
/// ```
/// use sandboxed_sdk::failure;
///
/// let name = "podman";
/// let failure = failure!(Unavailable, "backend.program_missing", "there is no {name} on this machine")
///     .with_hint(format!("apt-get install {name}"));
/// assert_eq!(failure.message, "there is no podman on this machine");
/// ```
#[macro_export]
macro_rules! failure {
    ($blame:ident, $code:expr, $format:literal $($arguments:tt)*) => {
        $crate::Failure::new($crate::Blame::$blame, $code, ::std::format!($format $($arguments)*))
    };
    ($blame:ident, $code:expr, $message:expr $(,)?) => {
        $crate::Failure::new($crate::Blame::$blame, $code, $message)
    };
}
