//! Tokens by kind, and the ways to lie about them.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Tokens by kind, in terms that no two providers share: no token is in two of the kinds, but `reasoning` is a part of
/// `output`.
///
/// - Anthropic tells `input`, `cache_read`, `cache_write_5m + cache_write_1h`, `output` as they are.
/// - OpenAI's prompt tokens are `input + cache_read + cache_write_5m + cache_write_1h`, of which `cached_tokens` are
///   `cache_read`; its completion tokens are `output`.
/// - Gemini's prompt tokens are `input + cache_read` (a request never writes to its cache); candidates are
///   `output - reasoning` and thoughts are `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the request that were neither read from nor written to a cache.
    pub input: i64,
    /// Tokens of the request that came from a cache.
    pub cache_read: i64,
    /// Tokens of the request that were written to a cache for five minutes.
    pub cache_write_5m: i64,
    /// Tokens of the request that were written to a cache for an hour.
    pub cache_write_1h: i64,
    /// Tokens of the answer, with those of reasoning.
    pub output: i64,
    /// Tokens of the answer that were spent on reasoning.
    pub reasoning: i64,
}

impl Usage {
    /// All tokens written to a cache.
    pub fn cache_write(&self) -> i64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// All tokens of the request.
    pub fn prompt(&self) -> i64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write())
    }

    /// The same request before anything was answered.
    pub(crate) fn before_output(self) -> Self {
        Self { output: 0, reasoning: 0, ..self }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in [
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write_5m, other.cache_write_5m),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// A way to lie about usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// There is no usage anywhere.
    Missing,
    /// The usage is `null`.
    Null,
    /// Every number is below zero.
    Negative,
    /// What is told first is ten times what is told last. Only where it is told more than once: Anthropic, Gemini.
    Shrinking,
    /// Every number is 2^64 - 1.
    Absurd,
    /// Every number has a fraction.
    Fraction,
    /// Every number is a text.
    Text,
}

/// Which of several statements about usage one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Early,
    Last,
}

/// How the numbers of one statement are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub(crate) lie: Option<Lie>,
    pub(crate) moment: Moment,
}

impl Pen {
    pub(crate) fn number(self, honest: i64) -> Value {
        match self.lie {
            None | Some(Lie::Missing | Lie::Null) => honest.into(),
            Some(Lie::Negative) => honest.saturating_add(1).saturating_neg().into(),
            Some(Lie::Shrinking) if self.moment == Moment::Early => honest.saturating_add(1).saturating_mul(10).into(),
            Some(Lie::Shrinking) => honest.into(),
            Some(Lie::Absurd) => u64::MAX.into(),
            Some(Lie::Fraction) => Number::from_f64(honest as f64 + 0.5).map_or(Value::Null, Value::Number),
            Some(Lie::Text) => honest.to_string().into(),
        }
    }

    /// The usage of this statement, if it has one at all; `Value::Null` stands for `null`.
    pub(crate) fn write<T: Serialize>(self, numbers: T) -> Option<Statement<T>> {
        match self.lie {
            Some(Lie::Missing) => None,
            Some(Lie::Null) => Some(Statement::Null),
            _ => Some(Statement::Numbers(numbers)),
        }
    }
}

/// A statement about usage.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Statement<T> {
    Numbers(T),
    Null,
}
