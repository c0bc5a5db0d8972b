//! Days, by which spending is summed and prices are dated.

use std::{fmt, str::FromStr};

use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);
const MILLIS: i64 = 86_400_000;

/// A day in UTC, of the years 1970 to 9999. As text it is `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Date)]
pub struct Day(u32);

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a day is YYYY-MM-DD, from 1970-01-01 on")]
pub struct InvalidDay;

impl Day {
    /// The first that can be told.
    pub const FIRST: Self = Self(0);
    /// The last that can be told: 9999-12-31.
    pub const LAST: Self = Self(2_932_896);

    /// From days since 1970-01-01. What is over [`Day::LAST`] is that.
    pub fn from_number(number: u32) -> Self {
        Self(number).min(Self::LAST)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// When it begins.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0 as i64 * MILLIS)
    }

    /// The day after; of the last day itself.
    #[must_use]
    pub fn next(self) -> Self {
        Self::from_number(self.0 + 1)
    }

    /// The first day of its month.
    #[must_use]
    pub fn month(self) -> Self {
        Self::from_date(self.date().first_of_month())
    }

    /// The first day of the month after.
    #[must_use]
    pub fn next_month(self) -> Self {
        Self::from_date(self.date().last_of_month()).next()
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(i64::from(self.0).days())
    }

    /// The first day for one before that.
    fn from_date(date: Date) -> Self {
        let days = date.since(EPOCH).map_or(0, |span| span.get_days());
        Self::from_number(u32::try_from(days).unwrap_or(0))
    }
}

impl Timestamp {
    /// The day that it is in.
    pub fn day(self) -> Day {
        Day::from_number(u32::try_from(self.as_millis().max(0) / MILLIS).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let date: Date = text.parse().map_err(|_| InvalidDay)?;
        // Other ways to write dates are not taken.
        if date < EPOCH || date.to_string() != text { Err(InvalidDay) } else { Ok(Self::from_date(date)) }
    }
}

impl TryFrom<String> for Day {
    type Error = InvalidDay;

    fn try_from(text: String) -> Result<Self, InvalidDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_at_midnight_in_utc() {
        let day: Day = "2024-02-29".parse().unwrap();
        assert_eq!(day.start().to_string(), "2024-02-29T00:00:00.000Z");
        assert_eq!(day.start().day(), day);
        assert_eq!(Timestamp::from_millis(day.next().start().as_millis() - 1).day(), day);
        assert_eq!(day.next().to_string(), "2024-03-01");
    }

    #[test]
    fn a_month_begins_with_its_first_day() {
        let day: Day = "2023-12-31".parse().unwrap();
        assert_eq!(day.month().to_string(), "2023-12-01");
        assert_eq!(day.next_month().to_string(), "2024-01-01");
        assert_eq!("2023-12-01".parse::<Day>().unwrap().next_month().to_string(), "2024-01-01");
    }

    #[test]
    fn only_one_way_to_write_a_day_is_taken() {
        for wrong in ["", "2024-2-1", "20240201", "2024-02-30", "2024-02-01T00:00", "1969-12-31", "-002024-02-01"] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong:?}");
        }
        assert_eq!(Day::LAST.to_string(), "9999-12-31");
        assert_eq!(Day::LAST.next(), Day::LAST);
        assert_eq!(Timestamp::from_millis(i64::MAX).day(), Day::LAST);
        assert_eq!(Timestamp::from_millis(-1).day(), Day::FIRST);
    }
}
