//! Lines of the type `system`: what the program tells of itself.

use sandboxed_sdk::harness::{Event, Notice, NoticeLevel, Retry};
use serde_json::Value;

use super::crop;

/// Bytes of a text that a notice shows.
const SHOWN: usize = 1 << 10;

/// What a line of the type `system` means to a person; `init` is the session's own.
pub(super) fn event(subtype: &str, line: &Value) -> Option<Event> {
    let said = |field: &str| line[field].as_str().map(|text| crop::start(text, SHOWN)).unwrap_or_default();
    Some(match subtype {
        "api_retry" => Event::Retry(Retry {
            attempt: small(&line["attempt"]),
            delay_ms: small(&line["retry_delay_ms"]),
            reason: match line["error_status"].as_u64() {
                Some(status) => format!("{} (HTTP {status})", said("error")),
                None => "the provider does not answer".to_owned(),
            },
        }),
        "compact_boundary" => {
            notice(NoticeLevel::Info, "agent.compacted", "the conversation was summarised to make room")
        }
        "permission_denied" => {
            let text = format!("{} was not allowed: {}", said("tool_name"), said("decision_reason"));
            notice(NoticeLevel::Warning, "agent.permission_denied", &text)
        }
        "informational" => {
            let level = match line["level"].as_str() {
                Some("error") => NoticeLevel::Error,
                Some("warning") => NoticeLevel::Warning,
                _ => NoticeLevel::Info,
            };
            notice(level, "agent.told", said("content"))
        }
        "model_fallback" | "model_refusal_fallback" | "model_consent_fallback" => {
            notice(NoticeLevel::Warning, "agent.other_model", "the agent goes on with another model")
        }
        // What a person sees otherwise: by the pieces of texts, by the calls of sub-agents.
        "status"
        | "thinking_tokens"
        | "task_started"
        | "task_progress"
        | "task_updated"
        | "task_notification"
        | "background_tasks_changed"
        | "session_state_changed" => return None,
        other => Event::Other((format!("system/{}", crop::name(other)), crop::value(line).to_string())),
    })
}

/// Servers of tools that are not there, of an `init` line.
pub(super) fn missing_servers(init: &Value) -> Option<Event> {
    let failed = |server: &&Value| matches!(server["status"].as_str(), Some("failed" | "needs-auth"));
    let servers = init["mcp_servers"].as_array()?.iter().filter(failed).filter_map(|server| server["name"].as_str());
    let names: Vec<&str> = servers.take(20).map(|name| crop::start(name, 100)).collect();
    if names.is_empty() {
        return None;
    }
    let text = format!("these servers of tools are not connected: {}", names.join(", "));
    Some(notice(NoticeLevel::Warning, "agent.tools_missing", &text))
}

/// A limit of a subscription that is near or reached.
pub(super) fn limit(line: &Value) -> Option<Event> {
    let info = &line["rate_limit_info"];
    let status = info["status"].as_str().filter(|status| *status != "allowed")?;
    let kind = info["rateLimitType"].as_str().unwrap_or("usage");
    let text = format!("the limit of the subscription ({}): {}", crop::start(kind, 100), crop::start(status, 100));
    Some(notice(NoticeLevel::Warning, "agent.limit_near", &text))
}

fn notice(level: NoticeLevel, code: &str, text: &str) -> Event {
    Event::Notice(Notice { level, code: code.to_owned(), text: text.to_owned() })
}

/// A number that may be a fraction, or absurd.
fn small(value: &Value) -> u32 {
    let whole = value.as_f64().unwrap_or_default().clamp(0.0, f64::from(u32::MAX));
    // In range and not negative: only the fraction is lost.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = whole as u32;
    whole
}
