//! What an answer that is none tells of the account: whether and until when it is at its limit.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use sandboxed_model::Timestamp;
use serde_json::Value;

use crate::desk::Trouble;

/// A limit that lasts longer is one of a usage window.
const WINDOW: Duration = Duration::from_secs(3600);

/// What is told beyond this is not believed: no window is longer than a month.
const FARTHEST: Duration = Duration::from_secs(40 * 24 * 3600);

/// Headers of Anthropic with the time at which a limit is lifted, as RFC 3339. The one of the limit that is reached is the
/// latest of those of which nothing is left.
const ANTHROPIC: [&str; 4] = ["requests", "tokens", "input-tokens", "output-tokens"];

/// Whether a status means that another route is to be tried, and what it says of this one.
pub(crate) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Trouble> {
    Some(match status.as_u16() {
        429 => limited(headers, body, now),
        status @ (401 | 403) => Trouble::Refused { status },
        503 | 529 => Trouble::Overloaded,
        408 | 500 | 502 | 504 | 300..400 => Trouble::Failing,
        // Google's word for a key that it does not know.
        400 if names_key(body) => Trouble::Refused { status: 401 },
        _ => return None,
    })
}

fn names_key(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"\"API_KEY_INVALID\"").is_some()
}

fn limited(headers: &HeaderMap, body: &[u8], now: Timestamp) -> Trouble {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    // Of a list, Gemini's answers to streams, the first.
    let error = body.get("error").or_else(|| body.get(0)?.get("error")).unwrap_or(&Value::Null);
    let unified =
        text(headers, "anthropic-ratelimit-unified-status").is_some_and(|status| status.starts_with("reject"));
    let named = error["type"] == "usage_limit_reached" || error["code"] == "usage_limit_reached";
    let until = [
        window(headers, unified),
        in_body(error, now),
        retry_after(headers, now),
        anthropic(headers),
        openai(headers, now),
    ]
    .into_iter()
    .flatten()
    .find(|until| *until <= now.after(FARTHEST));
    let far = until.is_some_and(|until| until > now.after(WINDOW));
    Trouble::Limited { until, usage_window: unified || named || far }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn window(headers: &HeaderMap, rejected: bool) -> Option<Timestamp> {
    if !rejected {
        return None;
    }
    instant(text(headers, "anthropic-ratelimit-unified-reset")?)
}

/// Seconds since 1970, or RFC 3339.
fn instant(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1000).map(Timestamp::from_millis),
        Err(_) => text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_millis(at.as_millisecond())),
    }
}

fn in_body(error: &Value, now: Timestamp) -> Option<Timestamp> {
    let number = |name: &str| error.get(name).and_then(Value::as_f64).filter(|number| *number >= 0.0);
    if let Some(at) = number("resets_at") {
        return Some(Timestamp::from_millis((at * 1000.0) as i64));
    }
    if let Some(seconds) = number("resets_in_seconds") {
        return span(seconds).map(|span| now.after(span));
    }
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    duration(delay).map(|span| now.after(span))
}

fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    if let Some(ms) = text(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return span(ms / 1000.0).map(|span| now.after(span));
    }
    let text = text(headers, "retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return span(seconds).map(|span| now.after(span));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(at.as_millis()).ok().map(Timestamp::from_millis)
}

fn anthropic(headers: &HeaderMap) -> Option<Timestamp> {
    let reached = |kind: &&str| text(headers, &format!("anthropic-ratelimit-{kind}-remaining")) == Some("0");
    let reset = |kind: &str| instant(text(headers, &format!("anthropic-ratelimit-{kind}-reset"))?);
    ANTHROPIC.iter().filter(|kind| reached(kind)).filter_map(|kind| reset(kind)).max()
}

fn openai(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let reached = |kind: &&str| text(headers, &format!("x-ratelimit-remaining-{kind}")) == Some("0");
    let reset = |kind: &str| duration(text(headers, &format!("x-ratelimit-reset-{kind}"))?);
    ["requests", "tokens"]
        .iter()
        .filter(|kind| reached(kind))
        .filter_map(|kind| reset(kind))
        .max()
        .map(|span| now.after(span))
}

fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// A span as Go writes it: `1s`, `6m0s`, `20ms`, `1h2m3.5s`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..unit].parse().ok()?;
        let end = rest[unit..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |length| unit + length);
        sum += number
            * match &rest[unit..end] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                "us" | "µs" => 0.000_001,
                "ns" => 0.000_000_001,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (!text.is_empty()).then(|| span(sum)).flatten()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn limit(headers: &[(&'static str, &str)], body: &str) -> (Option<i64>, bool) {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        match of(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes(), NOW) {
            Some(Trouble::Limited { until, usage_window }) => {
                (until.map(|until| until.as_millis() - NOW.as_millis()), usage_window)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn limits_are_read_wherever_providers_tell_them() {
        assert_eq!(limit(&[("retry-after", "7")], ""), (Some(7000), false));
        assert_eq!(limit(&[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")], ""), (Some(60_000), false));
        assert_eq!(limit(&[("retry-after-ms", "250"), ("retry-after", "7")], ""), (Some(250), false));
        assert_eq!(limit(&[("retry-after", "7200")], ""), (Some(7_200_000), true));
        let unified = [
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-reset", "1700000300"),
            ("retry-after", "5"),
        ];
        assert_eq!(limit(&unified, ""), (Some(300_000), true));
        let reached = [
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2023-11-14T22:13:30Z"),
        ];
        assert_eq!(limit(&reached, ""), (Some(10_000), false));
        assert_eq!(limit(&[("anthropic-ratelimit-tokens-reset", "2023-11-14T22:13:30Z")], ""), (None, false));
        for (text, ms) in [("1s", 1000), ("6m0s", 360_000), ("20ms", 20), ("1h0m1.5s", 3_601_500)] {
            let headers = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", text)];
            assert_eq!(limit(&headers, "").0, Some(ms), "{text}");
        }
        let body = r#"{"error":{"type":"usage_limit_reached","resets_at":1700000060,"resets_in_seconds":60}}"#;
        assert_eq!(limit(&[("retry-after", "1")], body), (Some(60_000), true));
        assert_eq!(limit(&[], r#"{"error":{"resets_in_seconds":90}}"#), (Some(90_000), false));
        let google = r#"{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"13.5s"}]}}"#;
        assert_eq!(limit(&[], google), (Some(13_500), false));
        assert_eq!(limit(&[], &format!("[{google}]")), (Some(13_500), false));
        assert_eq!(limit(&[], "not json"), (None, false));
    }

    #[test]
    fn what_cannot_be_a_limit_is_not_believed() {
        for headers in [
            [("retry-after", "-3")],
            [("retry-after", "inf")],
            [("retry-after", "1e30")],
            [("retry-after", "soon")],
            [("retry-after", "99999999")],
        ] {
            assert_eq!(limit(&headers, ""), (None, false), "{headers:?}");
        }
        assert_eq!(limit(&[], r#"{"error":{"resets_at":1e300}}"#), (None, false));
        for text in ["", "s", "1", "1x", "1.2.3s", "é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn statuses_tell_what_is_the_matter() {
        let of = |status: u16, body: &str| {
            of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), NOW)
        };
        for status in [400, 404, 413, 422, 200, 405, 402] {
            assert_eq!(of(status, ""), None, "{status}");
        }
        assert_eq!(of(401, ""), Some(Trouble::Refused { status: 401 }));
        assert_eq!(of(403, ""), Some(Trouble::Refused { status: 403 }));
        assert_eq!(of(529, ""), Some(Trouble::Overloaded));
        assert_eq!(of(503, ""), Some(Trouble::Overloaded));
        for status in [500, 502, 504, 408, 307, 302] {
            assert_eq!(of(status, ""), Some(Trouble::Failing), "{status}");
        }
        assert_eq!(
            of(400, r#"{"error":{"details":[{"reason": "API_KEY_INVALID"}]}}"#),
            Some(Trouble::Refused { status: 401 })
        );
    }
}
