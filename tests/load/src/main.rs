//! Measures the running server against the budgets of docs/performance.md and prints the figures.
//!
//! Speed is never tested, because a busy machine would fail the test; it is measured here, side by side in one run.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]

mod figures;
mod isolation;
mod list;
mod startup;
mod viewers;

#[tokio::main]
async fn main() {
    println!("{:<58} {:>14}  budget", "what", "measured");
    startup::measure().await;
    viewers::measure().await;
    list::measure().await;
    isolation::measure().await;
}
