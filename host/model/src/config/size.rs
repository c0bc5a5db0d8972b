//! Sizes and durations as people write them: `64MiB`, `30s`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// What a size looks like.
const SIZE: &str = "a size like \"64MiB\"";
/// What a length of time looks like.
const SPAN: &str = "a length of time like \"30s\"";

/// A number of bytes, written as `512`, `64KiB`, `64MiB` or `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A length of time, written as `250ms`, `30s`, `5m`, `12h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl ByteSize {
    const UNITS: [(&'static str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

    fn parse(text: &str) -> Option<Self> {
        let (number, factor) =
            Self::UNITS.iter().find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, factor)))?;
        number.trim_end().parse::<u64>().ok()?.checked_mul(*factor).map(Self)
    }
}

impl Span {
    const UNITS: [(&'static str, u64); 5] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    fn parse(text: &str) -> Option<Self> {
        let (number, factor) =
            Self::UNITS.iter().find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, factor)))?;
        number.trim_end().parse::<u64>().ok()?.checked_mul(*factor).map(Duration::from_millis).map(Self)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last unit is 1, which divides everything.
        for (unit, factor) in Self::UNITS {
            if self.0.is_multiple_of(factor) {
                return write!(f, "{}{unit}", self.0 / factor);
            }
        }
        Ok(())
    }
}

/// Reads a text and says what it should look like where it is something else.
struct Written<T> {
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> de::Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no size like \"64MiB\"")]
pub struct InvalidSize;

/// A text that is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no length of time like \"30s\"")]
pub struct InvalidSpan(String);

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        Self::parse(text).ok_or(InvalidSize)
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        Self::parse(text).ok_or_else(|| InvalidSpan(text.chars().take(64).collect()))
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written { expected: SIZE, parse: Self::parse })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written { expected: SPAN, parse: Self::parse })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_binary_units() {
        assert_eq!(ByteSize::parse("64MiB"), Some(ByteSize(64 << 20)));
        assert_eq!(ByteSize::parse("512"), Some(ByteSize(512)));
        assert_eq!(ByteSize::parse("1 GiB"), Some(ByteSize(1 << 30)));
        for invalid in ["", "64MB", "-1", "1.5GiB", "99999999999GiB"] {
            assert_eq!(ByteSize::parse(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn lengths_of_time_need_a_unit() {
        assert_eq!(Span::parse("250ms"), Some(Span(Duration::from_millis(250))));
        assert_eq!(Span::parse("5m"), Some(Span(Duration::from_secs(300))));
        for invalid in ["", "5", "s", "-1s", "1y"] {
            assert_eq!(Span::parse(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn a_size_is_shown_in_its_largest_whole_unit() {
        assert_eq!(ByteSize(64 << 20).to_string(), "64MiB");
        assert_eq!(ByteSize(1000).to_string(), "1000");
    }
}
