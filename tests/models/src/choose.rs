//! Which reply a request gets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;

use crate::{
    asked::Asked,
    route::Route,
    scenario::{ErrorRule, KeyRule, Nth, ReplyRule, Scenario, When},
};

/// The scenario in play, and how often each reply's conditions have held.
pub(crate) struct Play {
    inner: Mutex<Inner>,
}

struct Inner {
    scenario: Arc<Scenario>,
    since: Timestamp,
    matched: Vec<u64>,
    numbers: u64,
}

/// A request, for the conditions.
pub(crate) struct Seen<'a> {
    pub(crate) route: &'a Route,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) key: Option<&'a str>,
    pub(crate) websocket: bool,
    pub(crate) stream: bool,
    pub(crate) asked: &'a Asked,
}

/// What is to be said about a key.
pub(crate) enum Verdict {
    Fine,
    /// There is none, and there has to be one.
    Missing,
    Unknown,
    /// It is used up for so many seconds.
    UsedUp(i64),
    Fails(ErrorRule),
}

impl Play {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self { inner: Mutex::new(Inner::new(scenario)) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, scenario: Scenario) {
        *self.inner() = Inner::new(scenario);
    }

    pub(crate) fn scenario(&self) -> Arc<Scenario> {
        Arc::clone(&self.inner().scenario)
    }

    /// Begins the scenario anew.
    pub(crate) fn restart(&self) {
        let mut inner = self.inner();
        *inner = Inner::new(Scenario::clone(&inner.scenario));
    }

    /// A number that no other request gets.
    pub(crate) fn number(&self) -> u64 {
        let mut inner = self.inner();
        inner.numbers += 1;
        inner.numbers
    }

    /// What the scenario says of a key.
    pub(crate) fn key(&self, key: Option<&str>, now: Timestamp) -> Verdict {
        let inner = self.inner();
        let Some(key) = key else {
            return if inner.scenario.allow_anonymous { Verdict::Fine } else { Verdict::Missing };
        };
        let Some(rule) = inner.scenario.key.iter().find(|rule| rule.value == key) else {
            return if inner.scenario.only_listed_keys { Verdict::Unknown } else { Verdict::Fine };
        };
        rule.verdict(inner.since, now)
    }

    /// The reply for a request, with its number among the replies.
    pub(crate) fn choose(&self, seen: &Seen) -> Option<(usize, ReplyRule)> {
        let mut inner = self.inner();
        let scenario = Arc::clone(&inner.scenario);
        for (index, reply) in scenario.reply.iter().enumerate() {
            if !reply.when.holds(seen) {
                continue;
            }
            inner.matched[index] += 1;
            let count = inner.matched[index];
            let chosen = match reply.when.nth {
                None => true,
                Some(Nth::One(number)) => count == number,
                Some(Nth::Span([first, last])) => (first..=last).contains(&count),
            };
            if chosen {
                return Some((index, reply.clone()));
            }
        }
        None
    }
}

impl Inner {
    fn new(scenario: Scenario) -> Self {
        Self {
            matched: vec![0; scenario.reply.len()],
            numbers: 0,
            since: Timestamp::now(),
            scenario: Arc::new(scenario),
        }
    }
}

impl KeyRule {
    fn verdict(&self, since: Timestamp, now: Timestamp) -> Verdict {
        if self.unknown {
            return Verdict::Unknown;
        }
        let until = self
            .used_up_until
            .map(Timestamp::as_second)
            .max(self.used_up_for_s.map(|seconds| since.as_second() + i64::from(seconds)));
        let left = until.map_or(0, |until| until - now.as_second());
        match (&self.error, left) {
            (_, 1..) => Verdict::UsedUp(left),
            (Some(error), _) => Verdict::Fails(error.clone()),
            (None, _) => Verdict::Fine,
        }
    }
}

impl When {
    fn holds(&self, seen: &Seen) -> bool {
        let Seen { route, asked, .. } = seen;
        let is = |wanted: Option<bool>, found: bool| wanted.is_none_or(|wanted| wanted == found);
        let like = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| matches(pattern, text));
        let within = |part: &Option<String>, text: &str| part.as_ref().is_none_or(|part| text.contains(part.as_str()));
        self.format.is_none_or(|format| format == route.format)
            && self.operation.unwrap_or_default() == route.operation
            && like(&self.model, &asked.model)
            && like(&self.path, seen.path)
            && self.key.as_deref().is_none_or(|key| seen.key == Some(key))
            && within(&self.user_contains, &asked.user)
            && is(self.tool_result, asked.tool_result.is_some())
            && within(&self.tool_result_contains, asked.tool_result.as_deref().unwrap_or_default())
            && is(self.tools, !asked.tools.is_empty())
            && self.offers.as_ref().is_none_or(|name| asked.tools.iter().any(|tool| tool.name == *name))
            && is(self.images, asked.images > 0)
            && is(self.stream, seen.stream)
            && is(self.websocket, seen.websocket)
            && self.headers.iter().all(|(name, pattern)| {
                seen.headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .is_some_and(|value| matches(pattern, value))
            })
    }
}

/// Whether a text is like a pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, like) in [
            ("claude-*", "claude-opus", true),
            ("claude-*", "gpt", false),
            ("*", "", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c", false),
            ("ab*ba", "aba", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(matches(pattern, text), like, "{pattern} {text}");
        }
    }
}
