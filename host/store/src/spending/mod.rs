//! Requests to models: money is set aside before each begins and settled when it has ended.
//!
//! Each request counts to one row of `spending` from its beginning on, which is also where a request's row has its mission,
//! model and account. Sums, budgets' totals and the request itself change in one transaction, so that they agree at any
//! moment. A budget's total is made from the sums when it is first asked for: a budget that is added later counts what was
//! spent before, and one that was taken away costs nothing.

mod budget;
mod list;
mod reserve;
mod settle;
mod sums;

#[cfg(test)]
pub(crate) use budget::check::totals_agree;
pub(crate) use budget::forget_budgets_of;

/// The most of anything that one request can have used, cost or set aside, so that no sum of any number of them is more than
/// SQL can hold. As money it is a million dollars.
const MOST: u64 = 1_000_000_000_000;
