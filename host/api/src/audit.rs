//! Noting who changed what. Bodies are never noted: they hold prompts and passwords.

use http::{Method, StatusCode, Uri};
use sandboxed_core::{AuditEntry, Orchestrator};
use sandboxed_model::{Timestamp, UserId};

/// The longest path that is noted.
const MAX_PATH: usize = 512;

/// Set on the answer of a login, where who asks is known only afterwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedIn(pub(crate) UserId);

/// Notes that a change was asked for and how it came out.
pub(crate) async fn note(
    orchestrator: &Orchestrator,
    user: Option<UserId>,
    method: &Method,
    route: &str,
    uri: &Uri,
    status: StatusCode,
) {
    // The query tells which file was changed.
    let asked = uri.path_and_query().map_or(uri.path(), |asked| asked.as_str());
    let target = (asked != route).then(|| asked.chars().take(MAX_PATH).collect());
    let entry = AuditEntry {
        at: Timestamp::now(),
        user,
        action: format!("{method} {route}"),
        target,
        outcome: status.as_u16().to_string(),
    };
    orchestrator.audit(entry).await;
}
