//! Who may use the server, and what they did.

mod answer;
mod audit;
mod login;
mod pass;
mod token;
mod user;

pub use answer::StoredAnswer;
pub(crate) use answer::expire as expire_answers;
pub use audit::AuditRecord;
pub use login::Login;
pub use pass::PortPass;
pub use token::TokenRecord;
pub use user::Account;

/// SHA-256 of a secret. The secret itself is never stored.
pub type SecretHash = [u8; 32];

/// Milliseconds within which a further use of a login or token is not noted again.
const TOUCH_MILLIS: i64 = 60_000;
