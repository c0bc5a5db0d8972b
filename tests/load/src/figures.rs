//! Figures and how they are shown.

use std::time::Duration;

/// Prints one line.
pub(crate) fn show(what: &str, measured: &str, budget: &str) {
    println!("{what:<58} {measured:>14}  {budget}");
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

/// The value below which this part of all values lies.
pub(crate) fn quantile(values: &mut [Duration], part: f64) -> Duration {
    values.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place in a list that fits in memory"
    )]
    let place = ((values.len() - 1) as f64 * part).round() as usize;
    values[place]
}
