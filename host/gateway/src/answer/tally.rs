//! What an answer tells of its tokens, as far as it can be true.

use sandboxed_model::wire::{Tokens, WireFormat};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// More than any model takes or gives in one request, by far.
const MOST: u64 = 100_000_000;

/// A number of tokens, or what is told in place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Count {
    /// Nothing is told.
    #[default]
    Untold,
    Told(u64),
    /// It is no number of tokens.
    Untrue,
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Count;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of tokens")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
                Ok(if number <= MOST { Count::Told(number) } else { Count::Untrue })
            }

            fn visit_i64<E>(self, number: i64) -> Result<Count, E> {
                Ok(u64::try_from(number).map_or(Count::Untrue, |number| Count::Told(number.min(MOST))))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Count, E> {
                Ok(Count::Untrue)
            }

            fn visit_str<E>(self, _: &str) -> Result<Count, E> {
                Ok(Count::Untrue)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
                Ok(Count::Untrue)
            }

            fn visit_unit<E>(self) -> Result<Count, E> {
                Ok(Count::Untold)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Count::Untrue)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Count::Untrue)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Count {
    fn or_zero(self) -> u64 {
        match self {
            Self::Told(number) => number,
            Self::Untold | Self::Untrue => 0,
        }
    }

    /// The larger one: figures only grow within an answer.
    fn grow(&mut self, other: Self) {
        if let Self::Told(number) = other {
            *self = Self::Told(self.or_zero().max(number));
        }
    }
}

/// One statement about tokens, in whatever kinds the format has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Statement {
    pub(super) input: Count,
    pub(super) cache_read: Count,
    /// All that was written to caches.
    pub(super) cache_write: Count,
    pub(super) cache_write_5m: Count,
    pub(super) cache_write_1h: Count,
    /// Input that the format counts beside the rest (Gemini's results of tools).
    pub(super) more_input: Count,
    pub(super) output: Count,
    pub(super) reasoning: Count,
    pub(super) total: Count,
}

impl Statement {
    fn counts(&mut self) -> [&mut Count; 9] {
        [
            &mut self.input,
            &mut self.cache_read,
            &mut self.cache_write,
            &mut self.cache_write_5m,
            &mut self.cache_write_1h,
            &mut self.more_input,
            &mut self.output,
            &mut self.reasoning,
            &mut self.total,
        ]
    }

    /// Whether it can be true.
    fn holds(mut self, format: WireFormat) -> bool {
        if self.counts().into_iter().any(|count| *count == Count::Untrue) {
            return false;
        }
        let known = |count| matches!(count, Count::Told(_));
        let parts = self.cache_read.or_zero() + self.cache_write.or_zero();
        match format {
            WireFormat::Messages => true,
            WireFormat::Gemini => !known(self.input) || self.cache_read.or_zero() <= self.input.or_zero(),
            WireFormat::Chat | WireFormat::Responses => {
                let reasoning = self.reasoning.or_zero();
                (!known(self.input) || parts <= self.input.or_zero())
                    && (!known(self.output) || reasoning <= self.output.or_zero() || self.reasoning_is_apart())
            }
        }
    }

    /// Some providers that speak Chat Completions leave reasoning out of the output; their total tells.
    fn reasoning_is_apart(&self) -> bool {
        let sum = self.input.or_zero() + self.output.or_zero() + self.reasoning.or_zero();
        self.reasoning.or_zero() > 0 && self.total == Count::Told(sum)
    }
}

/// The statements of one answer together.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    format: WireFormat,
    told: Statement,
    reasoning_apart: bool,
    /// The last word is missing, or was no true one.
    doubtful: bool,
}

impl Tally {
    pub(super) fn new(format: WireFormat) -> Self {
        Self { format, told: Statement::default(), reasoning_apart: false, doubtful: false }
    }

    /// Takes a statement, `None` for one that cannot be read.
    pub(super) fn add(&mut self, statement: Option<Statement>) {
        let Some(mut statement) = statement.filter(|statement| statement.holds(self.format)) else {
            self.doubtful = true;
            return;
        };
        if statement.output != Count::Untold {
            self.doubtful = false;
        }
        self.reasoning_apart |= statement.reasoning_is_apart();
        for (told, more) in self.told.counts().into_iter().zip(statement.counts()) {
            told.grow(*more);
        }
    }

    /// Something was missed that may have been a statement.
    pub(super) fn missed(&mut self) {
        self.doubtful = true;
    }

    /// The tokens. None where nothing is known for sure.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        let told = &self.told;
        if self.doubtful || told.input == Count::Untold {
            return None;
        }
        let (input, cache_read) = (told.input.or_zero(), told.cache_read.or_zero());
        let (output, reasoning) = (told.output.or_zero(), told.reasoning.or_zero());
        Some(match self.format {
            WireFormat::Messages => {
                let long = told.cache_write_1h.or_zero();
                // The parts are told by newer versions only.
                let short = told.cache_write_5m.or_zero().max(told.cache_write.or_zero().saturating_sub(long));
                Tokens { input, cache_read, cache_write: short, cache_write_1h: long, output, reasoning }
            }
            WireFormat::Chat | WireFormat::Responses => {
                let cache_write = told.cache_write.or_zero();
                let output = if self.reasoning_apart { output + reasoning } else { output };
                let input = input.saturating_sub(cache_read + cache_write);
                Tokens { input, cache_read, cache_write, cache_write_1h: 0, output, reasoning }
            }
            WireFormat::Gemini => Tokens {
                input: input.saturating_sub(cache_read) + told.more_input.or_zero(),
                cache_read,
                output: output + reasoning,
                reasoning,
                ..Tokens::default()
            },
        })
    }
}
