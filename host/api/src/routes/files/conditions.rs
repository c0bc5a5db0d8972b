//! `If-Match`, `If-None-Match`, `If-Range` and `Range` (RFC 9110, sections 13 and 14).

use std::ops::Range;

use http::{HeaderMap, HeaderName, header};
use sandboxed_model::files::WriteCondition;

use crate::problem::Problem;

/// What a condition says of a version.
enum Tags<'a> {
    Any,
    These(Vec<Tag<'a>>),
}

/// One version.
struct Tag<'a> {
    opaque: &'a str,
    weak: bool,
}

/// What is to be answered to a request for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// All of it, or a part if one is asked for.
    Send,
    /// All of it, whatever part is asked for.
    SendWhole,
    /// The client has it.
    NotModified,
    /// The condition does not hold.
    Failed,
}

/// What the conditions of a request to read say of this version.
pub(super) fn of_reading(headers: &HeaderMap, etag: &str) -> Result<Reading, Problem> {
    if let Some(tags) = tags(headers, &header::IF_MATCH)?
        && !tags.hold(etag, false)
    {
        return Ok(Reading::Failed);
    }
    if let Some(tags) = tags(headers, &header::IF_NONE_MATCH)?
        && tags.hold(etag, true)
    {
        return Ok(Reading::NotModified);
    }
    // A date never holds: files have versions here and no times that could be relied on.
    let same = |value: &http::HeaderValue| value.to_str().is_ok_and(|value| unquoted(value.trim()) == Some(etag));
    Ok(match headers.get(header::IF_RANGE) {
        Some(value) if !same(value) => Reading::SendWhole,
        _ => Reading::Send,
    })
}

/// What the conditions of a request to write ask for.
pub(super) fn of_writing(headers: &HeaderMap) -> Result<WriteCondition, Problem> {
    let unsupported = |detail| Err(Problem::invalid("http.condition_unsupported", detail));
    match (tags(headers, &header::IF_MATCH)?, tags(headers, &header::IF_NONE_MATCH)?) {
        (None, None) => Ok(WriteCondition::Any),
        (None, Some(Tags::Any)) => Ok(WriteCondition::Absent),
        (Some(Tags::Any), None) => Ok(WriteCondition::Present),
        (Some(Tags::These(tags)), None) => match &tags[..] {
            [Tag { opaque, weak: false }] => Ok(WriteCondition::Version((*opaque).to_owned())),
            _ => unsupported("a file is written over one version: If-Match has one tag, and no weak one"),
        },
        (None, Some(Tags::These(_))) => unsupported("a file is written where there is none: If-None-Match: *"),
        (Some(_), Some(_)) => unsupported("If-Match and If-None-Match exclude each other"),
    }
}

impl Tags<'_> {
    fn hold(&self, etag: &str, weakly: bool) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|tag| tag.opaque == etag && (weakly || !tag.weak)),
        }
    }
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Tags<'a>>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let invalid = || Problem::invalid("http.condition_invalid", format!("{name} is * or tags between double quotes"));
    let text = value.to_str().map_err(|_| invalid())?.trim();
    if text == "*" {
        return Ok(Some(Tags::Any));
    }
    // No tag that is given out holds a comma.
    let tags = text.split(',').map(|tag| {
        let tag = tag.trim();
        let (tag, weak) = tag.strip_prefix("W/").map_or((tag, false), |tag| (tag, true));
        unquoted(tag).map(|opaque| Tag { opaque, weak }).ok_or_else(invalid)
    });
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Tags::These(tags)))
}

fn unquoted(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"').filter(|opaque| !opaque.contains('"'))
}

/// The part of a file of `size` bytes that is asked for. What is no single range of bytes is as if it were not there.
pub(super) fn range(headers: &HeaderMap, size: u64) -> Option<Range<u64>> {
    let wanted = headers.get(header::RANGE)?.to_str().ok()?.trim().strip_prefix("bytes=")?;
    let (first, last) = wanted.split_once('-')?;
    let number = |text: &str| {
        let text = text.trim();
        // A sign, which a number may have otherwise, is none of a range.
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    match (first.trim(), last.trim()) {
        ("", "") => None,
        // A part of no bytes cannot be sent, and is asked for as one that is not there.
        ("", last) => Some(size.saturating_sub(number(last)?)..size),
        (first, "") => Some(number(first)?..u64::MAX),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first..last.saturating_add(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_range_names_its_first_and_last_byte_or_how_many_from_the_end() {
        let of = |text: &str| range(&headers(&[(header::RANGE, text)]), 100);
        assert_eq!(of("bytes=0-9"), Some(0..10));
        assert_eq!(of("bytes=90-"), Some(90..u64::MAX));
        assert_eq!(of("bytes=-30"), Some(70..100));
        assert_eq!(of("bytes=-300"), Some(0..100));
        assert_eq!(of("bytes=-0"), Some(100..100));
        for other in ["bytes=9-0", "bytes=0-1,5-6", "bytes=-", "bytes=+1-2", "lines=0-1", "bytes=a-b", "0-9"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_condition_on_reading_tells_whether_the_client_has_the_version() {
        let of = |name: HeaderName, text: &str| of_reading(&headers(&[(name, text)]), "v1").unwrap();
        assert_eq!(of(header::IF_NONE_MATCH, "\"v1\""), Reading::NotModified);
        assert_eq!(of(header::IF_NONE_MATCH, "\"v0\", W/\"v1\""), Reading::NotModified);
        assert_eq!(of(header::IF_NONE_MATCH, "\"v2\""), Reading::Send);
        assert_eq!(of(header::IF_MATCH, "W/\"v1\""), Reading::Failed);
        assert_eq!(of(header::IF_MATCH, "*"), Reading::Send);
        assert_eq!(of(header::IF_RANGE, "\"v2\""), Reading::SendWhole);
        assert_eq!(of(header::IF_RANGE, "Thu, 26 Nov 2026 22:00:00 GMT"), Reading::SendWhole);
        assert_eq!(of(header::IF_RANGE, "\"v1\""), Reading::Send);
    }

    #[test]
    fn a_condition_on_writing_names_one_version_or_none() {
        let of = |pairs: &[(HeaderName, &str)]| of_writing(&headers(pairs)).ok();
        assert_eq!(of(&[]), Some(WriteCondition::Any));
        assert_eq!(of(&[(header::IF_MATCH, "\"v1\"")]), Some(WriteCondition::Version("v1".to_owned())));
        assert_eq!(of(&[(header::IF_MATCH, "*")]), Some(WriteCondition::Present));
        assert_eq!(of(&[(header::IF_NONE_MATCH, "*")]), Some(WriteCondition::Absent));
        for wrong in [
            &[(header::IF_MATCH, "v1")][..],
            &[(header::IF_MATCH, "\"v1\", \"v2\"")],
            &[(header::IF_MATCH, "W/\"v1\"")],
            &[(header::IF_NONE_MATCH, "\"v1\"")],
            &[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")],
        ] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
