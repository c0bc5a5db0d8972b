//! Failures and headers as the providers send them.

use jiff::{SignedDuration, Timestamp};

use crate::{
    choose::Verdict,
    route::Format,
    scenario::{ErrorRule, RateLimits},
    wire::failure,
};

/// A failure ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What a failure is made for.
pub(crate) struct To<'a> {
    pub(crate) format: Format,
    pub(crate) request_id: &'a str,
    pub(crate) now: Timestamp,
}

impl To<'_> {
    /// What a rule of the scenario says.
    pub(crate) fn rule(&self, rule: &ErrorRule) -> Failure {
        let ErrorRule { status, kind, code, message, retry_after_s, resets_in_s, body } = rule;
        let resets_in = resets_in_s.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX / 4));
        let mut failure = match resets_in {
            Some(seconds) if *status == 429 => self.used_up(message.as_deref(), seconds),
            _ => Failure {
                status: *status,
                headers: Vec::new(),
                body: self.body(
                    *status,
                    kind.as_deref(),
                    code.as_deref(),
                    message.as_deref(),
                    retry_after_s.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
                ),
            },
        };
        if let Some(seconds) = retry_after_s {
            failure.headers.retain(|(name, _)| name != "retry-after");
            failure.headers.push((String::from("retry-after"), seconds.to_string()));
        }
        if let Some(body) = body {
            failure.body.clone_from(body);
        }
        failure
    }

    /// What a verdict about a key comes to; nothing where the key is fine.
    pub(crate) fn key(&self, verdict: &Verdict) -> Option<Failure> {
        let failure = match verdict {
            Verdict::Fine => return None,
            Verdict::UsedUp(seconds) => self.used_up(None, *seconds),
            Verdict::Fails(rule) => self.rule(rule),
            Verdict::Missing if self.format == Format::Gemini => self.plain(
                403,
                "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity.",
            ),
            Verdict::Missing => self.plain(
                401,
                match self.format {
                    Format::Messages => "x-api-key header is required",
                    _ => "You didn't provide an API key.",
                },
            ),
            Verdict::Unknown if self.format == Format::Gemini => {
                Failure { status: 400, headers: Vec::new(), body: failure::google_unknown_key() }
            }
            Verdict::Unknown => {
                Failure { status: 401, headers: Vec::new(), body: self.body(401, None, None, None, None) }
            }
        };
        Some(failure)
    }

    /// A refusal of the server itself.
    pub(crate) fn plain(&self, status: u16, message: &str) -> Failure {
        Failure { status, headers: Vec::new(), body: self.body(status, None, None, Some(message), None) }
    }

    fn body(
        &self,
        status: u16,
        kind: Option<&str>,
        code: Option<&str>,
        message: Option<&str>,
        retry_in: Option<i64>,
    ) -> String {
        match self.format {
            Format::Messages => failure::anthropic(status, kind, message, self.request_id),
            Format::Chat | Format::Responses => failure::openai(status, kind, code, message),
            Format::Gemini => failure::google(status, kind, message, retry_in),
        }
    }

    /// A used-up window that opens again in so many seconds.
    fn used_up(&self, message: Option<&str>, seconds: i64) -> Failure {
        let at = self.now.as_second().saturating_add(seconds);
        let mut headers = vec![(String::from("retry-after"), seconds.to_string())];
        let body = match self.format {
            Format::Messages => {
                for (name, value) in [
                    ("status", String::from("rejected")),
                    ("reset", at.to_string()),
                    ("representative-claim", String::from("five_hour")),
                    ("5h-status", String::from("rejected")),
                    ("5h-reset", at.to_string()),
                    ("5h-utilization", String::from("1.0")),
                ] {
                    headers.push((format!("anthropic-ratelimit-unified-{name}"), value));
                }
                self.body(429, None, None, message, None)
            }
            Format::Chat | Format::Responses => failure::openai_used_up(message, at, seconds),
            // Google says it in the body alone.
            Format::Gemini => {
                headers.clear();
                self.body(429, None, None, message, Some(seconds))
            }
        };
        Failure { status: 429, headers, body }
    }
}

/// The headers that go with every answer of a provider.
pub(crate) fn headers(to: &To, limits: Option<&RateLimits>) -> Vec<(String, String)> {
    let To { format, request_id, now } = to;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: String| headers.push((name.to_owned(), value));
    match format {
        Format::Messages => {
            put("request-id", (*request_id).to_owned());
            put("anthropic-organization-id", String::from("00000000-0000-4000-8000-000000000000"));
            if let Some(RateLimits { requests, tokens, reset_s }) = limits {
                let at = later(*now, *reset_s).to_string();
                for (kind, [limit, left]) in [("requests", requests), ("tokens", tokens), ("input-tokens", tokens)] {
                    put(&format!("anthropic-ratelimit-{kind}-limit"), limit.to_string());
                    put(&format!("anthropic-ratelimit-{kind}-remaining"), left.to_string());
                    put(&format!("anthropic-ratelimit-{kind}-reset"), at.clone());
                }
            }
        }
        Format::Chat | Format::Responses => {
            put("x-request-id", (*request_id).to_owned());
            put("openai-version", String::from("2020-10-01"));
            put("openai-organization", String::from("scripted"));
            put("openai-processing-ms", String::from("1"));
            if let Some(RateLimits { requests, tokens, reset_s }) = limits {
                for (kind, [limit, left]) in [("requests", requests), ("tokens", tokens)] {
                    put(&format!("x-ratelimit-limit-{kind}"), limit.to_string());
                    put(&format!("x-ratelimit-remaining-{kind}"), left.to_string());
                    put(&format!("x-ratelimit-reset-{kind}"), format!("{reset_s}s"));
                }
            }
        }
        Format::Gemini => {
            put("server-timing", String::from("gfet4t7; dur=1"));
            put("vary", String::from("Origin"));
        }
    }
    headers
}

/// A header's value with the times in it filled in.
pub(crate) fn timed(value: &str, now: Timestamp) -> String {
    let mut filled = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else { break };
        filled.push_str(before);
        let seconds = |text: &str| text.trim_start_matches('+').parse::<i64>().unwrap_or(0);
        match (inside.strip_prefix("epoch"), inside.strip_prefix("time")) {
            (Some(more), _) => filled.push_str(&now.as_second().saturating_add(seconds(more)).to_string()),
            (_, Some(more)) => filled.push_str(&later(now, seconds(more).unsigned_abs()).to_string()),
            _ => filled.push_str(inside),
        }
        rest = behind;
    }
    filled + rest
}

/// The full second that is so many seconds on.
fn later(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let at = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
