//! Measures the running server against the budgets of docs/performance.md and prints the figures: all of it, or the parts
//! that are named.
//!
//! Speed is never tested, because a busy machine would fail the test; it is measured here, side by side in one run.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]

mod figures;
mod fleet;
mod isolation;
mod list;
mod process;
mod startup;
mod upgrade;
mod viewers;

const PARTS: [&str; 6] = ["startup", "viewers", "upgrade", "list", "fleet", "isolation"];

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !PARTS.contains(&name.as_str())) {
        eprintln!("there is no part {unknown:?}; parts: {}", PARTS.join(", "));
        std::process::exit(2);
    }
    println!("{:<58} {:>14}  budget", "what", "measured");
    for part in PARTS.into_iter().filter(|&part| wanted.is_empty() || wanted.iter().any(|name| name == part)) {
        match part {
            "startup" => startup::measure().await,
            "viewers" => viewers::measure().await,
            "upgrade" => upgrade::measure().await,
            "list" => list::measure().await,
            "fleet" => fleet::measure().await,
            _ => isolation::measure().await,
        }
    }
}
