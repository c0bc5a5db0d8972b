//! What models cost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{day::Day, wire::Tokens};

/// Prices by kind of token, in micro-dollars per million tokens: 3,000,000 is three dollars per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Rates {
    /// Input that is in no cache.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a cache.
    pub cache_write: u64,
    /// Input written to a cache that lasts an hour.
    pub cache_write_1h: u64,
    /// Output, reasoning included.
    pub output: u64,
}

impl Rates {
    /// What tokens cost, in micro-dollars; a part of one counts as one.
    fn cost(&self, tokens: &Tokens) -> u64 {
        let part = |tokens: u64, rate: u64| u128::from(tokens) * u128::from(rate);
        let cost = part(tokens.input, self.input)
            .saturating_add(part(tokens.cache_read, self.cache_read))
            .saturating_add(part(tokens.cache_write, self.cache_write))
            .saturating_add(part(tokens.cache_write_1h, self.cache_write_1h))
            .saturating_add(part(tokens.output, self.output));
        u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// The highest price that a token of input can have.
    fn dearest_input(&self) -> u64 {
        self.input.max(self.cache_read).max(self.cache_write).max(self.cache_write_1h)
    }
}

/// What a model costs from a day on, until the next price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Price {
    /// The first day.
    pub from: Day,
    /// The prices.
    pub rates: Rates,
    /// The prices of requests with long input, where those differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<LongContext>,
}

/// Prices of all tokens of a request whose input, cached or not, is longer than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LongContext {
    /// The longest input at the ordinary prices.
    pub input_tokens: u64,
    /// The prices above it.
    pub rates: Rates,
}

impl Price {
    /// Of what costs nothing.
    pub const FREE: Self = Self {
        from: Day::FIRST,
        rates: Rates { input: 0, cache_read: 0, cache_write: 0, cache_write_1h: 0, output: 0 },
        above: None,
    };

    /// What a request costs that used these tokens.
    pub fn cost(&self, tokens: &Tokens) -> Cost {
        let rates = match self.above {
            Some(above) if tokens.all_input() > above.input_tokens => above.rates,
            _ => self.rates,
        };
        Cost { micro_usd: rates.cost(tokens), price_from: self.from }
    }

    /// The most that a request with so many tokens of input and output can cost, in micro-dollars, however much of the input is
    /// read from a cache or written to one.
    pub fn worst(&self, input_tokens: u64, output_tokens: u64) -> u64 {
        let at = |rates: &Rates| {
            let rates = Rates { input: rates.dearest_input(), ..*rates };
            rates.cost(&Tokens { input: input_tokens, output: output_tokens, ..Tokens::default() })
        };
        let long = self.above.filter(|above| input_tokens > above.input_tokens).map_or(0, |above| at(&above.rates));
        at(&self.rates).max(long)
    }
}

/// The newest price that holds on a day. Before the first price, that holds: what was used cost something.
pub(crate) fn at(prices: &[Price], day: Day) -> Option<&Price> {
    let held = prices.iter().filter(|price| price.from <= day).max_by_key(|price| price.from);
    held.or_else(|| prices.iter().min_by_key(|price| price.from))
}

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cost {
    /// In micro-dollars, rounded up once.
    pub micro_usd: u64,
    /// The day from which the price holds that was used.
    pub price_from: Day,
}

/// A text that is no amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount of dollars is a decimal number with at most six digits after its point, such as 0.075")]
pub struct InvalidDollars;

/// Reads dollars into micro-dollars, exactly.
///
/// # Errors
/// [`InvalidDollars`] for what is negative, is finer than a micro-dollar, or is a billion dollars or more.
pub fn micro_dollars(text: &str) -> Result<u64, InvalidDollars> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 9) || !digits(part, 6) {
        return Err(InvalidDollars);
    }
    format!("{whole}{part:0<6}").parse().map_err(|_| InvalidDollars)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn price(from: &str, input: u64) -> Price {
        let rates = Rates {
            input,
            cache_read: input / 10,
            cache_write: input * 5 / 4,
            cache_write_1h: input * 2,
            output: input * 5,
        };
        Price { from: day(from), rates, above: None }
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let tokens = Tokens {
            input: 1000,
            cache_read: 10_000,
            cache_write: 200,
            cache_write_1h: 100,
            output: 500,
            reasoning: 400,
        };
        let cost = price("2025-01-01", 3_000_000).cost(&tokens);
        assert_eq!(cost, Cost { micro_usd: 3000 + 3000 + 750 + 600 + 7500, price_from: day("2025-01-01") });
    }

    #[test]
    fn a_cost_is_rounded_up_once() {
        let price = price("2025-01-01", 75_000);
        let one = Tokens { input: 1, ..Tokens::default() };
        assert_eq!(price.cost(&one).micro_usd, 1);
        assert_eq!(price.cost(&Tokens { output: 1, ..one }).micro_usd, 1);
        assert_eq!(price.cost(&Tokens::default()).micro_usd, 0);
        assert_eq!(
            price.cost(&Tokens { input: u64::MAX, output: u64::MAX, ..one }).micro_usd,
            8_301_034_833_169_298_227
        );
    }

    #[test]
    fn long_input_has_a_price_of_its_own() {
        let above = LongContext { input_tokens: 200_000, rates: price("2025-01-01", 6_000_000).rates };
        let price = Price { above: Some(above), ..price("2025-01-01", 3_000_000) };
        let tokens = Tokens { cache_read: 199_000, input: 1000, ..Tokens::default() };
        assert_eq!(price.cost(&tokens).micro_usd, 59_700 + 3000);
        let tokens = Tokens { input: 1001, ..tokens };
        assert_eq!(price.cost(&tokens).micro_usd, 119_400 + 6006);
    }

    #[test]
    fn no_request_of_a_size_costs_more_than_the_worst() {
        let above = LongContext { input_tokens: 1000, rates: price("2025-01-01", 6_000_000).rates };
        let price = Price { above: Some(above), ..price("2025-01-01", 3_000_000) };
        for input in [0, 1, 999, 1000, 1001, 5000] {
            for cached in [0, input / 3, input] {
                for output in [0, 7, 4000] {
                    let rest = input - cached;
                    for tokens in [
                        Tokens { input: rest, cache_read: cached, output, ..Tokens::default() },
                        Tokens { input: rest, cache_write: cached, output, ..Tokens::default() },
                        Tokens { input: rest, cache_write_1h: cached, output, ..Tokens::default() },
                    ] {
                        assert!(price.cost(&tokens).micro_usd <= price.worst(input, output));
                    }
                }
            }
        }
    }

    #[test]
    fn a_price_holds_from_its_day_until_the_next() {
        let prices = [price("2025-06-01", 2), price("2025-01-01", 1), price("2026-01-01", 3)];
        for (on, input) in
            [("2024-01-01", 1), ("2025-01-01", 1), ("2025-05-31", 1), ("2025-06-01", 2), ("2027-01-01", 3)]
        {
            assert_eq!(at(&prices, day(on)).unwrap().rates.input, input, "{on}");
        }
        assert_eq!(at(&[], day("2025-01-01")), None);
    }

    #[test]
    fn dollars_are_read_exactly() {
        for (text, micro) in [("3", 3_000_000), ("0.075", 75_000), ("0.000001", 1), ("15.00", 15_000_000), ("0", 0)] {
            assert_eq!(micro_dollars(text), Ok(micro), "{text}");
        }
        for wrong in ["", ".5", "1.", "-1", "1e3", "0.0000001", "1,5", "inf", "1000000000", "1.5.1", "+1", "1 "] {
            assert_eq!(micro_dollars(wrong), Err(InvalidDollars), "{wrong}");
        }
    }
}
